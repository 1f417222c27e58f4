"""What a client offers for work that outlives it: jobs, from a table to a table, on the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from uuid import uuid4

from raphson.calls import Calls
from raphson.errors import InvalidRequestError
from raphson.job import Job
from raphson.job_description import to_table, write_system
from raphson.options import to_count, write_options
from raphson.v1 import job_pb2
from raphson.vocabulary import JacobianMode, Method, MethodName, to_method

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import ArrayLike

    from raphson.blocking_transport import BlockingTransport
    from raphson.members import Shapes
    from raphson.problem import Equations, Point

PREFIX = "jobs/"


class Queueing(Calls):
    """Gives a server jobs, and finds them again."""

    @property
    def _blocking_transport(self) -> BlockingTransport:
        # Clients that queue are made with no other.
        return cast("BlockingTransport", self._transport)

    def create_job(
        self,
        equations: Equations,
        input_url: str | os.PathLike[str],
        output_url: str | os.PathLike[str],
        start: Point | None = None,
        parameters: Mapping[str, ArrayLike | None] | None = None,
        *,
        shapes: Shapes | None = None,
        carry: Sequence[str] = (),
        input_format: str | None = None,
        output_format: str | None = None,
        overwrite: bool = False,
        chunk_rows: int | None = None,
        warm_start: bool = False,
        method: MethodName | Method = "auto",
        tolerance: float | None = None,
        absolute_tolerance: float | None = None,
        max_iterations: int | None = None,
        request_id: str | None = None,
        timeout_seconds: float | None = None,
    ) -> Job:
        """Have a table of parameters solved, row by row, into a table of roots: by the server, durably.

        A column of the input belongs to the variable or the parameter of its name: numbers for a scalar, lists or
        columns ``h[0]``, ``h[1]``, … for an array. What has no column is the same in all rows.

        Parameters
        ----------
        equations : str, sequence of str, callable or CompiledSystem
            The system, the same for all rows.
        input_url, output_url : str or path-like
            The tables, Parquet, Arrow or CSV: absolute paths on the server's machine, or URLs that fsspec knows,
            beneath what its operator allows.
        start : mapping of str to array-like, or array-like
            Where to begin, in rows whose table has no column for a variable. It tells the names and shapes of the
            unknowns; not needed with a compiled system whose variables all have columns.
        parameters : mapping of str to array-like or None, optional
            What is given, the same in all rows; None: the table has a column for it.
        shapes : mapping of str to tuple of int, optional
            Shapes of those parameters that are None and arrays: ``{"h": (5,)}``.
        carry : sequence of str
            Columns of the input that the output repeats; ``"*"`` stands for all that belong to nothing else.
        input_format, output_format : str, optional
            ``"parquet"``, ``"arrow"`` or ``"csv"``. Default: by the extension.
        overwrite : bool
            Whether the output may take the place of a file.
        chunk_rows : int, optional
            Rows that are solved and committed together. Default: the server's choice.
        warm_start : bool
            Whether a row begins at the root of one before it, where its table has no column for a variable.
        method, tolerance, absolute_tolerance, max_iterations
            Of each row, as in `solve`.
        request_id : str, optional
            Of the caller's choice: a request that is sent again returns the job that it made the first time. Default:
            one that nobody else has, so that a call whose answer is lost makes one job.
        timeout_seconds : float, optional
            Deadline of the call, which ends when the job is checked and queued. Default: the client's.

        Returns
        -------
        Job
            Queued; `Job.wait` waits for it, here or elsewhere.

        Raises
        ------
        InvalidRequestError
            If the request makes no sense, a column is missing, unknown or of the wrong type, or a path is not allowed;
            nothing was queued.
        RaphsonError
            If no answer came.
        """
        request = job_pb2.CreateJobRequest(request_id=request_id or "")
        description = request.description
        write_system(description, equations, start, parameters, shapes)
        write_options(
            description.options,
            to_method(method),
            JacobianMode.EXACT,
            tolerance=tolerance,
            absolute_tolerance=absolute_tolerance,
            max_iterations=max_iterations,
        )
        description.input.CopyFrom(to_table(input_url, input_format, "input"))
        description.output.CopyFrom(to_table(output_url, output_format, "output"))
        if isinstance(carry, str):
            raise InvalidRequestError.at("carry", f"{carry!r} is a text; expected a list of columns")
        description.carry.extend(carry)
        description.overwrite = bool(overwrite)
        description.warm_start = bool(warm_start)
        if chunk_rows is not None:
            description.chunk_rows = to_count(chunk_rows, "chunk_rows")
            if description.chunk_rows < 1:
                raise InvalidRequestError.at("chunk_rows", f"{chunk_rows}; expected at least 1")
        return self._create(request, timeout_seconds)

    def queue_job(
        self,
        description: job_pb2.JobDescription,
        *,
        request_id: str | None = None,
        timeout_seconds: float | None = None,
    ) -> Job:
        """Do as `create_job` with a description as the wire has it, for programs that keep them.

        Parameters
        ----------
        description : raphson.v1.job_pb2.JobDescription
            What to do.
        request_id : str, optional
            As of `create_job`.
        timeout_seconds : float, optional
            Deadline of the call. Default: the client's.

        Returns
        -------
        Job
            As `create_job`.

        Raises
        ------
        InvalidRequestError, RaphsonError
            As `create_job`.
        """
        return self._create(
            job_pb2.CreateJobRequest(description=description, request_id=request_id or ""), timeout_seconds
        )

    def job(self, name: str) -> Job:
        """Return the job of a name, as it is now.

        Parameters
        ----------
        name : str
            ``"jobs/…"``; the part behind the slash will do.

        Raises
        ------
        JobNotFoundError
            If the server has none of that name.
        RaphsonError
            If no answer came.
        """
        if not isinstance(name, str):
            raise InvalidRequestError.at("name", f"{name!r} is not a name; expected 'jobs/…'")
        request = job_pb2.GetJobRequest(name=name if name.startswith(PREFIX) else PREFIX + name)
        return self._job(self._blocking_transport.send(self._blocking_transport.get_job, request, self.timeout_seconds))

    def jobs(self) -> Iterator[Job]:
        """Go through the server's jobs, the newest first; pages are asked for as they are needed.

        Raises
        ------
        RaphsonError
            If no answer came.
        """
        request = job_pb2.ListJobsRequest()
        while True:
            reply = self._blocking_transport.send(self._blocking_transport.list_jobs, request, self.timeout_seconds)
            yield from map(self._job, reply.jobs)
            if not reply.next_page_token:
                return
            request.page_token = reply.next_page_token

    def _create(self, request: job_pb2.CreateJobRequest, timeout_seconds: float | None) -> Job:
        deadline = self._deadline(timeout_seconds)
        # The channel sends it again if it is lost.
        request.request_id = request.request_id or uuid4().hex
        return self._job(self._blocking_transport.send(self._blocking_transport.create_job, request, deadline))

    def _job(self, message: job_pb2.Job) -> Job:
        return Job(self._blocking_transport, self.timeout_seconds, message)
