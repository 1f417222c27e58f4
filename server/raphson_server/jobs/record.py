"""What a store knows of a job."""

import secrets
import time
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from raphson_server.jobs.description import JobDescription

PREFIX = "jobs/"
"""Before every job's id in its name."""

# Crockford's base 32: no I, L, O, U.
_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_ID_DIGITS = 26
_RANDOM_BITS = 80


class JobState(StrEnum):
    """Where a job is."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens to the job by itself."""
        return self not in {JobState.QUEUED, JobState.RUNNING}


@dataclass(frozen=True, kw_only=True, slots=True)
class JobRecord:
    """A job, as it was when the store was asked.

    Attributes
    ----------
    name : str
        ``jobs/`` and 26 characters that sort by the time of creation.
    state : JobState
    cancel_requested : bool
    description : JobDescription
    created, started, ended : datetime
        UTC; the last two None where that has not happened. `ended` is of the latest try.
    rows_total : int, optional
        Rows of the input, once they are known.
    rows_done : int
        Rows of the chunks that are committed.
    status_counts : dict of str to int
        How many of those have which status, by its name in lower case, such as ``"converged"``.
    error_code, error_message : str
        Why it failed; empty if it did not.
    owner : str
        Who runs it, or ran it last.
    caller : str
        Whose token made it; empty where nobody was asked for one.
    """

    name: str
    state: JobState
    cancel_requested: bool
    description: JobDescription
    created: datetime
    started: datetime | None
    ended: datetime | None
    rows_total: int | None
    rows_done: int
    status_counts: dict[str, int]
    error_code: str
    error_message: str
    owner: str
    caller: str = ""

    @property
    def id(self) -> str:
        """The name without its prefix."""
        return self.name.removeprefix(PREFIX)


@dataclass(frozen=True, kw_only=True, slots=True)
class ChunkRecord:
    """A chunk that is done.

    Attributes
    ----------
    number : int
        From 0.
    rows : int
    status_counts : dict of str to int
    seconds : float
        Time that a worker took for it.
    """

    number: int
    rows: int
    status_counts: dict[str, int]
    seconds: float


def new_id() -> str:
    """Return 26 characters: 48 bits of time in milliseconds, and 80 random ones."""
    number = time.time_ns() // 1_000_000 << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
    return "".join(_DIGITS[number >> 5 * place & 31] for place in reversed(range(_ID_DIGITS)))
