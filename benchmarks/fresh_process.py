"""One measurement in a process of its own: its peak of memory is that measurement's, and nobody else's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHILD = "--child"


@dataclass(frozen=True, slots=True)
class Nothing:
    """Why there is no measurement.

    Attributes
    ----------
    why : str
        In a sentence.
    failed : bool
        Whether something is wrong: neither a refusal nor a lack of time.
    """

    why: str
    failed: bool


def measured(
    module: str,
    arguments: list[str | int],
    longest_seconds: float,
    *,
    interpreter: str = sys.executable,
    cores: int | None = None,
) -> dict[str, Any] | Nothing:
    """Run `python -m MODULE --child ARGUMENTS`, and return what it prints as JSON; `{"refused": why}` is a refusal.

    Parameters
    ----------
    module, arguments : str, list
        What to run.
    longest_seconds : float
        After which it is stopped.
    interpreter : str
        In which Python.
    cores : int, optional
        On how many cores at most; what is not told otherwise then makes no more threads than that.
    """
    command = [interpreter, "-m", module, CHILD, *map(str, arguments)]
    if cores is not None:
        allowed = sorted(os.sched_getaffinity(0))[-cores:]
        command = ["taskset", "--cpu-list", ",".join(map(str, allowed)), *command]
    # Rather fail than have the system end whom it likes.
    limit = f"{available_bytes() // 1024}"
    command = ["bash", "-c", f'ulimit -v {limit}; exec "$@"', "bash", *command]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=longest_seconds, check=False)
    except subprocess.TimeoutExpired:
        return Nothing(f"stopped after {longest_seconds:g} s", failed=False)
    if ended.returncode:
        lines = [line for line in ended.stderr.splitlines() if line.strip()]
        last = lines[-1:] or [f"exit code {ended.returncode}"]
        return Nothing(f"failed: {last[0]}", failed=True)
    reply: dict[str, Any] = json.loads(ended.stdout)
    return Nothing(f"refused: {reply['refused']}", failed=False) if "refused" in reply else reply


def available_bytes() -> int:
    """Return how much memory the machine could still give."""
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/meminfo has no MemAvailable")


def peak_bytes() -> int:
    """Return the most memory that this process has held at once.

    Not `getrusage`: on Linux its maximum starts from that of the process that called exec.
    """
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/self/status has no VmHWM")


def megabytes(count: float) -> str:
    """Write bytes as megabytes, three digits."""
    return f"{count / 1e6:.3g} MB" if count < 999.5e6 else f"{count / 1e6:.0f} MB"
