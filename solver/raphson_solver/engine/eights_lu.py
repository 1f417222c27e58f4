"""Sparse LU of eight matrices of one pattern, side by side: `sparse_lu`, a number of each at a time.

What a matrix gets is to the bit what it gets there, except for the sign of zeros.
"""

from __future__ import annotations

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
)
from raphson_solver.engine.intrinsics import Doubles, Integers, doubles, integers, load_flag, shorts
from raphson_solver.engine.jit import jit
from raphson_solver.engine.sparse_lu import (
    COLUMNS,
    ENTRIES,
    INVERSES,
    LOWER,
    LOWER_STARTS,
    LOWER_VALUES,
    NOISE,
    RIGHT,
    ROW,
    SIZE,
    SOLUTION,
    SOURCE,
    STARTS,
    UPPER,
    UPPER_STARTS,
    UPPER_VALUES,
    WORK,
)

_LOOK = 64


@jit
def refactor_eight(table: Integers, values: Doubles, fresh: Doubles, regular: Doubles, flag: int) -> bool:
    """Make the factors of eight matrices; return False if the flag, at an address, is set meanwhile.

    Only those change for which `fresh`, of eight, is 1. `regular` becomes 1 where every pivot is more than noise of the
    largest entry of all, 0 where one is not, which may still be more than noise of its column.
    """
    n = table[SIZE]
    starts, columns, source = shorts(table[STARTS]), shorts(table[COLUMNS]), shorts(table[SOURCE])
    lower_starts, upper_starts = integers(table[LOWER_STARTS]), integers(table[UPPER_STARTS])
    lower, upper = shorts(table[LOWER]), shorts(table[UPPER])
    lower_values, upper_values = doubles(table[LOWER_VALUES]), doubles(table[UPPER_VALUES])
    inverses, row = doubles(table[INVERSES]), doubles(table[ROW])
    zero, one, is_fresh = alike(0.0), alike(1.0), load(fresh, 0)
    largest, sound = zero, one
    for place in range(table[ENTRIES]):
        largest = larger(largest, size(load(values, place)))
    floor = times(alike(NOISE), largest)
    for i in range(n):
        if i % _LOOK == 0 and load_flag(flag) != 0:
            return False
        first, last = lower_starts[i], lower_starts[i + 1]
        beyond, end = upper_starts[i], upper_starts[i + 1]
        for place in range(first, last):
            store(row, lower[place], zero)
        for place in range(beyond, end):
            store(row, upper[place], zero)
        store(row, i, zero)
        for place in range(starts[i], starts[i + 1]):
            store(row, columns[place], plus(load(row, columns[place]), load(values, source[place])))
        for place in range(first, last):
            k = lower[place]
            multiple = times(load(row, k), load(inverses, k))
            _set_where(lower_values, place, is_fresh, multiple)
            for other in range(upper_starts[k], upper_starts[k + 1]):
                j = upper[other]
                store(row, j, minus(load(row, j), times(multiple, load(upper_values, other))))
        pivot = load(row, i)
        sound = where_above(size(pivot), floor, sound, zero)
        _set_where(inverses, i, is_fresh, over(one, pivot))
        for place in range(beyond, end):
            _set_where(upper_values, place, is_fresh, load(row, upper[place]))
    # What was kept was regular when it was made.
    store(regular, 0, where_above(is_fresh, zero, sound, one))
    return True


@jit
def _set_where(a: Doubles, place: int, condition: Eight, value: Eight) -> None:
    store(a, place, where_above(condition, alike(0.0), value, load(a, place)))


@jit
def substitute_eight(table: Integers, right: Doubles, solution: Doubles) -> None:
    """Solve with the factors of eight; `right` and `solution` may be the same."""
    n = table[SIZE]
    lower_starts, upper_starts = integers(table[LOWER_STARTS]), integers(table[UPPER_STARTS])
    lower, upper = shorts(table[LOWER]), shorts(table[UPPER])
    lower_values, upper_values = doubles(table[LOWER_VALUES]), doubles(table[UPPER_VALUES])
    inverses, work = doubles(table[INVERSES]), doubles(table[WORK])
    source, target = shorts(table[RIGHT]), shorts(table[SOLUTION])
    for i in range(n):
        total = load(right, source[i])
        for place in range(lower_starts[i], lower_starts[i + 1]):
            total = minus(total, times(load(lower_values, place), load(work, lower[place])))
        store(work, i, total)
    for i in range(n - 1, -1, -1):
        total = load(work, i)
        for place in range(upper_starts[i], upper_starts[i + 1]):
            total = minus(total, times(load(upper_values, place), load(work, upper[place])))
        store(work, i, times(total, load(inverses, i)))
    for i in range(n):
        store(solution, target[i], load(work, i))
