"""A flag that one thread or process sets and a running engine sees."""

from __future__ import annotations

import numpy as np


class CancelFlag:
    """Tells a running solve to stop at its next iteration.

    Beside the flag stands how many of those that it is for are within a library's work, which looks at no flag: whoever
    waits for them to stop knows that they will not do so soon.

    Parameters
    ----------
    buffer : writable buffer of `SIZE` bytes, optional
        Somebody's shared memory, 8-byte aligned. Without it the flag owns its memory.
    """

    SIZE = 16

    def __init__(self, buffer: memoryview | bytearray | None = None) -> None:
        self._memory = np.zeros(2, dtype=np.int64) if buffer is None else np.frombuffer(buffer, np.int64, 2)
        if not self._memory.flags.writeable or self._memory.ctypes.data % 8:
            raise ValueError(f"a cancel flag needs {self.SIZE} writable bytes at an address divisible by 8")
        self.address = int(self._memory.ctypes.data)

    def set(self) -> None:
        """Ask the solve to stop."""
        self._memory[0] = 1

    def clear(self) -> None:
        """Take the request back, before the next solve."""
        self._memory[0] = 0

    def is_unheard(self) -> bool:
        """Return whether something is under way that looks at no flag."""
        return bool(self._memory[1])

    def is_set(self) -> bool:
        """Return whether the solve was asked to stop."""
        return bool(self._memory[0])
