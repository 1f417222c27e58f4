"""RPC overhead: one Solve by id (n = 2) beside an empty echo of the same payload on the same kind of server.

Both services run in processes of their own; the calls take turns, so that drift hits all alike.
Solve pays the echo, the hop to a worker process and back, and the solve itself.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import raphson
from raphson.v1 import solver_pb2, solver_pb2_grpc, system_pb2

from benchmarks.echo import METHOD, SERVICE
from benchmarks.processes import open_channel, serve
from benchmarks.timing import alternate, duration, heading, table

if TYPE_CHECKING:
    from collections.abc import Iterator

EQUATIONS = ("x**2 + y**2 = r**2", "exp(x) + y = 1")
START = {"x": 1.0, "y": -1.7}
PARAMETERS = {"r": 2.0}


@contextmanager
def echo_server(reply: bytes, zeros: int = 0, processes: int = 0) -> Iterator[str]:
    """Run echo.py, which answers everything with `reply` and some zeros; yield its address."""
    command = [sys.executable, "-m", "benchmarks.echo", "--reply", reply.hex(), "--zeros", str(zeros)]
    command += ["--processes", str(processes)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield f"127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()


def request_by_id(system_id: str) -> solver_pb2.SolveRequest:
    """Write the request that a program would send."""
    request = solver_pb2.SolveRequest(system=system_pb2.SystemRef(system_id=system_id))
    for field, values in ((request.start, START), (request.parameters, PARAMETERS)):
        for name, value in values.items():
            field.add(name=name).array.data = np.float64(value).tobytes()
    return request


def main() -> None:
    """Print the latencies and their ratios to the echo's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=3000, help="calls of each kind (default: 3000)")
    repetitions = parser.parse_args().repetitions
    with (
        serve() as served,
        open_channel(served.address) as channel,
        raphson.connect(served.address) as client,
    ):
        system = client.compile(EQUATIONS, start=START, parameters=PARAMETERS)
        solve = solver_pb2_grpc.SolverServiceStub(channel).Solve
        request = request_by_id(system.id)
        reply = solve(request, timeout=10)
        if reply.status != solver_pb2.STATUS_CONVERGED:
            raise SystemExit(f"the system was not solved: {reply}")
        sent, received = request.SerializeToString(), reply.SerializeToString()
        with echo_server(received) as address, open_channel(address) as echo_channel:
            path = f"/{SERVICE}/{METHOD}"
            echo_bytes = echo_channel.unary_unary(path)
            echo_messages = echo_channel.unary_unary(
                path, solver_pb2.SolveRequest.SerializeToString, solver_pb2.SolveResponse.FromString
            )
            samples = alternate(
                {
                    "echo, bytes": lambda: echo_bytes(sent, timeout=10),
                    "echo, messages": lambda: echo_messages(request, timeout=10),
                    "Solve, stub": lambda: solve(request, timeout=10),
                    "Solve, raphson.Client": lambda: client.solve(system, START, PARAMETERS),
                },
                repetitions,
                warm_up=200,
            )
        reply = solve(request, timeout=10)
    iterating = duration(reply.elapsed_seconds)
    heading(
        "RPC overhead",
        f"Medians of {repetitions} calls of each kind in turn; {len(sent)} bytes there, {len(received)} back.",
        "Goal: Solve by id at most 1.3 times the echo.",
    )
    echo = samples["echo, bytes"].median
    rows = [
        [name, duration(s.median), duration(s.quantile(0.99)), s.spread, f"{s.median / echo:.2f}"]
        for name, s in samples.items()
    ]
    table(("call", "p50", "p99", "p10 … p90", "to echo"), rows)
    print(f"\niterating itself: {iterating} for {reply.iterations} iterations, as the last reply says")


if __name__ == "__main__":
    main()
