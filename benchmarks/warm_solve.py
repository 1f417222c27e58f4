"""Warm solves in process: what a solve costs once its system is compiled, the call from Python included.

All standard problems with n ≤ 10, with code for whole steps as a system in use has it. Beside raphson's
`System.solve`: NumbaMinpack's hybrd and lmdif and SciPy's hybr on f and J compiled by Numba, called from Python at
their own default tolerances (looser than raphson's); and Newton–Raphson in C with the same stopping rule, timed inside
C, beside raphson's engine timed inside jitted code: `auto`, and plain Newton. Who has found a root is judged at 50
digits; only times of roots count.
"""

from __future__ import annotations

import argparse
import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import raphson_solver as rs
from numba import njit
from raphson_solver.engine import layout
from raphson_solver.engine.entrance import enter
from raphson_solver.solution.prepared import Prepared

from benchmarks.evidence import evidence
from benchmarks.peers import c_newton, numba_functions
from benchmarks.peers.program import standard_form
from benchmarks.timing import clock, duration, heading, repeat_fast, table
from tests.problems import Problem, standard_problems

if TYPE_CHECKING:
    from collections.abc import Callable

LARGEST = 10
SOLVED = 1e-8
"""Scaled residual that counts as a root, for everybody: a millionth of the digits that raphson promises."""

OURS, HYBRD, LMDIF, SCIPY, C = "raphson", "hybrd", "lmdif", "SciPy+Numba", "C"
ENGINE, PLAIN = "engine auto", "engine Newton"
SOLVERS = (OURS, HYBRD, LMDIF, SCIPY, C)
COLUMNS = (*SOLVERS, ENGINE, PLAIN)
_NOTHING = np.empty(0)
NO_ROOT, LEFT_OUT = "no root", "–"


@dataclass(slots=True)
class Row:
    """One problem: solver → seconds a solve, where it found a root, or a note."""

    problem: Problem
    cells: dict[str, float | str] = field(default_factory=dict)


class Peers:
    """The references for a system of equations, prepared once for all its starts."""

    def __init__(self) -> None:
        self._numba: dict[tuple[str, ...], numba_functions.NumbaFunctions | str] = {}
        self._c: dict[tuple[str, ...], c_newton.CNewton] = {}
        self.notes: dict[str, str] = {}

    def numba(self, problem: Problem) -> numba_functions.NumbaFunctions | str:
        """Return the compiled functions, or why there are none."""
        if numba_functions.MISSING:
            return numba_functions.MISSING
        if problem.equations not in self._numba:
            try:
                made = numba_functions.NumbaFunctions(
                    standard_form(problem.equations, problem.n), problem.n, cache=True
                )
                self._numba[problem.equations] = made
            except numba_functions.TooLongError as error:
                self._numba[problem.equations] = str(error)
        return self._numba[problem.equations]

    def c(self, problem: Problem) -> c_newton.CNewton:
        """Return the compiled solver."""
        if problem.equations not in self._c:
            self._c[problem.equations] = c_newton.CNewton(standard_form(problem.equations, problem.n), problem.n)
        return self._c[problem.equations]


def measure(problem: Problem, system: rs.System, peers: Peers) -> Row:
    """Solve one problem with everybody, from its standard start."""
    row, start = Row(problem), np.array(problem.start)
    # What a system in use is given in the background: code for whole steps, of its blocks too, once these are known.
    system.solve(start)
    system.compile(whole_steps=True)
    row.cells[OURS] = _timed(problem, lambda: system.solve(start), lambda solution: solution.x)
    functions = peers.numba(problem)
    actions: dict[str, Callable[[], np.ndarray]] = {}
    if isinstance(functions, str):
        peers.notes[problem.name] = functions
    else:
        actions[SCIPY] = lambda: functions.scipy_hybr(start)
        if numba_functions.MISSING_MINPACK is None:
            actions |= {
                HYBRD: lambda: functions.minpack_hybrd(start),
                LMDIF: lambda: functions.minpack_lmdif(start),
            }
    for name in (HYBRD, LMDIF, SCIPY):
        row.cells[name] = _timed(problem, actions[name], lambda x: x) if name in actions else LEFT_OUT
    row.cells[C] = LEFT_OUT if c_newton.MISSING else _timed_in_c(problem, peers.c(problem), start)
    row.cells[ENGINE] = _timed_in_engine(problem, system, start, rs.Method.AUTO)
    row.cells[PLAIN] = _timed_in_engine(problem, system, start, rs.Method.NEWTON)
    return row


@njit(nogil=True)
def _repeat(address: int, x: np.ndarray, p: np.ndarray, repetitions: int) -> int:
    """Solve again and again without going back to Python."""
    status = 0
    for _ in range(repetitions):
        status = enter(address, x, p)
    return status


