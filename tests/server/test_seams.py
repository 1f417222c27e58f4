"""Request text never reaches eval, a file, a process or the network: seen at Python's own seams, by its audit hooks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.server.audited import FILE, FILE_EVENTS, HOSTILE

ROOT = Path(__file__).parents[2]
# Nothing of these reads, writes, runs or sends: threads begin, memory is looked at by its address.
HARMLESS = {
    "_thread.start_new_thread",
    "_thread.start_joinable_thread",
    "array.__new__",
    "builtins.id",
    "ctypes.addressof",
    "ctypes.create_string_buffer",
    "ctypes.string_at",
    # Of the state of a search between its turns, which a worker wrote.
    "pickle.find_class numpy",
    "pickle.find_class raphson_server",
    "pickle.find_class raphson_solver",
    "time.sleep",
    # Files whose names are digests, in the one folder of ours.
    *(f"{event} of machine code" for event in FILE_EVENTS),
}


def test_hostile_requests_are_only_ever_read() -> None:
    Path(FILE).unlink(missing_ok=True)
    finished = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.server.audited"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    told = json.loads(finished.stdout.splitlines()[-1])
    assert set(told["events"]) <= HARMLESS, told["events"]
    assert {"compile", "exec"} <= set(told["control"])
    # All of them were looked at, most refused, and some solved.
    outcomes = told["outcomes"]
    assert outcomes.keys() <= {"OK", "INVALID_ARGUMENT", "NEEDS_DEFINITION", "NOT_FOUND", "RESOURCE_EXHAUSTED"}
    assert outcomes["INVALID_ARGUMENT"] > 10 * len(HOSTILE)
    assert outcomes["OK"] > 20
    assert "Traceback" not in finished.stderr
    assert not Path(FILE).exists()
