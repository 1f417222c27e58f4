"""Along a step and back, within bounds; and how far it is."""

from __future__ import annotations

from raphson_solver.engine import layout
from raphson_solver.engine.intrinsics import Doubles, Integers, doubles
from raphson_solver.engine.jit import inlined, jit
from raphson_solver.engine.layout import BOUNDED, N
from raphson_solver.engine.point import complete, evaluate, larger

ROOT_AT_ZERO = 1e-5
EPSILON = 2.0**-52


@jit
def bend(plan: Integers) -> None:
    """Shorten each component of STEP so that x + STEP is within bounds."""
    if plan[BOUNDED] == 0:
        return
    x, step = doubles(plan[layout.X]), doubles(plan[layout.STEP])
    lower, upper = doubles(plan[layout.LOWER]), doubles(plan[layout.UPPER])
    for j in range(plan[N]):
        step[j] = min(max(x[j] + step[j], lower[j]), upper[j]) - x[j]


@jit
def go(plan: Integers, length: float) -> None:
    """Set x to ORIGIN + length·STEP, to the last digit within bounds."""
    x, origin, step = doubles(plan[layout.X]), doubles(plan[layout.ORIGIN]), doubles(plan[layout.STEP])
    n = plan[N]
    for j in range(n):
        x[j] = origin[j] + length * step[j]
    if plan[BOUNDED] != 0:
        lower, upper = doubles(plan[layout.LOWER]), doubles(plan[layout.UPPER])
        for j in range(n):
            x[j] = min(max(x[j], lower[j]), upper[j])


@jit
def go_back(plan: Integers) -> None:
    """Set x to ORIGIN."""
    x, origin = doubles(plan[layout.X]), doubles(plan[layout.ORIGIN])
    for j in range(plan[N]):
        x[j] = origin[j]


@jit
def retreat(plan: Integers) -> None:
    """Go back to ORIGIN, and know again what is known there."""
    go_back(plan)
    evaluate(plan)
    complete(plan)


@jit
def set_out(plan: Integers) -> None:
    """Set ORIGIN to x."""
    x, origin = doubles(plan[layout.X]), doubles(plan[layout.ORIGIN])
    for j in range(plan[N]):
        origin[j] = x[j]


@jit
def relative_size(plan: Integers, memory: float) -> float:
    """Return the largest |step_j| against the size of x_j.

    Where a step leads x_j towards zero, its size counts as `memory` times what it has been. With 1e-5 the steps towards
    a singular root at zero, each half the last, become small in time; those of an escape lead outwards.
    """
    x, step, extent = doubles(plan[layout.X]), doubles(plan[layout.STEP]), 0.0
    for j in range(plan[N]):
        extent = larger(abs(x[j]), extent)
    return relative_to(plan, step, extent, memory)


@inlined
def relative_to(plan: Integers, step: Doubles, extent: float, memory: float) -> float:
    """Do as `relative_size` for any step, given the largest |x_j|."""
    x, largest = doubles(plan[layout.X]), doubles(plan[layout.LARGEST])
    least, relative = larger(1e-8 * extent, 1e-30), 0.0
    for j in range(plan[N]):
        remembered = memory * largest[j] if abs(x[j] + step[j]) <= abs(x[j]) else 0.0
        size = larger(larger(abs(x[j]), least), remembered)
        relative = larger(abs(step[j]) / size, relative)
    return relative
