"""A job that this very command carries out, and that the same command finds again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from raphson_server.cli.asked_to_stop import asked_to_stop
from raphson_server.jobs.check import check
from raphson_server.jobs.errors import JobError, JobErrorCode
from raphson_server.jobs.files import LocalFiles, find_files, writing_to
from raphson_server.jobs.record import JobState
from raphson_server.jobs.run import JobProgress, run
from raphson_server.jobs.runner import is_gone, owner_of
from raphson_server.jobs.store import Store
from raphson_server.jobs.work_directory import check_output, folder_of, remove_work

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raphson_server.jobs.description import JobDescription
    from raphson_server.jobs.executor import Executor
    from raphson_server.jobs.record import JobRecord

_STORE = "jobs.sqlite"
_LEASE_SECONDS = 30.0

Show = Callable[[int, int | None, int], object]


def run_embedded(description: JobDescription, store_url: str | None, executor: Executor, show: Show) -> JobRecord:
    """Carry out a job, or what is left of it.

    Parameters
    ----------
    description : JobDescription
    store_url : str or None
        Where what is done is kept; None: beside the output, until all is.
    executor : Executor
        What solves chunks; entered when there is something to solve.
    show : callable
        Told rows done, rows in all, and rows of this run.

    Returns
    -------
    JobRecord
        SUCCEEDED, or FAILED with its error.

    Raises
    ------
    JobError
        Where nothing could be begun.
    KeyboardInterrupt
        What is done is kept.
    """
    own = None if store_url is not None else _own_store(description)
    # With a store of its own nothing is left behind by what could not be begun.
    if own is not None and not own.exists():
        check(description)
        with writing_to(str(own)):
            own.parent.mkdir(exist_ok=True)
    with Store(str(own or store_url)) as store:
        ended = record = _find_or_create(store, description, alone=own is not None)
        if record.state is not JobState.SUCCEEDED:
            with _claimed(store, record) as (claimed, owner), executor as entered, asked_to_stop() as stop:
                ended = run(claimed, store, owner, entered, _told(show), lease_seconds=_LEASE_SECONDS, stop=stop)
        if ended.state is JobState.QUEUED:
            raise KeyboardInterrupt
    if own is not None and (ended.state is JobState.SUCCEEDED or not ended.rows_done):
        _forget(own, ended)
    return ended


def _own_store(description: JobDescription) -> Path:
    """Return the file that holds what is known of the job, beside its output."""
    files, path = find_files(description.output_url)
    if not isinstance(files, LocalFiles):
        message = f"{description.output_url} is not on this machine; expected --store, to keep there what is done"
        raise JobError(JobErrorCode.OUTPUT_UNWRITABLE, message)
    return Path(folder_of(path)) / _STORE


def _find_or_create(store: Store, description: JobDescription, *, alone: bool) -> JobRecord:
    """Return the job that this command began before, ready to be gone on with or done, or a new one."""
    request_id = hashlib.sha256(replace(description, overwrite=False).to_json().encode()).hexdigest()
    record = store.find_request(request_id)
    if record is not None and record.state is JobState.SUCCEEDED:
        remove_work(record)
        if alone and not description.overwrite and _is_there(description):
            # All was done, and the command killed before it had tidied up.
            return record
        # The output may be replaced, or it was taken away: begin anew.
        check_output(description)
        store.delete(record.name)
        record = None
    if record is None:
        if alone:
            _refuse_others(store, description)
        check(description)
        return store.create(description, request_id)
    if record.state in {JobState.FAILED, JobState.CANCELLED}:
        return store.resume(record.name)
    return record


def _is_there(description: JobDescription) -> bool:
    files, path = find_files(description.output_url)
    return files.exists(path)


def _refuse_others(store: Store, description: JobDescription) -> None:
    """Refuse to mix a job with what is left of another that was to write the same output."""
    others, _ = store.list()
    for other in others:
        if other.state is JobState.SUCCEEDED:
            # Ended just before it could tidy up.
            store.delete(other.name)
            continue
        folder = folder_of(description.output_url)
        raise JobError(
            JobErrorCode.OUTPUT_EXISTS,
            f"{folder} has {other.rows_done:,} rows of another job (other equations, values, options or input); go on "
            f"with that by the command that began it, or remove {folder} to begin anew",
        )


@contextmanager
def _claimed(store: Store, record: JobRecord) -> Iterator[tuple[JobRecord, str]]:
    owner = owner_of(os.getpid())
    gone = record.state is JobState.RUNNING and is_gone(record.owner)
    claimed = store.claim(owner, _LEASE_SECONDS, name=record.name, take_over=gone)
    if claimed is None:
        message = f"another process works on this job: {record.owner or 'unknown'}; it goes on by itself"
        raise JobError(JobErrorCode.JOB_STATE, message)
    try:
        yield claimed, owner
    except KeyboardInterrupt:
        # Between the claim and the run, or after it: the run gives the job back by itself.
        with suppress(JobError):
            store.release(claimed.name, owner)
        raise


def _told(show: Show) -> Callable[[JobProgress], object]:
    return lambda progress: show(progress.rows_done, progress.rows_total, progress.rows_now)


def _forget(own: Path, ended: JobRecord) -> None:
    """Remove what was kept beside an output that is complete, or of a job that came to nothing."""
    with writing_to(str(own.parent)):
        for suffix in ("", "-wal", "-shm"):
            Path(f"{own}{suffix}").unlink(missing_ok=True)
        remove_work(ended)
