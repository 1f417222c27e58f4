"""Carries out a job: chunks to an executor, results to parts, commits to the store, and parts to the one output."""

from __future__ import annotations

import logging
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from raphson_server.failures import unexpected
from raphson_server.jobs.check import Opened, opened
from raphson_server.jobs.chunking import in_chunks
from raphson_server.jobs.errors import JobError, JobErrorCode, LeaseLostError, StoreError
from raphson_server.jobs.executor import Chunk, ChunkResult
from raphson_server.jobs.extra import extra
from raphson_server.jobs.files import writing_to
from raphson_server.jobs.lease import Lease
from raphson_server.jobs.output_part import join
from raphson_server.jobs.pivots import PILOTS
from raphson_server.jobs.record import JobState
from raphson_server.jobs.solve_chunk import write_plan, write_rows
from raphson_server.jobs.system import NO_LIMITS
from raphson_server.jobs.work_directory import WorkDirectory, check_output

with extra("jobs"):
    import numpy as np
    import pyarrow as pa

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Generator, Iterator, Mapping

    from raphson_server.jobs.executor import Executor
    from raphson_server.jobs.record import JobRecord
    from raphson_server.jobs.store import Store

_LOOK_SECONDS = 0.1
# Rows that the engine solves in about the time that code for the lanes takes to be made.
_PAYING_ROWS = 4096

