"""A solve with anything beside options: bounds, sizes, a trace, a deadline, a flag, values by name."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from raphson_solver.engine import CancelFlag, layout
from raphson_solver.engine.aim import RUNNING
from raphson_solver.engine.entrance import NOT_FINITE, WRONG_SIZE, iterate
from raphson_solver.solution.options import SolveOptions
from raphson_solver.solution.prepared import NEVER, Prepared
from raphson_solver.solution.progress import OnProgress, Reporter
from raphson_solver.solution.region import Bounds, NominalLike, pack_nominal, pack_nominal_residual
from raphson_solver.solution.solution import DENSE_LU, Solution
from raphson_solver.solution.trace import TraceStep, read

if TYPE_CHECKING:
    from raphson_solver.solution.system import System

_NOTHING = np.empty(0)


def solve(
    system: System,
    prepared: Prepared,
    x: ArrayLike | Mapping[str, Any],
    p: ArrayLike | Mapping[str, Any] | None,
    options: SolveOptions,
    cancel: CancelFlag | None,
    region: Bounds | None,
    nominal: NominalLike | None,
    nominal_residual: ArrayLike | None,
    *,
    trace: bool,
    on_progress: OnProgress | None,
) -> Solution:
    """Solve a system; see `System.solve`."""
    if prepared.is_improving:
        prepared.improve()
    idle = prepared.idle
    try:
        memory = idle.pop()
    except IndexError:
        memory = prepared.memory()
    # What is taken is given back only after a whole solve: Ctrl-C leaves the plan half-way.
    if cancel is not None:
        memory.plan[layout.CANCEL_ADDRESS] = cancel.address
    watched = trace or on_progress is not None
    special = watched or not (region is None and nominal is None and nominal_residual is None)
    if region is not None:
        memory.plan[layout.BOUNDED] = 1
        memory.lower[:], memory.upper[:] = region.lower, region.upper
        x, p = system.point(x, p, "start")
        region.check_start(x)
    if nominal is not None:
        memory.nominal[:] = pack_nominal(nominal, system.variables, system.n)
    if nominal_residual is not None:
        memory.nominal_residual[:] = pack_nominal_residual(nominal_residual, system.m)
    steps: list[TraceStep] | None = [] if trace else None
    reporter = None if on_progress is None else Reporter(on_progress)
    slice_limit = 1 if trace else memory.plan[layout.SLICE_LIMIT]
    if watched:
        memory.plan[layout.SLICE_LIMIT] = 0
    deadline = 0.0
    if options.timeout_seconds is not None:
        memory.settings[layout.TIMEOUT] = options.timeout_seconds
        deadline = time.monotonic() + options.timeout_seconds
    for each in memory.sparse:
        each.begin(int(memory.plan[layout.CANCEL_ADDRESS]), deadline)
    status = WRONG_SIZE
    if type(x) is np.ndarray and (p is None or type(p) is np.ndarray):
        try:
            status = prepared.enter(memory.address, x, _NOTHING if p is None else p)
        except TypeError:
            # Vectors of another layout or type than the engine takes go the long way.
            status = WRONG_SIZE
    if status in {WRONG_SIZE, NOT_FINITE}:
        # Says what does not fit, or is not finite.
        status = prepared.enter(memory.address, *system.point(x, p, "start"))
    while status == RUNNING:
        if watched:
            if steps is not None:
                steps.append(read(memory, prepared.blocks))
            if reporter is not None:
                reporter.tell_of_engine(memory, prepared.blocks)
            memory.plan[layout.SLICE_LIMIT] = slice_limit
        status = iterate(memory.address)
    for each in memory.sparse:
        if each.error is not None:
            raise each.error
    way = memory.sparse[0].description if memory.sparse else DENSE_LU
    solution = Solution(system, memory.answer.copy(), status, (region, steps, way))
    if prepared.is_improving:
        prepared.spend(solution.evaluations, solution.jacobian_evaluations, solution.x, solution.p)
    if not special:
        # As it was: the next solve may have nothing beside options.
        memory.plan[layout.CANCEL_ADDRESS] = NEVER.address
        memory.settings[layout.TIMEOUT] = 0.0
        idle.append(memory)
    if reporter is not None:
        reporter.hear_of_linear_systems(memory)
        reporter.tell_end(solution)
    return solution
