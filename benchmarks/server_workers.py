"""One worker process behind a port beside as many as there are cores: calls a second of solves that take milliseconds.

Eight callers in two processes call without a pause; the two servers take turns of a second. Each solve makes so many
steps of undamped Newton towards a root that is not there, and is stopped by its limit of iterations.
"""

from __future__ import annotations

import argparse
import os
from contextlib import ExitStack
from statistics import median

import numpy as np
import raphson
from raphson.v1 import solver_pb2

from benchmarks.processes import serve
from benchmarks.throughput import SOLVE, Drivers
from benchmarks.timing import heading, sample, table
from tests.server.calling import named

CALLERS = 8
STEPS = 20_000


def main() -> None:
    """Print calls a second of both, and their ratio."""
    cores = len(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=cores, help="of the second server (default: one a core)")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each (default: 7)")
    parser.add_argument("--seconds", type=float, default=1.0, help="of a turn (default: 1)")
    options = parser.parse_args()
    with ExitStack() as stack:
        drivers = []
        for workers in (1, options.workers):
            served = stack.enter_context(serve("--workers", str(workers), "--log-level", "ERROR"))
            with raphson.connect(served.address) as client:
                system = client.compile(["x**2 + 1 = 0"], start={"x": 3.3})
            request = solver_pb2.SolveRequest(
                system={"system_id": system.id},
                start=named({"x": 3.3}),
                options={"method": solver_pb2.METHOD_NEWTON, "max_iterations": STEPS},
            )
            drivers.append(Drivers(stack, {SOLVE: served.address}, request.SerializeToString(), CALLERS))
        rates: tuple[list[float], list[float]] = ([], [])
        spent: tuple[list[float], list[float]] = ([], [])
        for turn in range(options.rounds + 1):
            for which, driver in enumerate(drivers):
                rate, seconds = driver.run(SOLVE, options.seconds)
                if turn:  # the first warms up
                    rates[which].append(rate)
                    spent[which].extend(seconds)
        for driver in drivers:
            driver.stop()
    heading(
        "Workers behind one port",
        f"{options.rounds} turns of {options.seconds:g} s each; medians; {CALLERS} callers, {STEPS:,} steps a solve; "
        f"load {os.getloadavg()[0]:.1f} on {cores} cores.",
    )
    ratio = median(np.divide(rates[1], rates[0]))
    table(
        ("workers", "Solve/s", "to one", "p50"),
        [
            [1, f"{median(rates[0]):,.0f}", "1", sample(spent[0])],
            [options.workers, f"{median(rates[1]):,.0f}", f"{ratio:.2f}", sample(spent[1])],
        ],
    )


if __name__ == "__main__":
    main()
