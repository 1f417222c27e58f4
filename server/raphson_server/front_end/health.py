"""Health and reflection, on threads of their own: neither waits for a solve, nor holds a solve's thread."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import grpc
from grpc_health.v1 import health, health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2

from raphson_server.front_end.registration import OnOwnThreads, register

Send = Callable[[health_pb2.HealthCheckResponse | None], object]

_HEALTH_THREADS = 4
_SENDING_THREADS = 4
_REFLECTION_THREADS = 4


class Health:
    """The standard health service, for the whole server and for each of its services.

    Parameters
    ----------
    server : grpc.Server
        Where to register it, before it starts.
    service_names : tuple of str
        Full names of the services whose health is told.
    absent : tuple of str
        Those of them that this server does not offer: they never serve.

    Attributes
    ----------
    is_serving : bool
        What is answered.
    """

    is_serving: bool

    def __init__(self, server: grpc.Server, service_names: tuple[str, ...], absent: tuple[str, ...] = ()) -> None:
        self._names = ("", *service_names)
        self._absent = absent
        self._threads = ThreadPoolExecutor(_HEALTH_THREADS, thread_name_prefix="raphson-health")
        # A connection that takes nothing holds up one of these, and no probe.
        self._senders = ThreadPoolExecutor(_SENDING_THREADS, thread_name_prefix="raphson-watchers")
        self._servicer = health.HealthServicer(experimental_non_blocking=True, experimental_thread_pool=self._threads)
        self.tell(serving=False)
        decode = health_pb2.HealthCheckRequest.FromString
        encode = health_pb2.HealthCheckResponse.SerializeToString
        register(
            server,
            health.SERVICE_NAME,
            {
                "Check": grpc.unary_unary_rpc_method_handler(
                    OnOwnThreads(self._servicer.Check, self._threads), decode, encode
                ),
                "Watch": grpc.unary_stream_rpc_method_handler(
                    OnOwnThreads(self._watch, self._threads, experimental_non_blocking=True),
                    decode,
                    encode,
                ),
            },
        )

    def tell(self, *, serving: bool) -> None:
        """Answer SERVING or NOT_SERVING from now on."""
        self.is_serving = serving
        response = health_pb2.HealthCheckResponse
        status = response.SERVING if serving else response.NOT_SERVING
        for name in self._names:
            self._servicer.set(name, response.NOT_SERVING if name in self._absent else status)

    def close(self) -> None:
        """End the threads."""
        for threads in (self._threads, self._senders):
            threads.shutdown(wait=False, cancel_futures=True)

    def _watch(self, request: health_pb2.HealthCheckRequest, context: grpc.ServicerContext, send: Send) -> object:
        return self._servicer.Watch(request, context, _Watcher(send, self._senders).tell)


class _Watcher:
    """Sends to one who watches, on threads of the service's, so that nobody who has something to tell waits for it.

    The library tells its watchers with its lock held, and gRPC's one thread that serves wants that lock when a call of
    another watcher ends; sending waits for that thread.

    Parameters
    ----------
    send : callable
        gRPC's: waits until a message is sent; None ends the call.
    threads : ThreadPoolExecutor
    """

    def __init__(self, send: Send, threads: ThreadPoolExecutor) -> None:
        self._send = send
        self._threads = threads
        self._lock = threading.Lock()
        # Who is slow is told how it is, not how it was.
        self._untold: deque[health_pb2.HealthCheckResponse | None] = deque(maxlen=1)
        self._is_sending = False
        self._has_ended = False

    def tell(self, response: health_pb2.HealthCheckResponse | None) -> None:
        """Send a message soon, in place of one that is not sent yet; None ends the call."""
        with self._lock:
            if self._has_ended:
                return
            self._has_ended = response is None
            self._untold.append(response)
            if self._is_sending:
                return
            self._is_sending = True
        self._threads.submit(self._send_untold)

    def _send_untold(self) -> None:
        while True:
            with self._lock:
                if not self._untold:
                    self._is_sending = False
                    return
                response = self._untold.popleft()
            self._send(response)


class Reflection:
    """Server reflection, so that any language can call from the address alone.

    Parameters
    ----------
    server : grpc.Server
        Where to register it, before it starts.
    service_names : tuple of str
        Full names of the services to list.
    """

    def __init__(self, server: grpc.Server, service_names: tuple[str, ...]) -> None:
        self._threads = ThreadPoolExecutor(_REFLECTION_THREADS, thread_name_prefix="raphson-reflection")
        names = (*service_names, health.SERVICE_NAME, reflection.SERVICE_NAME)
        servicer = reflection.ReflectionServicer(names)
        register(
            server,
            reflection.SERVICE_NAME,
            {
                "ServerReflectionInfo": grpc.stream_stream_rpc_method_handler(
                    OnOwnThreads(servicer.ServerReflectionInfo, self._threads),
                    reflection_pb2.ServerReflectionRequest.FromString,
                    reflection_pb2.ServerReflectionResponse.SerializeToString,
                ),
            },
        )

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)
