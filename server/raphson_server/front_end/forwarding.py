"""A request's way through the front end: to a worker and back.

This is the hot path. Between the call and the worker's socket there is no second thread and no timer, and no
message is parsed: the caller's bytes go to the worker as they came, and the worker's bytes go back.
"""

import functools
import math
from collections.abc import Callable

import grpc
from google.rpc import code_pb2
from google.rpc.status_pb2 import Status

from raphson_server.bounded_cache import BoundedCache
from raphson_server.failures import CallError, Reason, unexpected
from raphson_server.frames import ChannelClosedError, Method, NotSentError, Outcome, Reply
from raphson_server.pool import (
    CallEndedError,
    PoolClosedError,
    PoolFullError,
    Ticket,
    WorkerPool,
    WorkerProcess,
)

_DETAILS_KEY = "grpc-status-details-bin"
_STATUS_CODES = {code.value[0]: code for code in grpc.StatusCode}
_RETRY_SECONDS = 0.25
_LONGEST_DEADLINE_SECONDS = 1e9
_MOST_ATTEMPTS = 3
_SHOWN_ID_BYTES = 80

# How a request begins when its first field is a SystemRef with the 64 characters of an id.
_ID_PREFIX = b"\x0a\x42\x12\x40"
_ID = slice(4, 68)


class Forwarder:
    """Sends requests to workers and their replies to callers.

    Parameters
    ----------
    pool : WorkerPool
    definitions : BoundedCache
        Complete definitions (serialized ``raphson.v1.System``) by system id.
    max_in_flight : int
        How many requests the pool admits, for the error message.
    """

    def __init__(self, pool: WorkerPool, definitions: BoundedCache[bytes, bytes], max_in_flight: int) -> None:
        self._pool = pool
        self._definitions = definitions
        self._max_in_flight = max_in_flight

    def handler(self, method: Method) -> Callable[[bytes, grpc.ServicerContext], bytes]:
        """Return the function that gRPC calls for one method, on the messages' bytes."""

        def handle(body: bytes, context: grpc.ServicerContext) -> bytes:
            try:
                reply = self._forward(method, body, context)
            except CallError as error:
                status = error.status()
            except Exception as error:  # noqa: BLE001 (logged with its trace; the caller gets its id)
                status = unexpected(error).status()
            else:
                if reply.outcome is Outcome.OK:
                    return reply.body
                status = Status.FromString(reply.body)
            return _abort(context, status)

        return handle

    def _forward(self, method: Method, body: bytes, context: grpc.ServicerContext) -> Reply:
        # Only a hint, as to which worker and whether to send a definition along; the worker reads the message.
        system_id = body[_ID] if body.startswith(_ID_PREFIX) else None
        ticket = Ticket()
        try:
            if not context.add_callback(functools.partial(self._pool.cancel, ticket)):
                self._pool.cancel(ticket)
            while True:
                worker = self._pool.acquire(ticket, system_id)
                try:
                    return self._exchange(worker, method, body, system_id, context)
                except NotSentError:
                    # It died while it was idle, and the request is still all ours.
                    self._pool.lose(worker)
                    self._pool.release(ticket, done=False)
        except CallEndedError:
            raise _call_ended() from None
        except PoolFullError:
            raise _overloaded(self._max_in_flight) from None
        except PoolClosedError:
            raise _not_serving() from None
        except ChannelClosedError:
            assert ticket.worker is not None
            self._pool.lose(ticket.worker)
            raise (_call_ended() if ticket.cancelled else _worker_lost()) from None
        except CallError:
            raise
        except Exception:
            # Nobody knows what such a worker would say next.
            if ticket.worker is not None:
                self._pool.lose(ticket.worker)
                ticket.worker.kill()
            raise
        finally:
            self._pool.release(ticket)

    def _exchange(
        self,
        worker: WorkerProcess,
        method: Method,
        body: bytes,
        system_id: bytes | None,
        context: grpc.ServicerContext,
    ) -> Reply:
        """Talk to the worker; send the definition along where it does not know the system."""
        definition = b""
        if system_id is not None and system_id not in worker.known:
            definition = self._definitions.get(system_id) or b""
        for _ in range(_MOST_ATTEMPTS):
            reply = worker.exchange(method, _remaining_seconds(context), definition, body)
            if reply.outcome is Outcome.NEEDS_DEFINITION:
                system_id = reply.system_id
                definition = self._definition(system_id)
                continue
            if reply.definition:
                self._definitions.put(reply.system_id, reply.definition)
                worker.known.put(reply.system_id, True)
            elif definition and system_id is not None:
                worker.known.put(system_id, True)
            return reply
        raise RuntimeError(f"worker {worker.pid} asks again and again for the same definition")

    def _definition(self, system_id: bytes) -> bytes:
        definition = self._definitions.get(system_id)
        if definition is None:
            raise _not_cached(system_id[:_SHOWN_ID_BYTES].decode(errors="replace"))
        return definition


def _abort(context: grpc.ServicerContext, status: Status) -> bytes:
    """End the call with a ``google.rpc.Status``; never returns."""
    context.set_trailing_metadata(((_DETAILS_KEY, status.SerializeToString()),))
    context.abort(_STATUS_CODES[status.code], status.message)


def _remaining_seconds(context: grpc.ServicerContext) -> float:
    """Seconds until the call's deadline; infinite without one."""
    remaining = context.time_remaining()
    return remaining if remaining is not None and remaining < _LONGEST_DEADLINE_SECONDS else math.inf


def _not_cached(system_id: str) -> CallError:
    return CallError(
        code_pb2.NOT_FOUND,
        Reason.SYSTEM_NOT_CACHED,
        f"system.system_id: {system_id!r} is not known here (any more); expected the id of a system "
        "compiled or solved on this server: send its definition again",
        field="system.system_id",
    )


def _overloaded(limit: int) -> CallError:
    return CallError(
        code_pb2.RESOURCE_EXHAUSTED,
        Reason.OVERLOADED,
        f"{limit} requests are in flight, the most this server admits; try again in a moment",
        metadata={"max_in_flight": str(limit)},
        retry_seconds=_RETRY_SECONDS,
    )


def _not_serving() -> CallError:
    return CallError(
        code_pb2.UNAVAILABLE,
        Reason.NOT_SERVING,
        "this server is starting or stopping; its health says SERVING when it takes requests",
        retry_seconds=_RETRY_SECONDS,
    )


def _worker_lost() -> CallError:
    return CallError(
        code_pb2.UNAVAILABLE,
        Reason.WORKER_LOST,
        "the worker process ended while it worked on this request; another has taken its place, "
        "and the request is safe to send again",
        retry_seconds=_RETRY_SECONDS,
    )


def _call_ended() -> CallError:
    return CallError(code_pb2.CANCELLED, Reason.CANCELLED, "the call was cancelled or passed its deadline")
