"""A flag that one thread or process sets and a running engine sees."""

from __future__ import annotations

import numpy as np


class CancelFlag:
    """Tells a running solve to stop at its next iteration.

    Parameters
    ----------
    buffer : writable buffer of 8 bytes, optional
        Somebody's shared memory, 8-byte aligned. Without it the flag owns its memory.
    """

    def __init__(self, buffer: memoryview | bytearray | None = None) -> None:
        self._memory = np.zeros(1, dtype=np.int64) if buffer is None else np.frombuffer(buffer, np.int64, 1)
        if not self._memory.flags.writeable or self._memory.ctypes.data % 8:
            raise ValueError("a cancel flag needs 8 writable bytes at an address divisible by 8")
        self.address = int(self._memory.ctypes.data)

    def set(self) -> None:
        """Ask the solve to stop."""
        self._memory[0] = 1

    def clear(self) -> None:
        """Take the request back, before the next solve."""
        self._memory[0] = 0

    def is_set(self) -> bool:
        """Return whether the solve was asked to stop."""
        return bool(self._memory[0])
