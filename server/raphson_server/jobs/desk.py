"""Answers JobService: a server on a socket of this machine, to which the front end passes its callers' calls on.

It keeps no jobs in memory: what it knows is what the store says, so that it may end at any moment.
"""

from __future__ import annotations

import functools
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError
from google.rpc import code_pb2
from raphson.v1 import job_pb2

from raphson_server.aborting import status_of, written
from raphson_server.failures import CallError, Reason, invalid_input
from raphson_server.job_settings import CALLER_KEY, SEES_ALL_KEY
from raphson_server.jobs.errors import JobError, JobErrorCode, JobNotFoundError
from raphson_server.jobs.places import PlaceError, Places, is_same_file
from raphson_server.jobs.rates import Rates
from raphson_server.jobs.record import PREFIX, JobRecord, JobState
from raphson_server.jobs.wire import from_record, to_call_error, to_description, to_request_id
from raphson_server.observability.request_id import REQUEST_ID, sent_request_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from google.protobuf.message import Message

    from raphson_server.job_settings import JobSettings
    from raphson_server.jobs.description import JobDescription
    from raphson_server.jobs.store import Store

_SERVICE = job_pb2.DESCRIPTOR.services_by_name["JobService"]
# More than the front end passes on at a time.
_THREADS = 64
_LOOK_SECONDS = 0.2
_PAGE = 50
_LARGEST_PAGE = 1000
_TOKEN = re.compile(r"[0-9a-z]{26}")


class Desk:
    """The methods of JobService.

    Parameters
    ----------
    store : Store
    places : Places
        Where callers' jobs may read and write.
    message_bytes : int
        Of a chunk of results, about.
    limits : mapping of str to int
        Those of a system, by the solver's names; what is not in it has the solver's default.
    """

    def __init__(self, store: Store, places: Places, message_bytes: int, limits: Mapping[str, int]) -> None:
        self._limits = limits
        self._store = store
        self._places = places
        self._message_bytes = message_bytes
        self._rates = Rates()
        # Systems are compiled one at a time.
        self._checking = threading.Lock()

    def CreateJob(self, request: job_pb2.CreateJobRequest, context: grpc.ServicerContext) -> job_pb2.Job:
        """Check a job and queue it."""
        caller, _ = _caller(context)
        request_id = to_request_id(request.request_id)
        if request_id is not None and caller:
            # Callers' own ids never meet.
            request_id = f"{caller}/{request_id}"
        description = to_description(request.description)
        if request_id is not None:
            made = self._store.find_request(request_id)
            if made is not None:
                return self._job(_same(made, description, request_id))
        self._allow(description)
        self._check(description)
        return self._job(_same(self._store.create(description, request_id, caller), description, request_id))

    def GetJob(self, request: job_pb2.GetJobRequest, context: grpc.ServicerContext) -> job_pb2.Job:
        """Return a job as it is."""
        return self._job(self._get(request.name, context))

    def ListJobs(
        self,
        request: job_pb2.ListJobsRequest,
        context: grpc.ServicerContext,
    ) -> job_pb2.ListJobsResponse:
        """Return a page of jobs."""
        if request.page_size < 0:
            raise invalid_input("page_size", f"{request.page_size}; expected at least 1, or 0 for {_PAGE}")
        if request.page_token and _TOKEN.fullmatch(request.page_token) is None:
            message = f"{request.page_token[:80]!r} is none; expected the next_page_token of a reply"
            raise invalid_input("page_token", message)
        caller, sees_all = _caller(context)
        size = min(request.page_size or _PAGE, _LARGEST_PAGE)
        records, token = self._store.list(size, request.page_token, None if sees_all else caller)
        return job_pb2.ListJobsResponse(jobs=map(self._job, records), next_page_token=token)

    def CancelJob(self, request: job_pb2.CancelJobRequest, context: grpc.ServicerContext) -> job_pb2.Job:
        """Ask a job to stop."""
        return self._job(self._store.request_cancel(self._get(request.name, context).name))

    def ResumeJob(self, request: job_pb2.ResumeJobRequest, context: grpc.ServicerContext) -> job_pb2.Job:
        """Queue a job again."""
        # The operator may have named other places since.
        self._allow(self._get(request.name, context).description)
        return self._job(self._store.resume(request.name))

    def DeleteJob(self, request: job_pb2.DeleteJobRequest, context: grpc.ServicerContext) -> Empty:
        """Forget a job."""
        from raphson_server.jobs.work_directory import remove_work  # noqa: PLC0415 (imports pyarrow)

        record = self._get(request.name, context)
        self._store.delete(record.name)
        remove_work(record)
        return Empty()

    def WatchJob(self, request: job_pb2.WatchJobRequest, context: grpc.ServicerContext) -> Iterator[job_pb2.Job]:
        """Stream a job whenever it has changed."""
        over = threading.Event()
        if not context.add_callback(over.set):
            return
        shown: JobRecord | None = None
        while not over.is_set():
            record = self._get(request.name, context)
            if record != shown:
                yield self._job(record)
                shown = record
            if record.state.is_final:
                return
            over.wait(_LOOK_SECONDS)

    def ReadResults(
        self,
        request: job_pb2.ReadResultsRequest,
        context: grpc.ServicerContext,
    ) -> Iterator[job_pb2.ReadResultsResponse]:
        """Stream the rows of an output."""
        from raphson_server.jobs.results import read_results  # noqa: PLC0415 (imports pyarrow)

        record = self._get(request.name, context)
        if record.state is not JobState.SUCCEEDED:
            why = f": {record.error_message}" if record.error_message else ""
            message = f"{record.name} is {record.state.lower()}{why}; expected a job that has succeeded"
            raise CallError(code_pb2.FAILED_PRECONDITION, Reason.JOB_STATE, message, field="name")
        self._allow(record.description)
        yield from read_results(record.description, tuple(request.columns), self._message_bytes)

    # --- parts of them ----------------------------------------------------------------------------------------

    def _get(self, name: str, context: grpc.ServicerContext) -> JobRecord:
        """Return a job that is the caller's business; others' are as if they were not there."""
        caller, sees_all = _caller(context)
        record = self._store.get(_name(name))
        if not sees_all and record.caller != caller:
            raise JobNotFoundError(record.name)
        return record

    def _job(self, record: JobRecord) -> job_pb2.Job:
        return from_record(record, self._rates.see(record))

    def _allow(self, description: JobDescription) -> None:
        for field, url in (("input", description.input_url), ("output", description.output_url)):
            try:
                self._places.check(url)
            except PlaceError as error:
                raise CallError(
                    code_pb2.PERMISSION_DENIED,
                    Reason.PATH_NOT_ALLOWED,
                    f"description.{field}.url: {error.message}",
                    field=f"description.{field}.url",
                    description=error.message,
                ) from None

    def _check(self, description: JobDescription) -> None:
        from raphson_server.jobs.check import check  # noqa: PLC0415 (imports the solver)

        if is_same_file(description.input_url, description.output_url):
            message = f"{description.output_url} is the input; expected another file"
            raise invalid_input("description.output.url", message)
        with self._checking:
            check(description, self._limits)


