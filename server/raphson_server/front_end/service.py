"""The service as a whole: a gRPC server before a pool of workers, from its start to its last reply."""

import asyncio
import gc
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
from raphson.v1 import jacobian_pb2, solver_pb2, system_pb2

from raphson_server.bounded_cache import BoundedCache
from raphson_server.configuration import ServerConfig
from raphson_server.containment import keep_memory
from raphson_server.frames import Method
from raphson_server.front_end import jobs
from raphson_server.front_end.batches import batch_handler
from raphson_server.front_end.callbacks import callback_handler
from raphson_server.front_end.certificates import tls_credentials
from raphson_server.front_end.forwarding import Forwarder
from raphson_server.front_end.guard import Guard
from raphson_server.front_end.health import Health, register_reflection
from raphson_server.front_end.loop_thread import LoopThread
from raphson_server.front_end.monitoring import Monitoring
from raphson_server.front_end.progress import progress_handler
from raphson_server.front_end.registration import Methods
from raphson_server.pool import WorkerPool

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_SOLVER = solver_pb2.DESCRIPTOR.services_by_name["SolverService"].full_name
_JACOBIAN = jacobian_pb2.DESCRIPTOR.services_by_name["JacobianService"].full_name
_SYSTEM = system_pb2.DESCRIPTOR.services_by_name["SystemService"].full_name
_SERVICES = (_SOLVER, _JACOBIAN, _SYSTEM, jobs.SERVICE)

# At least, for what is still being written.
_LAST_REPLIES_SECONDS = 0.5
# A message's fields around its largest array.
_ENVELOPE_BYTES = 64 * 1024
# Times what is admitted: whoever sends too much is to be refused, not held back by gRPC at its own end.
_CALLS_OF_A_CONNECTION = 16

_log = logging.getLogger("raphson_server")


