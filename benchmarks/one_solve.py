"""One solver on one problem, in a process that does nothing else: `python -m benchmarks.one_solve --child …`.

Needs NumPy alone, so that it also runs in a Python that has a peer's library and not ours.
"""

from __future__ import annotations

import importlib
import json
import sys
import time

import numpy as np

from benchmarks.fresh_process import CHILD, peak_bytes

# Repeated so often at most, and for so long; not at all what takes longer than the last the first time.
REPETITIONS, SECONDS, LONGEST = 25, 2.0, 15.0


def main() -> None:
    """Set a solver up, solve for the first time, solve again; print what it took, as JSON, and leave x in a file."""
    assert sys.argv[1] == CHILD, __doc__
    module, name, arguments, path = sys.argv[2:]
    made = getattr(importlib.import_module(module), name)
    imported = peak_bytes()
    began = time.perf_counter()
    solver = made(**json.loads(arguments))
    setup = time.perf_counter() - began
    if hasattr(solver, "prepare"):
        solver.prepare()
    began = time.perf_counter()
    x, iterations = solver.solve()
    first = time.perf_counter() - began
    if hasattr(solver, "settle"):
        solver.settle()
    again: list[float] = []
    while first < LONGEST and len(again) < REPETITIONS and sum(again) < SECONDS:
        began = time.perf_counter()
        x, iterations = solver.solve()
        again.append(time.perf_counter() - began)
    peak = peak_bytes()
    np.save(path, x)
    result = {
        "setup": setup,
        "first": first,
        "again": again,
        "iterations": iterations,
        "linear": solver.linear,
        "peak": peak,
        "own": peak - imported,
    }
    json.dump(result | getattr(solver, "more", {}), sys.stdout)


if __name__ == "__main__":
    main()
