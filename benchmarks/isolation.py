"""Isolation: what solves that never end do to everybody else.

They keep every worker busy. Does health answer, does cancelling free the core, and does killing a worker cost
anybody but its own request? Cancelled are iterations of a microsecond, and single ones of large systems that take
longer than they may go on, with each way of solving J·d = −f; and deadlines pass in the middle of them. A worker that
is ended computes no more, though the kernel takes its memory back for some time after.

x**2 + 1 = 0 by undamped Newton has no root to find: it iterates on, 10⁹ times if one lets it; and so do the large ones.
"""

from __future__ import annotations

import argparse
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

import numpy as np
import raphson
from grpc_health.v1 import health_pb2, health_pb2_grpc
from raphson.v1 import solver_pb2, solver_pb2_grpc, system_pb2

from benchmarks.processes import Served, busy, children, cpu_seconds, is_ending, open_channel, serve, settle
from benchmarks.timing import Sample, clock, duration, heading, sample, table

if TYPE_CHECKING:
    import grpc

GLANCE_SECONDS = 0.002
WATCH_SECONDS = 1.0
DEADLINE_SECONDS = 60
GRID = (
    "(4*u[i] - (u[i-1] if i % k > 0 else 0) - (u[i+1] if i % k < k-1 else 0) - (u[i-k] if i >= k else 0)"
    " - (u[i+k] if i < n-k else 0))/8 + u[i]**2 + 1 for i in range(n)"
)


@dataclass(frozen=True, slots=True)
class Large:
    """A system of a grid's points.

    Attributes
    ----------
    side : int
        Of the grid.
    linear_solver : LinearSolver
        How linear systems are solved.
    within : str
        What it is in the middle of when it is stopped.
    between : pair of float
        When that is, in seconds.
    """

    side: int
    linear_solver: solver_pb2.LinearSolver
    within: str
    between: tuple[float, float]

    def request(self) -> solver_pb2.SolveRequest:
        """Ask for what cannot be found; any iteration takes long."""
        definition = system_pb2.System(equations=[GRID])
        request = solver_pb2.SolveRequest(
            system=system_pb2.SystemRef(definition=definition),
            options=solver_pb2.SolveOptions(
                method=solver_pb2.METHOD_NEWTON, max_iterations=10**9, linear_solver=self.linear_solver
            ),
        )
        n = self.side**2
        start = request.start.add(name="u").array
        start.shape.append(n)
        start.data = np.random.default_rng(1).uniform(0.5, 1.0, n).tobytes()
        for name, value in (("n", n), ("k", self.side)):
            request.parameters.add(name=name).array.list.values.append(value)
        return request


LARGE = (
    Large(45, solver_pb2.LINEAR_SOLVER_DENSE, "dense factors", (0.5, 2.5)),
    Large(400, solver_pb2.LINEAR_SOLVER_DIRECT, "the first sparse factors", (0.8, 1.4)),
    Large(400, solver_pb2.LINEAR_SOLVER_DIRECT, "sparse factors", (4.0, 6.0)),
    Large(1000, solver_pb2.LINEAR_SOLVER_KRYLOV, "GMRES", (3.0, 8.0)),
)


def endless() -> solver_pb2.SolveRequest:
    """Ask for what cannot be found, for as long as a billion iterations take."""
    request = solver_pb2.SolveRequest(
        system=system_pb2.SystemRef(definition=system_pb2.System(equations=["x**2 + 1 = 0"])),
        options=solver_pb2.SolveOptions(method=solver_pb2.METHOD_NEWTON, max_iterations=10**9),
    )
    request.start.add(name="x").array.list.values.append(0.7)
    return request


