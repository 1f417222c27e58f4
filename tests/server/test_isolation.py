"""What one request does to the others: nothing."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2
from raphson.v1 import solver_pb2 as wire

from tests.server.calling import by_id, by_text, endless, problem, slow_to_compile
from tests.server.running import Server, has_ended, running_server, wait_until

# How soon others have what they ask for, on two cores.
pytestmark = pytest.mark.alone

StartServer = Callable[..., contextlib.AbstractContextManager[Server]]
EASY = by_text("x**2 = 2", start={"x": 1.0})
FREED_SECONDS = 0.25
# What the kernel's clock ticks and a loaded machine add to a measurement from outside.
SLACK_SECONDS = 0.25


@pytest.fixture(scope="module")
def small_server() -> Iterator[Server]:
    """One worker, and room for two requests that wait for it."""
    with running_server("--max-in-flight", "3") as started:
        yield started


@pytest.fixture(scope="module")
def mortal_server() -> Iterator[Server]:
    """Two workers and a spare, to be killed."""
    with running_server(workers=2, stderr=subprocess.DEVNULL) as started:
        yield started


@contextlib.contextmanager
def held(server: Server, count: int) -> Iterator[list[grpc.Future]]:
    """Hold workers with solves that never end, until they are cancelled."""
    server.settle()
    calls = [server.solver.Solve.future(endless(), timeout=60) for _ in range(count)]
    try:
        server.wait_for_busy_workers(count)
        yield calls
    finally:
        for call in calls:
            call.cancel()


def test_cancel_frees_the_worker_itself(server: Server) -> None:
    workers = server.workers()
    with held(server, 2):
        pass
    cancelled = time.monotonic()
    assert server.solve(EASY).status == wire.STATUS_CONVERGED
    assert time.monotonic() - cancelled < FREED_SECONDS + SLACK_SECONDS
    wait_until(lambda: not server.busy_workers(), 2)
    assert server.workers() == workers, "the flag stops the iteration; no worker had to be killed"


def test_deadline_frees_the_worker_itself(server: Server) -> None:
    """With a margin the reply comes first; a caller that hangs up earlier than its deadline counts as a cancel."""
    workers = server.workers()
    reply = server.solve(endless(), timeout=0.3)
    assert reply.status == wire.STATUS_TIME_LIMIT
    wait_until(lambda: not server.busy_workers(), 2)
    assert server.workers() == workers


def test_a_late_cancel_stops_nobody_else(server: Server) -> None:
    """Calls cancelled around the moment when they end, with others running right behind them."""
    random = np.random.default_rng(7)
    for pause in random.uniform(0, 0.004, size=60):
        doomed = [server.solver.Solve.future(EASY, timeout=20) for _ in range(2)]
        time.sleep(pause)
        following = [server.solver.Solve.future(EASY, timeout=20) for _ in range(3)]
        for call in doomed:
            call.cancel()
        assert {call.result().status for call in following} == {wire.STATUS_CONVERGED}


def test_cancel_while_waiting_for_a_worker(server: Server) -> None:
    with held(server, 2):
        waiting = server.solver.Solve.future(EASY, timeout=60)
        time.sleep(0.05)
        waiting.cancel()
    assert waiting.cancelled()
    assert server.solve(EASY).status == wire.STATUS_CONVERGED


def test_health_answers_while_every_worker_is_busy(server: Server) -> None:
    seconds = []
    with held(server, 2):
        waiting = [server.solver.Solve.future(EASY, timeout=60) for _ in range(8)]
        for _ in range(200):
            began = time.perf_counter()
            server.health.Check(health_pb2.HealthCheckRequest(), timeout=5)
            seconds.append(time.perf_counter() - began)
    assert {call.result().status for call in waiting} == {wire.STATUS_CONVERGED}
    assert np.percentile(seconds, 99) < 0.05


def test_a_full_server_says_when_to_come_again(small_server: Server) -> None:
    server = small_server
    with held(server, 1) as running:
        waiting = [server.solver.Solve.future(EASY, timeout=60) for _ in range(2)]
        time.sleep(0.5)  # both are there; to ask would take a place itself
        began = time.monotonic()
        refused = server.refusal(EASY)
        assert time.monotonic() - began < 0.5
        assert refused.code == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert refused.reason == "OVERLOADED"
        assert refused.retry_seconds is not None
        assert refused.retry_seconds > 0
        assert refused.metadata == {"limit": "max_in_flight", "maximum": "3"}
        assert server.serving()
        running[0].cancel()
        assert [call.result().status for call in waiting] == [wire.STATUS_CONVERGED] * 2
        assert server.solve(EASY).status == wire.STATUS_CONVERGED


def test_a_killed_worker_costs_its_own_request_only(mortal_server: Server) -> None:
    server = mortal_server
    server.settle()
    system_id = server.solve(EASY).system_id
    before = server.workers()
    assert len(before) == 3
    doomed = server.solver.Solve.future(endless(), timeout=30)
    (victim,) = server.wait_for_busy_workers(1)
    survivor = server.solver.Solve.future(endless(timeout_seconds=0.8), timeout=30)
    time.sleep(0.2)
    os.kill(victim, signal.SIGKILL)
    with pytest.raises(grpc.RpcError) as caught:
        doomed.result()
    lost = problem(caught.value)
    assert lost.code == grpc.StatusCode.UNAVAILABLE
    assert (lost.reason, lost.domain) == ("WORKER_LOST", "raphson")
    assert lost.retry_seconds is not None
    # The spare is there at once, and learns the system from its id.
    began = time.monotonic()
    assert server.solve(by_id(system_id, {"x": 1.0})).status == wire.STATUS_CONVERGED
    assert time.monotonic() - began < 1.0
    assert survivor.result().status == wire.STATUS_TIME_LIMIT
    wait_until(lambda: len(server.workers()) == 3, 30)
    assert victim not in server.workers()
    assert len({*server.workers()} & {*before}) == 2


def test_workers_killed_while_idle_cost_nothing(mortal_server: Server) -> None:
    """A request that finds its worker dead has not been read by anybody: it goes to the next one."""
    server = mortal_server
    server.settle()
    before = server.workers()
    for _ in range(2):
        victims = server.workers()[:2]
        for worker in victims:
            os.kill(worker, signal.SIGKILL)
        wait_until(lambda: all(map(has_ended, victims)), 5)  # noqa: B023
        assert [server.solve(EASY).status for _ in range(4)] == [wire.STATUS_CONVERGED] * 4
    wait_until(lambda: len(server.workers()) == 3 and not {*before} & {*server.workers()}, 30)
    assert server.serving()


def test_what_cannot_be_stopped_is_killed_after_the_grace(small_server: Server) -> None:
    """Instantiating a system polls no flag; its worker has 250 ms, then the spare takes its place."""
    server = small_server
    server.settle()
    before = server.workers()
    call = server.solver.Solve.future(slow_to_compile(), timeout=60)
    (stuck,) = server.wait_for_busy_workers(1)
    call.cancel()
    cancelled = time.monotonic()
    assert server.solve(EASY).status == wire.STATUS_CONVERGED
    assert time.monotonic() - cancelled < FREED_SECONDS + 2 * SLACK_SECONDS
    wait_until(lambda: len(server.workers()) == 2 and stuck not in server.workers(), 30)
    assert len({*before} & {*server.workers()}) == 1


def test_a_worker_that_wants_too_much_memory_says_so(own_server: StartServer) -> None:
    """RLIMIT_AS makes an allocation fail in the worker, which lives on; an idle one takes about 420 MB."""
    with own_server("--worker-memory-bytes", str(560 << 20)) as server:
        before = server.workers()
        size = 4000  # n² numbers are 128 MB
        dense = wire.SolveOptions(linear_solver=wire.LINEAR_SOLVER_DENSE)
        text, start = f"u[i]**2 = 2 for i in range({size})", {"u": np.ones(size)}
        refused = server.refusal(by_text(text, start=start, options=dense))
        assert refused.code == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert (refused.reason, refused.domain) == ("OUT_OF_MEMORY", "raphson")
        assert server.solve(EASY).status == wire.STATUS_CONVERGED
        assert server.workers() == before


def test_many_threads_at_once(server: Server) -> None:
    """Answers are never mixed up between requests."""
    wrong: list[float] = []

    def ask(seed: int) -> None:
        for value in np.random.default_rng(seed).uniform(1, 100, size=25):
            request = by_text("x**2 = a", start={"x": value}, parameters={"a": value})
            if (seed + int(value)) % 2:
                request = by_id(system_id, {"x": value}, {"a": value})
            reply = server.solve(request)
            root = np.frombuffer(reply.solution[0].array.data)[0]
            if abs(root * root - value) > 1e-9 * value:
                wrong.append(value)

    system_id = server.solve(by_text("x**2 = a", start={"x": 1.0}, parameters={"a": 1.0})).system_id
    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert wrong == []


def test_a_worker_within_work_that_looks_at_no_flag_is_not_waited_for() -> None:
    """Factors of a grid of 400 × 400 take seconds within SuperLU; the grace would be longer still."""
    k = 400
    text = (
        "4*u[i] - (u[i-1] if i % k > 0 else 0) - (u[i+1] if i % k < k-1 else 0) - (u[i-k] if i >= k else 0)"
        " - (u[i+k] if i < n-k else 0) - h*exp(u[i]) for i in range(n)"
    )
    request = by_text(
        text,
        start={"u": np.zeros(k * k)},
        parameters={"n": k * k, "k": k, "h": 1e-5},
        options=wire.SolveOptions(linear_solver=wire.LINEAR_SOLVER_DIRECT),
    )
    with running_server("--cancel-grace-seconds", "20", stderr=subprocess.DEVNULL) as server:
        server.settle()
        for wait in (1.0, 1.7):
            call = server.solver.Solve.future(request, timeout=60)
            (worker,) = server.wait_for_busy_workers(1)
            time.sleep(wait)
            assert not call.done()
            call.cancel()
            wait_until(lambda: worker not in server.workers() or not server.busy_workers(0.05), 2)  # noqa: B023
            server.settle()
        assert server.solve(EASY).status == wire.STATUS_CONVERGED
