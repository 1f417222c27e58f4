"""The engine's machine code on disk: no room for it, damaged, and shared by two servers that start at once."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import raphson
from raphson_solver.engine.cache import cache_directory

from benchmarks.faults.fault import EQUATIONS, START, Fault
from benchmarks.processes import Served, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

OPTIONS = ("--workers", "1", "--log-level", "CRITICAL")
DISK_BYTES = 256 * 1024
MADE, LOADED = "compiled", "loaded"


def full_disk() -> Fault:
    """Start on a disk without a free byte."""
    name = "disk of the cache full"
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(_small_disk())
        except subprocess.CalledProcessError:
            return Fault(name, "not run: only root may mount a small disk", "—", sound=True)
        with (folder / "filler").open("wb") as filler:
            try:
                while True:
                    filler.write(bytes(4096))
                    filler.flush()
            except OSError:
                pass
        served, engine, seconds = _started(stack, folder)
        right = _solves(served)
        happened = f"ready after {seconds:.0f} s, engine {engine}; nothing could be kept for the next start"
        return Fault(name, happened, "nothing" if right else "answers", right and engine == MADE)


def damaged() -> Fault:
    """Cut, garble, empty and flip a bit of the files of a cache, each another way."""
    with tempfile.TemporaryDirectory(prefix="raphson-faults-") as scratch, ExitStack() as stack:
        folder = Path(scratch)
        code = cache_directory()
        files = shutil.copytree(code, folder / "engine" / code.name)
        for number, path in enumerate(sorted(files.iterdir())):
            content = path.read_bytes()
            middle = len(content) // 2
            path.write_bytes(
                (
                    content[:middle],
                    os.urandom(len(content)),
                    b"",
                    content[:middle] + bytes((content[middle] ^ 1,)) + content[middle + 1 :],
                )[number % 4]
            )
        served, engine, seconds = _started(stack, folder)
        right = _solves(served)
        _, again, later = _started(stack, folder)
        happened = (
            f"{number + 1} files: found out, engine {engine} in {seconds:.0f} s; "
            f"the next start {again} it in {later:.1f} s"
        )
        return Fault(
            "files of the cache damaged", happened, "nothing" if right else "answers", right and again == LOADED
        )


def shared() -> Fault:
    """Start two servers at once on one empty cache, and then a third."""
    with tempfile.TemporaryDirectory(prefix="raphson-faults-") as scratch, ExitStack() as stack:
        folder = Path(scratch)
        with ThreadPoolExecutor(2) as threads:
            both = list(threads.map(lambda _: _started(stack, folder), range(2)))
        right = all(_solves(served) for served, _, _ in both)
        served, third, seconds = _started(stack, folder)
        right = right and _solves(served)
        told = " and ".join(f"{engine} it in {spent:.0f} s" for _, engine, spent in both)
        happened = f"two {told}; a third {third} it in {seconds:.1f} s"
        return Fault(
            "two servers on one empty cache", happened, "nothing" if right else "answers", right and third == LOADED
        )


def _started(stack: ExitStack, folder: Path) -> tuple[Served, str, float]:
    """Start a server whose cache is in a folder; return it, where its engine came from, and the seconds it took."""
    began = time.monotonic()
    served = stack.enter_context(serve(*OPTIONS, environment={"RAPHSON_CACHE_DIR": str(folder)}))
    assert served.process.stdout is not None
    line = served.process.stdout.readline()
    return served, MADE if MADE in line else LOADED, time.monotonic() - began


def _solves(served: Served) -> bool:
    with raphson.connect(served.address) as client:
        roots = [client.solve(EQUATIONS, START, {"r": r}) for r in (1.5, 2.0, 2.5)]
    return all(
        abs(root["x"] ** 2 + root["y"] ** 2 - r**2) < 1e-10 for root, r in zip(roots, (1.5, 2.0, 2.5), strict=True)
    )


@contextmanager
def _small_disk() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="raphson-faults-") as place:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none", place], check=True)
        try:
            yield Path(place)
        finally:
            subprocess.run(["umount", "--lazy", place], check=True)