_log = logging.getLogger("raphson_server")


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How far a job has come.

    Attributes
    ----------
    rows_done : int
        Committed, by this run and those before.
    rows_total : int or None
        None where only the end of the input tells.
    rows_now : int
        Committed by this run.
    status_counts : dict of str to int
        Of all that are committed.
    is_joining : bool
        Whether all is solved, and the output is being put together.
    """

    rows_done: int
    rows_total: int | None
    rows_now: int = 0
    status_counts: dict[str, int] = field(default_factory=dict)
    is_joining: bool = False


def run(
    record: JobRecord,
    store: Store,
    owner: str,
    executor: Executor,
    on_progress: Callable[[JobProgress], object] | None = None,
    *,
    lease_seconds: float = 30.0,
    stop: threading.Event | None = None,
    limits: Mapping[str, int] = NO_LIMITS,
) -> JobRecord:
    """Carry out a job that was claimed, from wherever it was left.

    Parameters
    ----------
    record : JobRecord
        As `Store.claim` returned it.
    store : Store
    owner : str
        Who claimed it.
    executor : Executor
        Within its ``with``; leaving that stops the chunks that this leaves under way.
    on_progress : callable, optional
        Told, from this thread, at the beginning, after each commit, and before the parts are put together.
    lease_seconds : float
        The job is another's for the taking when this process has not been heard of for so long.
    stop : threading.Event, optional
        Set it to give the job back, as `KeyboardInterrupt` does.
    limits : mapping of str to int
        Those of a system, by the solver's names; what is not in it has the solver's default.

    Returns
    -------
    JobRecord
        SUCCEEDED, CANCELLED, FAILED (its error says why), or QUEUED if it was given back.

    Raises
    ------
    LeaseLostError
        If another took the job over.
    StoreError
        If the store fails; the job goes on where its lease has run out.
    KeyboardInterrupt
        Once the job is given back.
    """
    running = _Run(record, store, owner, executor, on_progress, stop, limits)
    try:
        with Lease(store, record.name, owner, lease_seconds) as lease:
            state = running.carry_out(lease)
    except (LeaseLostError, StoreError):
        raise
    except JobError as error:
        return store.finish(record.name, owner, JobState.FAILED, (error.code, error.message))
    except Exception as error:  # noqa: BLE001 - logged with its trace, and kept with the job
        # What nobody foresaw may hold paths of this machine, which are no business of the job's owner.
        told = unexpected(error, "job failed", job=record.name).message
        return store.finish(record.name, owner, JobState.FAILED, (JobErrorCode.INTERNAL, told))
    except BaseException:
        store.release(record.name, owner)
        raise
    if state is JobState.QUEUED:
        return store.release(record.name, owner)
    ended = store.finish(record.name, owner, state)
    if state is JobState.SUCCEEDED:
        try:
            running.work.remove()
        except JobError as error:
            _log.warning("job succeeded, but %s", error.message, extra={"job": record.name})
    return ended


class _StoppedError(Exception):
    """The job is to be cancelled, or given back."""

    def __init__(self, state: JobState) -> None:
        super().__init__(state)
        self.state = state


class _Run:
    """One run of one job."""

    def __init__(
        self,
        record: JobRecord,
        store: Store,
        owner: str,
        executor: Executor,
        on_progress: Callable[[JobProgress], object] | None,
        stop: threading.Event | None,
        limits: Mapping[str, int],
    ) -> None:
        self._record = record
        self._limits = limits
        self._store = store
        self._owner = owner
        self._executor = executor
        self._on_progress = on_progress or (lambda _: None)
        self._stop = stop
        self._rows_total: int | None = None
        self._rows_now = 0
        self._counts: Counter[str] = Counter()
        self._rows_done = 0
        self.work = WorkDirectory(record)

    def carry_out(self, lease: Lease) -> JobState:
        """Do what is left to do; return how the job ends, QUEUED if it is not to end yet."""
        self._lease = lease
        description = self._record.description
        if self.work.has_published():
            return JobState.SUCCEEDED
        try:
            check_output(description)
            with opened(description, self._limits) as source:
                self.work.make()
                self.work.check_input(source.facts, description.input_url)
                self._know_rows(source.table.rows)
                chunk_count = self._solve(source)
                self._join(source, chunk_count)
        except _StoppedError as stopped:
            return stopped.state
        return JobState.SUCCEEDED

    # --- solving ----------------------------------------------------------------------------------------------

    def _solve(self, source: Opened) -> int:
        """Have every chunk solved and committed that is not; return how many chunks there are."""
        # A part without its commit is written again; a commit without its part, after somebody tidied up, too.
        committed, there = self._store.chunks_done(self._record.name), self.work.numbers()
        done = {number: chunk for number, chunk in committed.items() if number in there}
        for before in done.values():
            self._rows_done += before.rows
            self._counts.update(before.status_counts)
        self._tell()
        chunks = _Chunks(source, self._record, {number: before.rows for number, before in done.items()})
        pending: dict[Future[ChunkResult], Chunk] = {}
        try:
            with closing(iter(chunks)) as some:
                for chunk in some:
                    self._look()
                    pending[self._executor.submit(chunk)] = chunk
                    while len(pending) >= self._executor.most_in_flight:
                        self._take(pending)
            self._know_rows(chunks.rows)
            while pending:
                self._take(pending)
        finally:
            for future in pending:
                future.cancel()
        return chunks.count

    def _take(self, pending: dict[Future[ChunkResult], Chunk]) -> None:
        """Wait until some chunk is solved, and commit what is."""
        while True:
            self._look()
            ready = wait(pending, _LOOK_SECONDS, FIRST_COMPLETED).done
            if ready:
                break
        for future in ready:
            chunk = pending.pop(future)
            self._commit(chunk, future.result())

    def _commit(self, chunk: Chunk, result: ChunkResult) -> None:
        self.work.write_part(chunk.number, result.part)
        self._store.chunk_done(
            self._record.name, self._owner, chunk.number, result.rows, result.status_counts, result.seconds
        )
        self._rows_done += result.rows
        self._rows_now += result.rows
        self._counts.update(result.status_counts)
        self._tell()

    # --- the output -------------------------------------------------------------------------------------------

    def _join(self, source: Opened, chunk_count: int) -> None:
        self._tell(is_joining=True)
        with writing_to(self._record.description.output_url), self.work.whole() as target:
            join(self.work.files, self._parts(chunk_count), source.output_schema, source.output_format, target)
        self._look()
        self.work.publish()

    def _parts(self, count: int) -> Iterator[str]:
        for number in range(count):
            self._look()
            yield self.work.part(number)

    # --- both -------------------------------------------------------------------------------------------------

    def _know_rows(self, rows: int | None) -> None:
        if rows is not None and self._rows_total is None:
            self._rows_total = rows
            self._store.set_rows_total(self._record.name, self._owner, rows)

    def _look(self) -> None:
        """Stop if that is wanted; raises `LeaseLostError` too."""
        if self._lease.is_cancelled():
            raise _StoppedError(JobState.CANCELLED)
        if self._stop is not None and self._stop.is_set():
            raise _StoppedError(JobState.QUEUED)

    def _tell(self, *, is_joining: bool = False) -> None:
        self._on_progress(
            JobProgress(self._rows_done, self._rows_total, self._rows_now, dict(self._counts), is_joining)
        )


class _Chunks:
    """The chunks of an input that are not done, in order.

    Attributes
    ----------
    count : int
        How many chunks the input has, done or not; known at the end.
    rows : int
        How many rows; known at the end.
    """

    def __init__(self, source: Opened, record: JobRecord, done: Mapping[int, int]) -> None:
        self._source = source
        self._description = record.description
        # Rows of the chunks that are done, by number.
        self._done = done
        self._plan = b""
        self.count = 0
        self.rows = 0

    def __iter__(self) -> Generator[Chunk, None, None]:
        source, size = self._source, self._description.chunk_rows
        with closing(self._read(0)) as begin:
            first = next(begin, None)
        if first is None:
            # A table without rows: its output has columns nevertheless.
            self.count = 1
            if not self._done:
                empty = pa.RecordBatch.from_pylist([], schema=source.chunk_schema)
                self._plan = write_plan(self._description, empty, in_lanes=False, limits=source.limits)
                yield self._chunk(0, empty)
            return
        # Of the first chunk wherever the job was left, so that the plan is the same.
        some = np.linspace(0, first.num_rows - 1, min(PILOTS, first.num_rows)).astype(np.int64)
        # A table of one chunk, and a small one, is not worth it.
        in_lanes = first.num_rows >= min(size, _PAYING_ROWS)
        self._plan = write_plan(self._description, first.take(pa.array(some)), in_lanes=in_lanes, limits=source.limits)
        while self.count in self._done:
            self.rows += self._done[self.count]
            self.count += 1
        with closing(self._read(self.count * size)) as batches:
            for batch in batches:
                if self.count not in self._done:
                    yield self._chunk(self.count, batch)
                self.count += 1
                self.rows += batch.num_rows

    def _chunk(self, number: int, batch: pa.RecordBatch) -> Chunk:
        first_row = number * self._description.chunk_rows
        rows = write_rows(batch, first_row)
        return Chunk(number=number, first_row=first_row, row_count=batch.num_rows, plan=self._plan, rows=rows)

    def _read(self, first_row: int) -> Generator[pa.RecordBatch, None, None]:
        source = self._source
        skip = first_row - source.table.begin(first_row)
        with closing(source.table.batches(source.columns, source.numeric, first_row)) as batches:
            yield from in_chunks(batches, source.chunk_schema, self._description.chunk_rows, skip)
