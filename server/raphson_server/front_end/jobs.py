"""JobService: its calls are passed on to a process of their own, which keeps the jobs; another one runs them.

The front end opens no store, reads no table and parses no message. What it does itself is to have a new job's
definition compiled by a worker, so that nothing is queued that cannot be solved, and to end calls whose readers take
nothing.
"""

from __future__ import annotations  # grpc's handler type takes no parameters at run time

import asyncio
import functools
import shutil
import tempfile
from typing import TYPE_CHECKING, Any, Never

import grpc
from google.rpc import code_pb2
from google.rpc.status_pb2 import Status
from raphson.v1 import job_pb2

from raphson_server.aborting import DETAILS_KEY
from raphson_server.failures import CallError, Reason, unexpected
from raphson_server.frames import Method, Outcome, Reply
from raphson_server.front_end.caller import CALLER, address_of
from raphson_server.front_end.ending import Reader, abort, begun, finish
from raphson_server.front_end.forwarding import Forwarder
from raphson_server.front_end.refusals import call_ended, not_serving
from raphson_server.front_end.seats import Seats
from raphson_server.job_settings import CALLER_KEY, SEES_ALL_KEY, JobSettings
from raphson_server.observability.request_id import KEY, REQUEST_ID
from raphson_server.pool import KeptProcess, Ticket, WorkerPool

if TYPE_CHECKING:
    from collections.abc import Callable

    from raphson_server.configuration import ServerConfig
    from raphson_server.front_end.ending import Context

SERVICE = job_pb2.DESCRIPTOR.services_by_name["JobService"].full_name
_UNARY = ("GetJob", "ListJobs", "CancelJob", "ResumeJob", "DeleteJob")
_STREAMS = ("WatchJob", "ReadResults")
# Each holds a thread at the desk.
MOST_STREAMS = 32
_RETRY_SECONDS = 0.5
_LONGEST_CALL_SECONDS = 60.0
# The desk has nothing to finish but the calls that are under way.
_DESK_SECONDS = 1.0
_CHANNEL = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
)


