"""The machine's clock, set forward and back by an hour while calls run."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import raphson

from benchmarks.faults.fault import Fault, Others
from benchmarks.processes import children, serve

LIBRARIES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib/faketime/libfaketimeMT.so.1")
DEADLINE_SECONDS, SLACK_SECONDS = 2.0, 5.0
NAME = "clock set by ±1 h"


def clock_jump() -> Fault:
    """Let libfaketime move the server's wall clock, which is what an operator or NTP can move."""
    found = [path for pattern in LIBRARIES for path in Path("/").glob(pattern[1:])]
    if not found:
        return Fault(NAME, "not run: libfaketime is not installed (Debian: faketime)", "—", sound=True)
    with tempfile.TemporaryDirectory(prefix="raphson-faults-") as folder:
        told = Path(folder) / "time"
        told.write_text("+0\n")
        environment = {
            "LD_PRELOAD": str(found[0]),
            "FAKETIME_TIMESTAMP_FILE": str(told),
            "FAKETIME_NO_CACHE": "1",
            # The monotonic clock cannot be set; ours are all of it.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }
        with (
            serve("--workers", "2", "--log-level", "ERROR", environment=environment) as served,
            Others(served.address) as others,
            raphson.connect(served.address) as client,
        ):
            workers = children(served.process.pid)
            ends = []
            for jump in ("+3600", "-3600", "+0"):
                told.write_text(f"{jump}\n")
                began = time.monotonic()
                answer = client.solve(
                    "x**2 + 1 = 0", {"x": 0.7}, method="newton", max_iterations=10**9, timeout_seconds=DEADLINE_SECONDS
                )
                ends.append((answer.status.name, time.monotonic() - began))
            others.stop()
            same = workers == children(served.process.pid)
    times = ", ".join(f"{seconds:.2f}" for _, seconds in ends)
    punctual = all(name == "TIME_LIMIT" and seconds < DEADLINE_SECONDS + SLACK_SECONDS for name, seconds in ends)
    happened = (
        f"endless solves with {DEADLINE_SECONDS:g} s ended after {times} s; workers {'as' if same else 'not as'} before"
    )
    return Fault(NAME, happened, str(others), others.sound and punctual and same)