class Service:
    """Solves over gRPC on one address.

    Parameters
    ----------
    config : ServerConfig
    on_ready : callable
        Called once the workers are warm and health says SERVING, with whether the engine had to be compiled.
    on_failure : callable
        Called with a reason if no worker can be started, or jobs cannot be kept.
    provider : opentelemetry.sdk.trace.TracerProvider, optional
        Where traces go, instead of to ``config.trace_endpoint``; shut down with the service.

    Raises
    ------
    UnusableFileError
        If the file of tokens cannot be used.
    ImportError
        If traces are asked for without their extra.
    """

    def __init__(
        self,
        config: ServerConfig,
        on_ready: Callable[[bool], None],
        on_failure: Callable[[str], None],
        provider: "TracerProvider | None" = None,
    ) -> None:
        self._config = config
        self._monitoring = Monitoring(config, provider)
        self._guard = Guard(Path(config.tokens), self._monitoring.observer) if config.tokens else None
        self._on_ready = on_ready
        self._on_failure = on_failure
        self._compiled_engine = False
        # What is waited for before the service serves.
        self._not_ready = {"workers", "jobs"} if config.jobs else {"workers"}
        self._definitions = BoundedCache[bytes, bytes](config.definitions, config.definition_bytes, weigh=len)
        self._health = Health(_SERVICES, absent=() if config.jobs else (jobs.SERVICE,))
        self._pool = WorkerPool(config, self._workers_ready, on_failure)
        self._jobs: jobs.Jobs | None = None
        self._loop: LoopThread | None = None
        self._is_stopping = False
        self._stopping = threading.Lock()

    def start(self) -> str:
        """Bind, answer health (NOT_SERVING) and start the workers in the background.

        Returns
        -------
        str
            The address bound, with the port that was chosen.

        Raises
        ------
        OSError
            If the address, or that of the metrics, cannot be bound.
        UnusableFileError
            If a certificate cannot be used.
        """
        # Replies of batches are megabytes.
        keep_memory()
        self._loop = LoopThread()
        try:
            return self._loop.run(self._start())
        except BaseException:
            self._loop.run(self._stop_jobs())
            self._loop.close()
            self._loop = None
            self._monitoring.stop()
            raise

    async def _start(self) -> str:
        self._server = self._made()
        self._monitoring.start(
            self._pool.state,
            lambda: self._health.is_serving,
            lambda: len(self._definitions),
            None if self._jobs is None else self._jobs.counts,
        )
        try:
            port = self._bind()
        except RuntimeError as error:
            raise OSError(
                f"{self._config.address} cannot be bound; expected a host of this machine and a port "
                "that no other program listens on"
            ) from error
        await self._server.start()
        self._serving = asyncio.create_task(self._server.wait_for_termination())
        self._serving.add_done_callback(self._ended)
        self._pool.start()
        if self._jobs is not None:
            self._jobs.start()
        return f"{self._config.address.rpartition(':')[0]}:{port}"

    def _made(self) -> grpc.aio.Server:
        """Return a server that knows what answers each method."""
        config, observed = self._config, self._monitoring.observer.observed
        methods = Methods()
        self._health.register(methods)
        register_reflection(methods, _SERVICES)
        forwarder = Forwarder(self._pool, self._definitions, config)
        unary, stream = grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler
        solver: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            "Solve": unary(forwarder.handler(Method.SOLVE)),
            "SolveWithProgress": stream(progress_handler(forwarder, self._pool, config, Method.SOLVE_WITH_PROGRESS)),
            "Explain": unary(forwarder.handler(Method.EXPLAIN)),
            "FindAll": stream(forwarder.stream_handler(Method.FIND_ALL)),
            "Follow": stream(forwarder.stream_handler(Method.FOLLOW)),
            "SolveBatch": grpc.stream_stream_rpc_method_handler(
                batch_handler(forwarder, self._pool, config, Method.SOLVE_BATCH)
            ),
            "SolveCallback": grpc.stream_stream_rpc_method_handler(callback_handler(forwarder, self._pool, config)),
        }
        methods.add(_SOLVER, observed(_SOLVER, solver))
        jacobian: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            "Evaluate": unary(forwarder.handler(Method.EVALUATE)),
            "EvaluateChain": unary(forwarder.handler(Method.EVALUATE_CHAIN)),
            "CheckJacobian": unary(forwarder.handler(Method.CHECK_JACOBIAN)),
            "TestDifferentiability": unary(forwarder.handler(Method.TEST_DIFFERENTIABILITY)),
        }
        methods.add(_JACOBIAN, observed(_JACOBIAN, jacobian))
        system: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            "Compile": unary(forwarder.handler(Method.COMPILE)),
            "ListRegistered": unary(forwarder.handler(Method.LIST_REGISTERED)),
        }
        methods.add(_SYSTEM, observed(_SYSTEM, system))
        if config.jobs:
            self._jobs = jobs.Jobs(config, forwarder, self._pool, self._jobs_ready, self._on_failure)
        job = jobs.no_jobs() if self._jobs is None else self._jobs.handlers()
        methods.add(jobs.SERVICE, observed(jobs.SERVICE, job))
        interceptors = [] if self._guard is None else [self._guard]
        return grpc.aio.server(handlers=[methods], interceptors=interceptors, options=_options(config))

    def _bind(self) -> int:
        if self._config.tls_certificate:
            return self._server.add_secure_port(self._config.address, tls_credentials(self._config))
        return self._server.add_insecure_port(self._config.address)

    def stop(self) -> None:
        """Tell health, turn new requests away, wait for those in flight within the limit, end the workers.

        Meanwhile jobs are handed back: whoever runs them next goes on behind the chunks that are done. It may be asked
        for again.
        """
        with self._stopping:
            if self._loop is None:
                return
            self._loop.run(self._stop())
            self._loop.close()
            self._loop = None
        self._monitoring.stop()

    async def _stop(self) -> None:
        ends = time.monotonic() + self._config.drain_seconds
        self._is_stopping = True
        self._health.tell(serving=False)
        self._pool.close()
        handing_back = asyncio.create_task(self._stop_jobs())
        if not await self._pool.drain(self._config.drain_seconds):
            _log.warning("requests are cut off", extra={"drain_seconds": self._config.drain_seconds})
        # Whoever is left learns now (UNAVAILABLE) that the request is to be sent elsewhere.
        await self._pool.stop()
        await handing_back
        self._health.end()
        # Of two ends, if it was cut short, the earlier one counts.
        await self._server.stop(max(ends - time.monotonic(), _LAST_REPLIES_SECONDS))

    def cut_short(self) -> None:
        """Let a `stop` that is under way wait no longer."""
        _log.warning("told to stop at once: requests are cut off")
        loop = self._loop
        if loop is not None:
            loop.post(lambda: loop.keep(self._stop_at_once()))
        if self._jobs is not None:
            self._jobs.kill()

    async def _stop_at_once(self) -> None:
        self._is_stopping = True
        await self._pool.stop()
        await self._server.stop(_LAST_REPLIES_SECONDS)

    async def _stop_jobs(self) -> None:
        if self._jobs is not None:
            await self._jobs.stop()

    def _ended(self, serving: asyncio.Task[bool]) -> None:
        """Give up where gRPC does, although nobody has told it to stop."""
        if self._is_stopping:
            return
        error = None if serving.cancelled() else serving.exception()
        self._on_failure(f"the gRPC server ended: {error}")

    @property
    def metrics_address(self) -> str:
        """Where metrics are offered, once it has started; empty if they are not."""
        return self._monitoring.metrics_address

    def _workers_ready(self, compiled_engine: bool) -> None:
        self._compiled_engine = compiled_engine
        self._part_ready("workers")

    def _jobs_ready(self) -> None:
        """Take in what the processes for jobs say; from a thread of theirs."""
        if self._loop is not None:
            self._loop.post(self._part_ready, "jobs")

    def _part_ready(self, part: str) -> None:
        self._not_ready.discard(part)
        if not (self._not_ready or self._is_stopping):
            self._serve()

    def _serve(self) -> None:
        # What was loaded stays; the collector need not stop a call to look at it again.
        gc.collect()
        gc.freeze()
        self._health.tell(serving=True)
        self._on_ready(self._compiled_engine)


def _options(config: ServerConfig) -> tuple[tuple[str, int], ...]:
    """Write the channel options out: sizes, and keepalive in both directions."""
    return (
        ("grpc.max_receive_message_length", config.max_message_bytes),
        ("grpc.max_send_message_length", config.max_message_bytes + _ENVELOPE_BYTES),
        # A second server on the same port is a mistake to hear of, not one to share it with.
        ("grpc.so_reuseport", 0),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
        ("grpc.http2.max_ping_strikes", 0),
        # What a caller opens and says nothing on costs memory, and counts nowhere else.
        ("grpc.max_concurrent_streams", _CALLS_OF_A_CONNECTION * config.max_in_flight),
        # A client that connects again asks anew which servers there are; calls under way are not touched by it.
        ("grpc.max_connection_age_ms", 900_000),
    )
