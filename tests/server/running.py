"""A real server in a process of its own, as its callers and its operator see it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from prometheus_client.parser import text_string_to_metric_families
from raphson.v1 import jacobian_pb2_grpc, job_pb2_grpc, solver_pb2_grpc, system_pb2_grpc
from raphson.v1.jacobian_pb2 import (
    CheckJacobianRequest,
    EvaluateChainRequest,
    EvaluateRequest,
    TestDifferentiabilityRequest,
)
from raphson.v1.solver_pb2 import (
    ExplainRequest,
    Explanation,
    FindAllRequest,
    FindAllResponse,
    FollowRequest,
    FollowResponse,
    SolveBatchRequest,
    SolveBatchResponse,
    SolveRequest,
)
from raphson.v1.system_pb2 import CompileRequest

from tests.server.calling import Problem, problem

START_SECONDS = 90.0
CALL_SECONDS = 20.0
TICK_SECONDS = 0.011


@dataclass
class Server:
    """A running server, as its callers and its operator see it."""

    process: subprocess.Popen[str]
    address: str
    processes: int
    metrics_address: str = ""
    channel: grpc.Channel = field(init=False)

    def __post_init__(self) -> None:
        self.channel = grpc.insecure_channel(self.address, options=(("grpc.max_receive_message_length", 64 << 20),))
        self.solver = solver_pb2_grpc.SolverServiceStub(self.channel)
        self.jacobian = jacobian_pb2_grpc.JacobianServiceStub(self.channel)
        self.jobs = job_pb2_grpc.JobServiceStub(self.channel)
        self.systems = system_pb2_grpc.SystemServiceStub(self.channel)
        self.health = health_pb2_grpc.HealthStub(self.channel)

    def solve(self, request: SolveRequest, timeout: float = CALL_SECONDS) -> Any:
        return self.solver.Solve(request, timeout=timeout)

    def evaluate(self, request: EvaluateRequest) -> Any:
        return self.jacobian.Evaluate(request, timeout=CALL_SECONDS)

    def evaluate_chain(self, request: EvaluateChainRequest) -> Any:
        return self.jacobian.EvaluateChain(request, timeout=CALL_SECONDS)

    def check_jacobian(self, request: CheckJacobianRequest) -> Any:
        return self.jacobian.CheckJacobian(request, timeout=CALL_SECONDS)

    def test_differentiability(self, request: TestDifferentiabilityRequest) -> Any:
        return self.jacobian.TestDifferentiability(request, timeout=CALL_SECONDS)

    def compile(self, request: CompileRequest) -> Any:
        return self.systems.Compile(request, timeout=CALL_SECONDS)

    def explain(self, request: ExplainRequest) -> Explanation:
        return self.solver.Explain(request, timeout=CALL_SECONDS)

    def follow(self, request: FollowRequest) -> list[FollowResponse]:
        return list(self.solver.Follow(request, timeout=CALL_SECONDS))

    def find_all(self, request: FindAllRequest) -> list[FindAllResponse]:
        return list(self.solver.FindAll(request, timeout=CALL_SECONDS))

    def solve_batch(self, *chunks: SolveBatchRequest) -> list[SolveBatchResponse]:
        return list(self.solver.SolveBatch(iter(chunks), timeout=CALL_SECONDS))

    def refusal(self, request: Any) -> Problem:
        """Send a request that is refused; return how."""
        send = {
            SolveRequest: self.solve,
            EvaluateRequest: self.evaluate,
            EvaluateChainRequest: self.evaluate_chain,
            CheckJacobianRequest: self.check_jacobian,
            TestDifferentiabilityRequest: self.test_differentiability,
            CompileRequest: self.compile,
            ExplainRequest: self.explain,
            FollowRequest: self.follow,
            FindAllRequest: self.find_all,
            SolveBatchRequest: self.solve_batch,
        }
        with pytest.raises(grpc.RpcError) as caught:
            send[type(request)](request)
        return problem(caught.value)

    def serving(self) -> bool:
        status = self.health.Check(health_pb2.HealthCheckRequest(), timeout=CALL_SECONDS).status
        return status == health_pb2.HealthCheckResponse.SERVING

    def metrics(self) -> dict[str, float]:
        """Return every sample by its name and labels, such as ``raphson_jobs state=queued``."""
        with urlopen(f"http://{self.metrics_address}/metrics") as reply:
            text = reply.read().decode()
        return {
            sample.name + "".join(f" {key}={value}" for key, value in sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def workers(self) -> list[int]:
        """Return the process ids of the workers, the spare included."""
        return children(self.process.pid)

    def settle(self) -> None:
        """Wait until every worker and the spare are there and idle."""
        wait_until(lambda: len(self.workers()) == self.processes and not self.busy_workers(), START_SECONDS)

    def wait_for_busy_workers(self, count: int) -> list[int]:
        """Wait until so many workers have taken processor time from now on; return them."""
        before = {pid: cpu_seconds(pid) for pid in self.workers()}
        busy: list[int] = []

        def seen() -> bool:
            busy[:] = [pid for pid, spent in before.items() if cpu_seconds(pid) - spent > TICK_SECONDS]
            return len(busy) == count

        wait_until(seen, 20)
        return busy

    def busy_workers(self, seconds: float = 0.25) -> list[int]:
        """Return the workers that take any processor time to speak of, over a moment."""
        before = {pid: cpu_seconds(pid) for pid in self.workers()}
        time.sleep(seconds)
        return [pid for pid, spent in before.items() if cpu_seconds(pid) - spent > TICK_SECONDS]


def children(pid: int) -> list[int]:
    """Return the process ids of a process' children."""
    found = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                found += [int(child) for child in (task / "children").read_text().split()]
    return sorted(found)


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has taken; 0 if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def has_ended(pid: int) -> bool:
    """Return whether a process is gone, or only waits to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_until(condition: Callable[[], bool], seconds: float, pause: float = 0.005) -> float:
    """Wait for a condition, looked at after every pause; return after how long it held."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, f"not within {seconds} s"
        time.sleep(pause)
    return time.monotonic() - started


@contextlib.contextmanager
def running_server(*flags: str, workers: int = 1, others: int = 0, stderr: int | None = None) -> Iterator[Server]:
    """Start a server, wait until it announces itself and has its spare and other processes, and stop it."""
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "raphson_server", "serve", "--address", "127.0.0.1:0",
         "--announce", str(writer), "--exit-with-parent", "--workers", str(workers), *flags],
        pass_fds=(writer,), stdout=subprocess.PIPE, stderr=stderr, text=True,
    )  # fmt: skip
    os.close(writer)
    with os.fdopen(reader) as announcement:
        line = announcement.readline()
    assert line, f"the server ended with exit code {process.wait(START_SECONDS)} before it was ready"
    announced = json.loads(line)
    server = Server(process, announced["address"], workers + 1 + others, announced.get("metrics_address", ""))
    try:
        server.settle()
        yield server
    finally:
        server.channel.close()
        process.terminate()
        process.communicate(timeout=START_SECONDS)
