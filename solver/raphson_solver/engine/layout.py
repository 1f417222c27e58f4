"""How one solve lies in memory: a plan of numbers and addresses, and the vectors that it points to.

Everything that jitted code needs hangs on one array of int64, the plan, at the places named here, so that entering
the engine costs one integer and its functions take one argument. What is marked (address) points to float64, unless
it says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

(
    # The kernels: f alone, and f with the size of its terms and, unless by differences, the entries of J.
    RESIDUAL_ADDRESS,
    RESIDUAL_PROGRAM,
    EVALUATE_ADDRESS,
    EVALUATE_PROGRAM,
    # Sizes and options.
    CANCEL_ADDRESS,
    N,
    ENTRIES,
    PARAMETER_COUNT,
    METHOD,
    MODE,
    ITERATION_LIMIT,
    SLICE_LIMIT,
    # (addresses) What is given, what is known at x, and room to work. PATTERN and PIVOTS point to int64.
    PATTERN,
    SETTINGS,
    P,
    ANSWER,
    SCALE,
    X,
    F,
    MAGNITUDE,
    VALUES,
    START,
    BEST,
    LARGEST,
    STEP,
    ORIGIN,
    WEIGHT,
    TRIAL,
    PIVOTS,
    MATRIX,
    NORMAL,
    WORK,
    # How far it has come; set to zero when a solve starts.
    STAGE,
    STAGE_LIMIT,
    STAGE_ITERATIONS,
    ITERATIONS,
    EVALUATIONS,
    JACOBIAN_EVALUATIONS,
    BEST_METHOD,
    ESCAPING,
    FIRST_STATUS,
    PLAN_SIZE,
) = range(42)

# At SETTINGS.
TOLERANCE, ABSOLUTE_TOLERANCE, DEADLINE, BEST_NORM, LAST_STEP, DAMPING, DAMPING_GROWTH, SETTINGS_SIZE = range(8)

# At ANSWER: what a caller reads after a solve. The scaled residual (before that: the scale), x and f follow.
ANSWER_ITERATIONS, ANSWER_EVALUATIONS, ANSWER_JACOBIANS, ANSWER_METHOD, ANSWER_NORM, ANSWER_HEADER = range(6)


@dataclass(frozen=True, slots=True)
class Pattern:
    """Where a Jacobian may differ from zero, row by row.

    Attributes
    ----------
    rows, columns : ndarray of int64, shape (entries,)
        Of each entry.
    m, n : int
        Extents.
    """

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    m: int
    n: int

    def packed(self) -> NDArray[np.int64]:
        """Return rows, columns, entries in the order of columns, and where each column starts in that order."""
        by_column = np.argsort(self.columns, kind="stable")
        starts = np.searchsorted(self.columns[by_column], np.arange(self.n + 1))
        return np.concatenate((self.rows, self.columns, by_column, starts)).astype(np.int64)


class Memory:
    """The arrays of one solve at a time.

    Parameters
    ----------
    plan : ndarray of int64, shape (PLAN_SIZE,)
        With kernels, sizes, options and pattern filled in; copied.
    work : int
        Doubles of scratch that the kernels need.

    Attributes
    ----------
    plan : ndarray of int64
        With every address filled in.
    address : int
        Of the plan.
    settings, p, x : ndarray of float64
        Where tolerances and deadline, parameters, and the start go.
    answer : ndarray of float64, shape (ANSWER_HEADER + 3n,)
        What the engine leaves: counters, the largest |f|, the scaled residual, x and f.
    """

    __slots__ = ("address", "answer", "p", "plan", "settings", "x")

    def __init__(self, plan: NDArray[np.int64], work: int) -> None:
        plan = plan.copy()
        n, entries = int(plan[N]), int(plan[ENTRIES])
        # In this order: the answer is one piece, and the kernel writes f, the size of its terms and J as one.
        parts = [
            (SETTINGS, SETTINGS_SIZE),
            (P, int(plan[PARAMETER_COUNT])),
            (ANSWER, ANSWER_HEADER),
            (SCALE, n),
            (X, n),
            (F, n),
            (MAGNITUDE, n),
            (VALUES, entries),
            *((part, n) for part in (START, BEST, LARGEST, STEP, ORIGIN, WEIGHT, TRIAL, PIVOTS)),
            (MATRIX, n * n),
            (NORMAL, n * n),
            (WORK, work),
        ]
        numbers = np.zeros(sum(count for _, count in parts))
        base, place, starts = int(numbers.ctypes.data), 0, {}
        for part, count in parts:
            plan[part] = base + 8 * place
            starts[part] = place
            place += count
        self.plan = plan
        self.address = int(plan.ctypes.data)
        self.settings = numbers[:SETTINGS_SIZE]
        self.p = numbers[starts[P] : starts[ANSWER]]
        self.answer = numbers[starts[ANSWER] : starts[MAGNITUDE]]
        self.x = numbers[starts[X] : starts[F]]
