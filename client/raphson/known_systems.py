"""Which definitions the server has named, so that later calls send 64 digits instead of the text."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

CAPACITY = 1024


class KnownSystems:
    """A bounded memory of ids by definition; the one used longest ago is forgotten first.

    Parameters
    ----------
    capacity : int
        How many are kept.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._ids: OrderedDict[Hashable, str] = OrderedDict()
        self._lock = Lock()

    def find(self, key: Hashable) -> str:
        """Return the id under a key, or an empty string."""
        with self._lock:
            system_id = self._ids.get(key, "")
            if system_id:
                self._ids.move_to_end(key)
            return system_id

    def remember(self, key: Hashable, system_id: str) -> None:
        """Keep an id under a key."""
        with self._lock:
            self._ids[key] = system_id
            self._ids.move_to_end(key)
            if len(self._ids) > self._capacity:
                self._ids.popitem(last=False)

    def forget(self, key: Hashable) -> None:
        """Drop a key, if it is there."""
        with self._lock:
            self._ids.pop(key, None)
