"""The transport that blocks: whatever it returns is there already."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from raphson.access import Metadata
from raphson.call_span import begin_span
from raphson.transport import Conversation, Conversing, Replies, Reply, Request, Streaming, Transport, Unary

if TYPE_CHECKING:
    import grpc

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Done(Generic[Value]):
    """Something to await that is there already."""

    value: Value

    def __await__(self) -> Generator[Any, None, Value]:
        yield from ()
        return self.value


class BlockingTransport(Transport):
    """Blocks its thread until a server has replied; threads may share it.

    Parameters
    ----------
    channel, address, metadata
        As of `Transport`.
    """

    lets_await = False

    def __init__(self, channel: grpc.Channel, address: str, metadata: Metadata = ()) -> None:
        super().__init__(channel, address, metadata)
        self._channel = channel

    def ask(self, method: Unary[Request, Reply], request: Request, timeout_seconds: float) -> Done[Reply]:
        """Call one method, as `Transport` says."""
        return Done(self.send(method, request, timeout_seconds))

    def send(self, method: Unary[Request, Reply], request: Request, timeout_seconds: float) -> Reply:
        """Do as `ask`, for those that do not await."""
        with self.naming_errors(timeout_seconds):
            span = begin_span(method.begin, self.metadata)
            reply: Reply
            if span is None:
                reply = method.begin(request, timeout=timeout_seconds, metadata=self.metadata)
            else:
                with span:
                    reply = method.begin(request, timeout=timeout_seconds, metadata=span.metadata)
            return reply

    def open(
        self, method: Streaming[Request, Reply], request: Request, timeout_seconds: float
    ) -> BlockingReplies[Reply]:
        """Call one method that streams, as `Transport` says."""
        with self.naming_errors(timeout_seconds):
            return BlockingReplies(self, self.begin(method, request, timeout_seconds), timeout_seconds)

    def stream(
        self, method: Streaming[Request, Reply], request: Request, timeout_seconds: float
    ) -> Generator[Reply, None, None]:
        """Do as `open`, for those that do not await; the call begins with the first reply that is asked for."""
        with closing(self.open(method, request, timeout_seconds)) as replies:
            while (reply := replies.read().value) is not None:
                yield reply

    def converse(self, method: Conversing[Request, Reply], timeout_seconds: float) -> Conversation[Request, Reply]:
        """Call one method whose requests are a stream too, as `Transport` says; a thread of gRPC's sends them."""
        requests: SimpleQueue[Request | None] = SimpleQueue()
        with self.naming_errors(timeout_seconds):
            call = self.begin(method, iter(requests.get, None), timeout_seconds)
            return Conversation(BlockingReplies(self, call, timeout_seconds), requests)

    def call(self, function: Callable[[dict[str, Any]], Any], calls: list[dict[str, Any]]) -> Done[list[Any]]:
        """Call a function, as `Transport` says, in this thread."""
        return Done([function(arguments) for arguments in calls])

    def close(self) -> Done[None]:
        """Cancel the calls that are under way and drop the connection."""
        self.is_closed = True
        if not self.is_forked:
            self._channel.close()
        return Done(None)


class BlockingReplies(Replies[Reply]):
    """The replies of one call, each of which `read` waits for."""

    def read(self) -> Done[Reply | None]:
        """Return the next reply, as `Replies` says."""
        with self._transport.naming_errors(self._timeout_seconds):
            return Done(next(self._call, None))
