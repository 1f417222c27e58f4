"""The transport that waits in an event loop."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from raphson.access import Metadata
from raphson.aio.replies import AwaitedReplies, ConversationReplies
from raphson.call_span import begin_span
from raphson.errors import CancelledError, ClientStateError
from raphson.transport import Conversation, Conversing, Replies, Reply, Request, Streaming, Transport, Unary

if TYPE_CHECKING:
    import grpc


class AwaitedTransport(Transport):
    """Lets other tasks run while a server is at work; belongs to the event loop that it is made in.

    Parameters
    ----------
    channel, address, metadata
        As of `Transport`.
    """

    lets_await = True

    def __init__(self, channel: grpc.aio.Channel, address: str, metadata: Metadata = ()) -> None:
        super().__init__(channel, address, metadata)
        self._channel = channel
        self._loop = asyncio.get_running_loop()

    async def ask(self, method: Unary[Request, Reply], request: Request, timeout_seconds: float) -> Reply:
        """Call one method, as `Transport` says."""
        with self.naming_errors(timeout_seconds):
            span = begin_span(method.begin, self.metadata)
            reply: Reply
            if span is None:
                reply = await method.begin(request, timeout=timeout_seconds, metadata=self.metadata)
            else:
                with span:
                    reply = await method.begin(request, timeout=timeout_seconds, metadata=span.metadata)
            return reply

    def open(self, method: Streaming[Request, Reply], request: Request, timeout_seconds: float) -> Replies[Reply]:
        """Call one method that streams, as `Transport` says."""
        with self.naming_errors(timeout_seconds):
            return AwaitedReplies(self, self.begin(method, request, timeout_seconds), timeout_seconds)

    def converse(self, method: Conversing[Request, Reply], timeout_seconds: float) -> Conversation[Request, Reply]:
        """Call one method whose requests are a stream too, as `Transport` says; a task of gRPC's sends them."""
        requests: asyncio.Queue[Request | None] = asyncio.Queue()
        with self.naming_errors(timeout_seconds):
            call = self.begin(method, _taken_from(requests), timeout_seconds)
            return Conversation(ConversationReplies(self, call, timeout_seconds), requests)

    async def call(self, function: Callable[[dict[str, Any]], Any], calls: list[dict[str, Any]]) -> list[Any]:
        """Call a function, as `Transport` says: a plain one in a thread, one that is awaited for all calls at once."""
        results = await asyncio.to_thread(lambda: [function(arguments) for arguments in calls])
        if not all(map(inspect.isawaitable, results)):
            return results
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(_awaited(result)) for result in results]
        except BaseExceptionGroup as errors:
            # What the function raises comes out as it is; of several, the first.
            raise errors.exceptions[0] from None
        return [task.result() for task in tasks]

    async def close(self) -> None:
        """Cancel the calls that are under way and drop the connection."""
        self.is_closed = True
        # Of a loop that has ended, or of a process before a fork, nothing is left to be closed.
        if asyncio.get_running_loop() is self._loop and not self.is_forked:
            await self._channel.close()

    @contextmanager
    def naming_errors(self, timeout_seconds: float) -> Iterator[None]:
        """Let what goes wrong in a call be raised by its name, as `Transport` says."""
        try:
            with super().naming_errors(timeout_seconds):
                yield
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # Nobody cancelled the task: gRPC says in the same way that the call was cancelled from here.
            message = f"the call to {self.address} was cancelled: its stream or its client was closed"
            raise CancelledError(message) from error

    def check_usable(self) -> None:
        """Refuse what cannot work, as `Transport` says.

        Raises
        ------
        ClientStateError
            If this is closed, a copy in a child process, or of another event loop.
        """
        super().check_usable()
        if asyncio.get_running_loop() is self._loop:
            return
        where = "an event loop that has ended" if self._loop.is_closed() else "another event loop"
        message = f"this client of {self.address} was opened in {where}; connect again in this one"
        raise ClientStateError(message)


async def _awaited(result: Awaitable[Any]) -> Any:
    return await result


async def _taken_from(requests: asyncio.Queue[Request | None]) -> AsyncIterator[Request]:
    while (request := await requests.get()) is not None:
        yield request
