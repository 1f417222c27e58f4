"""How a service's handlers are made known to gRPC."""

from __future__ import annotations  # grpc's handler type takes no parameters at run time

from typing import TYPE_CHECKING, Any

import grpc

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_KINDS = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")


class Methods(grpc.GenericRpcHandler):
    """What answers the methods of all services.

    One place to look them up: gRPC asks its handlers one after another, and for each method that is registered by its
    name it has a task, all of which it waits for anew with each call.
    """

    def __init__(self) -> None:
        self._handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}

    def add(self, service_name: str, handlers: Mapping[str, grpc.RpcMethodHandler[Any, Any]]) -> None:
        """Let the methods of one service be answered."""
        self._handlers |= {f"/{service_name}/{name}": handler for name, handler in handlers.items()}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Return what answers a call; None if its method is none of these."""
        return self._handlers.get(handler_call_details.method)


def wrapped(handler: Any, wrap: Callable[[Any], Any]) -> grpc.RpcMethodHandler[Any, Any]:
    """Return a handler whose behaviour is wrapped."""
    (kind,) = [kind for kind in _KINDS if getattr(handler, kind) is not None]
    return handler._replace(**{kind: wrap(getattr(handler, kind))})  # type: ignore[no-any-return]
