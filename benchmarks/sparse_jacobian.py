"""A sparse J: the entries of a tridiagonal one, from n = 10⁴ to 10⁶, in time and in memory.

Two families: Broyden's tridiagonal function, arithmetic alone, and a Toda chain, all with exp. Each size in a process
of its own, so that its peak of memory is too. Beside it the same entries by hand in NumPy, whole arrays at once; that
both agree, and that the pattern is the tridiagonal one, row by row, is checked before the clock starts.
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
from benchmarks.families import broyden_tridiagonal, toda_chain, tridiagonal_pattern
from benchmarks.fresh_process import CHILD, Nothing, measured, megabytes, peak_bytes
from benchmarks.timing import duration, heading, table

FAMILIES = {"Broyden tridiagonal": broyden_tridiagonal, "Toda chain": toda_chain}
SIZES = (10_000, 100_000, 1_000_000)
COLUMNS = ("family", "n", "entries", "J", "an entry", "NumPy J", "an entry", "text to J", "peak", "an entry")
AGREEMENT = 1e-12
SECONDS = 1.0
REPETITIONS = 51


def measure(name: str, n: int) -> dict[str, float | str]:
    """Differentiate one family of one size, in this process, which has done nothing else."""
    # What is paid once, whatever the system.
    small = FAMILIES[name](16)
    first = Differential(rs.compile(small.equations, start=small.start, parameters=small.parameters))
    free = [parameter for parameter, _ in first.system.free_parameters]
    first.entries(small.x, {parameter: small.parameters[parameter] for parameter in free})

    family = FAMILIES[name](n)
    x, before = family.x, peak_bytes()
    began = time.perf_counter()
    try:
        system = rs.compile(family.equations, start=family.start, parameters=family.parameters)
        ours = Differential(system)
        p = system.pack_parameters({parameter: family.parameters[parameter] for parameter in free})
        values, pattern = ours.entries(x, p), ours.pattern
    except rs.LimitError as error:
        return {"refused": str(error)}
    result: dict[str, float | str] = {
        "n": n,
        "entries": values.size,
        "first": time.perf_counter() - began,
        "peak": peak_bytes(),
        "own": peak_bytes() - before,
    }
    if not all(np.array_equal(*both) for both in zip(pattern, tridiagonal_pattern(n), strict=True)):
        raise SystemExit("the pattern is not that of a tridiagonal matrix, row by row")
    expected = family.entries(x)
    apart = np.abs(values - expected).max() / np.abs(expected).max()
    if not apart <= AGREEMENT:
        raise SystemExit(f"the entries differ by {apart:.1e} of their largest from NumPy by hand")
    samples = alternate_within(
        {"ours": lambda: ours.entries(x, p), "numpy": lambda: family.entries(x)}, SECONDS, REPETITIONS
    )
    return result | {who: sample.median for who, sample in samples.items()}


def exponent(results: list[dict[str, float]], what: str) -> float:
    """Return e of the fit a·nᵉ through what was measured, by least squares of the logarithms."""
    n, values = (np.log([result[key] for result in results]) for key in ("n", what))
    return float(np.polyfit(n, values, 1)[0])


def main() -> None:
    """Print a row a size, and the exponents."""
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
        "The entries of a tridiagonal J",
        "Medians, in process, one core, the call from Python included, warm; each size in a fresh process.",
        "'text to J': from the text to the first J and its pattern. 'peak': of the whole process; 'an entry' after it:",
        "what of it came after the libraries, from the text on, divided by the entries.",
        "Goal: time and memory linear in n, exponents of 1.",
    )
    results = {
        (name, n): measured("benchmarks.sparse_jacobian", [name, n], arguments.longest)
        for name in FAMILIES
        for n in arguments.sizes
    }
    done = {key: result for key, result in results.items() if not isinstance(result, Nothing)}
    table(COLUMNS, [_row(name, result) for (name, _), result in done.items()])
    print()
    for (name, n), result in results.items():
        if isinstance(result, Nothing):
            print(f"{name}, n = {n:,}: {result.why}")
    for family in FAMILIES:
        sizes = [result for (name, _), result in done.items() if name == family]
        if len(sizes) > 1:
            fits = (("J", "ours"), ("NumPy", "numpy"), ("text to J", "first"), ("memory", "own"))
            shown = ", ".join(f"{what} {exponent(sizes, key):.2f}" for what, key in fits)
            print(f"{family}: exponents of n: {shown}")
    if any(isinstance(result, Nothing) and result.failed for result in results.values()):
        raise SystemExit(1)


def _row(name: str, result: dict[str, float]) -> list[str]:
    entries = result["entries"]
    return [
        name,
        f"{result['n']:,}",
        f"{entries:,}",
        duration(result["ours"]),
        duration(result["ours"] / entries),
        duration(result["numpy"]),
        duration(result["numpy"] / entries),
        duration(result["first"]),
        megabytes(result["peak"]),
        f"{result['own'] / entries:.0f} B",
    ]


if __name__ == "__main__":
    main()
