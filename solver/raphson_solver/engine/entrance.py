"""The way into the engine from Python."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numba import types
from numpy.typing import NDArray

from raphson_solver.engine import layout
from raphson_solver.engine.aim import RUNNING
from raphson_solver.engine.blocks import give_up, solve_blocks
from raphson_solver.engine.cascade import run
from raphson_solver.engine.intrinsics import Doubles, Integers, doubles, integers, monotonic_seconds
from raphson_solver.engine.jit import c_entry, entry, jit
from raphson_solver.engine.layout import BLOCK, BLOCK_COUNT, BLOCK_STATE, STAGE, N
from raphson_solver.engine.point import finite
from raphson_solver.engine.status import Status

NOT_FINITE = -1
"""A start or a parameter is NaN or infinite; nothing was done."""
WRONG_SIZE = -2
"""There are more or fewer numbers than variables or parameters; nothing was done."""

_CONVERGED = int(Status.CONVERGED)


@c_entry
def iterate(plan_address: int) -> int:
    """Take up to `plan[SLICE_LIMIT]` steps; return a `Status`, `NOT_FINITE`, or `RUNNING` to be called again."""
    plan = integers(plan_address)
    status = _go_on(plan)
    began = doubles(plan[layout.SETTINGS])[layout.BEGAN]
    doubles(plan[layout.ANSWER])[layout.ANSWER_ELAPSED] = monotonic_seconds() - began
    return int(status)


@jit
def _go_on(plan: Integers) -> int:
    plan[layout.SLICE_LEFT] = plan[layout.SLICE_LIMIT]
    if plan[STAGE] == 0 and plan[BLOCK_STATE] == 0:
        if not (
            finite(doubles(plan[layout.X]), plan[N]) and finite(doubles(plan[layout.P]), plan[layout.PARAMETER_COUNT])
        ):
            return NOT_FINITE
        for counter in range(BLOCK, layout.SLICE_LEFT):
            plan[counter] = 0
    if plan[STAGE] == 0 and plan[BLOCK] < plan[BLOCK_COUNT]:
        status = solve_blocks(plan)
        if status == RUNNING:
            return RUNNING
        if status == _CONVERGED:
            plan[BLOCK_STATE] = 0
            return int(status)
        give_up(plan)
    return int(run(plan))


@entry
def enter(plan_address: int, given_x: NDArray[np.float64], given_p: NDArray[np.float64]) -> int:
    """Copy start and parameters in, then do as `iterate`; return `WRONG_SIZE` if they do not fit."""
    plan = integers(plan_address)
    if given_x.size != plan[N] or given_p.size != plan[layout.PARAMETER_COUNT]:
        return WRONG_SIZE
    x, p = doubles(plan[layout.X]), doubles(plan[layout.P])
    for j in range(given_x.size):
        x[j] = given_x[j]
    for k in range(given_p.size):
        p[k] = given_p[k]
    begin(doubles(plan[layout.SETTINGS]))
    return int(iterate(plan_address))


@jit
def begin(settings: Doubles) -> None:
    """Note that a solve begins now, and when it is to end: after its timeout, if it has one."""
    began, timeout = monotonic_seconds(), settings[layout.TIMEOUT]
    settings[layout.BEGAN] = began
    settings[layout.DEADLINE] = began + timeout if timeout > 0.0 else 0.0


@functools.cache
def iterate_address() -> int:
    """Return where `iterate` is, for machine code: ``int64_t iterate(int64_t plan_address)``, as C calls it."""
    dispatcher: Any = iterate
    dispatcher.compile((types.int64,))
    (compiled,) = dispatcher.overloads.values()
    return int(compiled.library.get_pointer_to_function(compiled.fndesc.llvm_cfunc_wrapper_name))


@functools.cache
def entrance() -> Callable[[int, NDArray[np.float64], NDArray[np.float64]], int]:
    """Return `enter`, ready for contiguous vectors; for any other arguments it raises TypeError at once.

    The vectors go in as arrays since copying a short one costs NumPy more than a step of the iteration.
    """
    dispatcher: Any = enter
    # Both vectors may be written to, or neither: a mixed pair is taken as the latter, a microsecond later.
    for readonly in (False, True):
        vector = types.Array(types.float64, 1, "C", readonly=readonly)
        dispatcher.compile((types.int64, vector, vector))
    dispatcher.disable_compile()
    return cast("Callable[..., int]", dispatcher)
