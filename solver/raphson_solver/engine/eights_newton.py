"""Undamped Newton for the members of a batch, eight side by side, where J is sparse and the order of pivots known.

The steps and tests are those of `newton` as the first attempt of `auto`, without bounds or nominal sizes, to the bit.
Whatever is not so simple is left to the engine: a point where f is not finite, a pivot that may be noise, an equation
that may not hear its variables.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from raphson_solver.engine.aim import TINY_STEP
from raphson_solver.engine.attempts import steps_of_first
from raphson_solver.engine.convergence import SMALL_STEP
from raphson_solver.engine.eights import (
    Eight,
    alike,
    larger,
    load,
    minus,
    over,
    plus,
    size,
    store,
    times,
    where_above,
    where_at_most,
)
from raphson_solver.engine.eights_lu import refactor_eight, substitute_eight
from raphson_solver.engine.intrinsics import (
    Doubles,
    Integers,
    call_kernel,
    doubles,
    integers,
    load_flag,
    monotonic_seconds,
)
from raphson_solver.engine.jit import entry, jit
from raphson_solver.engine.layout import LANES
from raphson_solver.engine.move import ROOT_AT_ZERO
from raphson_solver.engine.point import finite
from raphson_solver.engine.sparse_lu import ENOUGH_REFINED, REFINEMENTS, SMALL_REMAINDER
from raphson_solver.engine.sparse_step import HARDLY

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

LEFT, RIGHT, NEAR = 0, 1, 3
"""Verdicts: the member is the engine's; x is a root; it may be one, of which the engine is to convince itself there."""

(
    EVALUATE_ADDRESS,
    EVALUATE_PROGRAM,
    # And, unless that is 0, of all eight at once.
    BESIDE_ADDRESS,
    BESIDE_PROGRAM,
    # (addresses) int64 that stops the work; rows, columns and starts of rows of J, of int64; the table of `sparse_lu`.
    CANCEL_ADDRESS,
    N,
    ENTRIES,
    PARAMETER_COUNT,
    ITERATION_LIMIT,
    # Whether other attempts follow.
    IS_FIRST,
    PATTERN,
    ROW_STARTS,
    FACTORS,
    # (addresses) Starts and parameters, each followed by how many numbers lie between rows; 0 if one holds for all.
    STARTS,
    _START_STRIDE,
    GIVEN,
    _GIVEN_STRIDE,
    # (addresses) Room for n of eight members each,
    X,
    STEP,
    LARGEST,
    RIGHT_SIDE,
    REMAINDER,
    BETTER,
    # for the parameters of eight,
    PARAMETERS,
    # for what the kernel writes of eight members, and of one, its point, and its own room;
    KNOWN,
    OUT,
    POINT,
    WORK,
    # and for eight numbers each.
    JUNK,
    PASSING,
    BY_TERMS,
    HEARD,
    NORM,
    SHARE,
    FRESH,
    REGULAR,
    LEFT_OVER,
    TERMS,
    RELATIVE,
    ROUNDED,
    LAST,
    PLAN_SIZE,
) = range(42)

_ROUNDING_STEP = 2.0**-46
_RUNNING = -1


