"""Runs the jobs of a store, one after another, until told to stop."""

from __future__ import annotations

import logging
import os
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from raphson_server.failures import unexpected
from raphson_server.jobs.errors import JobError, JobErrorCode, JobNotFoundError, LeaseLostError, StoreError
from raphson_server.jobs.places import PlaceError, Places
from raphson_server.jobs.record import JobRecord, JobState

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Mapping

    from raphson_server.jobs.executor import Executor
    from raphson_server.jobs.store import Store

MOST_LOSSES = 3
"""How often a job may end its runner, without a chunk between, before it fails."""

_LOOK_SECONDS = 0.25
_PAUSE_SECONDS = 2.0
_KEEP_SECONDS = 60.0
_SEPARATOR = "|"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# Of the words behind the name in /proc/<pid>/stat: when the process began.
_BEGAN = 19

_log = logging.getLogger("raphson_server")


class Runner:
    """Takes jobs from a store and runs them.

    Parameters
    ----------
    store : Store
    places : Places
        Where callers' jobs may read and write.
    make_executor : callable
        Returns what a job's chunks are done by.
    lease_seconds : float
        How long a job is taken for at a time.
    announce : callable
        Told which job is about to be run, and that it is no longer.
    limits : mapping of str to int
        Those of a system, by the solver's names; what is not in it has the solver's default.
    stop : threading.Event
        Set when it is to hand its job back and return.
    """

    def __init__(
        self,
        store: Store,
        places: Places,
        make_executor: Callable[[], Executor],
        lease_seconds: float,
        announce: Callable[[Mapping[str, object]], None],
        limits: Mapping[str, int],
        stop: threading.Event,
    ) -> None:
        self._limits = limits
        self._store = store
        self._places = places
        self._make_executor = make_executor
        self._lease_seconds = lease_seconds
        self._announce = announce
        self._stop = stop
        self._owner = owner_of(os.getpid())
        # Kept for a while between jobs: to start one takes longer than a small job.
        self._executor: Executor | None = None
        self._idle_since = 0.0

    def run(self) -> None:
        """Run jobs until told to stop; what a killed runner of this machine has left comes first."""
        try:
            self._take_turns()
        finally:
            self._drop_executor()

    def _take_turns(self) -> None:
        is_first = True
        while not self._stop.is_set():
            try:
                record = (self._left_behind() if is_first else None) or self._store.claim(
                    self._owner, self._lease_seconds
                )
                is_first = False
                if record is None:
                    if time.monotonic() - self._idle_since > _KEEP_SECONDS:
                        self._drop_executor()
                    self._stop.wait(_LOOK_SECONDS)
                else:
                    self._announce({"job": [record.name, record.rows_done]})
                    self._run(record)
                    self._announce({"job": None})
            except LeaseLostError as error:
                _log.warning("%s", error.message)
            except StoreError as error:
                # What was taken is taken again, by whoever can, when the lease has run out.
                _log.warning("%s", error.message)
                self._stop.wait(_PAUSE_SECONDS)

    def give_up(self, name: str) -> None:
        """Fail a job that has ended its runner too often, so that others have their turn."""
        with suppress(JobNotFoundError, LeaseLostError, StoreError):
            record = self._store.claim(self._owner, self._lease_seconds, name=name, take_over=True)
            if record is not None:
                message = (
                    f"it ended the process that ran it {MOST_LOSSES} times without getting any further, perhaps for "
                    "want of memory or by a damaged file; smaller chunks need less memory"
                )
                self._fail(record, JobError(JobErrorCode.WORKER_LOST, message))

    def _run(self, record: JobRecord) -> None:
        from raphson_server.jobs.run import run  # noqa: PLC0415 (imports pyarrow, when there is something to do)

        _log.info("job begins", extra={"job": record.name})
        is_used_up = True
        try:
            self._allow(record)
            if self._executor is None:
                self._executor = self._make_executor().__enter__()
            ended = run(
                record,
                self._store,
                self._owner,
                self._executor,
                lease_seconds=self._lease_seconds,
                stop=self._stop,
                limits=self._limits,
            )
            is_used_up = ended.state is not JobState.SUCCEEDED
            self._idle_since = time.monotonic()
        except (LeaseLostError, StoreError):
            raise
        except JobError as error:
            ended = self._fail(record, error)
        except Exception as error:  # noqa: BLE001 (other jobs go on)
            told = unexpected(error, "job failed", job=record.name).message
            ended = self._fail(record, JobError(JobErrorCode.INTERNAL, told))
        finally:
            if is_used_up:
                # Chunks of that job may be under way still.
                self._drop_executor()
        _log.info("job ended", extra={"job": record.name, "state": ended.state.value})

    def _drop_executor(self) -> None:
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.__exit__(None, None, None)

    def _allow(self, record: JobRecord) -> None:
        """Look again, since the operator or the folders may have changed."""
        for url in (record.description.input_url, record.description.output_url):
            try:
                self._places.check(url)
            except PlaceError as error:
                raise JobError(JobErrorCode.PATH_NOT_ALLOWED, error.message) from None

    def _fail(self, record: JobRecord, error: JobError) -> JobRecord:
        return self._store.finish(record.name, self._owner, JobState.FAILED, (error.code, error.message))

    def _left_behind(self) -> JobRecord | None:
        """Take a job whose runner was of this machine and is gone: its lease need not be waited for."""
        for record in self._all():
            if record.state is JobState.RUNNING and is_gone(record.owner):
                with suppress(JobNotFoundError):
                    return self._store.claim(self._owner, self._lease_seconds, name=record.name, take_over=True)
        return None

    def _all(self) -> Iterator[JobRecord]:
        token = ""
        while True:
            records, token = self._store.list(page_token=token)
            yield from records
            if not token:
                return


def owner_of(pid: int) -> str:
    """Name a process of this machine such that no other process is ever called so."""
    return _SEPARATOR.join((*_machine(), str(pid), _began(pid) or ""))


def is_gone(owner: str) -> bool:
    """Tell whether an owner was a process of this machine and is no more; False if that cannot be known."""
    *machine, pid, began = owner.split(_SEPARATOR) if owner.count(_SEPARATOR) == len(_machine()) + 1 else ("", "", "")
    return tuple(machine) == _machine() and pid.isdigit() and _began(int(pid)) != began


def _machine() -> tuple[str, str, str]:
    """Name this machine since its start, and the space in which its process ids mean something."""
    return socket.gethostname(), _BOOT_ID.read_text().strip(), str(Path("/proc/self/ns/pid").readlink())


def _began(pid: int) -> str | None:
    """Return when a process began, in the machine's ticks; None if it is no more."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if words[0] == "Z" else words[_BEGAN]
