"""J at many points in one call: n = m = 8, 100 000 points and 1 000, one core.

Beside raphson's `Differential.matrix`, in process: C by hand for these very systems, eight points at a time in AVX-512;
JAX's `jit(vmap(jacfwd(f)))`, compiled and warm; CasADi's `Function.map` of its own J, in its virtual machine and as the
C code that it writes. All write the same array, (points, 8, 8); that they agree is checked before the clock starts.
C and raphson are timed into memory that is there already, and into an array made in the call. What filling that memory
with zeros takes is the least that anybody can take.
"""

from __future__ import annotations

import argparse
import inspect
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import raphson_solver as rs
from raphson_solver.differential import Differential

from benchmarks.batched_systems import SYSTEMS, BatchedSystem, N
from benchmarks.budget import alternate_within
from benchmarks.peers import c_jacobian, casadi_map, jax_jacobian
from benchmarks.timing import duration, heading, table

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.timing import Sample

WARM_UP = 100_000
"""Points that raphson has seen before the clock starts: more than it takes until it makes code for many at a time."""

AGREEMENT = 1e-12
"""Largest difference that counts as none, against the largest entry of the same row."""

OURS, OURS_FRESH, C, C_FRESH = "raphson", "raphson, new array", "C by hand", "C, new array"
JAX, CASADI, CASADI_C, MEMORY = "JAX", "CasADi map", "CasADi C, map", "zeros alone"
COLUMNS = (OURS, OURS_FRESH, C, C_FRESH, JAX, CASADI, CASADI_C, MEMORY)
SIZES = (100_000, 1_000)
"""J of the first is larger than the caches, 51 MB; that of the second is not."""

GOALS = ((OURS, C, 0.7), (OURS_FRESH, C_FRESH, 0.7), (OURS_FRESH, JAX, 20), (OURS, CASADI, 20))
_HAS_OUT = "out" in inspect.signature(Differential.matrix).parameters
LEFT_OUT = "–"


@dataclass(slots=True)
class Row:
    """One system: who takes how long, and how far the results are apart."""

    name: str
    samples: dict[str, Sample]
    differences: dict[str, float] = field(default_factory=dict)


class Contenders:
    """What evaluates J of one system at its points, each as an action that returns J.

    Parameters
    ----------
    system : BatchedSystem
        Which.
    count : int
        How many points.

    Attributes
    ----------
    actions : dict of str to callable
        By name.
    out : ndarray, shape (count, 8, 8)
        What those write to that do not make an array.
    """

    def __init__(self, system: BatchedSystem, count: int) -> None:
        points = system.points(count)
        out = self.out = on_cache_lines((count, N, N))
        ours = Differential(rs.compile(system.equations, start={"x": np.zeros(N)}))
        ours.matrix(system.points(WARM_UP))
        self.actions: dict[str, Callable[[], np.ndarray]] = {OURS_FRESH: lambda: ours.matrix(points)}
        if _HAS_OUT:
            self.actions[OURS] = lambda: ours.matrix(points, out=out)
        if c_jacobian.missing() is None:
            by_hand = c_jacobian.CJacobian(system.kernel, system.constants)
            self.actions[C] = lambda: by_hand(points, out)
            self.actions[C_FRESH] = lambda: by_hand(points, np.empty((count, N, N)))
        if jax_jacobian.MISSING is None:
            self.actions[JAX] = jax_jacobian.JaxJacobian(system.array_code, points)
        if casadi_map.MISSING is None:
            casadi = casadi_map.CasadiJacobian(system.equations, N, count)
            self.actions[CASADI] = casadi.mapped(points, out)
            if casadi_map.MISSING_COMPILER is None:
                self.actions[CASADI_C] = casadi.mapped_code(points, out)

    def differences(self) -> dict[str, float]:
        """Let everybody evaluate J once; return how far each is from raphson, against the largest entry of a row."""
        reference = self.actions[OURS_FRESH]()
        size = np.abs(reference).max(-1, keepdims=True)
        apart = {}
        for name, action in self.actions.items():
            if name != OURS_FRESH:
                self.out.fill(np.nan)
                apart[name] = float((np.abs(np.asarray(action()) - reference) / size).max())
        return apart


