"""How many calls of a kind there may be at a time, where each holds a thread for as long as it likes."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from google.rpc import code_pb2

from raphson_server.failures import CallError, Reason
from raphson_server.front_end.caller import CALLER

_RETRY_SECONDS = 1.0


class Seats:
    """Seats for calls, of which one caller may have half: another finds one although the first takes all it gets.

    Where nobody is asked for a token all are one caller, who may take all.

    Parameters
    ----------
    most : int
        How many there are.
    what : str
        What the calls are, for errors.
    limit : str
        The setting that says how many, where one does.
    """

    def __init__(self, most: int, what: str, limit: str = "") -> None:
        self._most = most
        self._share = max(1, most // 2)
        self._what = what
        self._limit = limit
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Hold one.

        Raises
        ------
        CallError
            RESOURCE_EXHAUSTED, with reason OVERLOADED, if there is none for the caller.
        """
        name = CALLER.get().name
        with self._lock:
            if self._taken.total() >= self._most:
                raise self._full(f"{self._most} {self._what} are under way, the most that this server has at a time")
            if name and self._taken[name] >= self._share:
                raise self._full(f"{self._share} {self._what} of this token are under way, half of what there may be")
            self._taken[name] += 1
        try:
            yield
        finally:
            with self._lock:
                self._taken[name] -= 1
                if not self._taken[name]:
                    del self._taken[name]

    def _full(self, what: str) -> CallError:
        limit = f" ({self._limit})" if self._limit else ""
        return CallError(
            code_pb2.RESOURCE_EXHAUSTED,
            Reason.OVERLOADED,
            f"{what}{limit}; try again in a moment",
            metadata={"limit": self._limit, "maximum": str(self._most)} if self._limit else {},
            retry_seconds=_RETRY_SECONDS,
        )
