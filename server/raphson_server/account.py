"""What a worker tells, with every reply, of the work that it did: for metrics, logs and traces.

It has a fixed size, so that it goes in the header of a reply's frame and the reply itself is never copied for it. Times
are those of ``time.monotonic``, whose clock all processes of a machine share.
"""

import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

STATUSES = 16
"""Numbers of statuses that are counted: from 0, which is none, to 15."""

_BEFORE_TIMES = "<BHHHHIQ"
_FORM = struct.Struct(f"{_BEFORE_TIMES}dddddd64s")

SIZE = _FORM.size
"""Bytes that an account takes."""

SOLVE_TIMES = struct.calcsize(_BEFORE_TIMES)
"""Where the times of a solve are: when it was received and answered, when it began and how long it took."""

NO_ACCOUNT = bytes(SIZE)
"""Of replies that no work went before."""

_NO_COUNTS = bytes(4 * STATUSES)
_COUNTS = struct.Struct(f"<{STATUSES}I")
# Of systems, and of pieces of code.
_MOST = 2**16 - 1
_MOST_VARIABLES = 2**32 - 1


@dataclass(slots=True)
class Account:
    """The work for one request.

    Attributes
    ----------
    status : int
        How a solve ended, as `raphson_solver.Status`; 0 if nothing was solved, or a batch.
    found, compiled : int
        Systems that were there already, and that were made for this request.
    code_found, code_compiled : int
        Pieces of machine code that were on disk, and that were not, since the request before: what the background makes
        belongs to no request.
    n : int
        Variables of the system that was solved.
    iterations : int
        Of the solve, or of all members of a batch together.
    received, answered : float
        When the worker had the request, and when it had the answer.
    solving, solve_seconds : float
        When it began to solve, 0 if it did not; and how long that took.
    compiling, compile_seconds : float
        When it began to make a system from its text, 0 if it did not; and how long all such work took.
    counts : bytes
        How many members of a batch ended with which status; see `members_by_status`.
    """

    status: int = 0
    found: int = 0
    compiled: int = 0
    code_found: int = 0
    code_compiled: int = 0
    n: int = 0
    iterations: int = 0
    received: float = 0.0
    answered: float = 0.0
    solving: float = 0.0
    solve_seconds: float = 0.0
    compiling: float = 0.0
    compile_seconds: float = 0.0
    counts: bytes = _NO_COUNTS

    @classmethod
    def from_bytes(cls, packed: bytes) -> Self:
        """Read what `to_bytes` wrote; left to whoever wants to know, since it takes a microsecond."""
        return cls(*_FORM.unpack(packed))

    def to_bytes(self) -> bytes:
        """Write it as it goes into a header."""
        return _FORM.pack(
            self.status,
            self.found,
            self.compiled,
            self.code_found,
            self.code_compiled,
            self.n,
            self.iterations,
            self.received,
            self.answered,
            self.solving,
            self.solve_seconds,
            self.compiling,
            self.compile_seconds,
            self.counts,
        )

    def find(self) -> None:
        """Note that a system was there."""
        self.found = min(self.found + 1, _MOST)

    def compile(self, began: float) -> None:
        """Note that a system was made."""
        self.compiled = min(self.compiled + 1, _MOST)
        self.compiling = self.compiling or began
        self.compile_seconds += time.monotonic() - began

    def note_code(self, found: int, compiled: int) -> None:
        """Note pieces of machine code that were loaded from disk, and compiled."""
        self.code_found, self.code_compiled = min(found, _MOST), min(compiled, _MOST)

    def solve(self, began: float, status: int, n: int, iterations: int) -> None:
        """Note a solve that has just ended."""
        self.solving, self.solve_seconds = began, time.monotonic() - began
        self.status, self.n, self.iterations = status, min(n, _MOST_VARIABLES), iterations

    def solve_members(self, began: float, counts: Iterable[int], n: int, iterations: int) -> None:
        """Note a batch that has just ended; `counts` says how many members have each of `STATUSES`."""
        self.solve(began, 0, n, iterations)
        self.counts = _COUNTS.pack(*counts)

    def members_by_status(self) -> dict[int, int]:
        """Return how many members of a batch ended with which status."""
        if self.counts == _NO_COUNTS:
            return {}
        return {status: count for status, count in enumerate(_COUNTS.unpack(self.counts)) if count}