class Jobs:
    """The service's jobs: the processes for them, and the handlers that pass calls on.

    Parameters
    ----------
    config : ServerConfig
        With a store of jobs.
    forwarder : Forwarder
        Has definitions compiled.
    pool : WorkerPool
        Watches the readers.
    on_ready : callable
        Called once both processes are ready.
    on_failure : callable
        Called with a reason if one cannot be started.
    """

    def __init__(
        self,
        config: ServerConfig,
        forwarder: Forwarder,
        pool: WorkerPool,
        on_ready: Callable[[], None],
        on_failure: Callable[[str], None],
    ) -> None:
        # Ends the call itself where it refuses.
        self._compile = forwarder.handler(Method.COMPILE_JOB)
        self._pool = pool
        self._config = config
        self._folder = tempfile.mkdtemp(prefix="raphson-")  # for nobody else to look into
        settings = JobSettings(
            store=config.jobs,
            roots=config.job_files,
            executor=config.jobs_on,
            processes=config.job_processes,
            niceness=config.job_niceness,
            lease_seconds=config.job_lease_seconds,
            address=f"unix:{self._folder}/desk",
            announce_fd=-1,
            parent_pid=-1,
            max_message_bytes=config.max_message_bytes,
            limits=config.solver_limits(),
            code_cache_bytes=config.code_cache_bytes,
            log_level=config.log_level,
            log_format=config.log_format,
        )
        self._desk = KeptProcess("desk", settings, self._start_runner, on_failure)
        self._runner = KeptProcess("runner", settings, on_ready, on_failure)
        self._channel = grpc.aio.insecure_channel(settings.address, options=_CHANNEL)
        self._is_over = False
        share = config.max_caller_share
        self._seats = Seats(MOST_STREAMS, "streams about jobs", share=share)
        self._unary_seats = Seats(config.max_in_flight, "calls about jobs", "max_in_flight", share=share)

    def handlers(self) -> dict[str, grpc.RpcMethodHandler[Any, Any]]:
        """Return what answers each method."""
        unary, stream = grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler
        handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            name: unary(functools.partial(self._unary, name)) for name in _UNARY
        }
        handlers |= {name: stream(functools.partial(self._stream, name)) for name in _STREAMS}
        handlers["CreateJob"] = unary(self._create)
        return handlers

    def start(self) -> None:
        """Start the processes: the desk, which makes the store where there is none, and then the runner."""
        self._desk.start()

    def counts(self) -> dict[str, int]:
        """Return how many jobs are in which state, as the desk saw it a few seconds ago."""
        return self._desk.counts

    async def stop(self) -> None:
        """Have the runner hand its job back, and end both."""
        await asyncio.to_thread(self._runner.stop, self._config.drain_seconds)
        await asyncio.to_thread(self._desk.stop, _DESK_SECONDS)
        self._is_over = True
        await self._channel.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def kill(self) -> None:
        """End both processes at once; the job goes on from its last chunk when another runner takes it."""
        self._runner.kill()
        self._desk.kill()

    def _start_runner(self) -> None:
        self._runner.start()

    # --- calls ------------------------------------------------------------------------------------------------

    async def _create(self, body: bytes, context: Context) -> bytes:
        await self._compile(body, context)
        return await self._unary("CreateJob", body, context)

    async def _unary(self, name: str, body: bytes, context: Context) -> bytes:
        remaining: float | None = context.time_remaining()
        seconds = _LONGEST_CALL_SECONDS if remaining is None else min(remaining, _LONGEST_CALL_SECONDS)
        method: Any = self._channel.unary_unary(f"/{SERVICE}/{name}")
        try:
            with self._unary_seats.one(address_of(context)):
                reply: bytes = await method(body, timeout=seconds, metadata=_metadata())
        except CallError as error:
            status = error.status()
        except (grpc.aio.AioRpcError, grpc.aio.UsageError, asyncio.CancelledError) as error:
            status = self._why(error)
        else:
            return reply
        await abort(context, status)

    async def _stream(self, name: str, body: bytes, context: Context) -> None:
        await finish(context, functools.partial(self._tell, name, body, context), self._seats)

    async def _tell(self, name: str, body: bytes, context: Context) -> Reply | None:
        """Write what the desk says, while somebody reads it."""
        with Reader(self._pool, context, self._config, Ticket()) as reader:
            method: Any = self._channel.unary_stream(f"/{SERVICE}/{name}")
            call = None
            try:
                call = method(body, metadata=_metadata())
                while (message := await asyncio.shield(begun(call.read()))) is not grpc.aio.EOF:
                    await reader.write(message)
            except (grpc.aio.AioRpcError, grpc.aio.UsageError, asyncio.CancelledError) as error:
                return Reply(Outcome.FAILED, self._why(error).SerializeToString())
            finally:
                if call is not None:
                    call.cancel()
        return None

    def _why(self, error: BaseException) -> Status:
        """Say to the caller why there is no (further) answer.

        Raises
        ------
        asyncio.CancelledError
            If it is the caller's own call that has ended.
        """
        if isinstance(error, grpc.aio.AioRpcError):
            return _relayed(error)
        if self._is_over:
            # The channel to the desk was closed.
            return not_serving().status()
        raise error


def no_jobs() -> dict[str, grpc.RpcMethodHandler[Any, Any]]:
    """Return what answers each method of a server that keeps no jobs."""
    message = "this server keeps no jobs; start one that does with: raphson serve --jobs FOLDER --job-files FOLDER"
    status = CallError(code_pb2.FAILED_PRECONDITION, Reason.NO_JOBS, message).status()

    async def handle(_: bytes, context: Context) -> Never:
        await abort(context, status)

    unary, stream = grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler
    return {name: unary(handle) for name in ("CreateJob", *_UNARY)} | {name: stream(handle) for name in _STREAMS}


def _metadata() -> tuple[tuple[str, str], ...]:
    """Tell the desk which call it is, and who calls; nothing of what callers send as metadata goes there."""
    caller = CALLER.get()
    told = ((KEY, REQUEST_ID.get()), (CALLER_KEY, caller.name))
    return (*told, (SEES_ALL_KEY, "yes")) if caller.sees_all_jobs else told


def _relayed(error: grpc.aio.AioRpcError) -> Status:
    """Say to the caller what the desk said."""
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            return Status.FromString(value)
    match error.code():
        case grpc.StatusCode.CANCELLED:
            return call_ended().status()
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            message = "no answer within the call's deadline"
            return CallError(code_pb2.DEADLINE_EXCEEDED, Reason.DEADLINE_EXCEEDED, message).status()
        case grpc.StatusCode.UNAVAILABLE:
            message = "the service for jobs is starting or stopping; try again in a moment"
            return CallError(code_pb2.UNAVAILABLE, Reason.NOT_SERVING, message, retry_seconds=_RETRY_SECONDS).status()
        case _:
            return unexpected(error).status()