def _timed_in_engine(problem: Problem, system: rs.System, start: np.ndarray, method: rs.Method) -> float | str:
    prepared = Prepared(system.kernels, rs.SolveOptions(method=method, whole=True), system.limits.dense_entries)
    memory = prepared.memory()
    memory.plan[layout.SLICE_LIMIT] = 2**62
    status = _repeat(memory.address, start, _NOTHING, 1)
    if status != rs.Status.CONVERGED or not evidence(problem.equations, memory.x.copy()).holds(SOLVED):
        return NO_ROOT
    once = repeat_fast(lambda: _repeat(memory.address, start, _NOTHING, 1)).median
    repetitions = max(1, int(1e-3 / once))
    times = [clock(lambda: _repeat(memory.address, start, _NOTHING, repetitions)) for _ in range(15)]
    return statistics.median(times) / repetitions


def _timed(problem: Problem, action: Callable[[], object], point: Callable[..., np.ndarray]) -> float | str:
    if not evidence(problem.equations, point(action())).holds(SOLVED):
        return NO_ROOT
    return repeat_fast(action).median


def _timed_in_c(problem: Problem, solver: c_newton.CNewton, start: np.ndarray) -> float | str:
    x, iterations, seconds = solver.solve(start)
    if iterations < 0 or not evidence(problem.equations, x).holds(SOLVED):
        return NO_ROOT
    repetitions = max(1, int(2e-4 / max(seconds, 1e-8)))
    return statistics.median(solver.solve(start, repetitions)[2] for _ in range(15))


def summary(rows: list[Row]) -> list[list[object]]:
    """Compare raphson with each reference over the problems that both solve."""
    lines: list[list[object]] = []
    ours = [row.cells[OURS] for row in rows if isinstance(row.cells[OURS], float)]
    lines.append([OURS, len(ours), duration(statistics.median(ours)), "", "", ""])
    for name in SOLVERS[1:]:
        pairs = [(row.cells[OURS], row.cells[name]) for row in rows]
        both = [(a, b) for a, b in pairs if isinstance(a, float) and isinstance(b, float)]
        if not both:
            lines.append([name, 0, "", "", "", ""])
            continue
        mine, theirs = (statistics.median(column) for column in zip(*both, strict=True))
        ratio = statistics.median(b / a for a, b in both)
        solved = sum(isinstance(row.cells[name], float) for row in rows)
        lines.append([name, solved, duration(theirs), duration(mine), f"{theirs / mine:.2g}", f"{ratio:.2g}"])
    return lines


def main() -> None:
    """Print a row a problem, and the medians over them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--group", choices=["nls23", "mgh"], help="only this set")
    group = parser.parse_args().group
    heading(
        f"Warm solve in process, n ≤ {LARGEST}",
        "Medians, one core, the call from Python included (C: timed inside C).",
        "The references' compiled code is cached in .benchmarks/; the first run compiles it for a minute.",
        *(f"Left out: {why}." for why in (numba_functions.MISSING_MINPACK, c_newton.MISSING) if why),
    )
    rs.warm_up()
    peers, systems, rows = Peers(), {}, []
    for problem in standard_problems():
        if problem.n <= LARGEST and group in (None, problem.group):
            if problem.equations not in systems:
                systems[problem.equations] = rs.compile(problem.equations, start=list(problem.variables))
            rows.append(measure(problem, systems[problem.equations], peers))
    table(
        ("problem", "n", *COLUMNS),
        [[row.problem.name, row.problem.n, *(_shown(row.cells[name]) for name in COLUMNS)] for row in rows],
    )
    for name, note in peers.notes.items():
        print(f"{name}: Numba was not asked to compile it, {note}")
    heading("Medians over the problems")
    table(
        ("solver", "roots found", "median", "raphson on the same", "ratio of medians", "median of ratios"),
        summary(rows),
    )
    heading("Without the call from Python")
    inside(rows)


def inside(rows: list[Row]) -> None:
    """Print how the engine stands against C, and `auto` against plain Newton, on the problems that both solve."""
    for mine, theirs, what in (
        (PLAIN, C, "plain Newton in the engine against Newton in C"),
        (ENGINE, C, "auto in the engine against Newton in C"),
        (ENGINE, PLAIN, "auto against plain Newton, both in the engine"),
    ):
        pairs = [(row.cells[mine], row.cells[theirs]) for row in rows]
        both = [(a, b) for a, b in pairs if isinstance(a, float) and isinstance(b, float)]
        if both:
            ratios = sorted(a / b for a, b in both)
            medians = statistics.median(a for a, _ in both) / statistics.median(b for _, b in both)
            print(f"{what}, {len(both)} problems: ratio of medians {medians:.2f}, "
                  f"median of ratios {statistics.median(ratios):.2f}, largest {ratios[-1]:.2f}")  # fmt: skip


def _shown(cell: float | str) -> str:
    return cell if isinstance(cell, str) else duration(cell)


if __name__ == "__main__":
    main()
