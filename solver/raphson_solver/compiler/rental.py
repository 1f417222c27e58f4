"""When to make code: as soon as the work done without it would have paid for it (the ski rental problem)."""

from __future__ import annotations

from collections.abc import Callable

# For a system in use code is made ahead of what its work would pay, if it takes no longer than this, in seconds.
_SOON = 0.1


class Rental:
    """Adds up what is done without code.

    Parameters
    ----------
    making : float
        What making the code takes, in seconds.
    without : float
        What a piece of work takes without it, in seconds.
    is_in_use : callable
        Tells whether the system is known to be used a lot.
    """

    def __init__(self, making: float, without: float, is_in_use: Callable[[], bool]) -> None:
        self._making = self._owed = making
        self._without = without
        self._is_in_use = is_in_use

    def is_over(self, count: int) -> bool:
        """Return whether to make the code before so many more pieces of work."""
        self._owed -= count * self._without
        return self._owed <= 0 or (self._is_in_use() and self._making <= _SOON)
