"""Minutes of mixed traffic at twice what a server admits: crashes, queue, latencies, memory, every reply checked.

As many callers as twice the server's `max_in_flight` of 16 send valid solves by id and by text, invalid texts, solves
that take a while, batches, streams that are left, and calls that are cancelled, one after another, without a pause: who
is refused asks again at once, although the server says when to. Of small solves that were admitted p50 and p99 are
told. The server's memory, all of its processes, is read every second; its slope is that of a straight line through the
second half, when all caches are warm. Every minute a line on standard error says how far it is.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import grpc
import numpy as np
from grpc_health.v1 import health_pb2, health_pb2_grpc
from raphson.v1 import solver_pb2 as wire
from raphson.v1 import solver_pb2_grpc, system_pb2, system_pb2_grpc

from benchmarks.processes import children, open_channel, resident_bytes, serve, settle
from benchmarks.timing import duration, heading, sample, table
from tests.server.calling import by_id, by_text, chunk, endless, long_branch, numbers, problem

if TYPE_CHECKING:
    from collections.abc import Callable

CALLERS, IN_FLIGHT = 32, 16
DEADLINE_SECONDS = 20.0
SLOW_SECONDS = 0.05
EQUATIONS = ("x**2 + y**2 = r**2", "exp(x) + y = 1")
START = {"x": 1.0, "y": -1.7}
WORST_RESIDUAL = 1e-10
LINE_SECONDS = 60.0
# New texts keep coming, as they do from callers who write their numbers into them: the caches turn over.
TEXTS = 2000
INVALID = ("x**2 +", "y = 1", "log(x", "x = 1e999", "x[0] = 1", "sum(x for i in range(x))", "x" * 5000, "")
KINDS = ("small solve", "by text", "batch", "slow", "invalid", "stream left", "cancelled")
WEIGHTS = (60, 10, 4, 6, 10, 4, 6)
ALLOWED = frozenset({"OK", "RESOURCE_EXHAUSTED"})
EXPECTED = {"invalid": frozenset({"INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"}), "cancelled": ALLOWED | {"CANCELLED"}}


@dataclass
class Tally:
    """What callers saw; each caller has its own, added up at the end."""

    codes: Counter[tuple[str, str]] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    refused_seconds: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    calls: int = 0


class Caller:
    """One of the callers.

    Parameters
    ----------
    channel : grpc.Channel
    system_id : str
        Of `EQUATIONS`.
    seed : int
    """

    def __init__(self, channel: grpc.Channel, system_id: str, seed: int) -> None:
        self._solver = solver_pb2_grpc.SolverServiceStub(channel)
        self._system_id = system_id
        self._random = Random(seed)
        self.tally = Tally()
        self._kinds: dict[str, Callable[[], str]] = {
            "small solve": self._small,
            "by text": self._text,
            "batch": self._batch,
            "slow": self._slow,
            "invalid": self._invalid,
            "stream left": self._stream,
            "cancelled": self._cancelled,
        }

    def run(self, over: threading.Event) -> None:
        """Call until it is over."""
        while not over.is_set():
            (kind,) = self._random.choices(KINDS, WEIGHTS)
            began = time.perf_counter()
            try:
                wrong = self._kinds[kind]()
                code = "OK"
            except grpc.RpcError as error:
                wrong, code = "", error.code().name  # type: ignore[attr-defined]
                if code == "RESOURCE_EXHAUSTED":
                    self.tally.refused_seconds.append(time.perf_counter() - began)
                    wrong = (
                        "" if problem(error).retry_seconds else "RESOURCE_EXHAUSTED without advice when to come again"
                    )
            spent = time.perf_counter() - began
            if kind == "small solve" and code == "OK":
                self.tally.seconds.append(spent)
            self.tally.codes[kind, code] += 1
            self.tally.calls += 1
            if code not in EXPECTED.get(kind, ALLOWED):
                wrong = f"{kind}: {code}"
            if wrong:
                self.tally.wrong.append(wrong)

    def _small(self) -> str:
        r = self._random.uniform(1.5, 3)
        reply = self._solver.Solve(by_id(self._system_id, START, {"r": r}), timeout=DEADLINE_SECONDS)
        x, y = (float(numbers(each.array)[()]) for each in reply.solution)
        return _check(reply.status, x, y, r)

    def _text(self) -> str:
        number = self._random.randrange(TEXTS)
        reply = self._solver.Solve(
            by_text(f"x**2 + {number} = 3*{number} + 4", start={"x": 1.0}), timeout=DEADLINE_SECONDS
        )
        x = float(numbers(reply.solution[0].array)[()])
        return (
            "" if abs(x * x - 2 * number - 4) < WORST_RESIDUAL * (number + 4) else f"x² = {x * x}, not {2 * number + 4}"
        )

    def _batch(self) -> str:
        r = np.linspace(1.5, 3, 500)
        request = chunk(self._system_id, len(r), START, {"r": r})
        (reply,) = self._solver.SolveBatch(iter([request]), timeout=DEADLINE_SECONDS)
        found = numbers(reply.x)
        return next(filter(None, (_check(*row) for row in zip(reply.statuses, *found.T, r, strict=True))), "")

    def _slow(self) -> str:
        reply = self._solver.Solve(endless(SLOW_SECONDS), timeout=DEADLINE_SECONDS)
        return "" if reply.status == wire.STATUS_TIME_LIMIT else f"an endless solve ended: {reply.message}"

    def _invalid(self) -> str:
        self._solver.Solve(by_text(self._random.choice(INVALID), start={"x": 1.0}), timeout=DEADLINE_SECONDS)
        return "an invalid text was solved"

    def _stream(self) -> str:
        call = self._solver.Follow(long_branch(), timeout=DEADLINE_SECONDS)
        for number, _ in enumerate(call):
            if number == 3:
                call.cancel()
                return ""
        return "an endless stream ended"

    def _cancelled(self) -> str:
        call = self._solver.Solve.future(endless(), timeout=DEADLINE_SECONDS)
        time.sleep(self._random.uniform(0, 0.03))
        if call.cancel():
            return ""
        call.result()
        return "an endless solve was answered"


def _check(status: int, x: float, y: float, r: float) -> str:
    residual = max(abs(x**2 + y**2 - r**2), abs(np.exp(x) + y - 1))
    if status == wire.STATUS_CONVERGED and residual < WORST_RESIDUAL:
        return ""
    return f"status {status}, residual {residual:.1e} at r = {r}"


@dataclass
class Seen:
    """What the kernel says of the server, every second."""

    memory: list[tuple[float, float, int]] = field(default_factory=list)
    threads: int = 0


def watch(server: int, over: threading.Event, seen: Seen) -> None:
    """Note seconds, bytes of all processes, and their count, every second; and the front end's threads."""
    began = time.monotonic()
    while not over.wait(1.0):
        everybody = [server, *children(server)]
        seen.memory.append((time.monotonic() - began, float(sum(map(resident_bytes, everybody))), len(everybody)))
        seen.threads = max(seen.threads, len(list(Path(f"/proc/{server}/task").iterdir())))