@entry
def newton_eights(
    plan_address: int,
    tolerance: float,
    absolute_tolerance: float,
    deadline: float,
    x: Floats,
    norm: Floats,
    steps: NDArray[np.int32],
    verdict: NDArray[np.int8],
) -> None:
    """Solve members of a batch.

    Parameters
    ----------
    plan_address : int
        Of an array of int64, filled in at the places named here.
    tolerance, absolute_tolerance : float
        Of what makes a root.
    deadline : float
        When to leave the rest to the engine, as `time.monotonic` tells; 0: never.
    x, norm, steps, verdict : ndarray, shapes (members, n) and (members,)
        Receive the last points, the largest |f|, the steps taken, and `RIGHT`, `NEAR` or `LEFT`.
    """
    plan = integers(plan_address)
    n, numbers = plan[N], plan[PARAMETER_COUNT]
    owner, taken = np.full(LANES, -1, np.int64), np.zeros(LANES, np.int64)
    points, last, begun = doubles(plan[X]), doubles(plan[LAST]), 0
    parameters = doubles(plan[PARAMETERS])
    largest, limit = doubles(plan[LARGEST]), plan[ITERATION_LIMIT]
    if plan[IS_FIRST] != 0:
        limit = steps_of_first(limit)
    while True:
        running = False
        for lane in range(LANES):
            while owner[lane] < 0 and begun < verdict.size:
                member = begun
                begun += 1
                start, p = _row(plan, STARTS, member), _row(plan, GIVEN, member)
                verdict[member], steps[member] = LEFT, 0
                if finite(p, numbers):
                    owner[lane], taken[lane], last[lane] = member, 0, np.inf
                    for j in range(n):
                        points[LANES * j + lane] = start[j]
                        largest[LANES * j + lane] = 0.0
                    if plan[BESIDE_ADDRESS] != 0:
                        for k in range(numbers):
                            parameters[LANES * k + lane] = p[k]
            running = running or owner[lane] >= 0
        if not running or load_flag(plan[CANCEL_ADDRESS]) != 0 or (0.0 < deadline < monotonic_seconds()):
            return
        if plan[BESIDE_ADDRESS] != 0:
            known, work = doubles(plan[KNOWN]), doubles(plan[WORK])
            call_kernel(plan[BESIDE_ADDRESS], plan[BESIDE_PROGRAM], points, parameters, known, work)
        else:
            for lane in range(LANES):
                if owner[lane] >= 0:
                    _evaluate(plan, lane, _row(plan, GIVEN, owner[lane]))
        _look(plan, tolerance, absolute_tolerance)
        passing, by_terms, heard = doubles(plan[PASSING]), doubles(plan[BY_TERMS]), doubles(plan[HEARD])
        junk, fresh = doubles(plan[JUNK]), doubles(plan[FRESH])
        running = False
        for lane in range(LANES):
            fresh[lane] = 0.0
            if owner[lane] < 0:
                continue
            found = _RUNNING
            # What is not finite leaves NaN there.
            if junk[lane] != 0.0:
                found = LEFT
            elif by_terms[lane] != 0.0 and last[lane] <= TINY_STEP:
                found = RIGHT
            if found != _RUNNING:
                _end(plan, lane, owner, taken, found, x, norm, steps, verdict)
                continue
            running = True
            fresh[lane] = 0.0 if taken[lane] > 0 and last[lane] <= HARDLY else 1.0
        if not running:
            continue
        if not _newton_step(plan, fresh):
            return
        regular, relative = doubles(plan[REGULAR]), doubles(plan[RELATIVE])
        rounded, share = doubles(plan[ROUNDED]), doubles(plan[SHARE])
        for lane in range(LANES):
            if owner[lane] < 0:
                continue
            found = _RUNNING
            if regular[lane] == 0.0 or not relative[lane] < np.inf:
                found = LEFT
            elif by_terms[lane] != 0.0:
                found = (RIGHT if heard[lane] != 0.0 else NEAR) if relative[lane] <= SMALL_STEP else LEFT
            elif passing[lane] != 0.0 and (rounded[lane] <= _ROUNDING_STEP or share[lane] <= _ROUNDING_STEP):
                found = NEAR
            elif (passing[lane] != 0.0 and relative[lane] > SMALL_STEP) or taken[lane] >= limit:
                found = LEFT
            if found != _RUNNING:
                _end(plan, lane, owner, taken, found, x, norm, steps, verdict)
                continue
            taken[lane] += 1
            last[lane] = relative[lane]
        step = doubles(plan[STEP])
        for j in range(n):
            store(points, j, plus(load(points, j), load(step, j)))


@jit
def _row(plan: Integers, rows: int, number: int) -> Doubles:
    """Return one of the rows at a place in the plan, behind which stands how many numbers lie between two."""
    return doubles(plan[rows] + 8 * plan[rows + 1] * number)


@jit
def _end(
    plan: Integers,
    lane: int,
    owner: Numbers,
    taken: Numbers,
    found: int,
    x: Floats,
    norm: Floats,
    steps: NDArray[np.int32],
    verdict: NDArray[np.int8],
) -> None:
    """Write what became of a member, and free its lane."""
    member, points = owner[lane], doubles(plan[X])
    for j in range(plan[N]):
        x[member, j] = points[LANES * j + lane]
    norm[member], steps[member], verdict[member] = doubles(plan[NORM])[lane], taken[lane], found
    owner[lane] = -1


