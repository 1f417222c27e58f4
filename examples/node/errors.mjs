// What went wrong with a call: gRPC's code and message, and the google.rpc.Status that raphson sends beside them.

import { fileURLToPath } from "node:url";
import grpc from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";

const DETAILS = "grpc-status-details-bin";
const types = protoLoader.loadSync(fileURLToPath(new URL("google_rpc.proto", import.meta.url)), { longs: Number });

/**
 * A call that failed. Not converging is no failure: it is a reply with a status.
 *
 * @property {string} code Such as "INVALID_ARGUMENT".
 * @property {string} reason What to branch on, such as "INVALID_DEFINITION" or "OVERLOADED"; "" where no server answered.
 * @property {{field: string, description: string}[]} fields Which fields of the request are at fault, and why.
 * @property {number | undefined} retrySeconds When the same call may succeed.
 * @property {string} requestId What finds the call in the server's log.
 * @property {object} metadata Facts for programs: of a limit its name, the value, and the maximum.
 */
export class RaphsonError extends Error {
  constructor(error) {
    super(error.details, { cause: error });
    this.name = "RaphsonError";
    this.code = grpc.status[error.code];
    const details = readDetails(error.metadata);
    this.reason = details.ErrorInfo?.reason ?? "";
    this.metadata = details.ErrorInfo?.metadata ?? {};
    this.fields = details.BadRequest?.fieldViolations ?? [];
    const delay = details.RetryInfo?.retryDelay;
    this.retrySeconds = delay && (delay.seconds ?? 0) + (delay.nanos ?? 0) / 1e9;
    this.requestId = details.RequestInfo?.requestId ?? "";
  }
}

function readDetails(metadata) {
  const [packed] = metadata?.get(DETAILS) ?? [];
  if (!packed) return {};
  const { details = [] } = types["google.rpc.Status"].deserialize(packed);
  return Object.fromEntries(
    // protobufjs' own names for the two fields of an Any, and those of the wire.
    details.map(({ type_url, typeUrl = type_url, value }) => {
      const name = typeUrl.split("/").pop();
      return [name.split(".").pop(), types[name]?.deserialize(value)];
    }),
  );
}
