"""Cold start: from the exec of `raphson serve` to health SERVING, and what the first line says of the engine.

One start that does not count makes sure that the caches exist.
"""

from __future__ import annotations

import argparse
import time

from grpc_health.v1 import health_pb2, health_pb2_grpc

from benchmarks.processes import open_channel, serve
from benchmarks.timing import duration, heading, sample, table


def start() -> tuple[float, str]:
    """Start a service; return the seconds until health says SERVING, and its first line."""
    began = time.perf_counter()
    with serve() as served, open_channel(served.address) as channel:
        reply = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
        seconds = time.perf_counter() - began
        if reply.status != health_pb2.HealthCheckResponse.SERVING:
            raise SystemExit(f"health answered {reply.status} after the service said it was ready")
        assert served.process.stdout is not None
        return seconds, served.process.stdout.readline().strip()


def main() -> None:
    """Print every start and the median."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=5, help="starts that are timed (default: 5)")
    repetitions = parser.parse_args().repetitions
    heading("Cold start", "From exec to health SERVING, with every worker warm. Goal: 3 s once the caches exist.")
    before = start()
    starts = [start() for _ in range(repetitions)]
    table(
        ("start", "seconds", "first line"),
        [["before", duration(before[0]), before[1]]]
        + [[number, duration(seconds), line] for number, (seconds, line) in enumerate(starts, start=1)],
    )
    times = sample([seconds for seconds, _ in starts])
    recompiled = sum("compiled" in line for _, line in starts)
    print(f"\nmedian {times}, {times.spread}; {recompiled} of {repetitions} starts compiled the engine")


if __name__ == "__main__":
    main()
