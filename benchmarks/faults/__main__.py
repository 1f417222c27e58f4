"""Faults of network, processes, clock and disk: each with what happened, and what was lost.

While a fault lasts a client of its own solves on and checks every answer. The three faults of caches compile the
engine, which takes some minutes.
"""

from __future__ import annotations

import argparse
import os
import sys
import textwrap
import time
from typing import TYPE_CHECKING

from benchmarks.faults import caches, clock, killed, network
from benchmarks.timing import heading, table

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.faults.fault import Fault

FAULTS: dict[str, Callable[[], Fault]] = {
    "client": network.client_killed,
    "server": killed.server_killed,
    "jobs": killed.jobs_killed,
    "reader": network.slow_reader,
    "half-open": network.half_open,
    "clock": clock.clock_jump,
    "full": caches.full_disk,
    "damaged": caches.damaged,
    "shared": caches.shared,
}
WIDTH = 70


def main() -> int:
    """Print the table; return 1 if anything was lost."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.faults", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(FAULTS)}; default: all")
    names = parser.parse_args().names or FAULTS
    unknown = [name for name in names if name not in FAULTS]
    if unknown:
        parser.error(f"unknown fault {', '.join(unknown)}; choose from {', '.join(FAULTS)}")
    began = time.monotonic()
    faults = []
    for name in names:
        print(f"{name} …", file=sys.stderr, flush=True)
        faults.append(FAULTS[name]())
    heading(
        "Faults",
        f"{len(faults)} in {time.monotonic() - began:.0f} s; load {os.getloadavg()[0]:.1f} on "
        f"{len(os.sched_getaffinity(0))} cores. What was lost is what others noticed. Goal: nothing.",
    )
    rows: list[tuple[str, str, str]] = []
    for fault in faults:
        first, *more = textwrap.wrap(fault.happened, WIDTH) or [""]
        rows.append((fault.name, first.ljust(WIDTH), fault.lost if fault.sound else f"✗ {fault.lost}"))
        rows += [("", line.ljust(WIDTH), "") for line in more]
    table(("fault", "what happened".ljust(WIDTH), "lost"), rows)
    return 0 if all(fault.sound for fault in faults) else 1


if __name__ == "__main__":
    sys.exit(main())
