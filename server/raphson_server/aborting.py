"""How a handler ends its call with an error."""

import grpc
from google.rpc.status_pb2 import Status

from raphson_server.failures import CallError, unexpected, with_request_id
from raphson_server.observability.call import current_call
from raphson_server.observability.request_id import KEY

DETAILS_KEY = "grpc-status-details-bin"
"""Where the whole status is, in a call's trailing metadata."""

_STATUS_CODES = {code.value[0]: code for code in grpc.StatusCode}


def status_of(error: Exception) -> Status:
    """Write an error as callers read it."""
    return error.status() if isinstance(error, CallError) else unexpected(error).status()


def abort(context: grpc.ServicerContext, status: Status) -> bytes:
    """End the call with a ``google.rpc.Status``; never returns."""
    call = current_call()
    if call is None:
        context.set_trailing_metadata(((DETAILS_KEY, status.SerializeToString()),))
    else:
        call.failure = status
        details = with_request_id(status, call.request_id).SerializeToString()
        context.set_trailing_metadata(((DETAILS_KEY, details), (KEY, call.request_id)))
    context.abort(_STATUS_CODES[status.code], status.message)
