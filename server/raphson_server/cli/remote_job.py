"""A job that a server carries out, and that the same command finds again."""

from __future__ import annotations

import hashlib
import sys
from typing import TYPE_CHECKING

import click
import raphson

from raphson_server.cli.answer import INTERRUPTED
from raphson_server.cli.connecting import connected
from raphson_server.jobs.record import JobRecord, JobState
from raphson_server.jobs.wire import from_description

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from raphson_server.jobs.description import JobDescription

    Show = Callable[[int, int | None, int], object]


def run_remote(description: JobDescription, address: str, show: Show) -> JobRecord:
    """Have a server carry out a job, or what is left of it, and wait for its end.

    Parameters
    ----------
    description : JobDescription
        With paths of the server's machine.
    address : str
        ``host:port``.
    show : callable
        Told rows done, rows in all, and rows since this began to wait.

    Returns
    -------
    JobRecord
        SUCCEEDED, FAILED with its error, or CANCELLED.

    Raises
    ------
    RaphsonError
        Where nothing could be begun, or the server does not answer.
    """
    with connected(address) as client:
        job = _find_or_create(client, description)
        before = job.progress.rows_done
        try:
            for state in job.watch():
                progress = state.progress
                show(progress.rows_done, progress.rows_total, progress.rows_done - before)
        except KeyboardInterrupt:
            click.echo(
                f"raphson: {job.name} goes on there: raphson jobs watch {job.name} --address {address}; "
                "or the same command again",
                err=True,
            )
            sys.exit(INTERRUPTED)
    return _to_record(job, description)


def _find_or_create(client: raphson.Client, description: JobDescription) -> raphson.Job:
    """Return the job that this command began before, going on, or a new one."""
    request_id = hashlib.sha256(description.to_json().encode()).hexdigest()
    job = client.queue_job(from_description(description), request_id=request_id)
    if job.state is raphson.JobState.SUCCEEDED:
        # Its output is there, and may be replaced, or it was taken away: begin anew.
        job.delete()
        return client.queue_job(from_description(description), request_id=request_id)
    return job.resume() if job.done else job


def _to_record(job: raphson.Job, description: JobDescription) -> JobRecord:
    progress, error = job.progress, job.error
    return JobRecord(
        name=job.name,
        state=JobState(job.state.name),
        cancel_requested=job.cancel_requested,
        description=description,
        created=_known(job.created),
        started=job.started,
        ended=job.ended,
        rows_total=progress.rows_total,
        rows_done=progress.rows_done,
        status_counts={status.name.lower(): count for status, count in progress.counts.items()},
        error_code="" if error is None else error.reason,
        error_message="" if error is None else error.message,
        owner="",
    )


def _known(time: datetime | None) -> datetime:
    assert time is not None, "a server says when a job was created"
    return time