@jit
def _evaluate(plan: Integers, lane: int, p: Doubles) -> None:
    """At the point of one member, know f, the size of its terms and J, beside those of the others."""
    n, points, point = plan[N], doubles(plan[X]), doubles(plan[POINT])
    for j in range(n):
        point[j] = points[LANES * j + lane]
    out, known = doubles(plan[OUT]), doubles(plan[KNOWN])
    call_kernel(plan[EVALUATE_ADDRESS], plan[EVALUATE_PROGRAM], point, p, out, doubles(plan[WORK]))
    for place in range(2 * n + plan[ENTRIES]):
        known[LANES * place + lane] = out[place]


@jit
def _look(plan: Integers, tolerance: float, absolute_tolerance: float) -> None:
    """Say of each member which tests its point passes, and divide each row of J, and −f, by the row's largest entry."""
    n, columns, starts = plan[N], integers(plan[PATTERN] + 8 * plan[ENTRIES]), integers(plan[ROW_STARTS])
    known, points, right = doubles(plan[KNOWN]), doubles(plan[X]), doubles(plan[RIGHT_SIDE])
    zero, one, infinite = alike(0.0), alike(1.0), alike(np.inf)
    most, least = alike(tolerance), alike(absolute_tolerance)
    junk, norm, share = zero, zero, zero
    passing, by_terms, heard = one, one, one
    for i in range(n):
        effect, biggest = zero, zero
        for place in range(starts[i], starts[i + 1]):
            value = load(known, 2 * n + place)
            effect = plus(effect, size(times(value, load(points, columns[place]))))
            biggest = larger(biggest, size(value))
        f, terms = load(known, i), load(known, n + i)
        scale, amount = plus(terms, effect), size(f)
        norm = larger(norm, amount)
        passing = _both(passing, amount, times(most, scale), least)
        by_terms = _both(by_terms, amount, times(most, terms), least)
        heard = where_above(effect, times(most, terms), heard, zero)
        share = larger(share, where_above(amount, zero, where_above(scale, zero, over(amount, scale), infinite), zero))
        inverse = over(one, biggest)
        junk = plus(junk, plus(minus(scale, scale), plus(minus(f, f), minus(inverse, inverse))))
        store(right, i, times(minus(alike(-0.0), f), inverse))
        for place in range(starts[i], starts[i + 1]):
            value = times(load(known, 2 * n + place), inverse)
            # Infinite entries beside a finite sum: where x is zero.
            junk = plus(junk, minus(value, value))
            store(known, 2 * n + place, value)
    largest = doubles(plan[LARGEST])
    for j in range(n):
        store(largest, j, larger(load(largest, j), size(load(points, j))))
    store(doubles(plan[JUNK]), 0, junk)
    store(doubles(plan[NORM]), 0, norm)
    store(doubles(plan[SHARE]), 0, share)
    store(doubles(plan[PASSING]), 0, passing)
    store(doubles(plan[BY_TERMS]), 0, where_above(passing, zero, by_terms, zero))
    store(doubles(plan[HEARD]), 0, heard)


@jit
def _both(so_far: Eight, amount: Eight, most: Eight, least: Eight) -> Eight:
    """Return what held so far where an amount is also at most the one or the other, else 0."""
    zero = alike(0.0)
    return where_at_most(amount, most, so_far, where_at_most(amount, least, so_far, zero))


