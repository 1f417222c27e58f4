// What a program does with raphson, step by step: node example.mjs HOST:PORT [STEP …]
//
// RAPHSON_CA names the authority that vouches for a server behind TLS, RAPHSON_TOKEN says who calls.

import { byName, call, connect, fromArray, named, rows, solveCallback } from "./raphson.mjs";

const DEFINITION = {
  equations: ["x**2 + y**2 = r**2", "exp(x) + y = 1"],
  variables: [{ name: "x" }, { name: "y" }],
  parameters: [{ name: "r" }],
};
const START = named({ x: 1.0, y: -1.7 });
const PARAMETERS = named({ r: 2.0 });
// Undamped Newton never finds the root that x² = −1 has not.
const ENDLESS = {
  system: { definition: { equations: ["x**2 = -1"] } },
  start: named({ x: 0.7 }),
  options: { method: "METHOD_NEWTON", maxIterations: 1e9 },
};

const STEPS = {
  // A definition is sent once; from then on its id will do. A server that no longer knows it says SYSTEM_NOT_CACHED.
  async compile(client) {
    const system = await call(client, client.system, "Compile", { definition: DEFINITION });
    const { equationNames, sparsityRows, sparsityColumns } = system;
    console.log("compile:", `${system.equationCount} equations, ${system.variableCount} variables`);
    console.log("compile:", equationNames.join(", "), sparsityRows.map((row, k) => `(${row},${sparsityColumns[k]})`).join(" "));
  },

  async solve(client) {
    const { systemId } = await call(client, client.system, "Compile", { definition: DEFINITION });
    const request = { system: { systemId }, start: START, parameters: PARAMETERS };
    const reply = await call(client, client.solver, "Solve", request, { seconds: 10 });
    const root = byName(reply.solution);
    console.log("solve:", reply.status, `x = ${root.x}, y = ${root.y}`);
  },

  async jacobian(client) {
    const request = { system: { definition: DEFINITION }, at: START, parameters: PARAMETERS, matrix: true };
    const { matrix } = await call(client, client.jacobian, "Evaluate", request);
    for (const row of rows(fromArray(matrix), matrix.shape)) console.log("jacobian:", row.join(" "));
  },

  // Not converging is a result.
  async status(client) {
    const request = { system: { definition: { equations: ["x**2 + 1"] } }, start: named({ x: 1.0 }) };
    const reply = await call(client, client.solver, "Solve", request);
    console.log("status:", reply.status);
    console.log("status:", reply.message);
    console.log("status:", reply.remedy);
  },

  // A request that makes no sense is an error, which names the field.
  async errors(client) {
    const request = { system: { definition: { equations: ["siin(x) = 0"] } }, start: named({ x: 1.0 }) };
    try {
      await call(client, client.solver, "Solve", request, { requestId: "node-1" });
    } catch (error) {
      console.log("errors:", error.code, error.reason, error.requestId);
      for (const { field, description } of error.fields) console.log("errors:", field, "–", description.split("\n")[0]);
    }
  },

  // `timeoutSeconds` ends an iteration with its best point; a deadline ends the call, and the iteration with it.
  async deadline(client) {
    const options = { ...ENDLESS.options, timeoutSeconds: 0.2 };
    const reply = await call(client, client.solver, "Solve", { ...ENDLESS, options });
    console.log("deadline:", reply.status, `after ${reply.iterations} iterations`);
    await call(client, client.solver, "Solve", ENDLESS, { seconds: 0.001 }).catch((error) => {
      console.log("deadline:", error.code);
    });
  },

  // Cancelling stops the iteration itself: the worker is free for others at once.
  async cancel(client) {
    const signal = AbortSignal.timeout(200);
    await call(client, client.solver, "Solve", ENDLESS, { signal }).catch((error) => {
      console.log("cancel:", error.code);
    });
  },

  // f runs here; the server asks for its values.
  async callback(client) {
    let evaluations = 0;
    const f = ([x, y]) => {
      evaluations += 1;
      return [x ** 2 + y ** 2 - 4, Math.exp(x) + y - 1];
    };
    const reply = await solveCallback(client, f, { start: START });
    const root = byName(reply.solution);
    console.log("callback:", reply.status, `x = ${root.x}, y = ${root.y}`);
    console.log("callback:", `${evaluations} evaluations here, ${reply.evaluations} counted there`);
    const broken = ([x]) => {
      throw new RangeError(`no entry for ${x}`);
    };
    await solveCallback(client, broken, { start: START }).catch((error) => {
      console.log("callback:", `${error.name}: ${error.message}`);
    });
  },
};

const [address = "127.0.0.1:50551", ...chosen] = process.argv.slice(2);
const client = connect(address, { ca: process.env.RAPHSON_CA, token: process.env.RAPHSON_TOKEN });
try {
  for (const step of chosen.length ? chosen : Object.keys(STEPS)) await STEPS[step](client);
} catch (error) {
  console.error(`${error.code ?? error.name}${error.reason ? ` (${error.reason})` : ""}: ${error.message}`);
  process.exitCode = 1;
} finally {
  client.close();
}
