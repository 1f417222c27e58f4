"""Many members of one system, each with parameters of its own: solves a second, on one core and on two.

A two-link arm (n = 2), Chandrasekhar's H equation (n = 8, dense) and a catalyst pellet (n = 50, tridiagonal). Beside
raphson's `System.solve_batch`, in process: C by hand for these very systems, eight members in the lanes of AVX-512;
scalar C in a loop; and what people use today, in a loop or a map over members: SciPy's hybr on f and J compiled by
Numba, NumbaMinpack's hybrd, CasADi's Newton in its virtual machine and as the C code that it writes, and optimistix's.
All start where raphson starts and stop at 1e-12 of what each calls the residual or the step; that they find the same
roots is checked before the clock starts. The libraries solve some of the members, which is enough to tell their rate.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import raphson_solver as rs

from benchmarks.batch_systems import SYSTEMS, BatchSystem
from benchmarks.budget import alternate_within
from benchmarks.peers import c_lanes, c_members, casadi_members, numba_members, optimistix_members
from benchmarks.timing import heading, table

if TYPE_CHECKING:
    from collections.abc import Callable

AGREEMENT = 1e-8
"""Largest difference in x that counts as none: f at 1e-12 of its terms leaves some 1e-9 in the fifty unknowns."""

STRAYED = 0.01
"""Share of members that a library may take to another root: there are two ways to bend an arm."""

SAMPLE = {"arm": 4_000, "chandrasekhar": 2_000, "pellet": 400}
"""Members that the libraries solve."""

OURS, LANES, KEPT, SCALAR = "raphson", "C lanes", "C lanes, kept", "scalar C"
SCIPY, MINPACK, CASADI, CASADI_C = "SciPy+Numba", "NumbaMinpack", "CasADi", "CasADi C"
OPTIMISTIX = "optimistix vmap"
LIBRARIES = (SCIPY, MINPACK, CASADI, CASADI_C, OPTIMISTIX)
COLUMNS = (OURS, LANES, KEPT, SCALAR, *LIBRARIES)
AGAINST_LANES, AGAINST_LIBRARIES = 0.7, 15
LEFT_OUT = "–"


@dataclass(frozen=True, slots=True)
class Action:
    """One contender at one number of threads: what to call, and how many members that solves."""

    call: Callable[[], np.ndarray]
    members: int


@dataclass(frozen=True, slots=True)
class Row:
    """One system: solves a second by contender and threads, and who ended elsewhere how often."""

    name: str
    rates: dict[tuple[str, int], float]
    strayed: dict[str, int]


def contenders(system: BatchSystem, count: int, threads: list[int]) -> dict[tuple[str, int], Action]:
    """Prepare everybody for one system; raphson on one thread comes first."""
    p, start = system.draw(count), system.start
    ours = rs.compile(system.equations, start=system.variables, parameters=dict.fromkeys(system.parameters, 1.0))
    actions = {(OURS, each): Action(lambda each=each: _solved(ours, start, p, each), count) for each in threads}
    if c_lanes.MISSING is None:
        lanes = c_lanes.CLanes(system.key)
        memory = lanes.memory(count)
        for each in threads:
            actions[LANES, each] = Action(lambda each=each: lanes(start, p, each)[0], count)
        actions[KEPT, 1] = Action(lambda: lanes(start, p, 1, memory)[0], count)
    if c_members.MISSING is None:
        scalar, tenth = c_members.CMembers(system.key), p[: max(1, count // 10)]
        actions[SCALAR, 1] = Action(lambda: scalar(start, tenth)[0], len(tenth))
    some = p[: SAMPLE[system.key]]
    if numba_members.MISSING is None:
        functions = numba_members.NumbaMembers(system.key)
        actions[SCIPY, 1] = Action(lambda: functions.scipy_loop(start, some), len(some))
        if numba_members.MISSING_MINPACK is None:
            loop = functions.minpack_loop()
            actions[MINPACK, 1] = Action(lambda: loop(start, some), len(some))
    if casadi_members.MISSING is None:
        casadi = casadi_members.CasadiMembers(system.residual, start, some)
        actions[CASADI, 1] = Action(casadi.newton(), len(some))
        if casadi_members.MISSING_COMPILER is None:
            actions[CASADI_C, 1] = Action(casadi.code(), len(some))
    if optimistix_members.MISSING is None:
        actions[OPTIMISTIX, 1] = Action(optimistix_members.OptimistixMembers(system.residual, start, some), len(some))
    return actions


def _solved(system: rs.System, start: np.ndarray, p: np.ndarray, threads: int) -> np.ndarray:
    solution = system.solve_batch(start, p, threads=threads)
    if not solution.converged.all():
        raise SystemExit(f"raphson: {solution}")
    return solution.x


def strayed(name: str, actions: dict[tuple[str, int], Action]) -> dict[str, int]:
    """Let everybody solve once; return how many members end elsewhere than raphson, by contender."""
    reference = actions[OURS, 1].call().copy()
    counts = {}
    for (who, _), action in actions.items():
        x = action.call()
        apart = ~(np.abs(x - reference[: len(x)]).max(axis=1) <= AGREEMENT)
        if apart.mean() > (STRAYED if who in LIBRARIES else 0):
            raise SystemExit(f"{name}: {who} differs from raphson on {apart.sum()} of {apart.size} members")
        counts[who] = int(apart.sum())
    return counts


def measure(system: BatchSystem, count: int, threads: list[int], seconds: float, repetitions: int) -> Row:
    """Compare the roots, then time everybody in turn."""
    actions = contenders(system, count, threads)
    counts = strayed(system.name, actions)
    samples = alternate_within({key: action.call for key, action in actions.items()}, seconds, repetitions)
    # The fastest of each: what other work on this machine adds says nothing about who is compared.
    rates = {key: action.members / samples[key].quantile(0.0) for key, action in actions.items()}
    return Row(system.name, rates, counts)


def ratios(rows: list[Row], threads: list[int]) -> list[list[object]]:
    """Return, for every goal, how many times as fast as the reference raphson is, system by system."""
    lines = [
        [f"{OURS} : {other}, {cores(each)}", *(_ratio(row, each, [other]) for row in rows), goal]
        for each in threads
        for other, goal in ((LANES, f"≥ {AGAINST_LANES}"), (KEPT, ""))
        if other == LANES or each == 1
    ]
    best = [f"{OURS} : fastest library", *(_ratio(row, 1, LIBRARIES) for row in rows), f"≥ {AGAINST_LIBRARIES}"]
    twice = [[f"{OURS}, {cores(each)} : 1", *(_speed_up(row, each) for row in rows), ""] for each in threads[1:]]
    return [*lines, best, *twice]


def _ratio(row: Row, threads: int, others: tuple[str, ...] | list[str]) -> str:
    rates = [row.rates[other, threads] for other in others if (other, threads) in row.rates]
    return f"{row.rates[OURS, threads] / max(rates):.3g}" if rates else LEFT_OUT


def _speed_up(row: Row, threads: int) -> str:
    return f"{row.rates[OURS, threads] / row.rates[OURS, 1]:.3g}"


def cores(threads: int) -> str:
    return "1 core" if threads == 1 else f"{threads} cores"


def rate(value: float | None) -> str:
    """Write solves a second with three digits."""
    if value is None:
        return LEFT_OUT
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if value >= 0.9995 * size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g}"


def missing() -> list[str]:
    """Say who cannot take part."""
    reasons = [c_lanes.MISSING, c_members.MISSING, numba_members.MISSING, numba_members.MISSING_MINPACK]
    reasons += [casadi_members.MISSING, casadi_members.MISSING_COMPILER, optimistix_members.MISSING]
    return list(dict.fromkeys(reason for reason in reasons if reason))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, help="of each system (default: 1 000 000; 100 000 of the pellet)")
    parser.add_argument("--repetitions", type=int, default=15, help="of each call, at most (default: 15)")
    parser.add_argument("--seconds", type=float, default=12.0, help="to spend on each system (default: 12)")
    arguments = parser.parse_args()
    threads = [1, 2][: len(os.sched_getaffinity(0))]
    rows = []
    for make in SYSTEMS:
        system = make()
        count = arguments.members or system.members
        rows.append(measure(system, count, threads, arguments.seconds, arguments.repetitions))
    heading(
        "Solves a second, one call for all members",
        "The fastest run of each, in turn; the call from Python and new arrays for the roots included, but not where",
        "they are kept from call to call. The libraries' rates are of a sample of the members.",
        f"Goals: {AGAINST_LANES} times as fast as C by hand in the lanes, {AGAINST_LIBRARIES} times as fast as the "
        "fastest library.",
        *(f"Left out: {why}." for why in missing()),
    )
    columns = [(who, each) for who in COLUMNS for each in threads if any((who, each) in row.rates for row in rows)]
    table(
        ("system", *(row.name for row in rows)),
        [[f"{who}, {cores(each)}", *(rate(row.rates.get((who, each))) for row in rows)] for who, each in columns],
    )
    for row in rows:
        for who, count in row.strayed.items():
            if count:
                print(f"{row.name}: {who} ended at another root for {count} members")
    print()
    table(("times as fast", *(row.name for row in rows), "goal"), ratios(rows, threads))


if __name__ == "__main__":
    main()
