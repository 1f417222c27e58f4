"""A job on a server: the handle that asks about it, waits for it and reads what it wrote."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Self

from raphson.errors import DeadlineExceededError, IncompatibleServerError, ServerUnavailableError
from raphson.job_progress import JobFailure, JobProgress, JobState, to_failure, to_progress
from raphson.job_results import JobResults
from raphson.options import to_deadline
from raphson.progress import progress_bar
from raphson.v1 import job_pb2

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from datetime import datetime

    from google.protobuf.timestamp_pb2 import Timestamp

    from raphson.blocking_transport import BlockingTransport

# A call that waits is made anew after this long, so that a connection that is silently lost is noticed.
WATCH_SECONDS = 600.0
PAUSE_SECONDS = 0.5


class Job:
    """A job on a server, as it was when the server was last asked.

    Made by `Client.create_job`, `Client.job` and `Client.jobs`. It can be asked again from any process that knows its
    name; nothing of the job depends on this handle or on the client.

    Parameters
    ----------
    transport : BlockingTransport
        The client's.
    timeout_seconds : float
        Deadline of each call.
    message : job_pb2.Job
        What the server said.
    """

    def __init__(self, transport: BlockingTransport, timeout_seconds: float, message: job_pb2.Job) -> None:
        self._transport = transport
        self._timeout_seconds = timeout_seconds
        self._message = message

    # --- what is known
    @property
    def name(self) -> str:
        """``"jobs/…"``, the same for ever."""
        return self._message.name

    @property
    def state(self) -> JobState:
        """Where it is."""
        try:
            return JobState(self._message.state)
        except ValueError:
            raise IncompatibleServerError(f"{self.name} is in a state that is unknown: {self._message.state}") from None

    @property
    def done(self) -> bool:
        """Whether it has succeeded, failed or been cancelled."""
        return self._message.done

    @property
    def error(self) -> JobFailure | None:
        """Why it failed; None if it did not."""
        return to_failure(self._message)

    @property
    def progress(self) -> JobProgress:
        """How far it has come."""
        return to_progress(self._message.progress)

    @property
    def cancel_requested(self) -> bool:
        """Whether it was told to stop, and has not yet."""
        return self._message.cancel_requested

    @property
    def created(self) -> datetime | None:
        """When it was created, in UTC."""
        return _time(self._message, "create_time")

    @property
    def started(self) -> datetime | None:
        """When it began first, in UTC; None if it has not."""
        return _time(self._message, "start_time")

    @property
    def ended(self) -> datetime | None:
        """When it was done, in UTC; None if it is not."""
        return _time(self._message, "end_time")

    @property
    def input_url(self) -> str:
        """Where its rows come from, on the server's machine."""
        return self._message.description.input.url

    @property
    def output_url(self) -> str:
        """Where its results go, on the server's machine."""
        return self._message.description.output.url

    # --- asking
    def refresh(self) -> Self:
        """Ask the server how it is now; return the same job.

        Raises
        ------
        JobNotFoundError
            If it was deleted.
        RaphsonError
            If no answer came.
        """
        request = job_pb2.GetJobRequest(name=self.name)
        return self._learn(self._transport.send(self._transport.get_job, request, self._timeout_seconds))

    def cancel(self) -> Self:
        """Ask it to stop; return the same job, which stops a moment later. What was done is kept for `resume`."""
        request = job_pb2.CancelJobRequest(name=self.name)
        return self._learn(self._transport.send(self._transport.cancel_job, request, self._timeout_seconds))

    def resume(self) -> Self:
        """Queue it again, if it failed or was cancelled, to do what is not done; return the same job.

        Raises
        ------
        InvalidRequestError
            If it has succeeded, or has not stopped yet since it was cancelled.
        """
        request = job_pb2.ResumeJobRequest(name=self.name)
        return self._learn(self._transport.send(self._transport.resume_job, request, self._timeout_seconds))

    def delete(self) -> None:
        """Have the server forget it, and remove what it has kept for itself; a finished output stays.

        Raises
        ------
        InvalidRequestError
            If it is running; `cancel` it first.
        """
        request = job_pb2.DeleteJobRequest(name=self.name)
        self._transport.send(self._transport.delete_job, request, self._timeout_seconds)

    # --- waiting
    def watch(self, timeout_seconds: float | None = None) -> Generator[Self, None, None]:
        """Yield this job, as it is now and whenever it has changed, until it is done.

        A server that is started again meanwhile is waited for, as long as a call of the client may take.

        Parameters
        ----------
        timeout_seconds : float, optional
            How long to watch at most. Default: as long as it takes.

        Raises
        ------
        DeadlineExceededError
            If it is not done by then; it goes on.
        RaphsonError
            If the server does not answer.
        """
        end = None if timeout_seconds is None else time.monotonic() + to_deadline(timeout_seconds)
        silent_since: float | None = None
        while True:
            try:
                with closing(self._watch_once(end)) as messages:
                    for message in messages:
                        silent_since = None
                        yield self._learn(message)
                if self.done:
                    return
                raise IncompatibleServerError(f"the server ended the watch of {self.name} before it was done")
            except DeadlineExceededError:
                _check_time(end, self)
            except ServerUnavailableError:
                now = time.monotonic()
                silent_since = now if silent_since is None else silent_since
                if now - silent_since > self._timeout_seconds:
                    raise
                _check_time(end, self)
                time.sleep(PAUSE_SECONDS)

    def wait(self, *, progress: bool | None = None, timeout_seconds: float | None = None) -> Self:
        """Wait until it is done; return the same job, whose `state` says how it ended.

        Parameters
        ----------
        progress : bool, optional
            Whether to show a bar with the rows done and their rate, by tqdm. Default: if that is installed and
            standard error is a terminal.
        timeout_seconds : float, optional
            How long to wait at most. Default: as long as it takes.

        Raises
        ------
        DeadlineExceededError
            If it is not done by then; it goes on.
        RaphsonError
            If the server does not answer.
        """
        advance: Callable[[int], object] | None = None
        shown = 0
        with ExitStack() as stack, closing(self.watch(timeout_seconds)) as states:
            for job in states:
                known = job.progress
                if advance is None and known.rows_total is not None:
                    advance = stack.enter_context(progress_bar(known.rows_total, "rows", wanted=progress))
                if advance is not None:
                    advance(known.rows_done - shown)
                    shown = known.rows_done
        return self

    def results(self, columns: Sequence[str] | None = None, *, timeout_seconds: float | None = None) -> JobResults:
        """Read the rows of the finished output, in the input's order.

        Parameters
        ----------
        columns : sequence of str, optional
            Which columns. Default: all of them.
        timeout_seconds : float, optional
            Deadline of the whole reading. Default: an hour.

        Returns
        -------
        JobResults
            Goes through the columns, some rows at a time; `JobResults.all` waits for all.

        Raises
        ------
        InvalidRequestError
            From the iteration: if the job has not succeeded, or has no such column.
        RaphsonError
            From the iteration: if no answer came.
        """
        request = job_pb2.ReadResultsRequest(name=self.name, columns=columns or ())
        deadline = 3600.0 if timeout_seconds is None else to_deadline(timeout_seconds)
        return JobResults(self._transport.stream(self._transport.read_results, request, deadline))

    def _watch_once(self, end: float | None) -> Generator[job_pb2.Job, None, None]:
        left = WATCH_SECONDS if end is None else min(WATCH_SECONDS, max(end - time.monotonic(), 1e-3))
        return self._transport.stream(self._transport.watch_job, job_pb2.WatchJobRequest(name=self.name), left)

    def _learn(self, message: job_pb2.Job) -> Self:
        self._message = message
        return self

    # --- printing
    def __str__(self) -> str:
        state = self.state.name.lower()
        if self.cancel_requested and not self.done:
            state += ", asked to stop"
        lines = [f"{self.name}: {state}", f"  {self.input_url} → {self.output_url}", f"  {self.progress}"]
        counts = self.progress.counts
        if counts:
            width = max(len(f"{count:,}") for count in counts.values())
            lines += [
                f"    {count:>{width},} {status.name.lower().replace('_', ' ')}" for status, count in counts.items()
            ]
        if self.error is not None:
            lines.append(f"  {self.error}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<Job {self.name}, {self.state.name.lower()}: {self.progress}>"


def _check_time(end: float | None, job: Job) -> None:
    if end is not None and time.monotonic() >= end:
        raise DeadlineExceededError(f"{job.name} was not done in time; it goes on")


def _time(message: job_pb2.Job, field: str) -> datetime | None:
    if not message.HasField(field):
        return None
    from datetime import UTC  # noqa: PLC0415 - for those who ask

    stamp: Timestamp = getattr(message, field)
    return stamp.ToDatetime(UTC)