def keep_busy(
    served: Served,
    channel: grpc.Channel,
    wanted: int,
    request: solver_pb2.SolveRequest | None = None,
    seconds: float | None = None,
) -> tuple[list[grpc.Future], list[int]]:
    """Start as many endless solves as there are workers; return the calls and the processes at work."""
    solve = solver_pb2_grpc.SolverServiceStub(channel).Solve
    calls = [solve.future(request or endless(), timeout=seconds) for _ in range(wanted)]
    give_up = time.monotonic() + 10
    at_work: list[int] = []
    while len(at_work) < wanted:
        at_work = busy(children(served.process.pid))
        ended = [call for call in calls if call.done()]
        if ended or time.monotonic() > give_up:
            raise SystemExit(f"{len(at_work)} of {wanted} workers are busy, {len(ended)} endless solves have ended")
    return calls, at_work


def health_latency(channel: grpc.Channel, checks: int) -> Sample:
    """Ask for health this often, a little apart."""
    check = health_pb2_grpc.HealthStub(channel).Check
    request = health_pb2.HealthCheckRequest()
    seconds = []
    for _ in range(checks):
        seconds.append(clock(lambda: check(request, timeout=10)))
        time.sleep(GLANCE_SECONDS)
    return sample(seconds)


def time_to_free(call: grpc.Future, worker: int) -> float:
    """Cancel a call; return the seconds until its worker last used a core for it, or was ended."""
    began = time.perf_counter()
    call.cancel()
    return time_at_work(worker, began)


def time_at_work(worker: int, began: float) -> float:
    """Return the seconds from then on until a worker last used a core, or was ended."""
    used, last_used = cpu_seconds(worker), 0.0
    while time.perf_counter() - began < WATCH_SECONDS:
        time.sleep(GLANCE_SECONDS)
        now = cpu_seconds(worker)
        if now is None or is_ending(worker):
            return time.perf_counter() - began
        # A worker at rest still wakes now and then: a tenth of a glance is not work.
        if used is not None and now - used > 0.1 * GLANCE_SECONDS:
            last_used = time.perf_counter() - began
        used = now
    return last_used


def cancel_one(served: Served, channel: grpc.Channel) -> float:
    """Run one endless solve, and cancel it."""
    (call,), (worker, *_) = keep_busy(served, channel, 1)
    return time_to_free(call, worker)


def stop_large(served: Served, channel: grpc.Channel, large: Large, random: Random) -> tuple[float, float]:
    """Cancel a large iteration, and let another's deadline pass; return for how long their workers went on."""
    request, processes = large.request(), len(children(served.process.pid))
    settle(served.process.pid, processes=processes)
    began = time.perf_counter()
    (call,), (worker, *_) = keep_busy(served, channel, 1, request)
    time.sleep(max(0.0, began + random.uniform(*large.between) - time.perf_counter()))
    if call.done():
        raise SystemExit(f"an endless solve of {large.side}² equations has ended: {call.code()}")
    cancelled = time_to_free(call, worker)
    settle(served.process.pid, processes=processes)
    seconds = random.uniform(*large.between)
    due = time.perf_counter() + seconds
    _, (worker, *_) = keep_busy(served, channel, 1, request, seconds)
    time.sleep(max(0.0, due - time.perf_counter()))
    overdue = time_at_work(worker, due)
    settle(served.process.pid, processes=processes)
    return cancelled, overdue


def large_rows(served: Served, channel: grpc.Channel, repetitions: int) -> list[list[object]]:
    """Stop iterations of large systems; return how long their workers went on."""
    random, rows = Random(1), []
    for large in LARGE:
        both = [stop_large(served, channel, large, random) for _ in range(repetitions)]
        cancelled, overdue = (sample(each) for each in zip(*both, strict=True))
        rows.append([
            f"{large.side**2:,}", large.within, cancelled, duration(cancelled.seconds[-1]), overdue,
            duration(overdue.seconds[-1]),
        ])  # fmt: skip
    return rows


