"""What a caller learns when a call ends with an error: a code, a message and google.rpc details.

Every error of the service passes through `CallError`, in the front end as in the workers. Its wire form is a
``google.rpc.Status`` of at most 3 KiB, since gRPC loses an error whose metadata outgrow 16 KiB:

- ``ErrorInfo``: ``domain`` "raphson" and a ``reason`` to branch on (see `Reason`);
- ``BadRequest`` with the field's path, when a field is to blame;
- ``RetryInfo``, when the same call may succeed a moment later;
- ``RequestInfo`` with the id that finds the call in the log, added where a call ends (`aborting`).
"""

import logging
from collections.abc import Mapping
from enum import StrEnum

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc import code_pb2
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RequestInfo, RetryInfo
from google.rpc.status_pb2 import Status

from raphson_server.observability.request_id import REQUEST_ID, new_request_id

DOMAIN = "raphson"

_MESSAGE_BYTES = 900
_DESCRIPTION_BYTES = 500
_FIELD_BYTES = 160
_METADATA_BYTES = 80
_ELLIPSIS = "…"

_log = logging.getLogger("raphson_server")


class Reason(StrEnum):
    """``ErrorInfo.reason``: what a program branches on; part of the wire contract."""

    INVALID_DEFINITION = "INVALID_DEFINITION"
    INVALID_INPUT = "INVALID_INPUT"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    MALFORMED_MESSAGE = "MALFORMED_MESSAGE"
    SYSTEM_NOT_CACHED = "SYSTEM_NOT_CACHED"
    SYSTEM_NOT_REGISTERED = "SYSTEM_NOT_REGISTERED"
    OVERLOADED = "OVERLOADED"
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    REPLY_TOO_LARGE = "REPLY_TOO_LARGE"
    WORKER_LOST = "WORKER_LOST"
    NOT_SERVING = "NOT_SERVING"
    CANCELLED = "CANCELLED"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    SCOPE_MISSING = "SCOPE_MISSING"
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
    ANSWER_LATE = "ANSWER_LATE"
    NO_JOBS = "NO_JOBS"
    JOB_NOT_FOUND = "JOB_NOT_FOUND"
    JOB_STATE = "JOB_STATE"
    REQUEST_ID_USED = "REQUEST_ID_USED"
    PATH_NOT_ALLOWED = "PATH_NOT_ALLOWED"
    INVALID_COLUMNS = "INVALID_COLUMNS"
    INPUT_UNREADABLE = "INPUT_UNREADABLE"
    INPUT_MALFORMED = "INPUT_MALFORMED"
    INPUT_CHANGED = "INPUT_CHANGED"
    OUTPUT_EXISTS = "OUTPUT_EXISTS"
    OUTPUT_UNWRITABLE = "OUTPUT_UNWRITABLE"
    OUTPUT_GONE = "OUTPUT_GONE"
    DISK_FULL = "DISK_FULL"
    PARTS_LOST = "PARTS_LOST"
    EXECUTOR_LOST = "EXECUTOR_LOST"
    STORE = "STORE"
    PACKAGE_MISSING = "PACKAGE_MISSING"
    INTERNAL = "INTERNAL"


class CallError(Exception):
    """An error that ends one call and leaves the service as it was.

    Parameters
    ----------
    code : int
        A ``google.rpc.Code`` number.
    reason : Reason
        What a program may branch on.
    message : str
        For people: the field, the value and what was expected.
    field : str, optional
        Path of the field to blame, as in the proto.
    description : str, optional
        What is wrong with that field, in short; default: the message.
    metadata : mapping, optional
        Further facts for ``ErrorInfo.metadata``.
    retry_seconds : float, optional
        After how long the same call may succeed.
    """

    def __init__(
        self,
        code: int,
        reason: Reason,
        message: str,
        *,
        field: str | None = None,
        description: str | None = None,
        metadata: Mapping[str, str] | None = None,
        retry_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.field = field
        self.description = description if description is not None else message
        self.metadata = dict(metadata or {})
        self.retry_seconds = retry_seconds

    def status(self) -> Status:
        """Write the failure as a ``google.rpc.Status`` of bounded size."""
        info = ErrorInfo(
            reason=self.reason.value,
            domain=DOMAIN,
            metadata={name: _clip(value, _METADATA_BYTES) for name, value in self.metadata.items()},
        )
        details = [_packed(info)]
        if self.field is not None:
            violation = BadRequest.FieldViolation(
                field=_clip(self.field, _FIELD_BYTES),
                description=_clip(self.description, _DESCRIPTION_BYTES),
                reason=self.reason.value,
            )
            details.append(_packed(BadRequest(field_violations=[violation])))
        if self.retry_seconds is not None:
            delay = Duration()
            delay.FromNanoseconds(round(self.retry_seconds * 1e9))
            details.append(_packed(RetryInfo(retry_delay=delay)))
        return Status(code=self.code, message=_clip(self.message, _MESSAGE_BYTES), details=details)


def invalid_input(field: str, message: str) -> CallError:
    """Blame one field of the request."""
    return CallError(code_pb2.INVALID_ARGUMENT, Reason.INVALID_INPUT, f"{field}: {message}", field=field)


def over_quota(field: str, quota: str, value: int, most: int, what: str, whose: str) -> CallError:
    """Refuse what is more than a token may have.

    Parameters
    ----------
    field : str
        Of the request.
    quota : str
        The key of the file of tokens.
    value, most : int
        What there is, and what there may be.
    what, whose : str
        Words behind the two numbers.
    """
    return CallError(
        code_pb2.RESOURCE_EXHAUSTED,
        Reason.LIMIT_EXCEEDED,
        f"{field}: {value:,} {what} are more than the {most:,} {whose} (its quota {quota})",
        field=field,
        metadata={"quota": quota, "value": str(value), "maximum": str(most)},
    )


def raised_by(setting: str) -> str:
    """Say how a limit is raised, by whoever runs the server."""
    return f"the server's {setting} says so, which its operator can raise: raphson serve --{setting.replace('_', '-')}"


def unexpected(error: Exception, event: str = "request failed", **facts: str) -> CallError:
    """Log an error that nobody foresaw with its trace, and tell the caller only where to look it up."""
    request_id = REQUEST_ID.get() or new_request_id()
    _log.error(event, exc_info=error, extra={"request_id": request_id, **facts})
    message = f"internal error; request id {request_id} finds the trace in the server's log"
    return CallError(code_pb2.INTERNAL, Reason.INTERNAL, message, metadata={"request_id": request_id})


def _clip(text: str, max_bytes: int) -> str:
    """Shorten ``text`` to at most ``max_bytes`` of UTF-8, never within a character."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= max_bytes:
        return encoded.decode()
    kept = encoded[: max_bytes - len(_ELLIPSIS.encode())]
    return kept.decode("utf-8", "ignore") + _ELLIPSIS


def with_request_id(status: Status, request_id: str) -> Status:
    """Return a copy with the id that a call is known by, which what another process says of it may have already."""
    if any(detail.Unpack(RequestInfo()) for detail in status.details):
        return status
    told = Status()
    told.CopyFrom(status)
    told.details.append(_packed(RequestInfo(request_id=request_id)))
    return told


def _packed(detail: ErrorInfo | BadRequest | RetryInfo | RequestInfo) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(detail)
    return packed