def on_cache_lines(shape: tuple[int, ...]) -> np.ndarray:
    """Return an array that starts on a cache line and whose pages are there."""
    size = int(np.prod(shape))
    memory = np.ones(size + 8)
    first = -memory.ctypes.data % 64 // memory.itemsize
    return memory[first : first + size].reshape(shape)


def measure(system: BatchedSystem, count: int, seconds: float, repetitions: int) -> Row:
    """Compare the results, then time everybody in turn."""
    contenders = Contenders(system, count)
    differences = contenders.differences()
    apart = {name: value for name, value in differences.items() if not value <= AGREEMENT}
    if apart:
        raise SystemExit(f"{system.name}: raphson differs from {apart}, more than {AGREEMENT:g} of a row's largest")
    actions = contenders.actions | {MEMORY: lambda: contenders.out.fill(0.0)}
    return Row(system.name, alternate_within(actions, seconds, repetitions), differences)


def ratios(rows: list[Row]) -> list[list[object]]:
    """Return, for every goal, how many times as fast as the reference raphson is, and could be, system by system."""
    lines: list[list[object]] = []
    for ours, reference, goal in GOALS:
        lines.append([f"{ours} : {reference}", *_ratios(rows, ours, reference), f"≥ {goal:g}"])
    # Whoever returns J writes it.
    lines.extend([f"{MEMORY} : {peer}", *_ratios(rows, MEMORY, peer), "the most"] for peer in (C, JAX, CASADI))
    return lines


def _ratios(rows: list[Row], one: str, other: str) -> list[str]:
    return [
        f"{row.samples[other].median / row.samples[one].median:.3g}" if {one, other} <= set(row.samples) else LEFT_OUT
        for row in rows
    ]


def show(count: int, seconds: float, repetitions: int) -> None:
    """Print times a point, and ratios beside the goals."""
    heading(
        f"J at {count:,} points, n = m = {N}",
        "Medians for one point, one core, the call from Python included; in turn, each as often as the others.",
        f"Goals: 0.7 times as fast as C by hand, 20 times as fast as JAX and CasADi. All agree to {AGREEMENT:g}.",
        *(f"Left out: {why}." for why in missing()),
    )
    rows = [measure(make(), count, seconds, repetitions) for make in SYSTEMS]
    shown = [name for name in COLUMNS if any(name in row.samples for row in rows)]
    table(
        ("system", *shown, "apart"),
        [
            [row.name]
            + [duration(row.samples[name].median / count) for name in shown]
            + [f"{max(row.differences.values(), default=0.0):.1g}"]
            for row in rows
        ],
    )
    print()
    table(("times as fast", *(row.name for row in rows), "goal"), ratios(rows))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--points", type=int, nargs="+", default=SIZES, help=f"how many (default: {' '.join(map(str, SIZES))})"
    )
    parser.add_argument("--repetitions", type=int, default=21, help="of each call, at most (default: 21)")
    parser.add_argument("--seconds", type=float, default=5.0, help="to spend on each system (default: 5)")
    arguments = parser.parse_args()
    # Before anybody starts a thread: one core for all.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    for count in arguments.points:
        show(count, arguments.seconds, arguments.repetitions)


def missing() -> list[str]:
    """Say who cannot take part."""
    reasons = [c_jacobian.missing(), jax_jacobian.MISSING, casadi_map.MISSING]
    if casadi_map.MISSING is None:
        reasons.append(casadi_map.MISSING_COMPILER)
    if not _HAS_OUT:
        reasons.append("this raphson writes to new arrays only")
    return list(dict.fromkeys(reason for reason in reasons if reason))


if __name__ == "__main__":
    main()
