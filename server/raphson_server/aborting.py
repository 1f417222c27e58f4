"""How a handler ends its call with an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

from raphson_server.failures import CallError, unexpected, with_request_id
from raphson_server.observability.call import current_call
from raphson_server.observability.request_id import KEY, REQUEST_ID

if TYPE_CHECKING:
    from typing import Any

    from google.rpc.status_pb2 import Status

DETAILS_KEY = "grpc-status-details-bin"
"""Where the whole status is, in a call's trailing metadata."""

_STATUS_CODES = {code.value[0]: code for code in grpc.StatusCode}


def status_of(error: Exception) -> Status:
    """Write an error as callers read it."""
    return error.status() if isinstance(error, CallError) else unexpected(error).status()


def written(context: grpc.ServicerContext | grpc.aio.ServicerContext[Any, Any], status: Status) -> grpc.StatusCode:
    """Let a call end with the details of a ``google.rpc.Status``; return the code for gRPC's own abort."""
    call, request_id = current_call(), REQUEST_ID.get()
    if call is not None:
        call.failure = status
    if request_id:
        details = with_request_id(status, request_id).SerializeToString()
        context.set_trailing_metadata(((DETAILS_KEY, details), (KEY, request_id)))
    else:
        context.set_trailing_metadata(((DETAILS_KEY, status.SerializeToString()),))
    return _STATUS_CODES[status.code]
