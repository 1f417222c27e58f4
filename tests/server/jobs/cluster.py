"""A Dask cluster of this machine: a scheduler and workers, each a process that tests may kill."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import distributed

START_SECONDS = 30.0


@dataclass(frozen=True)
class Cluster:
    """Its processes, and the address to give."""

    address: str
    scheduler: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]]


@contextlib.contextmanager
def running_cluster(folder: Path, workers: int, **configuration: object) -> Iterator[Cluster]:
    """Start a scheduler and workers of one thread each, wait for them, and end what is left of them."""
    settings = {f"DASK_DISTRIBUTED__SCHEDULER__{name.upper()}": str(value) for name, value in configuration.items()}
    file = folder / "scheduler.json"
    with contextlib.ExitStack() as stack:
        at = ("--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file))
        scheduler = _start(stack, folder, settings, "scheduler", *at)
        address = _address(file)
        own = ("--nthreads", "1", "--no-nanny", "--local-directory", str(folder / "w"))
        started = [_start(stack, folder, settings, "worker", address, *own) for _ in range(workers)]
        if workers:
            with distributed.Client(address, set_as_default=False) as client:
                client.wait_for_workers(workers, START_SECONDS)
        yield Cluster(address.replace("tcp://", "dask://"), scheduler, started)


def _start(
    stack: contextlib.ExitStack, folder: Path, settings: dict[str, str], *arguments: str
) -> subprocess.Popen[bytes]:
    log = stack.enter_context((folder / f"{arguments[0]}.log").open("ab"))
    command = [sys.executable, "-m", "dask", *arguments, "--no-dashboard"]
    process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | settings)
    stack.callback(process.wait, START_SECONDS)
    stack.callback(process.kill)
    return process


def _address(file: Path) -> str:
    began = time.monotonic()
    while time.monotonic() - began < START_SECONDS:
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            return str(json.loads(file.read_text())["address"])
        time.sleep(0.05)
    raise AssertionError("no scheduler within 30 s")