def kill_one(served: Served, client: raphson.Client, channel: grpc.Channel) -> list[list[str]]:
    """Kill the worker of one endless solve while a client keeps solving; return what happened."""
    (call,), (worker, *_) = keep_busy(served, channel, 1)
    before = children(served.process.pid)
    with ThreadPoolExecutor(1) as thread:
        others = thread.submit(lambda: [_solve(client) for _ in range(300)])
        time.sleep(0.05)
        os.kill(worker, signal.SIGKILL)
        began = time.perf_counter()
        code = call.code()
        told = time.perf_counter() - began
        solved = sum(others.result())
    give_up = time.monotonic() + 10
    while len(children(served.process.pid)) < len(before) and time.monotonic() < give_up:
        time.sleep(GLANCE_SECONDS)
    healed = time.perf_counter() - began
    now = len(children(served.process.pid))
    return [
        ["the killed worker's request", f"{code.name} after {duration(told)}"],
        ["another client's solves meanwhile", f"{solved} of 300 converged"],
        ["worker processes", f"{len(before)} before, {now} again after {duration(healed)}"],
    ]


def retried(served: Served) -> list[list[str]]:
    """Kill the worker under a call of raphson.Client, which sends it again by itself."""
    with raphson.connect(served.address) as client, ThreadPoolExecutor(1) as thread:
        workers = children(served.process.pid)
        began = time.perf_counter()
        # Ends by itself after two seconds, so that the second attempt has an answer.
        answer = thread.submit(
            client.solve,
            "x**2 + 1 = 0",
            {"x": 0.7},
            method="newton",
            max_iterations=10**9,
            timeout_seconds=2.0,
        )
        at_work: list[int] = []
        while not at_work and not answer.done():
            at_work = busy(workers)
        if not at_work:
            raise SystemExit("no worker became busy")
        os.kill(at_work[0], signal.SIGKILL)
        status = answer.result(DEADLINE_SECONDS).status.name
        seconds = time.perf_counter() - began
    return [["the same under raphson.Client", f"retried, answered {status} after {duration(seconds)}"]]


def _solve(client: raphson.Client) -> bool:
    return client.solve(["x**2 + y**2 = 4", "exp(x) + y = 1"], {"x": 1.0, "y": -1.7}).converged


def main() -> None:
    """Print the three tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checks", type=int, default=1000, help="health checks (default: 1000)")
    parser.add_argument("--cancels", type=int, default=20, help="cancelled solves (default: 20)")
    parser.add_argument("--large", type=int, default=5, help="stops of each large system (default: 5)")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)), help="default: one a core")
    options = parser.parse_args()
    heading("Isolation", f"{options.workers} workers. Goals: health p99 under 50 ms; a core freed within 50 ms.")
    with (
        serve("--workers", str(options.workers), "--log-level", "ERROR") as served,
        open_channel(served.address) as channel,
        raphson.connect(served.address) as client,
    ):
        _solve(client)
        idle = health_latency(channel, options.checks // 4)
        calls, _ = keep_busy(served, channel, options.workers)
        saturated = health_latency(channel, options.checks)
        table(
            ("health", "p50", "p99", "slowest"),
            [
                [name, s, duration(s.quantile(0.99)), duration(s.seconds[-1])]
                for name, s in (("idle", idle), (f"{len(calls)} endless solves", saturated))
            ],
        )
        for call in calls:
            call.cancel()
        settle(served.process.pid)
        freed = [cancel_one(served, channel) for _ in range(options.cancels)]
        times = sample(freed)
        print(f"\n{len(freed)} endless solves cancelled: core free after {times} (p50), {times.spread}, "
              f"{duration(times.seconds[-1])} at most; looked at every {duration(GLANCE_SECONDS)}\n")  # fmt: skip
        table(
            ("equations", "stopped within", "cancelled: computes for", "at most", "past its deadline: for", "at most"),
            large_rows(served, channel, options.large),
        )
        print()
        table(("kill -9 of a worker", "what happened"), kill_one(served, client, channel) + retried(served))


if __name__ == "__main__":
    main()
