"""A mapping that forgets what was used longest ago when it grows past its bounds."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class BoundedCache(Generic[K, V]):
    """Least-recently-used mapping, bounded in entries and in total weight; safe for threads.

    Parameters
    ----------
    max_entries : int
        How many entries are kept.
    max_weight : float
        Bound on the sum of the entries' weights; an entry heavier than this is not kept.
    weigh : callable
        Weight of a value; default: every value weighs nothing.

    Attributes
    ----------
    has : callable
        Tells whether there is a key, without marking it as used; not a method, which would cost more than the answer.
    """

    def __init__(
        self,
        max_entries: int,
        max_weight: float = 0.0,
        weigh: Callable[[V], float] = lambda _: 0.0,
    ) -> None:
        self._max_entries = max_entries
        self._max_weight = max_weight
        self._weigh = weigh
        self._weight = 0.0
        self._entries: OrderedDict[K, V] = OrderedDict()
        self.has: Callable[[K], bool] = self._entries.__contains__
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        """Return the value under ``key`` and mark it as used, or None."""
        with self._lock:
            value = self._entries.get(key)
            if value is not None:
                self._entries.move_to_end(key)
            return value

    def put(self, key: K, value: V) -> None:
        """Keep ``value`` under ``key``, unless it is too heavy; forget the oldest entries beyond the bounds."""
        weight = self._weigh(value)
        with self._lock:
            previous = self._entries.pop(key, None)
            if previous is not None:
                self._weight -= self._weigh(previous)
            if weight > self._max_weight:
                return
            self._entries[key] = value
            self._weight += weight
            while len(self._entries) > self._max_entries or self._weight > self._max_weight:
                _, oldest = self._entries.popitem(last=False)
                self._weight -= self._weigh(oldest)

    def discard(self, key: K) -> None:
        """Forget ``key`` if it is there."""
        with self._lock:
            previous = self._entries.pop(key, None)
            if previous is not None:
                self._weight -= self._weigh(previous)

    def __len__(self) -> int:
        return len(self._entries)
