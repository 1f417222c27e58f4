"""From a failed RPC with its google.rpc details to the error that names it: the server's map, inverted."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2  # pyright: ignore[reportMissingImports]
from grpc import StatusCode

from raphson.errors import (
    AccessDeniedError,
    CancelledError,
    DeadlineExceededError,
    IncompatibleServerError,
    InternalServerError,
    InvalidRequestError,
    JobNotFoundError,
    RaphsonError,
    ServerBusyError,
    ServerUnavailableError,
    SystemNotFoundError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import grpc

DETAILS_KEY = "grpc-status-details-bin"
# The client's methods take the definition's parts as their own arguments.
DEFINITION_PREFIXES = ("description.", "system.definition.", "definition.", "opening.")
INVALID_CODES = (
    StatusCode.INVALID_ARGUMENT,
    StatusCode.OUT_OF_RANGE,
    StatusCode.FAILED_PRECONDITION,
    StatusCode.PERMISSION_DENIED,
    StatusCode.ALREADY_EXISTS,
)
# Of the exhausted resources, these belong to the request: it would find the same server too small again.
TOO_LARGE_REASONS = ("REPLY_TOO_LARGE", "OUT_OF_MEMORY", "LIMIT_EXCEEDED")
UNTRUSTED_TEXT = "CERTIFICATE_VERIFY_FAILED"
TOO_LARGE_TEXT = "larger than max"
TOO_LARGE_SIZES = re.compile(r"\((\d+) vs\. (\d+)\)")
NAMED_CODES: dict[StatusCode, tuple[type[RaphsonError], str]] = {
    StatusCode.NOT_FOUND: (SystemNotFoundError, "{text}"),
    StatusCode.UNAUTHENTICATED: (AccessDeniedError, "{address} does not let this caller in: {text}"),
    StatusCode.CANCELLED: (CancelledError, "the call to {address} was cancelled: {text}"),
    StatusCode.UNIMPLEMENTED: (
        IncompatibleServerError,
        "the server at {address} does not offer this call: is it a raphson server of this version? ({text})",
    ),
    StatusCode.INTERNAL: (InternalServerError, "a fault in the server at {address}: {text}"),
    StatusCode.UNKNOWN: (InternalServerError, "a fault in the server at {address}: {text}"),
    StatusCode.DATA_LOSS: (InternalServerError, "a fault in the server at {address}: {text}"),
}


@dataclass(frozen=True, slots=True)
class FailureDetails:
    """What a server says about a failure beside its code and message."""

    reason: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    retry_seconds: float | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    request_id: str = ""


def error_from_rpc(error: grpc.RpcError, *, address: str, timeout_seconds: float) -> RaphsonError:
    """Name the failure of one RPC.

    Parameters
    ----------
    error : grpc.RpcError
        What the stub raised.
    address : str
        Whom the call was for, to be said in the message.
    timeout_seconds : float
        The deadline that the call had.

    Returns
    -------
    RaphsonError
        The error to raise, `error` being its cause.
    """
    details = read_details(error)
    named = _named(error, details, address, timeout_seconds)
    named.request_id = details.request_id
    return named


def _named(error: grpc.RpcError, details: FailureDetails, address: str, timeout_seconds: float) -> RaphsonError:
    code: StatusCode = error.code()
    text: str = error.details() or ""
    reason = details.reason
    if reason == "SCOPE_MISSING":
        return AccessDeniedError(text, code=code, reason=reason)
    if code in INVALID_CODES:
        fields = [(short_field(field), description) for field, description in details.fields]
        for field, _ in details.fields:
            text = text.replace(field, short_field(field))
        return InvalidRequestError(text, fields=fields, code=code, reason=reason, metadata=details.metadata)
    if code is StatusCode.RESOURCE_EXHAUSTED:
        if reason in TOO_LARGE_REASONS or TOO_LARGE_TEXT in text:
            description = f"asks for more than the client or the server at {address} can hold: {text}"
            if not reason:
                description += "; raphson serve --max-message-bytes says how much a server takes"
            return InvalidRequestError(
                f"request: {description}",
                fields=[("request", description)],
                code=code,
                reason=reason,
                metadata=details.metadata or _grpc_limit(text),
            )
        return ServerBusyError(text, retry_seconds=details.retry_seconds, reason=reason)
    if code is StatusCode.UNAVAILABLE:
        # A reason shows that a server did answer.
        message = text if reason else f"no server answers at {address}: {text}"
        if UNTRUSTED_TEXT in text:
            message = f"the server at {address} shows no certificate that the given ca, or this machine, vouches for"
        return ServerUnavailableError(message, reason=reason)
    if code is StatusCode.DEADLINE_EXCEEDED:
        # A limit of the server's own came before the deadline that the call had.
        by_server = "limit" in details.metadata
        message = f"no answer from {address} within {timeout_seconds:g} s; the server has been told to stop"
        message = text if by_server else message
        return DeadlineExceededError(message, reason=reason)
    if reason == "JOB_NOT_FOUND":
        return JobNotFoundError(text, code=code, reason=reason)
    default = (RaphsonError, f"the server at {{address}} answered {code.name}: {{text}}")
    kind, template = NAMED_CODES.get(code, default)
    return kind(template.format(address=address, text=text), code=code, reason=reason)


def read_details(error: grpc.RpcError) -> FailureDetails:
    """Decode the google.rpc details of a failed RPC; details that cannot be read count as none."""
    metadata = cast("Iterable[tuple[str, bytes]]", error.trailing_metadata() or ())
    packed = next((value for key, value in metadata if key == DETAILS_KEY), None)
    if packed is None:
        return FailureDetails()
    bad_request = error_details_pb2.BadRequest()
    info = error_details_pb2.ErrorInfo()
    retry = error_details_pb2.RetryInfo()
    request = error_details_pb2.RequestInfo()
    try:
        for detail in status_pb2.Status.FromString(packed).details:
            for message in (bad_request, info, retry, request):
                detail.Unpack(message)
    except DecodeError:
        return FailureDetails()
    return FailureDetails(
        reason=info.reason,
        fields=tuple((violation.field, violation.description) for violation in bad_request.field_violations),
        retry_seconds=retry.retry_delay.ToNanoseconds() / 1e9 if retry.HasField("retry_delay") else None,
        metadata=dict(info.metadata),
        request_id=request.request_id,
    )


def _grpc_limit(text: str) -> dict[str, str]:
    """Read by how much a message is too large for gRPC itself, which says it in words alone."""
    sizes = TOO_LARGE_SIZES.search(text)
    if sizes is None:
        return {}
    return {"limit": "max_message_bytes", "value": sizes.group(1), "maximum": sizes.group(2)}


def short_field(field: str) -> str:
    """Return a field of the wire as the client's methods name it."""
    for prefix in DEFINITION_PREFIXES:
        field = field.removeprefix(prefix)
    return field
