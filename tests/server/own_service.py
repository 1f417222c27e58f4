"""A service within the tests' own process."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import grpc
from opentelemetry.sdk.trace import TracerProvider
from raphson.v1 import solver_pb2_grpc
from raphson_server.configuration import ServerConfig
from raphson_server.front_end.service import Service

from tests.server.running import START_SECONDS, wait_until


@dataclass
class Mortal:
    """A service in this process, so that its pool can be looked into, and its patience is short."""

    service: Service
    address: str

    def stub(self, *options: tuple[str, int]) -> Any:
        return solver_pb2_grpc.SolverServiceStub(grpc.insecure_channel(self.address, options=options))

    @property
    def pool(self) -> Any:
        return self.service._pool

    def worker(self) -> int:
        (worker,) = self.pool._active
        return worker.pid

    def is_idle(self) -> bool:
        return not self.pool._busy and not self.pool._streams


@contextlib.contextmanager
def own_service(provider: TracerProvider | None = None, **choices: Any) -> Iterator[Mortal]:
    """Start a service of one worker in this process, wait until it has its spare, and stop it."""
    ready: list[bool] = []
    failures: list[str] = []
    config = ServerConfig(address="127.0.0.1:0", workers=1, **choices)
    service = Service(config, ready.append, failures.append, provider)
    address = service.start()
    try:
        wait_until(lambda: bool(failures) or service._pool._spare is not None, START_SECONDS)
        assert (len(ready), failures) == (1, [])
        yield Mortal(service, address)
    finally:
        service.stop()
