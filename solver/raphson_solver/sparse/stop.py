"""What may end the work on a linear system before its time."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from raphson_solver.engine.status import Status

# Solves of one batch share a flag.
_counting = threading.Lock()


class StoppedError(Exception):
    """Somebody, or a limit, ends the solve."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.message)
        self.status = status


@dataclass(slots=True)
class Stop:
    """The flag and the deadline of a solve.

    Attributes
    ----------
    flag : int
        The address of a `CancelFlag`.
    deadline : float
        As `time.monotonic` tells; 0: none.
    """

    flag: int
    deadline: float = 0.0

    def check(self) -> None:
        """Raise `StoppedError` if the work is to end."""
        if ctypes.c_int64.from_address(self.flag).value:
            raise StoppedError(Status.CANCELLED)
        if self.deadline > 0.0 and time.monotonic() > self.deadline:
            raise StoppedError(Status.TIME_LIMIT)

    @contextmanager
    def unheard(self) -> Iterator[None]:
        """Let it be known that what is done within looks at no flag; look before and after."""
        self.check()
        count = ctypes.c_int64.from_address(self.flag + 8)
        with _counting:
            count.value += 1
        try:
            yield
        finally:
            with _counting:
                count.value -= 1
        self.check()
