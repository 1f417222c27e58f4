"""Throughput of `Solve` by id (n = 2) beside an empty echo of the same payload, from 1, 8 and 64 callers.

Between the two stands an echo whose handler asks another process for its bytes, as a server must that lets nobody's
request stop or crash another's: what is left of the echo's calls then is what `Solve` could reach.

Callers are threads of two processes, each with a connection of its own, and call without a pause. Both services run in
processes of their own; they take turns of a second, so that drift hits both alike.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from statistics import median
from typing import NamedTuple

import numpy as np
import raphson
from raphson.v1 import solver_pb2, solver_pb2_grpc

from benchmarks.echo import ISOLATED, METHOD, SERVICE
from benchmarks.processes import children, cpu_seconds, open_channel, serve
from benchmarks.rpc_overhead import EQUATIONS, PARAMETERS, START, echo_server, request_by_id
from benchmarks.timing import duration, heading, sample, table

CALLERS = (1, 8, 64)
PROCESSES = 2
SOLVE = "/raphson.v1.SolverService/Solve"
ECHO = f"/{SERVICE}/{METHOD}"
ISOLATED_ECHO = f"/{SERVICE}/{ISOLATED}"
PATHS = (ECHO, ISOLATED_ECHO, SOLVE)
NAMES = ("echo", "echo of another process", "Solve")


class Cores(NamedTuple):
    """Seconds of a processor."""

    caller: float
    server: float
    others: float


def used(processes: list[int]) -> float:
    """Return the seconds of a processor that processes have taken."""
    return sum(cpu_seconds(process) or 0.0 for process in processes)


class Drivers:
    """Processes whose threads call.

    Parameters
    ----------
    addresses : dict of str to str
        Of the services, by the path of their method.
    body : bytes
        What is sent.
    callers : int
        Threads of all processes together.
    """

    def __init__(self, stack: ExitStack, addresses: dict[str, str], body: bytes, callers: int) -> None:
        self._processes: list[subprocess.Popen[str]] = []
        for number in range(min(PROCESSES, callers)):
            threads = callers // PROCESSES + (number < callers % PROCESSES)
            order = json.dumps({"addresses": addresses, "body": body.hex(), "threads": threads})
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "benchmarks.throughput", "--child"],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                )
            )  # fmt: skip
            self._processes.append(process)
            self._say(process, order)

    def run(self, path: str, seconds: float) -> tuple[float, list[float]]:
        """Call for so long; return calls a second, and the seconds of each."""
        for process in self._processes:
            self._say(process, json.dumps([path, seconds]))
        replies = [json.loads(process.stdout.readline()) for process in self._processes]  # type: ignore[union-attr]
        spent = [each for reply in replies for each in reply["seconds"]]
        return sum(len(reply["seconds"]) / reply["lasted"] for reply in replies), spent

    @property
    def pids(self) -> list[int]:
        """The processes."""
        return [process.pid for process in self._processes]

    def stop(self) -> None:
        """End them."""
        for process in self._processes:
            process.stdin.close()  # type: ignore[union-attr]

    def _say(self, process: subprocess.Popen[str], line: str) -> None:
        assert process.stdin is not None
        process.stdin.write(line + "\n")
        process.stdin.flush()


def drive() -> None:
    """Be one of those processes."""
    order = json.loads(sys.stdin.readline())
    body = bytes.fromhex(order["body"])
    calls = {
        path: [open_channel(address).unary_unary(path) for _ in range(order["threads"])]
        for path, address in order["addresses"].items()
    }
    with ThreadPoolExecutor(order["threads"]) as threads:
        for line in sys.stdin:
            path, seconds = json.loads(line)
            barrier = threading.Barrier(order["threads"])

            def caller(number: int) -> list[float]:
                call, spent = calls[path][number], []  # noqa: B023
                barrier.wait()  # noqa: B023
                give_up = time.perf_counter() + seconds  # noqa: B023
                while (began := time.perf_counter()) < give_up:
                    call(body, timeout=30)
                    spent.append(time.perf_counter() - began)
                return spent

            began = time.perf_counter()
            spent = [each for part in threads.map(caller, range(order["threads"])) for each in part]
            print(json.dumps({"seconds": spent, "lasted": time.perf_counter() - began}), flush=True)


def main() -> None:
    """Print calls a second and p50 of both, and their ratios."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.throughput",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=9, help="turns of each (default: 9)")
    parser.add_argument("--seconds", type=float, default=1.0, help="of a turn (default: 1)")
    parser.add_argument("--callers", type=int, nargs="+", default=CALLERS, help="default: 1 8 64")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        drive()
        return
    rows = []
    with ExitStack() as stack:
        served = stack.enter_context(serve("--log-level", "ERROR"))
        with raphson.connect(served.address) as client, open_channel(served.address) as channel:
            system = client.compile(EQUATIONS, start=START, parameters=PARAMETERS)
            request = request_by_id(system.id)
            reply = solver_pb2_grpc.SolverServiceStub(channel).Solve(request, timeout=10)
        if reply.status != solver_pb2.STATUS_CONVERGED:
            raise SystemExit(f"the system was not solved: {reply}")
        echo = stack.enter_context(echo_server(reply.SerializeToString(), processes=len(os.sched_getaffinity(0))))
        (echoing,) = {*children(os.getpid())} - {served.process.pid}
        addresses = {ECHO: echo, ISOLATED_ECHO: echo, SOLVE: served.address}
        servers = {ECHO: echoing, ISOLATED_ECHO: echoing, SOLVE: served.process.pid}
        for callers in options.callers:
            drivers = Drivers(stack, addresses, request.SerializeToString(), callers)
            rates: dict[str, list[float]] = {path: [] for path in PATHS}
            spent: dict[str, list[float]] = {path: [] for path in PATHS}
            cores: dict[str, list[Cores]] = {path: [] for path in PATHS}
            for turn in range(options.rounds + 1):
                for path in PATHS if turn % 2 else reversed(PATHS):
                    groups = (drivers.pids, [servers[path]], children(servers[path]))
                    before = Cores(*map(used, groups))
                    rate, seconds = drivers.run(path, options.seconds)
                    after = Cores(*map(used, groups))
                    if turn:  # the first warms up
                        rates[path].append(rate)
                        spent[path] += seconds
                        cores[path].append(Cores(*((b - a) / len(seconds) for a, b in zip(before, after, strict=True))))
            drivers.stop()
            empty = sample(spent[ECHO])
            for name, path in zip(NAMES, PATHS, strict=True):
                taken, ratio = sample(spent[path]), median(np.divide(rates[path], rates[ECHO]))
                rows.append([
                    callers, name, f"{median(rates[path]):,.0f}", f"{ratio:.2f}", taken,
                    f"{taken.median / empty.median:.2f}", duration(taken.quantile(0.99)),
                    *(duration(median(part)) for part in zip(*cores[path], strict=True)),
                ])  # fmt: skip
    heading(
        "Throughput of Solve by id",
        f"{options.rounds} turns of {options.seconds:g} s each; medians; load {os.getloadavg()[0]:.1f} on "
        f"{len(os.sched_getaffinity(0))} cores. Goals: 0.75 of the echo's calls a second, p50 at most 1.3 times its.",
    )
    table(("callers", "", "calls/s", "to echo", "p50", "to echo", "p99", *Cores._fields), rows)
    print("\ncaller, server, others: processor time that a call takes of the callers, the server, and its processes")


if __name__ == "__main__":
    main()
