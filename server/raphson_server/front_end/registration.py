"""How a service's handlers are made known to gRPC."""

from __future__ import annotations  # grpc's handler type takes no parameters at run time

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import grpc

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import ThreadPoolExecutor


_KINDS = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")


@dataclass(frozen=True)
class OnOwnThreads:
    """A behaviour with the attributes by which gRPC picks its executor."""

    behavior: Callable[..., Any]
    experimental_thread_pool: ThreadPoolExecutor
    experimental_non_blocking: bool = False

    def __call__(self, *arguments: Any) -> Any:
        """Behave."""
        return self.behavior(*arguments)


def wrapped(handler: Any, wrap: Callable[[Any], Any]) -> grpc.RpcMethodHandler[Any, Any]:
    """Return a handler whose behaviour is wrapped, and which is called by the same threads."""
    (kind,) = [kind for kind in _KINDS if getattr(handler, kind) is not None]
    behavior = getattr(handler, kind)
    if isinstance(behavior, OnOwnThreads):
        behavior = replace(behavior, behavior=wrap(behavior.behavior))
    else:
        behavior = wrap(behavior)
    return handler._replace(**{kind: behavior})  # type: ignore[no-any-return]


def register(server: grpc.Server, service_name: str, handlers: Mapping[str, grpc.RpcMethodHandler[Any, Any]]) -> None:
    """Let a server answer the methods of one service."""
    server.add_registered_method_handlers(service_name, dict(handlers))
