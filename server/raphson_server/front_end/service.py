"""The service as a whole: a gRPC server before a pool of workers, from its start to its last reply."""

import gc
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from raphson.v1 import jacobian_pb2, solver_pb2, system_pb2

from raphson_server.bounded_cache import BoundedCache
from raphson_server.configuration import ServerConfig
from raphson_server.containment import keep_memory
from raphson_server.frames import Method
from raphson_server.front_end import jobs
from raphson_server.front_end.batches import batch_handler
from raphson_server.front_end.callbacks import callback_handler
from raphson_server.front_end.forwarding import Forwarder
from raphson_server.front_end.health import Health, Reflection
from raphson_server.front_end.registration import register
from raphson_server.pool import WorkerPool

_SOLVER = solver_pb2.DESCRIPTOR.services_by_name["SolverService"].full_name
_JACOBIAN = jacobian_pb2.DESCRIPTOR.services_by_name["JacobianService"].full_name
_SYSTEM = system_pb2.DESCRIPTOR.services_by_name["SystemService"].full_name
_SERVICES = (_SOLVER, _JACOBIAN, _SYSTEM, jobs.SERVICE)

# Beside the admitted requests there are always threads to turn the others away.
_THREADS_BEYOND_ADMISSION = 16
_LAST_REPLIES_SECONDS = 0.5
# A message's fields around its largest array.
_ENVELOPE_BYTES = 64 * 1024

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
    """

    def __init__(
        self,
        config: ServerConfig,
        on_ready: Callable[[bool], None],
        on_failure: Callable[[str], None],
    ) -> None:
        self._config = config
        self._on_ready = on_ready
        self._compiled_engine = False
        # What is waited for before the service serves.
        self._not_ready = {"workers", "jobs"} if config.jobs else {"workers"}
        self._ready_lock = threading.Lock()
        self._pool = WorkerPool(config, self._workers_ready, on_failure)
        definitions = BoundedCache[bytes, bytes](config.definitions, config.definition_bytes, weigh=len)
        # A batch keeps its thread between chunks, when none of them is in flight, and a callback between its turns.
        self._threads = ThreadPoolExecutor(
            2 * config.max_in_flight + config.callbacks + _THREADS_BEYOND_ADMISSION, thread_name_prefix="raphson-call"
        )
        self._server = grpc.server(self._threads, options=_options(config))
        self._health = Health(self._server, _SERVICES)
        self._reflection = Reflection(self._server, _SERVICES)
        forwarder = Forwarder(self._pool, definitions, config.max_in_flight)
        unary, stream = grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler
        solver: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            "Solve": unary(forwarder.handler(Method.SOLVE)),
            "Explain": unary(forwarder.handler(Method.EXPLAIN)),
            "FindAll": stream(forwarder.stream_handler(Method.FIND_ALL)),
            "Follow": stream(forwarder.stream_handler(Method.FOLLOW)),
            "SolveBatch": grpc.stream_stream_rpc_method_handler(
                batch_handler(forwarder, self._pool, Method.SOLVE_BATCH, config.workers, config.max_in_flight)
            ),
            "SolveCallback": grpc.stream_stream_rpc_method_handler(callback_handler(forwarder, self._pool, config)),
        }
        register(self._server, _SOLVER, solver)
        jacobian: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            "Evaluate": unary(forwarder.handler(Method.EVALUATE)),
            "EvaluateChain": unary(forwarder.handler(Method.EVALUATE_CHAIN)),
            "CheckJacobian": unary(forwarder.handler(Method.CHECK_JACOBIAN)),
            "TestDifferentiability": unary(forwarder.handler(Method.TEST_DIFFERENTIABILITY)),
        }
        register(self._server, _JACOBIAN, jacobian)
        system: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            "Compile": unary(forwarder.handler(Method.COMPILE)),
            "ListRegistered": unary(forwarder.handler(Method.LIST_REGISTERED)),
        }
        register(self._server, _SYSTEM, system)
        self._jobs = jobs.Jobs(config, forwarder, self._pool, self._jobs_ready, on_failure) if config.jobs else None
        register(self._server, jobs.SERVICE, jobs.no_jobs() if self._jobs is None else self._jobs.handlers())

    def start(self) -> str:
        """Bind, answer health (NOT_SERVING) and start the workers in the background.

        Returns
        -------
        str
            The address bound, with the port that was chosen.

        Raises
        ------
        OSError
            If the address cannot be bound.
        """
        try:
            port = self._server.add_insecure_port(self._config.address)
        except RuntimeError as error:
            raise OSError(
                f"{self._config.address} cannot be bound; expected a host of this machine and a port "
                "that no other program listens on"
            ) from error
        # Replies of batches are megabytes.
        keep_memory()
        self._server.start()
        self._pool.start()
        if self._jobs is not None:
            self._jobs.start()
        return f"{self._config.address.rpartition(':')[0]}:{port}"

    def stop(self) -> None:
        """Tell health, turn new requests away, wait for those in flight within the limit, end the workers."""
        self._health.tell(serving=False)
        if self._jobs is not None:
            self._jobs.stop()
        if not self._pool.drain(self._config.drain_seconds):
            _log.warning("requests were still in flight after %.1f s", self._config.drain_seconds)
        # Whoever is left learns now (UNAVAILABLE) that the request is to be sent elsewhere.
        self._pool.stop()
        self._server.stop(_LAST_REPLIES_SECONDS).wait()
        for part in (self._health, self._reflection):
            part.close()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _workers_ready(self, compiled_engine: bool) -> None:
        self._compiled_engine = compiled_engine
        self._part_ready("workers")

    def _jobs_ready(self) -> None:
        self._part_ready("jobs")

    def _part_ready(self, part: str) -> None:
        with self._ready_lock:
            self._not_ready.discard(part)
            if self._not_ready:
                return
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
    )
