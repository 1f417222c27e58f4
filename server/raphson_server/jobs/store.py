"""What is remembered of jobs: in SQLite by default, in PostgreSQL where several machines share them."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from raphson_server.jobs.database import Database, chunks, counts_from_text, counts_to_text, jobs
from raphson_server.jobs.description import JobDescription
from raphson_server.jobs.errors import JobNotFoundError, JobStateError, LeaseLostError
from raphson_server.jobs.extra import extra
from raphson_server.jobs.record import PREFIX, ChunkRecord, JobRecord, JobState, new_id

with extra("jobs"):
    import sqlalchemy as sa
    from sqlalchemy import exc

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

LARGEST_PAGE = 1000
"""Jobs that one call of `Store.list` returns at most."""


class Store:
    """Jobs and their chunks. Safe to share between threads, and between processes by opening the same URL.

    Parameters
    ----------
    url : str
        A path (SQLite), ``sqlite:///path``, or ``postgresql://user@host/database``.

    Raises
    ------
    StoreError
        If it cannot be opened. Any method raises it where the database fails.
    """

    def __init__(self, url: str) -> None:
        self._database = Database(url)

    def __str__(self) -> str:
        return str(self._database)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    # --- for whoever wants work done --------------------------------------------------------------------------

    def create(self, description: JobDescription, request_id: str | None = None, caller: str = "") -> JobRecord:
        """Remember a new job, queued; with a request id that was given before, return the job it made then."""
        try:
            return self._create(description, request_id, caller)
        except exc.IntegrityError:
            # Somebody came between with the same request id, which is found now.
            return self._create(description, request_id, caller)

    def find_request(self, request_id: str) -> JobRecord | None:
        """Return the job that a request id has made; None if it has made none."""
        with self._database.reading() as connection:
            found = connection.execute(sa.select(jobs).where(jobs.c.request_id == request_id)).first()
        return None if found is None else _to_record(found)

    def get(self, name: str) -> JobRecord:
        """Return a job; raises `JobNotFoundError`."""
        with self._database.reading() as connection:
            return self._found(connection, _to_id(name))

    def list(
        self, page_size: int = 100, page_token: str = "", caller: str | None = None
    ) -> tuple[list[JobRecord], str]:
        """Return jobs, the newest first, and what to ask with for more of them; empty after the last."""
        size = min(max(page_size, 1), LARGEST_PAGE)
        query = sa.select(jobs).order_by(jobs.c.id.desc()).limit(size + 1)
        if page_token:
            query = query.where(jobs.c.id < page_token)
        if caller is not None:
            query = query.where(jobs.c.caller == caller)
        with self._database.reading() as connection:
            found = [_to_record(row) for row in connection.execute(query)]
        return found[:size], found[size - 1].id if len(found) > size else ""

    def counts(self) -> dict[str, int]:
        """Return how many jobs are in which state; none is left out as 0."""
        query = sa.select(jobs.c.state, sa.func.count()).group_by(jobs.c.state)
        with self._database.reading() as connection:
            return {str(state): int(count) for state, count in connection.execute(query)}

    def delete(self, name: str) -> None:
        """Forget a job and its chunks.

        Raises
        ------
        JobNotFoundError
        JobStateError
            If it is running: it is to be cancelled first.
        """
        with self._database.writing() as connection:
            record = self._found(connection, _to_id(name))
            if record.state is JobState.RUNNING:
                raise JobStateError(f"{name} is running; cancel it before it is deleted")
            connection.execute(chunks.delete().where(chunks.c.job_id == record.id))
            connection.execute(jobs.delete().where(jobs.c.id == record.id))

    def request_cancel(self, name: str) -> JobRecord:
        """Ask for a job to be stopped: at once if it waits, soon if it runs; one that has ended stays as it is."""
        with self._database.writing() as connection:
            record = self._found(connection, _to_id(name))
            if record.state is JobState.QUEUED:
                now = self._database.now(connection)
                self._change(connection, record.id, state=JobState.CANCELLED, cancel_requested=True, ended=now)
            elif record.state is JobState.RUNNING:
                self._change(connection, record.id, cancel_requested=True)
            return self._found(connection, record.id)

    def resume(self, name: str) -> JobRecord:
        """Queue a job again that failed or was cancelled; it goes on behind the chunks that are done.

        Raises
        ------
        JobNotFoundError
        JobStateError
            If it has succeeded. One that is queued or running, and not being cancelled, stays as it is.
        """
        with self._database.writing() as connection:
            record = self._found(connection, _to_id(name))
            if record.state is JobState.SUCCEEDED or (record.state is JobState.RUNNING and record.cancel_requested):
                what = "being cancelled" if record.cancel_requested else "done"
                raise JobStateError(f"{name} is {what}; expected a job that failed or was cancelled")
            if record.state in {JobState.FAILED, JobState.CANCELLED}:
                self._change(
                    connection,
                    record.id,
                    state=JobState.QUEUED,
                    cancel_requested=False,
                    ended=None,
                    error_code="",
                    error_message="",
                )
            return self._found(connection, record.id)

    # --- for whoever does it ----------------------------------------------------------------------------------

    def claim(
        self, owner: str, lease_seconds: float, *, name: str | None = None, take_over: bool = False
    ) -> JobRecord | None:
        """Take the oldest job that waits, or that runs on a lease which has run out.

        Parameters
        ----------
        owner : str
            Who takes it, such as host and process; no other has the same.
        lease_seconds : float
            For how long, unless it is renewed.
        name : str, optional
            This job and no other.
        take_over : bool
            Whether to take a running job whatever its lease says, by somebody who knows that its owner is gone.

        Returns
        -------
        JobRecord or None
            None if there is no such job now. Nobody else was given the same one.
        """
        while True:
            with self._database.writing() as connection:
                now = self._database.now(connection)
                free = sa.or_(jobs.c.state == JobState.QUEUED, jobs.c.lease_until < now)
                is_open = jobs.c.state.in_((JobState.QUEUED, JobState.RUNNING))
                wanted = is_open if take_over else sa.and_(is_open, free)
                query = sa.select(jobs.c.id).where(wanted).order_by(jobs.c.id).limit(1)
                if name is not None:
                    query = query.where(jobs.c.id == _to_id(name))
                job_id = connection.execute(query).scalar()
                if job_id is None:
                    return None
                taken = connection.execute(
                    jobs.update()
                    .where(jobs.c.id == job_id, wanted)
                    .values(
                        state=JobState.RUNNING,
                        owner=owner,
                        lease_until=now + lease_seconds,
                        started=sa.func.coalesce(jobs.c.started, now),
                    )
                )
                # None: somebody took it between the two statements; look for another.
                if taken.rowcount:
                    return self._found(connection, job_id)

    def renew(self, name: str, owner: str, lease_seconds: float) -> JobRecord:
        """Keep a job for longer; `JobRecord.cancel_requested` says whether it is to be stopped.

        Raises
        ------
        LeaseLostError
            If another has it, or it is gone.
        """
        with self._database.writing() as connection:
            now = self._database.now(connection)
            self._change_own(connection, name, owner, lease_until=now + lease_seconds)
            return self._found(connection, _to_id(name))

    def release(self, name: str, owner: str) -> JobRecord:
        """Give a running job back to the queue, to be gone on with by whoever claims it; raises `LeaseLostError`."""
        with self._database.writing() as connection:
            self._change_own(connection, name, owner, state=JobState.QUEUED, lease_until=None)
            return self._found(connection, _to_id(name))

    def set_rows_total(self, name: str, owner: str, rows: int) -> None:
        """Say how many rows the input has; raises `LeaseLostError`."""
        with self._database.writing() as connection:
            self._change_own(connection, name, owner, rows_total=rows)

    def chunks_done(self, name: str) -> dict[int, ChunkRecord]:
        """Return the chunks that are done, by number."""
        query = sa.select(chunks).where(chunks.c.job_id == _to_id(name)).order_by(chunks.c.number)
        with self._database.reading() as connection:
            return {
                row.number: ChunkRecord(
                    number=row.number,
                    rows=row.rows,
                    status_counts=counts_from_text(row.status_counts),
                    seconds=row.seconds,
                )
                for row in connection.execute(query)
            }

    def chunk_done(
        self, name: str, owner: str, number: int, rows: int, status_counts: Mapping[str, int], seconds: float
    ) -> None:
        """Commit a chunk, whose part is where it belongs; a second time does nothing.

        Raises
        ------
        LeaseLostError
            If another has the job; the chunk is then not committed.
        """
        job_id = _to_id(name)
        with self._database.writing() as connection:
            # Locks the job's row, so that of two commits one sees the other's sums.
            self._change_own(connection, name, owner, rows_done=jobs.c.rows_done)
            is_known = sa.select(chunks.c.number).where(chunks.c.job_id == job_id, chunks.c.number == number)
            if connection.execute(is_known).scalar() is not None:
                return
            connection.execute(
                chunks.insert().values(
                    job_id=job_id,
                    number=number,
                    rows=rows,
                    status_counts=counts_to_text(dict(status_counts)),
                    seconds=seconds,
                )
            )
            before = connection.execute(sa.select(jobs.c.status_counts).where(jobs.c.id == job_id)).scalar_one()
            total = Counter(counts_from_text(before)) + Counter(status_counts)
            self._change(
                connection, job_id, rows_done=jobs.c.rows_done + rows, status_counts=counts_to_text(dict(total))
            )

    def finish(self, name: str, owner: str, state: JobState, error: tuple[str, str] | None = None) -> JobRecord:
        """End a job.

        Parameters
        ----------
        name, owner : str
        state : JobState
            SUCCEEDED, FAILED or CANCELLED.
        error : (code, message), optional
            Of a job that failed.

        Raises
        ------
        LeaseLostError
            If another has the job.
        """
        code, message = error or ("", "")
        with self._database.writing() as connection:
            self._change_own(
                connection,
                name,
                owner,
                state=state,
                ended=self._database.now(connection),
                lease_until=None,
                error_code=code,
                error_message=message,
            )
            return self._found(connection, _to_id(name))

    # --- inside -----------------------------------------------------------------------------------------------

    def _create(self, description: JobDescription, request_id: str | None, caller: str) -> JobRecord:
        with self._database.writing() as connection:
            if request_id is not None:
                found = connection.execute(sa.select(jobs).where(jobs.c.request_id == request_id)).first()
                if found is not None:
                    return _to_record(found)
            job_id = new_id()
            connection.execute(
                jobs.insert().values(
                    id=job_id,
                    request_id=request_id,
                    description=description.to_json(),
                    state=JobState.QUEUED,
                    created=self._database.now(connection),
                    caller=caller,
                )
            )
            return self._found(connection, job_id)

    @staticmethod
    def _found(connection: sa.Connection, job_id: str) -> JobRecord:
        row = connection.execute(sa.select(jobs).where(jobs.c.id == job_id)).first()
        if row is None:
            raise JobNotFoundError(PREFIX + job_id)
        return _to_record(row)

    @staticmethod
    def _change(connection: sa.Connection, job_id: str, **values: Any) -> None:
        connection.execute(jobs.update().where(jobs.c.id == job_id).values(**values))

    @staticmethod
    def _change_own(connection: sa.Connection, name: str, owner: str, **values: Any) -> None:
        """Change a job that this owner runs; a lease that has run out still holds as long as nobody took the job."""
        own = (jobs.c.id == _to_id(name), jobs.c.owner == owner, jobs.c.state == JobState.RUNNING)
        if not connection.execute(jobs.update().where(*own).values(**values)).rowcount:
            raise LeaseLostError(name, owner)


def _to_id(name: str) -> str:
    """Return what is behind ``jobs/``; a name without that is no job's."""
    return name.removeprefix(PREFIX) if name.startswith(PREFIX) else ""


def _to_record(row: sa.Row[Any]) -> JobRecord:
    return JobRecord(
        name=PREFIX + row.id,
        state=JobState(row.state),
        cancel_requested=row.cancel_requested,
        description=JobDescription.from_json(row.description),
        created=_to_time(row.created),
        started=None if row.started is None else _to_time(row.started),
        ended=None if row.ended is None else _to_time(row.ended),
        rows_total=row.rows_total,
        rows_done=row.rows_done,
        status_counts=counts_from_text(row.status_counts),
        error_code=row.error_code,
        error_message=row.error_message,
        owner=row.owner,
        caller=row.caller,
    )


def _to_time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
