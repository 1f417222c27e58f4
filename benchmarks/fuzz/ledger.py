"""What a process is at, in memory that survives it: a crash or a hang is then put down to the input that made it."""

from __future__ import annotations

import mmap
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_HEADER = struct.Struct("<QQ")
_SIZE = 1 << 20


class Ledger:
    """One input's number and bytes, in a file that two processes share.

    Parameters
    ----------
    path : Path
        Made by whichever comes first.
    """

    def __init__(self, path: Path) -> None:
        with path.open("ab") as stream:
            stream.truncate(_SIZE)
        with path.open("r+b") as stream:
            self._memory = mmap.mmap(stream.fileno(), _SIZE)

    def note(self, number: int, data: bytes) -> None:
        """Say which input comes next."""
        data = data[: _SIZE - _HEADER.size]
        self._memory[: _HEADER.size] = _HEADER.pack(number, len(data))
        self._memory[_HEADER.size : _HEADER.size + len(data)] = data

    @property
    def number(self) -> int:
        """Which is under way."""
        return int(_HEADER.unpack_from(self._memory)[0])

    @property
    def data(self) -> bytes:
        """Its bytes."""
        _, size = _HEADER.unpack_from(self._memory)
        return self._memory[_HEADER.size : _HEADER.size + size]
