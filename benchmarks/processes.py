"""The service in its own process, and what the kernel knows of its workers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import grpc

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

START_SECONDS = 120
# PF_EXITING among the flags in proc_pid_stat(5).
_EXITING = 0x4


@dataclass(frozen=True, slots=True)
class Served:
    """A running service.

    Attributes
    ----------
    address : str
        ``host:port`` on the loopback interface.
    process : subprocess.Popen
        The front end.
    """

    address: str
    process: subprocess.Popen[str]


@contextmanager
def serve(*options: str, environment: Mapping[str, str] | None = None) -> Iterator[Served]:
    """Start ``raphson serve`` on a free port, wait until it is ready, and stop it at the end."""
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "raphson_server", "serve", "--address", "127.0.0.1:0", "--announce"]
    process = subprocess.Popen(
        [*command, str(writing), "--exit-with-parent", *options],
        stdout=subprocess.PIPE,
        text=True,
        pass_fds=[writing],
        env=os.environ | (environment or {}),
    )
    os.close(writing)
    try:
        with os.fdopen(reading, encoding="utf-8") as announced:
            line = announced.readline()
        if not line:
            raise RuntimeError(f"the service ended with exit code {process.wait(START_SECONDS)} before it was ready")
        yield Served(json.loads(line)["address"], process)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def children(parent: int) -> list[int]:
    """Return the processes that a process has started, and that are still there."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            fields = _after_name(entry / "stat")
            if fields and int(fields[1]) == parent and fields[0] not in "ZX":
                found.append(int(entry.name))
    return sorted(found)


def cpu_seconds(process: int) -> float | None:
    """Return the time that all threads of a process have spent on a core; None once it has ended."""
    total = 0
    try:
        for task in Path(f"/proc/{process}/task").iterdir():
            total += int((task / "schedstat").read_text(encoding="ascii").split()[0])
    except (FileNotFoundError, ProcessLookupError):
        return None
    return total * 1e-9


def is_ending(process: int) -> bool:
    """Return whether a process computes no more: it is gone, or the kernel is taking its memory back."""
    fields = _after_name(Path(f"/proc/{process}/stat"))
    return not fields or fields[0] in "ZX" or bool(int(fields[6]) & _EXITING)


def resident_bytes(process: int) -> int:
    """Return the memory that a process holds now; 0 once it has ended."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def busy(processes: Sequence[int], seconds: float = 0.1) -> list[int]:
    """Watch for a moment, and return the processes that used a fifth of a core or more."""
    before = [cpu_seconds(process) for process in processes]
    time.sleep(seconds)
    after = [cpu_seconds(process) for process in processes]
    return [
        process
        for process, a, b in zip(processes, before, after, strict=True)
        if a is not None and b is not None and b - a >= 0.2 * seconds
    ]


def settle(parent: int, longest_seconds: float = 30.0, *, processes: int = 0) -> None:
    """Wait until a process has so many children, and none of them is at work, be it with its own start."""
    give_up = time.monotonic() + longest_seconds
    while len(children(parent)) < processes and time.monotonic() < give_up:
        time.sleep(0.01)
    while busy(children(parent)) and time.monotonic() < give_up:
        pass


def _after_name(stat: Path) -> list[str]:
    """Split what follows the command's name, which may hold spaces: state, parent and more."""
    try:
        return stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def open_channel(address: str, *, retries: bool = False) -> grpc.Channel:
    """Open a plain channel to a server on this machine, past any proxy.

    With `retries`, as callers have it: gRPC itself sends a call again that met a connection which the server was
    closing, since no server has begun it.
    """
    return grpc.insecure_channel(address, [("grpc.enable_http_proxy", 0), ("grpc.enable_retries", int(retries))])
