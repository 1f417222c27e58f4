"""The replies of a call, waited for in an event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc

from raphson.offering import finish
from raphson.transport import Replies, Reply

if TYPE_CHECKING:
    from raphson.aio.transport import AwaitedTransport

# What gRPC says of itself when a write fails, and how long a server's own words may take from then on.
WRITE_FAILED = "Internal error from Core"
PATIENCE_SECONDS = 1.0
PAUSE_SECONDS = 0.01


class AwaitedReplies(Replies[Reply]):
    """The replies of one call to one request."""

    async def read(self) -> Reply | None:
        """Return the next reply, as `Replies` says."""
        with self._transport.naming_errors(self._timeout_seconds):
            reply = await self._call.read()
            return None if reply is grpc.aio.EOF else reply


class ConversationReplies(Replies[Reply]):
    """The replies of one call that is written to.

    A server may end such a call while a request is on its way to it. gRPC then sets an error of its own, before or
    after the server's status comes: https://github.com/grpc/grpc/issues/36066. Replies that have come must be read
    nevertheless, and it is the server's status that is told.

    Parameters
    ----------
    transport, call, timeout_seconds
        As of `Replies`.
    """

    def __init__(self, transport: AwaitedTransport, call: Any, timeout_seconds: float) -> None:
        super().__init__(transport, call, timeout_seconds)
        # Unlike `call.read`, an iterator reads on after gRPC's own error.
        self._iterator = aiter(call)
        self._ended_first: grpc.aio.AioRpcError | None = None
        call.add_done_callback(self._keep)

    async def read(self) -> Reply | None:
        """Return the next reply, as `Replies` says."""
        with self._transport.naming_errors(self._timeout_seconds):
            try:
                reply: Reply | None = await anext(self._iterator, None)
            except grpc.aio.AioRpcError as error:
                if not _is_of_a_write(error):
                    raise
                ended = await self._ended_by_server(error)
                if ended.code() is grpc.StatusCode.OK:
                    return None
                raise ended from error
            return reply

    def _keep(self, call: Any) -> None:
        """Remember how the call ended, when this is known first."""
        self._ended_first = finish(_how_ended(call))

    async def _ended_by_server(self, error: grpc.aio.AioRpcError) -> grpc.aio.AioRpcError:
        ended = self._ended_first or error
        end = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while _is_of_a_write(ended) and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(PAUSE_SECONDS)
            ended = await _how_ended(self._call)
        return ended


def _is_of_a_write(error: grpc.aio.AioRpcError) -> bool:
    return error.code() is grpc.StatusCode.INTERNAL and error.details() == WRITE_FAILED


async def _how_ended(call: Any) -> grpc.aio.AioRpcError:
    """Read the status of a call that has ended, which takes no waiting; it may be OK."""
    return grpc.aio.AioRpcError(
        await call.code(), await call.initial_metadata(), await call.trailing_metadata(), await call.details()
    )
