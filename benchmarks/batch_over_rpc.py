"""Batches over RPC: `Client.solve_batch` against a server on this machine, beside `System.solve_batch` in this process.

Both have all cores. Beside them a stream of the same chunks to and from a server that does nothing: what it costs to
move the bytes alone, by the same library over the same loopback. The calls take turns.
"""

from __future__ import annotations

import argparse
import threading
from typing import TYPE_CHECKING

import numpy as np
import raphson
import raphson_solver as rs
from raphson.batch_solving import CHUNK_BYTES, MOST_IN_FLIGHT, RESULT_BYTES

from benchmarks.batch_systems import SYSTEMS, BatchSystem
from benchmarks.echo import SERVICE, STREAM
from benchmarks.processes import open_channel, serve
from benchmarks.rpc_overhead import echo_server
from benchmarks.timing import alternate, heading, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import grpc

GOAL = 0.8
HERE, THERE, BYTES = "in this process", "over RPC", "bytes alone"


def mover(channel: grpc.Channel, chunks: int, request: bytes) -> Callable[[], None]:
    """Return what sends a request a chunk, a few at a time, and takes as many replies."""
    call = channel.stream_stream(f"/{SERVICE}/{STREAM}")

    def move() -> None:
        slots = threading.Semaphore(MOST_IN_FLIGHT)

        def requests() -> Iterator[bytes]:
            for _ in range(chunks):
                slots.acquire()
                yield request

        replies = 0
        for _ in call(requests(), timeout=60):
            replies += 1
            slots.release()
        if replies != chunks:
            raise SystemExit(f"{replies} of {chunks} chunks came back")

    return move


def measure(system: BatchSystem, count: int, repetitions: int, client: raphson.Client) -> list[object]:
    """Compare the roots, then time everybody in turn; return a row of the table."""
    p = system.draw(count)
    parameters = dict(zip(system.parameters, p.T, strict=True))
    here = rs.compile(system.equations, start=system.variables, parameters=dict.fromkeys(system.parameters, 1.0))
    there = client.compile(system.equations, start=system.variables, parameters=list(system.parameters))
    given = {name: np.ascontiguousarray(values) for name, values in parameters.items()}
    n, k = system.start.size, len(given)
    members = CHUNK_BYTES // max(8 * k, 8 * n + RESULT_BYTES)
    with echo_server(b"", members * (8 * n + RESULT_BYTES)) as address, open_channel(address) as channel:
        actions: dict[str, Callable[[], object]] = {
            HERE: lambda: here.solve_batch(system.start, p),
            THERE: lambda: client.solve_batch(there, system.variables, given, progress=False),
            BYTES: mover(channel, -(-count // members), bytes(8 * k * members)),
        }
        for _ in range(2):  # until every worker has its code
            x = client.solve_batch(there, system.variables, given, progress=False).x
        if not np.array_equal(x, here.solve_batch(system.start, p).x):
            raise SystemExit(f"{system.name}: the server answered otherwise than the library")
        samples = alternate(actions, repetitions)
    rates = {name: count / sample.median for name, sample in samples.items()}
    moved = count * (8 * (k + n) + RESULT_BYTES) / 1e6
    return [
        system.name,
        f"{count:,}",
        *(f"{rates[name] / 1e6:.3g} M/s" for name in (HERE, THERE, BYTES)),
        f"{moved:.0f} MB",
        f"{rates[THERE] / rates[HERE]:.2f}",
        f"{1 / (1 / rates[HERE] + 1 / rates[BYTES]) / rates[HERE]:.2f}",
    ]


def main() -> None:
    """Print the rates and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, help="of each system (default: 1 000 000; 100 000 of the pellet)")
    parser.add_argument("--repetitions", type=int, default=7, help="of each call (default: 7)")
    arguments = parser.parse_args()
    with serve() as served, raphson.connect(served.address) as client:
        rows = [
            measure(system, arguments.members or system.members, arguments.repetitions, client)
            for system in (make() for make in SYSTEMS)
        ]
    heading(
        "Batches over RPC",
        f"Medians of {arguments.repetitions} calls in turn; members a second. Goal: {GOAL} of the rate in process.",
        "The last column is what were left if the bytes moved after all was solved, on the same cores.",
    )
    table(("system", "members", HERE, THERE, BYTES, "moved", "RPC : process", "bytes after"), rows)


if __name__ == "__main__":
    main()
