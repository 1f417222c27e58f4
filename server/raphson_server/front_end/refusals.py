"""What a caller is told whose request got no answer from a worker."""

from google.rpc import code_pb2

from raphson_server.configuration import ServerConfig
from raphson_server.failures import CallError, Reason, raised_by

_RETRY_SECONDS = 0.25


def passed(setting: str, config: ServerConfig) -> CallError:
    """Say which limit of the server a request has passed."""
    maximum = getattr(config, setting)
    code, reason = code_pb2.DEADLINE_EXCEEDED, Reason.DEADLINE_EXCEEDED
    match setting:
        case "default_deadline_seconds":
            what = f"no answer within the {maximum:g} s of a call that brings no deadline: let it bring one"
        case "max_deadline_seconds":
            what = f"no answer within {maximum:g} s, the longest that a call may last"
        case _:
            code, reason = code_pb2.RESOURCE_EXHAUSTED, Reason.LIMIT_EXCEEDED
            what = f"the request took more than the {maximum:g} s of a processor that one may"
    return CallError(
        code, reason, f"{what}; {raised_by(setting)}", metadata={"limit": setting, "maximum": f"{maximum:g}"}
    )


def not_cached(system_id: str, field: str) -> CallError:
    """Say that a system is asked for by an id that means nothing here."""
    return CallError(
        code_pb2.NOT_FOUND,
        Reason.SYSTEM_NOT_CACHED,
        f"{field}: {system_id!r} is not known here (any more); expected the id of a system "
        "compiled or solved on this server: send its definition again",
        field=field,
    )


def overloaded(limit: int) -> CallError:
    """Say that as many calls are in flight as are admitted."""
    return CallError(
        code_pb2.RESOURCE_EXHAUSTED,
        Reason.OVERLOADED,
        f"{limit} requests are in flight, the most this server admits; try again in a moment",
        metadata={"limit": "max_in_flight", "maximum": str(limit)},
        retry_seconds=_RETRY_SECONDS,
    )


def not_serving() -> CallError:
    """Say that this server is not the one to ask at the moment."""
    return CallError(
        code_pb2.UNAVAILABLE,
        Reason.NOT_SERVING,
        "this server is starting or stopping; the request is safe to send again, here once health says SERVING, "
        "or to another server",
        retry_seconds=_RETRY_SECONDS,
    )


def worker_lost() -> CallError:
    """Say that the worker ended, for whatever reason, and that the request is worth another attempt."""
    return CallError(
        code_pb2.UNAVAILABLE,
        Reason.WORKER_LOST,
        "the worker process ended while it worked on this request; another has taken its place, "
        "and the request is safe to send again",
        retry_seconds=_RETRY_SECONDS,
    )


def stalled(seconds: float) -> CallError:
    """Say that a stream's reader takes nothing."""
    what = f"nothing of this stream was taken for {seconds:g} s"
    return CallError(
        code_pb2.CANCELLED,
        Reason.CANCELLED,
        f"{what}; {raised_by('reader_patience_seconds')}",
        metadata={"limit": "reader_patience_seconds", "maximum": f"{seconds:g}"},
    )


def call_ended() -> CallError:
    """Say that nobody waits for the answer any more."""
    return CallError(code_pb2.CANCELLED, Reason.CANCELLED, "the call was cancelled or passed its deadline")
