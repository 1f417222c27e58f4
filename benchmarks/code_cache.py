"""Machine code on disk: what systems take to be compiled without it, at first with it, and from there.

Each repetition is a system that nobody has seen, compiled to machine code and solved once: without the cache; with an
empty one, which is written; and, its text a blank longer, from there. What is read was just written, so the disk itself
is not waited for.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import raphson_solver
from raphson_solver.compiler import machine
from raphson_solver.compiler.object_files import DEFAULT_BYTES, ObjectFiles

from benchmarks import systems
from benchmarks.timing import duration, heading, sample, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KINDS: dict[str, Callable[[int], systems.Text]] = {
    "circle and exponential": systems.circle_and_exponential,
    "Broyden, n = 8": lambda variant: systems.broyden_tridiagonal(8, variant),
    "Chandrasekhar, n = 8": lambda variant: systems.chandrasekhar(8, variant),
    "Broyden, n = 50": lambda variant: systems.broyden_tridiagonal(50, variant),
    "Chandrasekhar, n = 50": lambda variant: systems.chandrasekhar(50, variant),
    "Broyden, n = 200": lambda variant: systems.broyden_tridiagonal(200, variant),
    "family: Broyden, n = 10,000": lambda variant: systems.broyden_family(10_000, variant),
    "family: 118 buses, n = 181": systems.power_flow_family,
}
WAYS = ("off", "empty", "kept")


class Clock:
    """Adds up what making machine code takes, and counts it."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.modules = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Watch every module that is made meanwhile."""
        real = machine.MachineCode.__init__

        def timed(code: machine.MachineCode, text: str, *, optimize: bool) -> None:
            began = time.perf_counter()
            real(code, text, optimize=optimize)
            self.seconds += time.perf_counter() - began
            self.modules += 1

        machine.MachineCode.__init__ = timed  # type: ignore[method-assign]
        try:
            yield
        finally:
            machine.MachineCode.__init__ = real  # type: ignore[method-assign]


def compiled(text: systems.Text, files: ObjectFiles | None, mark: str) -> tuple[float, Clock]:
    """Return the seconds from a text to a root by machine code, and those that the code took."""
    machine.object_files = lambda: files  # type: ignore[assignment]
    clock = Clock()
    equations = [equation + mark for equation in text.equations]
    began = time.perf_counter()
    with clock.running():
        made = raphson_solver.compile(equations, start=text.start, parameters=text.parameters)
        free = {name: text.parameters[name] for name, _ in made.free_parameters}
        solution = made.solve(text.start, free or None)
    seconds = time.perf_counter() - began
    if not solution.converged:
        raise SystemExit(f"{text.name}: {solution!r}")
    return seconds, clock


def main() -> None:
    """Print a row a system."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=9, help="systems of each kind (default: 9)")
    repetitions = parser.parse_args().repetitions
    heading(
        "Machine code on disk",
        f"Medians of {repetitions} systems of each kind, none seen before, after one that does not count; load "
        f"{os.getloadavg()[0]:.1f} on {len(os.sched_getaffinity(0))} cores.",
        "'off': without the cache; 'empty': with one that is written; 'kept': what was written before.",
    )
    raphson_solver.warm_up()
    rows = []
    for name, make in KINDS.items():
        code: dict[str, list[float]] = {way: [] for way in WAYS}
        whole: dict[str, list[float]] = {way: [] for way in WAYS}
        for variant in range(1 + repetitions):
            with tempfile.TemporaryDirectory() as folder:
                files = ObjectFiles(Path(folder) / "code", DEFAULT_BYTES)
                for way, mark in zip(WAYS, ("", " ", "  "), strict=True):
                    seconds, clock = compiled(make(variant), None if way == "off" else files, mark)
                    if variant:
                        code[way].append(clock.seconds)
                        whole[way].append(seconds)
                size = sum(path.stat().st_size for path in (Path(folder) / "code").iterdir())
        codes = {way: sample(code[way]).median for way in WAYS}
        wholes = {way: sample(whole[way]).median for way in WAYS}
        rows.append(
            (
                name,
                clock.modules,
                f"{size / 1024:.1f} KiB",
                *(duration(codes[way]) for way in WAYS),
                f"{codes['kept'] / codes['off']:.3f}",
                *(duration(wholes[way]) for way in WAYS),
                f"{wholes['kept'] / wholes['off']:.2f}",
            )
        )
    table(
        (
            "system",
            "modules",
            "size",
            *(f"code {way}" for way in WAYS),
            "ratio",
            *(f"root {way}" for way in WAYS),
            "ratio",
        ),
        rows,
    )


if __name__ == "__main__":
    main()
