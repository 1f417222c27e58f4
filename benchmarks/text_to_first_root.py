"""Text to first root: a system the warm server has never seen, from its text to its root, RPC included.

Each repetition is another system: its coefficients differ in the text. The references go from the same text
to a root in this process, with no RPC: SciPy's hybr on a Python lambda; CasADi's Newton on its own graph;
SciPy's hybr on f and J that Numba compiles.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import raphson

from benchmarks.peers import casadi_rootfinder, numba_functions, scipy_lambdas
from benchmarks.peers.program import normal_form
from benchmarks.processes import serve, settle
from benchmarks.systems import KINDS, Kind, Text
from benchmarks.timing import duration, heading, repeat, sample, table

LARGEST_FOR_NUMBA = 10
NUMBA_REPETITIONS = 2
AGAIN_REPETITIONS = 30
AGREEMENT = 1e-5
COLUMNS = ("system", "n", "raphson", "p10 … p90", "goal", "again", "SciPy", "CasADi", "Numba")

FirstRoot = Callable[[tuple[str, ...], np.ndarray], np.ndarray]


class Reference:
    """One peer's times for one kind of system, or what stands in its way."""

    def __init__(self, first_root: FirstRoot, missing: str | None, repetitions: int) -> None:
        self._first_root = first_root
        self._left = repetitions
        self._seconds: list[float] = []
        self._note = missing

    def __str__(self) -> str:
        return self._note or str(sample(self._seconds[1:] or self._seconds))

    def ask(self, text: Text, ours: np.ndarray) -> None:
        """Let it solve the text, and see whether it finds raphson's root."""
        if self._note is None and not text.unrolled:
            self._note = "reads no families"
        if self._note is not None or self._left == 0:
            return
        self._left -= 1
        began = time.perf_counter()
        theirs = self._first_root(text.equations, text.x0)
        self._seconds.append(time.perf_counter() - began)
        if not np.allclose(theirs, ours, rtol=AGREEMENT, atol=AGREEMENT):
            self._note = "another root"


def measure(client: raphson.Client, kind: Kind, variants: range) -> tuple[list[float], list[Reference], Text]:
    """Time one kind of system for raphson and its references, variant by variant, each once."""
    n = kind.make(variants[0]).n
    too_large = f"n > {LARGEST_FOR_NUMBA}: minutes" if n > LARGEST_FOR_NUMBA else None
    references = [
        Reference(scipy_lambdas.first_root, scipy_lambdas.MISSING, len(variants)),
        Reference(casadi_rootfinder.first_root, casadi_rootfinder.MISSING, len(variants)),
        Reference(_numba, numba_functions.MISSING or too_large, NUMBA_REPETITIONS),
    ]
    seconds = []
    for variant in variants:
        text = kind.make(variant)
        began = time.perf_counter()
        root = _solve(client, text)
        seconds.append(time.perf_counter() - began)
        for reference in references:
            reference.ask(text, root)
    return seconds, references, text


def _solve(client: raphson.Client, text: Text) -> np.ndarray:
    root = client.solve(text.equations, start=text.start, parameters=text.parameters)
    if not root.converged:
        raise SystemExit(f"{text.name}: {root!r}")
    return root.x


def _numba(equations: tuple[str, ...], start: np.ndarray) -> np.ndarray:
    texts = tuple(normal_form(equation) for equation in equations)
    return numba_functions.NumbaFunctions(texts, start.size, cache=False).scipy_hybr(start)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=15, help="systems of each kind (default: 15)")
    repetitions = parser.parse_args().repetitions
    heading(
        "Text to first root",
        f"Median of {repetitions} systems of each kind, none seen before, after one that does not count.",
        "raphson through gRPC on a warm server; the others in process, from the same text.",
        f"'again': the same text, {AGAIN_REPETITIONS} times, once the server has settled.",
    )
    seed = time.time_ns() // 1_000_000 % 10_000_000
    rows = []
    with serve() as served, raphson.connect(served.address) as client:
        # All first roots come before any second: a system that is used again is optimised in the background.
        firsts = [measure(client, kind, range(seed, seed + repetitions + 1)) for kind in KINDS]
        for kind, (seconds, references, text) in zip(KINDS, firsts, strict=True):
            for _ in range(3):
                _solve(client, text)
            settle(served.process.pid)
            again = repeat(lambda text=text: _solve(client, text), AGAIN_REPETITIONS)
            ours = sample(seconds[1:])
            goal = duration(kind.goal_seconds)
            rows.append([text.name, text.n, ours, ours.spread, goal, again, *references])
    table(COLUMNS, rows)


if __name__ == "__main__":
    main()
