"""The block-triangular form: systems solved one after another, each with what the earlier ones found."""

from __future__ import annotations

from raphson_solver.engine import layout
from raphson_solver.engine.aim import RUNNING, aim
from raphson_solver.engine.cascade import conclude, reset, run
from raphson_solver.engine.intrinsics import Integers, doubles, integers
from raphson_solver.engine.jit import jit
from raphson_solver.engine.layout import BLOCK, BLOCK_COUNT, BLOCK_ITERATIONS, BLOCK_STATE, BOUNDED, N
from raphson_solver.engine.point import complete, evaluate, finite
from raphson_solver.engine.status import Status

_CONVERGED = int(Status.CONVERGED)
_DOMAIN_ERROR = int(Status.DOMAIN_ERROR)
_STALLED = int(Status.STALLED)
_OUT, _BETWEEN, _INSIDE = 0, 1, 2


@jit
def solve_blocks(plan: Integers) -> int:
    """Go on block after block; return `RUNNING`, the `Status` of the block that failed, or converged with x whole."""
    blocks = integers(plan[layout.BLOCKS])
    if plan[BLOCK_STATE] == _OUT:
        start, x = doubles(plan[layout.START]), doubles(plan[layout.X])
        for j in range(plan[N]):
            start[j] = x[j]
        plan[BLOCK_STATE] = _BETWEEN
    while plan[BLOCK] < plan[BLOCK_COUNT]:
        block, places = integers(blocks[2 * plan[BLOCK]]), integers(blocks[2 * plan[BLOCK] + 1])
        if plan[BLOCK_STATE] == _BETWEEN:
            _enter_block(plan, block, places)
            plan[BLOCK_STATE] = _INSIDE
        block[layout.SLICE_LEFT] = plan[layout.SLICE_LEFT]
        status = run(block)
        plan[layout.SLICE_LEFT] = block[layout.SLICE_LEFT]
        if status == RUNNING:
            return RUNNING
        _leave_block(plan, block, places)
        if status != _CONVERGED:
            return int(status)
        plan[BLOCK_STATE] = _BETWEEN
        plan[BLOCK] += 1
    return int(_whole(plan))


@jit
def _enter_block(plan: Integers, block: Integers, places: Integers) -> None:
    settings, own = doubles(plan[layout.SETTINGS]), doubles(block[layout.SETTINGS])
    own[layout.DEADLINE] = settings[layout.DEADLINE]
    block[layout.CANCEL_ADDRESS] = plan[layout.CANCEL_ADDRESS]
    # What blocks may take together leaves as much for the system as a whole.
    block[layout.ITERATION_LIMIT] = (plan[layout.ITERATION_LIMIT] + 1) // 2 - plan[BLOCK_ITERATIONS]
    block[layout.EVALUATION_LIMIT] = plan[layout.EVALUATION_LIMIT] - plan[layout.BLOCK_EVALUATIONS]
    block[BOUNDED] = plan[BOUNDED]
    block[layout.STAGE] = 0
    _copy(plan, block, places, layout.START, layout.X)
    if plan[BOUNDED] != 0:
        _copy(plan, block, places, layout.LOWER, layout.LOWER)
        _copy(plan, block, places, layout.UPPER, layout.UPPER)
    _copy(plan, block, places, layout.NOMINAL, layout.NOMINAL)


@jit
def _copy(plan: Integers, block: Integers, places: Integers, source: int, target: int) -> None:
    whole, part = doubles(plan[source]), doubles(block[target])
    for j in range(block[N]):
        part[j] = whole[places[j]]


@jit
def _leave_block(plan: Integers, block: Integers, places: Integers) -> None:
    plan[BLOCK_ITERATIONS] += block[layout.ITERATIONS]
    plan[layout.BLOCK_EVALUATIONS] += block[layout.EVALUATIONS]
    plan[layout.BLOCK_JACOBIANS] += block[layout.JACOBIAN_EVALUATIONS]
    # The answer names the method of the block that took longest.
    if block[layout.ITERATIONS] >= plan[layout.BLOCK_LONGEST]:
        plan[layout.BLOCK_LONGEST], plan[layout.BLOCK_METHOD] = block[layout.ITERATIONS], block[layout.BEST_METHOD]
    x, part = doubles(plan[layout.X]), doubles(block[layout.X])
    found = doubles(plan[layout.P] + 8 * plan[layout.PARAMETER_COUNT])
    for j in range(block[N]):
        x[places[j]] = found[places[j]] = part[j]


@jit
def _whole(plan: Integers) -> int:
    """Test the point that the blocks make up as a root of the whole system."""
    reset(plan)
    plan[layout.BEST_METHOD] = plan[layout.BLOCK_METHOD]
    largest = doubles(plan[layout.LARGEST])
    for j in range(plan[N]):
        largest[j] = 0.0
    evaluate(plan)
    if not (complete(plan) and finite(doubles(plan[layout.F]), plan[N])):
        return _DOMAIN_ERROR
    # Every block took its last step already.
    doubles(plan[layout.SETTINGS])[layout.NEWTON_STEP] = 0.0
    status = aim(plan)
    return int(conclude(plan, status)) if status == _CONVERGED else _STALLED


@jit
def give_up(plan: Integers) -> None:
    """Go back to the caller's start, to solve the system as a whole."""
    plan[BLOCK], plan[BLOCK_STATE] = plan[BLOCK_COUNT], _OUT
    x, start = doubles(plan[layout.X]), doubles(plan[layout.START])
    for j in range(plan[N]):
        x[j] = start[j]
