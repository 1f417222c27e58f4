"""What solves chunks: processes of this machine, or of others."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from raphson_server.jobs.errors import JobError, JobErrorCode

MOST_LOSSES = 3
"""How often a chunk may end its worker before it fails the job."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chunk:
    """Consecutive rows of a job.

    Attributes
    ----------
    number : int
        From 0.
    first_row : int
        Number of its first row in the input.
    row_count : int
    plan, rows : bytes
        What `solve_chunk` takes; all chunks of a job have the same plan.
    """

    number: int
    first_row: int
    row_count: int
    plan: bytes
    rows: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class ChunkResult:
    """A solved chunk.

    Attributes
    ----------
    rows : int
    status_counts : mapping of str to int
        How many members ended how.
    seconds : float
        Time that it took its worker.
    part : bytes
        The results in the output's format: the same for the same chunk, whoever solves it on machines alike.
    """

    rows: int
    status_counts: Mapping[str, int]
    seconds: float
    part: bytes


class Executor(Protocol):
    """Solves chunks, some at a time; within a ``with``, whose end stops all that is under way.

    Attributes
    ----------
    most_in_flight : int
        How many chunks to hand over before the first of them is taken back: enough that no worker waits.
    """

    most_in_flight: int

    def submit(self, chunk: Chunk) -> Future[ChunkResult]:
        """Have a chunk solved.

        A chunk whose worker is lost is solved again by another. The future raises `JobError`: what `solve_chunk`
        raises, or WORKER_LOST when a chunk has lost its worker `MOST_LOSSES` times.
        """
        ...

    def __enter__(self) -> Self:
        """Begin."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop everything, finished or not."""
        ...


def worker_lost(chunk: Chunk, why: str) -> JobError:
    """Return the error of a chunk that ended its worker too often."""
    rows = f"rows {chunk.first_row:,} to {chunk.first_row + chunk.row_count - 1:,} (chunk {chunk.number})"
    message = f"{rows} ended their worker {MOST_LOSSES} times ({why}); smaller chunks need less memory"
    return JobError(JobErrorCode.WORKER_LOST, message)