def slope(memory: list[tuple[float, float, int]]) -> float:
    """Return bytes a second of a straight line through the second half, when as many processes were there as usual."""
    usual = Counter(count for _, _, count in memory).most_common(1)[0][0]
    later = [(at, size) for at, size, count in memory[len(memory) // 2 :] if count == usual]
    return float(np.polyfit(*zip(*later, strict=True), 1)[0]) if len(later) > 2 else float("nan")


def main() -> int:
    """Print the tables; return 1 if a reply was wrong, or a process was lost."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=180.0, help="how long (default: 180)")
    parser.add_argument("--callers", type=int, default=CALLERS, help=f"default: {CALLERS}")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)), help="default: one a core")
    options = parser.parse_args()
    over, seen = threading.Event(), Seen()
    # A worker that a loaded machine slows down is not one that does not stop.
    flags = ("--workers", str(options.workers), "--max-in-flight", str(IN_FLIGHT), "--cancel-grace-seconds", "2")
    with serve("--log-level", "ERROR", *flags) as served, open_channel(served.address) as channel:
        # The spare too: it starts when the others are ready, and would take minutes beside the callers.
        settle(served.process.pid, processes=options.workers + 1)
        before = children(served.process.pid)
        definition = system_pb2.System(
            equations=EQUATIONS,
            variables=[system_pb2.Variable(name=name) for name in START],
            parameters=[system_pb2.Parameter(name="r")],
        )
        compiled = system_pb2_grpc.SystemServiceStub(channel).Compile(system_pb2.CompileRequest(definition=definition))
        # A connection each, as callers have.
        channels = [open_channel(served.address, retries=True) for _ in range(options.callers)]
        callers = [Caller(each, compiled.system_id, seed) for seed, each in enumerate(channels)]
        began = time.monotonic()
        with ThreadPoolExecutor(options.callers + 1) as threads:
            threads.submit(watch, served.process.pid, over, seen)
            running = [threads.submit(caller.run, over) for caller in callers]
            next_line = LINE_SECONDS
            try:
                while (left := options.seconds - (time.monotonic() - began)) > 0 and served.process.poll() is None:
                    time.sleep(min(1.0, left))
                    if options.seconds - left >= next_line:
                        next_line += LINE_SECONDS
                        tell(options.seconds - left, options.seconds, [caller.tally for caller in callers], seen)
            finally:
                over.set()
            for each in running:
                each.result()
        seconds = time.monotonic() - began
        lost = len(set(before) - set(children(served.process.pid)))
        health = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5).status
        ended = served.process.poll()
        for each in channels:
            each.close()
    return report([caller.tally for caller in callers], seen, seconds, lost, ended, health, options.callers)


def tell(spent: float, seconds: float, tallies: list[Tally], seen: Seen) -> None:
    """Write a line about what there is so far."""
    calls, wrong = sum(tally.calls for tally in tallies), sum(len(tally.wrong) for tally in tallies)
    memory = f", {seen.memory[-1][1] / 1e6:.0f} MB" if seen.memory else ""
    print(f"{spent / 60:.0f} of {seconds / 60:.0f} min: {calls:,} calls, {wrong} wrong{memory}", file=sys.stderr)


def report(
    tallies: list[Tally],
    seen: Seen,
    seconds: float,
    lost: int,
    ended: int | None,
    health: int,
    callers: int,
) -> int:
    """Print what callers saw and what the server took; return 1 if anything was wrong."""
    memory = seen.memory
    codes: Counter[tuple[str, str]] = sum((tally.codes for tally in tallies), Counter())
    wrong = [each for tally in tallies for each in tally.wrong]
    calls = sum(codes.values())
    refused = sum(count for (_, code), count in codes.items() if code == "RESOURCE_EXHAUSTED")
    heading(
        "Soak",
        f"{callers} callers, {IN_FLIGHT} calls admitted at a time, {seconds:.0f} s, {calls:,} calls; load "
        f"{os.getloadavg()[0]:.1f} on {len(os.sched_getaffinity(0))} cores.",
        "Goals: nothing crashes, nothing is wrong, memory is flat.",
    )
    kinds = [kind for kind in KINDS if any(name == kind for name, _ in codes)]
    names = sorted({code for _, code in codes}, key=lambda name: (name != "OK", name))
    table(("calls", *names), [[kind, *(f"{codes[kind, name]:,}" for name in names)] for kind in kinds])
    small = sample([each for tally in tallies for each in tally.seconds] or [float("nan")])
    refusals = sample([each for tally in tallies for each in tally.refused_seconds] or [float("nan")])
    per_second = slope(memory)
    first, last = memory[len(memory) // 10][1], memory[-1][1]
    print()
    table(
        ("", "figure"),
        [
            ("crashes: workers lost", lost),
            ("server ended", "no" if ended is None else f"with code {ended}"),
            ("health at the end", health_pb2.HealthCheckResponse.ServingStatus.Name(health)),
            ("replies that were wrong", f"{len(wrong)} of {calls:,}"),
            ("RESOURCE_EXHAUSTED", f"{refused / max(calls, 1):.1%}"),
            ("… told within, p50 and p99", f"{refusals}, {duration(refusals.quantile(0.99))}"),
            ("admitted small solves, p50", small),
            ("admitted small solves, p99", duration(small.quantile(0.99))),
            ("threads of the front end, at most", seen.threads),
            ("memory, after a tenth and at the end", f"{first / 1e6:.1f} MB, {last / 1e6:.1f} MB"),
            ("most memory", f"{max(size for _, size, _ in memory) / 1e6:.1f} MB"),
            ("slope over the second half", f"{per_second * 3600 / 1e6:+.1f} MB an hour"),
            ("", f"{per_second * seconds / max(calls, 1) * 1e5 / 1e6:+.2f} MB per 100,000 calls"),
        ],
    )
    for each, count in Counter(wrong).most_common(10):
        print(f"wrong, {count} times: {each}")
    return 1 if wrong or lost or ended is not None else 0


if __name__ == "__main__":
    sys.exit(main())
