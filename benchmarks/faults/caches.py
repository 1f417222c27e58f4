"""Machine code on disk, the engine's and that of systems: no room for it, damaged, shared by servers."""

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
from raphson_solver.compiler.object_files import DEFAULT_BYTES, FOLDER, ObjectFiles
from raphson_solver.engine.cache import cache_directory

from benchmarks.faults.fault import EQUATIONS, START, Fault
from benchmarks.processes import Served, serve, settle

if TYPE_CHECKING:
    from collections.abc import Iterator

OPTIONS = ("--workers", "1", "--log-level", "ERROR")
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
        # Unbuffered: what was not written would be tried again at the end.
        with (folder / "filler").open("wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(4096))
            except OSError:
                pass
        served, engine, seconds = _started(stack, folder)
        right = _solves(served)
        kept, _ = _systems(folder)
        happened = f"ready after {seconds:.0f} s, engine {engine}; nothing could be kept for the next start"
        return Fault(name, happened, "nothing" if right else "answers", right and engine == MADE and not kept)


def damaged() -> Fault:
    """Cut, garble, empty and flip a bit of the files of a cache, each another way."""
    with tempfile.TemporaryDirectory(prefix="raphson-faults-") as scratch, ExitStack() as stack:
        folder = Path(scratch)
        code = cache_directory()
        shutil.copytree(code, folder / "engine" / code.name)
        with ExitStack() as before:
            served, _, _ = _started(before, folder)
            right = _solves(served)
        of_systems, _ = _systems(folder)
        for number, path in enumerate(
            sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)
        ):
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
        right = _solves(served) and right
        _, again, later = _started(stack, folder)
        kept, whole = _systems(folder)
        happened = (
            f"{number + 1} files, {of_systems} of them of systems: found out, engine {engine} in {seconds:.0f} s, "
            f"{whole} of systems compiled; the next start {again} the engine in {later:.1f} s"
        )
        return Fault(
            "files of the cache damaged",
            happened,
            "nothing" if right else "answers",
            right and again == LOADED and whole == kept == of_systems > 0,
        )


def shared() -> Fault:
    """Start two servers at once on one empty cache, and then a third."""
    with tempfile.TemporaryDirectory(prefix="raphson-faults-") as scratch, ExitStack() as stack:
        folder = Path(scratch)
        with ThreadPoolExecutor(2) as threads:
            both = list(threads.map(lambda _: _started(stack, folder), range(2)))
            right = all(threads.map(lambda each: _solves(each[0]), both))
        of_both = _systems(folder)
        served, third, seconds = _started(stack, folder)
        right = right and _solves(served)
        kept, whole = _systems(folder)
        told = " and ".join(f"{engine} it in {spent:.0f} s" for _, engine, spent in both)
        happened = f"two {told}; a third {third} it in {seconds:.1f} s, and {whole} files of systems"
        return Fault(
            "two servers on one empty cache",
            happened,
            "nothing" if right else "answers",
            right and third == LOADED and (kept, whole) == of_both and whole == kept > 0,
        )


def _started(stack: ExitStack, folder: Path) -> tuple[Served, str, float]:
    """Start a server whose cache is in a folder; return it, where its engine came from, and the seconds it took."""
    began = time.monotonic()
    served = stack.enter_context(serve(*OPTIONS, environment={"RAPHSON_CACHE_DIR": str(folder)}))
    assert served.process.stdout is not None
    line = served.process.stdout.readline()
    return served, MADE if MADE in line else LOADED, time.monotonic() - began


def _solves(served: Served) -> bool:
    """Solve a system until it is compiled in the background, and then by its machine code."""
    numbers = (1.5, 2.0, 2.5)
    with raphson.connect(served.address) as client:
        roots = [client.solve(EQUATIONS, START, {"r": r}) for r in numbers]
        settle(served.process.pid)
        roots += [client.solve(EQUATIONS, START, {"r": r}) for r in numbers]
    return all(abs(root["x"] ** 2 + root["y"] ** 2 - r**2) < 1e-10 for root, r in zip(roots, 2 * numbers, strict=True))


def _systems(folder: Path) -> tuple[int, int]:
    """Return how many files with machine code of systems there are in a cache, and how many of these are whole."""
    files = ObjectFiles(folder / FOLDER, DEFAULT_BYTES)
    keys = [path.name for path in (folder / FOLDER).glob("*") if not path.name.startswith("turn.")]
    return len(keys), sum(files.find(key) is not None for key in keys)


@contextmanager
def _small_disk() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="raphson-faults-") as place:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none", place], check=True)
        try:
            yield Path(place)
        finally:
            subprocess.run(["umount", "--lazy", place], check=True)
