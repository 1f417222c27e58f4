"""Health and reflection, on threads of their own: neither waits for a solve, nor holds a solve's thread."""

from concurrent.futures import ThreadPoolExecutor

import grpc
from grpc_health.v1 import health, health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2

from raphson_server.front_end.registration import OnOwnThreads, register

_HEALTH_THREADS = 4
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
                    OnOwnThreads(self._servicer.Watch, self._threads, experimental_non_blocking=True),
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
        self._threads.shutdown(wait=False, cancel_futures=True)


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
