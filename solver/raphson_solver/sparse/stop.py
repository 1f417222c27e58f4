"""What may end the work on a linear system before its time."""

from __future__ import annotations

import ctypes
import time
from dataclasses import dataclass

from raphson_solver.engine.status import Status


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
        The address of an int64; not zero: cancelled.
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
