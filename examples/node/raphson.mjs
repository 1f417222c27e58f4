// A client of raphson for Node: gRPC as it comes, the protos as they are, and what every client needs besides.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import grpc from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";
import { RaphsonError } from "./errors.mjs";

const PROTOS = fileURLToPath(new URL("../../proto", import.meta.url));
const FILES = ["solver", "jacobian", "system"].map((name) => `raphson/v1/${name}.proto`);

// Solving is pure, so a call that found no server, or lost its worker, may be sent again. Where a name stands for several
// servers (dns:///…), calls go to those in turn whose health says that they serve.
const SERVICE_CONFIG = {
  loadBalancingConfig: [{ round_robin: {} }],
  healthCheckConfig: { serviceName: "" },
  methodConfig: [
    {
      name: ["SolverService", "JacobianService", "SystemService"].map((name) => ({ service: `raphson.v1.${name}` })),
      retryPolicy: {
        maxAttempts: 4,
        initialBackoff: "0.05s",
        maxBackoff: "1s",
        backoffMultiplier: 3,
        retryableStatusCodes: ["UNAVAILABLE"],
      },
    },
  ],
};
const MESSAGE_BYTES = 64 * 1024 * 1024 + 64 * 1024;

/**
 * Connects to a server; the first call opens the connection.
 *
 * @param {string} address "host:port", or any target that gRPC knows.
 * @param {{ca?: string, token?: string}} access The file of the authority that vouches for the server (TLS), and what
 *   `raphson token create` printed. A token is not sent in the clear.
 */
export function connect(address, { ca, token } = {}) {
  if (token && !ca) throw new Error("a token would be sent in the clear: give the ca too");
  const definition = protoLoader.loadSync(FILES, {
    includeDirs: [PROTOS],
    longs: Number, // counts, all below 2⁵³
    enums: String, // "STATUS_CONVERGED" rather than 1
    defaults: true,
    oneofs: true,
  });
  const services = grpc.loadPackageDefinition(definition).raphson.v1;
  const credentials = ca ? grpc.credentials.createSsl(readFileSync(ca)) : grpc.credentials.createInsecure();
  const options = {
    "grpc.service_config": JSON.stringify(SERVICE_CONFIG),
    "grpc.max_send_message_length": MESSAGE_BYTES,
    "grpc.max_receive_message_length": MESSAGE_BYTES,
    "grpc.keepalive_time_ms": 60_000,
  };
  const [solver, jacobian, system] = ["SolverService", "JacobianService", "SystemService"].map(
    (name) => new services[name](address, credentials, options),
  );
  return { solver, jacobian, system, token, close: () => [solver, jacobian, system].forEach((stub) => stub.close()) };
}

/**
 * Calls a method of one request and one reply.
 *
 * @param {object} client What `connect` returned.
 * @param {object} stub Its `solver`, `jacobian` or `system`.
 * @param {string} method Such as "Solve".
 * @param {object} request As the proto says, with names in camelCase.
 * @param {{seconds?: number, signal?: AbortSignal, requestId?: string}} more The deadline, what cancels the call on the
 *   server too, and an id of the caller's own, which the server's log has.
 * @returns {Promise<object>} The reply. Rejected with a RaphsonError.
 */
export function call(client, stub, method, request, { seconds = 60, signal, requestId } = {}) {
  return new Promise((resolve, reject) => {
    const began = stub[method](request, metadata(client, requestId), { deadline: deadline(seconds) }, (error, reply) => {
      signal?.removeEventListener("abort", cancel);
      if (error) reject(new RaphsonError(error));
      else resolve(reply);
    });
    const cancel = () => began.cancel();
    if (signal?.aborted) cancel();
    else signal?.addEventListener("abort", cancel);
  });
}

/**
 * Solves f(x) = 0 for a function that runs here: the server asks for its values, and the last message is the result.
 *
 * @param {object} client What `connect` returned.
 * @param {(x: Float64Array) => number[]} f The residuals at a point; NaN where f is not defined.
 * @param {object} opening A CallbackOpening: `start`, and perhaps `bounds` and `options`.
 * @returns {Promise<object>} A SolveResponse.
 */
export async function solveCallback(client, f, opening, { seconds = 60, signal } = {}) {
  const stream = client.solver.SolveCallback(metadata(client), { deadline: deadline(seconds) });
  const cancel = () => stream.cancel();
  signal?.addEventListener("abort", cancel);
  try {
    stream.write({ opening });
    for await (const { question, result } of stream) {
      if (result) {
        stream.end();
        return result;
      }
      const points = rows(fromArray(question.points), question.points.shape);
      const values = points.map((point) => f(point));
      stream.write({ answer: { number: question.number, values: toArray(values.flat(), [points.length, values[0].length]) } });
    }
    throw new Error("the server ended the call without a result");
  } catch (error) {
    // What f raises comes out as it is.
    throw error instanceof Error && "code" in error && "metadata" in error ? new RaphsonError(error) : error;
  } finally {
    signal?.removeEventListener("abort", cancel);
    stream.cancel(); // nothing, if it has ended
  }
}

/** Writes numbers as the wire has them: little-endian binary64, in C order; without a shape a scalar. */
export function toArray(numbers, shape = []) {
  const flat = typeof numbers === "number" ? [numbers] : numbers;
  const data = Buffer.alloc(8 * flat.length);
  flat.forEach((number, place) => data.writeDoubleLE(number, 8 * place));
  return { shape, data };
}

/** Reads numbers, in whichever of its two forms they came. */
export function fromArray(array) {
  if (array.payload === "list") return Float64Array.from(array.list.values);
  return Float64Array.from({ length: array.data.length / 8 }, (_, place) => array.data.readDoubleLE(8 * place));
}

/** Writes values by name: a number, or an array of one dimension. */
export function named(values) {
  return Object.entries(values).map(([name, value]) => ({
    name,
    array: typeof value === "number" ? toArray(value) : toArray(value, [value.length]),
  }));
}

/** Reads values by name: numbers where they are scalars. */
export function byName(arrays) {
  const read = ({ array }) => (array.shape.length ? fromArray(array) : fromArray(array)[0]);
  return Object.fromEntries(arrays.map((part) => [part.name, read(part)]));
}

/** Cuts an array of two dimensions into its rows. */
export function rows(numbers, [count, length]) {
  return Array.from({ length: count }, (_, place) => numbers.subarray(place * length, (place + 1) * length));
}

function metadata({ token }, requestId) {
  const sent = new grpc.Metadata();
  if (token) sent.set("authorization", `Bearer ${token}`);
  if (requestId) sent.set("x-request-id", requestId);
  return sent;
}

function deadline(seconds) {
  return Date.now() + 1000 * seconds;
}
