"""One J over RPC: n = 10, dense, by id, beside an empty echo of the same bytes on the same kind of server.

Both services run in processes of their own; the calls take turns, so that drift hits all alike. Every call asks for J
at another point. Evaluate pays the echo, the hop to a worker process and back, and J itself.
"""

from __future__ import annotations

import argparse
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
import raphson
import raphson_solver as rs
from raphson.v1 import jacobian_pb2, jacobian_pb2_grpc, system_pb2

from benchmarks.echo import METHOD, SERVICE
from benchmarks.processes import open_channel, serve, settle
from benchmarks.rpc_overhead import echo_server
from benchmarks.systems import chandrasekhar
from benchmarks.timing import alternate, duration, heading, repeat_fast, table

if TYPE_CHECKING:
    from collections.abc import Callable

N = 10
GOAL = 1.3
POINTS = 64
WARM_UP = 200
AGREEMENT = 1e-14
ECHO, STUB = "echo, bytes", "Evaluate, stub"


def request_by_id(system_id: str, point: np.ndarray) -> jacobian_pb2.EvaluateRequest:
    """Write the request that a program would send."""
    request = jacobian_pb2.EvaluateRequest(system=system_pb2.SystemRef(system_id=system_id), matrix=True)
    request.at.add(name="x").array.data = point.tobytes()
    return request


def check(reply: jacobian_pb2.EvaluateResponse, expected: np.ndarray) -> None:
    """Stop unless the service answered what the library answers."""
    J = np.frombuffer(reply.matrix.data).reshape(N, N)
    if not np.abs(J - expected).max() <= AGREEMENT * np.abs(expected).max():
        raise SystemExit(f"the service answered\n{J}\nand the library\n{expected}")


def main() -> None:
    """Print the latencies and their ratios to the echo's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=3000, help="calls of each kind (default: 3000)")
    repetitions = parser.parse_args().repetitions
    text = chandrasekhar(N, 0)
    points = np.random.default_rng(4).uniform(0.5, 1.5, (POINTS, N))
    in_process = rs.compile(text.equations, start=text.start)
    with (
        serve() as served,
        open_channel(served.address) as channel,
        raphson.connect(served.address) as client,
    ):
        system = client.compile(text.equations, start=text.start)
        evaluate = jacobian_pb2_grpc.JacobianServiceStub(channel).Evaluate
        requests = [request_by_id(system.id, point) for point in points]
        for request, point in zip(requests, points, strict=True):
            check(evaluate(request, timeout=10), in_process.jacobian(point))
        sent = [request.SerializeToString() for request in requests]
        received = evaluate(requests[0], timeout=10).SerializeToString()
        with echo_server(received) as address, open_channel(address) as echo_channel:
            path = f"/{SERVICE}/{METHOD}"
            echo_bytes = echo_channel.unary_unary(path)
            echo_messages = echo_channel.unary_unary(
                path, jacobian_pb2.EvaluateRequest.SerializeToString, jacobian_pb2.EvaluateResponse.FromString
            )
            actions = {
                ECHO: each(lambda given: echo_bytes(given, timeout=10), sent),
                "echo, messages": each(lambda given: echo_messages(given, timeout=10), requests),
                STUB: each(lambda given: evaluate(given, timeout=10), requests),
                "raphson.Client.jacobian": each(lambda given: client.jacobian(system, given), list(points)),
            }
            for action in actions.values():
                for _ in range(WARM_UP):
                    action()
            settle(served.process.pid)  # until it is machine code
            samples = alternate(actions, repetitions)
        check(evaluate(requests[-1], timeout=10), in_process.jacobian(points[-1]))
    library = repeat_fast(lambda: in_process.jacobian(points[0]))
    heading(
        f"One J over RPC, n = {N}",
        f"Medians of {repetitions} calls of each kind in turn; {len(sent[0])} bytes there, {len(received)} back.",
        f"Goal: J by id at most {GOAL} times the echo.",
    )
    echo = samples[ECHO].median
    rows = [
        [name, duration(s.median), duration(s.quantile(0.99)), s.spread, f"{s.median / echo:.2f}"]
        for name, s in samples.items()
    ]
    table(("call", "p50", "p99", "p10 … p90", "to echo"), rows)
    print(f"\nthe same J in this process, the call from Python included: {library}")


def each(call: Callable[[object], object], given: list) -> Callable[[], object]:
    """Return an action that calls with what is given, one after another, again and again."""
    turn = cycle(given)
    return lambda: call(next(turn))


if __name__ == "__main__":
    main()
