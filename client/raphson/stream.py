"""Items that a server streams while it finds them, and how it ended."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from raphson.errors import IncompatibleServerError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from types import TracebackType

Item = TypeVar("Item")
Ending = TypeVar("Ending")


class Stream(ABC, Generic[Item, Ending]):
    """Gone through once: ``for item in stream``, ``next(stream)`` or `all`.

    The call begins with the first item that is asked for. Leaving a ``for`` loop early, `close`, Ctrl-C, and the
    end of a ``with`` block cancel it on the server.

    Parameters
    ----------
    replies : generator
        The server's messages; closing it cancels the call.
    """

    def __init__(self, replies: Generator[Any, None, None]) -> None:
        self._replies = replies
        self._ending: Ending | None = None

    @abstractmethod
    def _item(self, reply: Any) -> Item | None:
        """Read an item; None if the message is the last, which says how it ended."""

    @abstractmethod
    def _end(self, reply: Any) -> Ending:
        """Read how it ended."""

    def __next__(self) -> Item:
        for reply in self._replies:
            item = self._item(reply)
            if item is not None:
                return item
            self._ending = self._end(reply)
        raise StopIteration

    def __iter__(self) -> Iterator[Item]:
        # A loop that is left drops this generator, and with it the call.
        try:
            while True:
                try:
                    item = next(self)
                except StopIteration:
                    return
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
        if self._ending is None:
            raise IncompatibleServerError("the server ended a stream without saying how it ended")
        return items

    def close(self) -> None:
        """Cancel the call, if it is under way. Closing again does nothing."""
        self._replies.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
