"""Health and reflection: answered by the loop at once, since it waits for no solve."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc import code_pb2
from grpc_health.v1 import health, health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2

from raphson_server.failures import CallError, Reason, invalid_input
from raphson_server.front_end.ending import abort, begun

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from raphson_server.front_end.ending import Context
    from raphson_server.front_end.registration import Methods

_Response = health_pb2.HealthCheckResponse

# Anybody may ask, and what they send is kept while they watch. No name of a service is nearly as long.
_MOST_REQUEST_BYTES = 512


class Health:
    """The standard health service, for the whole server and for each of its services.

    The library's own has its watchers written to with a lock held that whoever changes the state wants too, so that one
    who takes nothing holds up all.

    Parameters
    ----------
    service_names : tuple of str
        Full names of the services whose health is told.
    absent : tuple of str
        Those of them that this server does not offer: they never serve.

    Attributes
    ----------
    is_serving : bool
        What is answered.
    """

    def __init__(self, service_names: tuple[str, ...], absent: tuple[str, ...] = ()) -> None:
        self.is_serving = False
        self._is_over = False
        self._names = frozenset({"", *service_names})
        self._absent = absent
        # Set, and another in its place, with each change.
        self._changed = asyncio.Event()

    def register(self, methods: Methods) -> None:
        """Let it be answered."""
        encode = _Response.SerializeToString
        handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            "Check": grpc.unary_unary_rpc_method_handler(self._check, None, encode),
            "Watch": grpc.unary_stream_rpc_method_handler(self._watch, None, encode),
        }
        methods.add(health.SERVICE_NAME, handlers)

    def tell(self, *, serving: bool) -> None:
        """Answer SERVING or NOT_SERVING from now on; in the loop's thread."""
        self.is_serving = serving
        self._changed.set()
        self._changed = asyncio.Event()

    def end(self) -> None:
        """Answer NOT_SERVING, and let nobody watch any longer: the server waits for what is under way."""
        self._is_over = True
        self.tell(serving=False)

    def _status(self, name: str) -> int:
        if name not in self._names:
            return _Response.SERVICE_UNKNOWN
        return _Response.SERVING if self.is_serving and name not in self._absent else _Response.NOT_SERVING

    async def _check(self, body: bytes, context: Context) -> health_pb2.HealthCheckResponse:
        name = await _service_name(body, context)
        status = self._status(name)
        if status == _Response.SERVICE_UNKNOWN:
            names = ", ".join(sorted(filter(None, self._names)))
            await context.abort(grpc.StatusCode.NOT_FOUND, f"service: {name!r} is none of {names}")
        return _Response(status=status)

    async def _watch(self, body: bytes, context: Context) -> None:
        """Tell how it is, and each time that it is otherwise; who is slow is told how it is, not how it was."""
        name = await _service_name(body, context)
        told = None
        while True:
            changed, status = self._changed, self._status(name)
            if status != told:
                await asyncio.shield(begun(context.write(_Response(status=status))))
                told = status
            elif self._is_over:
                return
            else:
                await changed.wait()


async def _service_name(body: bytes, context: Context) -> str:
    """Read which service is asked about; end the call if that is nothing that could be one."""
    try:
        return _read(body)
    except CallError as error:
        await abort(context, error.status())


def _read(body: bytes) -> str:
    if len(body) > _MOST_REQUEST_BYTES:
        message = f"the request has {len(body):,} bytes; expected at most {_MOST_REQUEST_BYTES}: the name of a service"
        raise invalid_input("service", message)
    try:
        return str(health_pb2.HealthCheckRequest.FromString(body).service)
    except DecodeError as error:
        message = f"the request is no HealthCheckRequest: {error}"
        raise CallError(code_pb2.INVALID_ARGUMENT, Reason.MALFORMED_MESSAGE, message) from None


def register_reflection(methods: Methods, service_names: tuple[str, ...]) -> None:
    """Let reflection be answered, so that any language can call from the address alone.

    Parameters
    ----------
    methods : Methods
    service_names : tuple of str
        Full names of the services to list.
    """
    servicer: Any = reflection.aio.ReflectionServicer((*service_names, health.SERVICE_NAME, reflection.SERVICE_NAME))

    async def tell(requests: AsyncIterator[reflection_pb2.ServerReflectionRequest], context: Context) -> None:
        async for response in servicer.ServerReflectionInfo(requests, context):
            await asyncio.shield(begun(context.write(response)))

    decode = reflection_pb2.ServerReflectionRequest.FromString
    encode = reflection_pb2.ServerReflectionResponse.SerializeToString
    handlers = {"ServerReflectionInfo": grpc.stream_stream_rpc_method_handler(tell, decode, encode)}
    methods.add(reflection.SERVICE_NAME, handlers)
