"""Reverse mode: what wᵀ·J costs against f, from n = 10⁴ to 10⁶, in time and in memory.

Families: Bratu's problem on a line and on a square, n = m, where a dense J would be 8 TB at n = 10⁶, and the extended
Rosenbrock function, m = 1, whose gradient it is. Each size in a process of its own, so that its peak of memory is too.
Beside it the same by hand in NumPy, whole arrays at once; that both agree is checked before the clock starts.
"""

from __future__ import annotations

import argparse
import json
import sys
import time

import numpy as np
import raphson_solver as rs
from raphson_solver.differential import Differential

from benchmarks.budget import alternate_within
from benchmarks.families import bratu_line, bratu_square, rosenbrock
from benchmarks.fresh_process import CHILD, Nothing, measured, megabytes, peak_bytes
from benchmarks.timing import duration, heading, table

FAMILIES = {"Bratu, line": bratu_line, "Bratu, square": bratu_square, "Rosenbrock, m = 1": rosenbrock}
SIZES = (10_000, 100_000, 1_000_000)
COLUMNS = ("family", "n", "f", "wᵀ·J", "ratio", "NumPy f", "NumPy wᵀ·J", "ratio", "first", "peak", "an unknown")
GOAL = 5
AGREEMENT = 1e-12
SECONDS = 1.0
REPETITIONS = 51


def measure(name: str, n: int) -> dict[str, float | str]:
    """Differentiate one family of one size, in this process, which has done nothing else."""
    # What is paid once, whatever the system.
    small = FAMILIES[name](16)
    first = Differential(rs.compile(small.equations, start=small.start, parameters=small.parameters))
    free = {name: small.parameters[name] for name, _ in first.system.free_parameters}
    first.vjp(small.x, first.value(small.x, free), free)

    family = FAMILIES[name](n)
    x, before = family.x, peak_bytes()
    began = time.perf_counter()
    try:
        system = rs.compile(family.equations, start=family.start, parameters=family.parameters)
        ours = Differential(system)
        p = system.pack_parameters(free | {name: family.parameters[name] for name in free})
        value = ours.value(x, p)
        w = np.cos(np.arange(system.m))
        product = ours.vjp(x, w, p)
    except rs.LimitError as error:
        return {"refused": str(error)}
    result: dict[str, float | str] = {
        "n": system.n,
        "m": system.m,
        "first": time.perf_counter() - began,
        "peak": peak_bytes(),
        "own": peak_bytes() - before,
    }
    compare("f", value, family.f(x))
    compare("wᵀ·J", product, family.vjp(x, w))
    samples = alternate_within(
        {
            "f": lambda: ours.value(x, p),
            "vjp": lambda: ours.vjp(x, w, p),
            "numpy f": lambda: family.f(x),
            "numpy vjp": lambda: family.vjp(x, w),
        },
        SECONDS,
        REPETITIONS,
    )
    return result | {name: sample.median for name, sample in samples.items()}


def compare(what: str, ours: np.ndarray, theirs: np.ndarray) -> None:
    """Stop unless both are equal, against the largest number in them."""
    apart = np.abs(ours - theirs).max() / np.abs(theirs).max()
    if not apart <= AGREEMENT:
        raise SystemExit(f"{what} differs by {apart:.1e} of its largest from NumPy by hand")


def main() -> None:
    """Print a row a size, and how flat the ratios are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help=f"n (default: {' '.join(map(str, SIZES))})")
    parser.add_argument("--longest", type=float, default=30.0, help="seconds that a size may take (default: 30)")
    parser.add_argument(CHILD, nargs=2, metavar=("FAMILY", "N"), help="measure one, and print it as JSON")
    arguments = parser.parse_args()
    if arguments.child:
        name, n = arguments.child
        json.dump(measure(name, int(n)), sys.stdout)
        return
    heading(
        "Reverse mode: wᵀ·J against f",
        "Medians, in process, one core, the call from Python included, warm; each size in a fresh process.",
        "'first': from the text to the first f and wᵀ·J. 'peak': of the whole process; 'an unknown': what of it came",
        "after the libraries, from the text on, divided by n.",
        f"Goal: at most {GOAL} times f, whatever n.",
    )
    results = {(name, n): _in_child(name, n, arguments.longest) for name in FAMILIES for n in arguments.sizes}
    done = {key: result for key, result in results.items() if not isinstance(result, Nothing)}
    table(COLUMNS, [_row(name, result) for (name, _), result in done.items()])
    print()
    for (name, n), result in results.items():
        if isinstance(result, Nothing):
            print(f"{name}, n = {n:,}: {result.why}")
    for name in FAMILIES:
        ratios = [result["vjp"] / result["f"] for (family, _), result in done.items() if family == name]
        if ratios:
            print(f"{name}: at most {max(ratios):.2f} times f; last size : first size {ratios[-1] / ratios[0]:.2f}")
    if any(isinstance(result, Nothing) and result.failed for result in results.values()):
        raise SystemExit(1)


def _in_child(name: str, n: int, longest_seconds: float) -> dict[str, float] | Nothing:
    return measured("benchmarks.reverse_mode", [name, n], longest_seconds)


def _row(name: str, result: dict[str, float]) -> list[str]:
    return [
        name,
        f"{result['n']:,}",
        duration(result["f"]),
        duration(result["vjp"]),
        f"{result['vjp'] / result['f']:.2f}",
        duration(result["numpy f"]),
        duration(result["numpy vjp"]),
        f"{result['numpy vjp'] / result['numpy f']:.2f}",
        duration(result["first"]),
        megabytes(result["peak"]),
        f"{result['own'] / result['n']:.0f} B",
    ]


if __name__ == "__main__":
    main()
