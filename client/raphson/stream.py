"""Items that a server streams while it finds them, and how it ended."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar

from raphson.errors import IncompatibleServerError
from raphson.offering import finish

if TYPE_CHECKING:
    from types import TracebackType

    from raphson.transport import Replies


class HasSystemId(Protocol):
    """Says of which system it is."""

    @property
    def system_id(self) -> str:
        """Id of the system."""
        ...


Item = TypeVar("Item")
Ending = TypeVar("Ending", bound=HasSystemId)


@dataclass(frozen=True, slots=True)
class Opening:
    """A call that streams, before it begins.

    Attributes
    ----------
    begin : function
        Begins it; returns its replies, and the first of them, None if there is none.
    learn : function
        Is told the id of the system.
    """

    begin: Callable[[], Awaitable[tuple[Replies[Any], Any]]]
    learn: Callable[[str], None]


class Items(ABC, Generic[Item, Ending]):
    """What both ways to go through a stream share.

    Parameters
    ----------
    opening : Opening
        The call.
    """

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._replies: Replies[Any] | None = None
        self._ending: Ending | None = None
        self._is_over = False

    @abstractmethod
    def _item(self, reply: Any) -> Item | None:
        """Read an item; None if the message is the last, which says how it ended."""

    @abstractmethod
    def _end(self, reply: Any) -> Ending:
        """Read how it ended."""

    async def _next(self) -> Item | None:
        """Return the next item; None if there is none."""
        try:
            while (reply := await self._read()) is not None:
                item = self._item(reply)
                if item is not None:
                    return item
                self._ending = self._end(reply)
                self._opening.learn(self._ending.system_id)
        except BaseException:
            self._cancel()
            raise
        self._is_over = True
        return None

    async def _read(self) -> Any | None:
        if self._is_over:
            return None
        if self._replies is None:
            self._replies, first = await self._opening.begin()
            return first
        return await self._replies.read()

    def _cancel(self) -> None:
        self._is_over = True
        if self._replies is not None:
            self._replies.close()

    def __del__(self) -> None:
        # Nobody can ask for another item.
        self._cancel()

    def _check_ended(self) -> None:
        if self._ending is None:
            raise IncompatibleServerError("the server ended a stream without saying how it ended")


class Stream(Items[Item, Ending]):
    """Gone through once: ``for item in stream``, ``next(stream)`` or `all`.

    The call begins with the first item that is asked for. Leaving a ``for`` loop early, `close`, Ctrl-C, and the
    end of a ``with`` block cancel it on the server.
    """

    def __next__(self) -> Item:
        item = finish(self._next())
        if item is None:
            raise StopIteration
        return item

    def __iter__(self) -> Generator[Item, None, None]:
        # A loop that is left drops this generator, and with it the call.
        try:
            while (item := finish(self._next())) is not None:
                yield item
        finally:
            self.close()

    def all(self) -> list[Item]:
        """Wait for the end; return all items that were not taken before.

        Raises
        ------
        RaphsonError
            If the call fails, a deadline included; what was found until then is lost. Go through the items one by
            one to keep it.
        """
        items = list(self)
        self._check_ended()
        return items

    def close(self) -> None:
        """Cancel the call, if it is under way. Closing again does nothing."""
        self._cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AwaitedStream(Items[Item, Ending]):
    """Gone through once: ``async for item in stream``, ``await anext(stream)`` or ``await stream.all()``.

    The call begins with the first item that is asked for. `close`, the end of an ``async with`` block, and
    cancelling the task that waits for an item cancel it on the server; leaving an ``async for`` loop early does so
    when the event loop next runs.
    """

    async def __anext__(self) -> Item:
        item = await self._next()
        if item is None:
            raise StopAsyncIteration
        return item

    async def __aiter__(self) -> AsyncGenerator[Item, None]:
        # A loop that is left drops this generator; the event loop then closes it, and with it the call.
        try:
            while (item := await self._next()) is not None:
                yield item
        finally:
            self._cancel()

    async def all(self) -> list[Item]:
        """Wait for the end; return all items that were not taken before.

        Raises
        ------
        RaphsonError
            If the call fails, a deadline included; what was found until then is lost. Go through the items one by
            one to keep it.
        """
        items = [item async for item in self]
        self._check_ended()
        return items

    async def close(self) -> None:
        """Cancel the call, if it is under way. Closing again does nothing."""
        self._cancel()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