def serve_desk(desk: Desk, settings: JobSettings) -> grpc.Server:
    """Answer on the settings' address.

    Raises
    ------
    OSError
        If that cannot be bound.
    """
    server = grpc.server(
        ThreadPoolExecutor(_THREADS, thread_name_prefix="raphson-desk"),
        options=(("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)),
    )
    handlers: dict[str, Any] = {}
    for method in _SERVICE.methods:
        request: Any = getattr(job_pb2, method.input_type.name)
        make = grpc.unary_stream_rpc_method_handler if method.server_streaming else grpc.unary_unary_rpc_method_handler
        wrapped = _stream if method.server_streaming else _unary
        handlers[method.name] = make(
            functools.partial(wrapped, getattr(desk, method.name), request),
            # Read by the wrapper, since gRPC calls bytes that are no message an error of the server's.
            None,
            _encode,
        )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE.full_name, handlers),))
    try:
        server.add_insecure_port(settings.address)
    except RuntimeError as error:
        raise OSError(f"{settings.address} cannot be bound: {error}") from error
    server.start()
    return server


def _caller(context: grpc.ServicerContext) -> tuple[str, bool]:
    """Return whose call the front end passes on, and whether the jobs of others are its business."""
    told = dict(context.invocation_metadata() or ())
    return str(told.get(CALLER_KEY, "")), SEES_ALL_KEY in told


def _read(request: type[Message], body: bytes) -> Message:
    """Read a request's message.

    Raises
    ------
    CallError
        INVALID_ARGUMENT, with reason MALFORMED_MESSAGE.
    """
    try:
        return request.FromString(body)
    except DecodeError:
        message = f"the request's {len(body)} bytes are not a {request.DESCRIPTOR.full_name}; expected its encoding"
        raise CallError(code_pb2.INVALID_ARGUMENT, Reason.MALFORMED_MESSAGE, message) from None


def _encode(reply: Message) -> bytes:
    return reply.SerializeToString()


def _unary(
    method: Callable[[Any, Any], Any], request: type[Message], body: bytes, context: grpc.ServicerContext
) -> Any:
    REQUEST_ID.set(sent_request_id(context.invocation_metadata()))
    try:
        return method(_read(request, body), context)
    except JobError as error:
        status = to_call_error(error).status()
    except Exception as error:  # noqa: BLE001 (`status_of` logs what nobody foresaw)
        status = status_of(error)
    context.abort(written(context, status), status.message)


def _stream(
    method: Callable[[Any, Any], Iterator[Any]], request: type[Message], body: bytes, context: grpc.ServicerContext
) -> Iterator[Any]:
    REQUEST_ID.set(sent_request_id(context.invocation_metadata()))
    try:
        yield from method(_read(request, body), context)
    except JobError as error:
        status = to_call_error(error).status()
    except Exception as error:  # noqa: BLE001 (`status_of` logs what nobody foresaw)
        status = status_of(error)
    else:
        return
    context.abort(written(context, status), status.message)


def _name(name: str) -> str:
    """Refuse what cannot be a job's name, which the store would not find either."""
    if not name.startswith(PREFIX):
        raise JobError(JobErrorCode.JOB_NOT_FOUND, f"name: {name[:80]!r} is no job; expected 'jobs/…'")
    return name


def _same(record: JobRecord, description: JobDescription, request_id: str | None) -> JobRecord:
    if record.description.to_json() != description.to_json():
        message = f"request_id: {request_id!r} has made {record.name}, another job; expected an id of its own"
        raise CallError(code_pb2.ALREADY_EXISTS, Reason.REQUEST_ID_USED, message, field="request_id")
    return record
