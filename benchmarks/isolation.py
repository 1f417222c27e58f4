"""Isolation: what solves that never end do to everybody else.

They keep every worker busy. Does health answer, does cancelling free the core, and does killing a worker cost
anybody but its own request?

x**2 + 1 = 0 by undamped Newton has no root to find: it iterates on, 10⁹ times if one lets it.
"""

from __future__ import annotations

import argparse
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import raphson
from grpc_health.v1 import health_pb2, health_pb2_grpc
from raphson.v1 import solver_pb2, solver_pb2_grpc, system_pb2

from benchmarks.processes import Served, busy, children, cpu_seconds, open_channel, serve, settle
from benchmarks.timing import Sample, clock, duration, heading, sample, table

if TYPE_CHECKING:
    import grpc

GLANCE_SECONDS = 0.002
WATCH_SECONDS = 1.0
DEADLINE_SECONDS = 60


def endless() -> solver_pb2.SolveRequest:
    """Ask for what cannot be found, for as long as a billion iterations take."""
    request = solver_pb2.SolveRequest(
        system=system_pb2.SystemRef(definition=system_pb2.System(equations=["x**2 + 1 = 0"])),
        options=solver_pb2.SolveOptions(method=solver_pb2.METHOD_NEWTON, max_iterations=10**9),
    )
    request.start.add(name="x").array.list.values.append(0.7)
    return request


def keep_busy(served: Served, channel: grpc.Channel, wanted: int) -> tuple[list[grpc.Future], list[int]]:
    """Start as many endless solves as there are workers; return the calls and the processes at work."""
    calls = [solver_pb2_grpc.SolverServiceStub(channel).Solve.future(endless()) for _ in range(wanted)]
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
    """Cancel a call; return the seconds until its worker last used a core for it, or was gone."""
    used, last_used = cpu_seconds(worker), 0.0
    began = time.perf_counter()
    call.cancel()
    while time.perf_counter() - began < WATCH_SECONDS:
        time.sleep(GLANCE_SECONDS)
        now = cpu_seconds(worker)
        if now is None:
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
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)), help="default: one a core")
    options = parser.parse_args()
    heading("Isolation", f"{options.workers} workers. Goals: health p99 under 50 ms; a core freed within 250 ms.")
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
        table(("kill -9 of a worker", "what happened"), kill_one(served, client, channel) + retried(served))


if __name__ == "__main__":
    main()
