"""How a service's handlers are made known to gRPC."""

from __future__ import annotations  # grpc's handler type takes no parameters at run time

from typing import TYPE_CHECKING, Any

import grpc

if TYPE_CHECKING:
    from collections.abc import Mapping


def register(server: grpc.Server, service_name: str, handlers: Mapping[str, grpc.RpcMethodHandler[Any, Any]]) -> None:
    """Let a server answer the methods of one service."""
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service_name, dict(handlers)),))
