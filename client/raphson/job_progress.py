"""How far a job has come, and how it ended where it failed."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2  # pyright: ignore[reportMissingImports]

from raphson.vocabulary import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raphson.v1 import job_pb2


class JobState(IntEnum):
    """Where a job is."""

    QUEUED = 1
    """It waits for its turn."""
    RUNNING = 2
    """It is worked on, or will be again when a server is there."""
    SUCCEEDED = 3
    """The output is complete."""
    FAILED = 4
    """`Job.error` says why; what was done is kept."""
    CANCELLED = 5
    """It was told to stop; what was done is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobProgress:
    """How far a job has come.

    Attributes
    ----------
    rows_total : int or None
        Rows of the input; None until they are counted.
    rows_done : int
        Rows that are solved and committed, converged or not.
    counts : mapping of Status to int
        How these ended.
    rows_per_second : float or None
        Lately; None unless the job is running and has done some.
    seconds_left : float or None
        What the rest takes at that rate.
    """

    rows_total: int | None
    rows_done: int
    counts: Mapping[Status, int] = field(default_factory=dict)
    rows_per_second: float | None = None
    seconds_left: float | None = None

    def __str__(self) -> str:
        total = "" if self.rows_total is None else f" of {self.rows_total:,}"
        text = f"{self.rows_done:,}{total} rows"
        if self.rows_per_second is not None:
            text += f", {self.rows_per_second:,.0f}/s"
        if self.seconds_left is not None:
            text += f", {show_duration(self.seconds_left)} left"
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFailure:
    """Why a job failed.

    Attributes
    ----------
    message : str
        The file, the column, what was found and what was expected.
    reason : str
        For programs: ``"INVALID_COLUMNS"``, ``"DISK_FULL"``, ``"WORKER_LOST"``, …
    """

    message: str
    reason: str

    def __str__(self) -> str:
        return self.message


def to_progress(message: job_pb2.JobProgress) -> JobProgress:
    """Read the wire's form."""
    known = {int(status) for status in Status}
    return JobProgress(
        rows_total=message.rows_total if message.HasField("rows_total") else None,
        rows_done=message.rows_done,
        counts={Status(count.status): count.rows for count in message.counts if int(count.status) in known},
        rows_per_second=message.rows_per_second if message.HasField("rows_per_second") else None,
        seconds_left=message.seconds_left if message.HasField("seconds_left") else None,
    )


def to_failure(message: job_pb2.Job) -> JobFailure | None:
    """Read why a job failed; None if it did not."""
    if not message.HasField("error"):
        return None
    info = error_details_pb2.ErrorInfo()
    for detail in message.error.details:
        try:
            detail.Unpack(info)
        except DecodeError:
            continue
    return JobFailure(message=message.error.message, reason=info.reason)


def show_duration(seconds: float) -> str:
    """Write a duration in whole seconds, minutes or hours: ``42 s``, ``3:05 min``, ``2:30 h``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}:{rest:02} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02} h"
