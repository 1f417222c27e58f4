"""The server itself, killed and started again; and its jobs."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.faults.fault import Fault, Others
from benchmarks.job_faults import VICTIMS, run_faults
from benchmarks.processes import children, serve

ROWS, CHUNK_ROWS = 100_000, 1_000


def server_killed() -> Fault:
    """Kill a server, and start it again at the same address."""
    options = ("--workers", "2", "--log-level", "ERROR")
    with ExitStack() as stack:
        served = stack.enter_context(serve(*options))
        others = stack.enter_context(Others(served.address, patient=True))
        time.sleep(0.3)
        workers = children(served.process.pid)
        served.process.kill()
        served.process.wait()
        began = time.monotonic()
        orphans = [pid for pid in workers if Path(f"/proc/{pid}").exists()]
        while orphans and time.monotonic() - began < 5:
            time.sleep(0.01)
            orphans = [pid for pid in orphans if Path(f"/proc/{pid}").exists()]
        stack.enter_context(serve(*options, "--address", served.address))
        ready = time.monotonic() - began
        time.sleep(1.0)
        others.stop()
        happened = (
            f"{len(orphans)} workers outlived it; ready again after {ready:.1f} s; a client that asks again had its "
            f"answer after {others.longest:.1f} s, its system told anew"
        )
        return Fault("server killed (-9), started again", happened, str(others), others.sound and not orphans)


def jobs_killed() -> Fault:
    """Kill the server, its runner, a process that solves, and the client, in the middle of a job each."""
    with tempfile.TemporaryDirectory(prefix="raphson-faults-") as folder:
        found = list(run_faults(Path(folder), len(VICTIMS), ROWS, CHUNK_ROWS))
    lost, twice, wrong = (sum(getattr(each, name) for each in found) for name in ("lost", "twice", "wrong"))
    ended = ", ".join(f"{each.victim} at row {each.rows_then:,}" for each in found)
    sound = not (lost or twice or wrong) and all(each.state == "succeeded" for each in found)
    rows = f"{lost} of {ROWS * len(found):,} rows, {twice} twice, {wrong} wrong"
    return Fault("kill -9 during jobs", f"killed: {ended}; all {len(found)} jobs succeeded" * sound, rows, sound)