@jit
def _newton_step(plan: Integers, fresh: Doubles) -> bool:
    """Leave Newton's steps in STEP, and how good and how long they are; return False if stopped."""
    n, table, matrix = plan[N], integers(plan[FACTORS]), doubles(plan[KNOWN] + 8 * LANES * 2 * plan[N])
    right, step, left, better = (
        doubles(plan[RIGHT_SIDE]),
        doubles(plan[STEP]),
        doubles(plan[REMAINDER]),
        doubles(plan[BETTER]),
    )
    regular, zero, one = doubles(plan[REGULAR]), alike(0.0), alike(1.0)
    if not refactor_eight(table, matrix, fresh, regular, plan[CANCEL_ADDRESS]):
        return False
    substitute_eight(table, right, step)
    most_place, size_place = doubles(plan[LEFT_OVER]), doubles(plan[TERMS])
    _remainder(plan, matrix, step)
    # Of which members a better solution is still looked for.
    looking = one
    for _ in range(REFINEMENTS):
        most, terms = load(most_place, 0), load(size_place, 0)
        looking = where_above(most, times(alike(ENOUGH_REFINED), terms), looking, zero)
        if not _any(plan, looking):
            break
        substitute_eight(table, left, better)
        for j in range(n):
            store(better, j, plus(load(better, j), load(step, j)))
        _remainder(plan, matrix, better)
        new, new_terms = load(most_place, 0), load(size_place, 0)
        improved = where_above(times(alike(0.5), most), new, looking, zero)
        for j in range(n):
            store(step, j, where_above(improved, zero, load(better, j), load(step, j)))
        # As the engine has it: the size of terms is that of the last look.
        store(size_place, 0, where_above(looking, zero, new_terms, terms))
        store(most_place, 0, where_above(improved, zero, new, most))
        looking = improved
    small = times(alike(SMALL_REMAINDER), load(size_place, 0))
    store(regular, 0, where_at_most(load(most_place, 0), small, load(regular, 0), zero))
    _measure(plan)
    return True


@jit
def _any(plan: Integers, condition: Eight) -> bool:
    """Return whether a condition holds for some member."""
    eight, found = doubles(plan[RELATIVE]), False
    store(eight, 0, condition)
    for lane in range(LANES):
        found = found or eight[lane] != 0.0
    return found


@jit
def _remainder(plan: Integers, matrix: Doubles, step: Doubles) -> None:
    """Fill REMAINDER with RIGHT_SIDE − A·step; note its largest size, infinite where it is NaN, and that of terms."""
    columns, starts = integers(plan[PATTERN] + 8 * plan[ENTRIES]), integers(plan[ROW_STARTS])
    right, left = doubles(plan[RIGHT_SIDE]), doubles(plan[REMAINDER])
    most, terms, infinite = alike(0.0), alike(0.0), alike(np.inf)
    for i in range(plan[N]):
        total = load(right, i)
        own = size(total)
        for place in range(starts[i], starts[i + 1]):
            part = times(load(matrix, place), load(step, columns[place]))
            total = minus(total, part)
            own = plus(own, size(part))
        store(left, i, total)
        amount = size(total)
        most = where_at_most(amount, most, most, where_at_most(amount, infinite, amount, infinite))
        terms = larger(own, terms)
    store(doubles(plan[LEFT_OVER]), 0, most)
    store(doubles(plan[TERMS]), 0, terms)


@jit
def _measure(plan: Integers) -> None:
    """Note how long STEP is against x, as `move.relative_size` has it; infinite where it is not finite."""
    n, points, step, largest = plan[N], doubles(plan[X]), doubles(plan[STEP]), doubles(plan[LARGEST])
    zero, extent = alike(0.0), alike(0.0)
    for j in range(n):
        extent = larger(size(load(points, j)), extent)
    least = larger(times(alike(1e-8), extent), alike(1e-30))
    relative, rounded, junk = zero, zero, zero
    for j in range(n):
        x, s = load(points, j), load(step, j)
        amount = size(s)
        own = larger(size(x), least)
        remembered = where_at_most(size(plus(x, s)), size(x), times(alike(ROOT_AT_ZERO), load(largest, j)), zero)
        relative = larger(over(amount, larger(own, remembered)), relative)
        rounded = larger(over(amount, own), rounded)
        junk = plus(junk, minus(s, s))
    infinite = alike(np.inf)
    store(doubles(plan[RELATIVE]), 0, where_at_most(junk, zero, relative, infinite))
    store(doubles(plan[ROUNDED]), 0, where_at_most(junk, zero, rounded, infinite))


def room(n: int, entries: int, numbers: int, work: int) -> list[tuple[int, int]]:
    """Return the places in the plan that want addresses of float64, and of how many numbers each.

    `numbers` is how many parameters there are, `work` what a kernel needs.
    """
    of_eight: Any = range(JUNK, PLAN_SIZE)
    return [
        *((place, LANES * n) for place in (X, STEP, LARGEST, RIGHT_SIDE, REMAINDER, BETTER)),
        (PARAMETERS, LANES * numbers),
        (KNOWN, LANES * (2 * n + entries)),
        (OUT, 2 * n + entries),
        (POINT, n),
        (WORK, work),
        *((place, LANES) for place in of_eight),
    ]
