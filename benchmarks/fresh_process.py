"""One measurement in a process of its own: its peak of memory is that measurement's, and nobody else's."""

from __future__ import annotations

import json
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


def measured(module: str, arguments: list[str | int], longest_seconds: float) -> dict[str, Any] | Nothing:
    """Run `python -m MODULE --child ARGUMENTS`, and return what it prints as JSON; `{"refused": why}` is a refusal."""
    command = [sys.executable, "-m", module, CHILD, *map(str, arguments)]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=longest_seconds, check=False)
    except subprocess.TimeoutExpired:
        return Nothing(f"stopped after {longest_seconds:g} s", failed=False)
    if ended.returncode:
        last = ended.stderr.strip().splitlines()[-1:] or [f"exit code {ended.returncode}"]
        return Nothing(f"failed: {last[0]}", failed=True)
    reply: dict[str, Any] = json.loads(ended.stdout)
    return Nothing(f"refused: {reply['refused']}", failed=False) if "refused" in reply else reply


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
