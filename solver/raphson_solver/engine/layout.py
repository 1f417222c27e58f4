"""How one solve lies in memory: a plan of numbers and addresses, and the vectors that it points to.

Everything that jitted code needs hangs on one array of int64, the plan, at the places named here, so that entering
the engine costs one integer and its functions take one argument. What is marked (address) points to float64, unless
it says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raphson_solver.engine.sparse_graph import transposed
from raphson_solver.engine.status import Method

(
    # The kernels: f alone; f with the size of its terms and, unless by differences, the entries of J; and, where J is
    # not exact, the effect of every variable on each equation.
    RESIDUAL_ADDRESS,
    RESIDUAL_PROGRAM,
    EVALUATE_ADDRESS,
    EVALUATE_PROGRAM,
    EFFECT_ADDRESS,
    EFFECT_PROGRAM,
    # And Newton's step, if there is code for it (`solution/straight`): else 0.
    STRAIGHT_ADDRESS,
    # Sizes and options.
    CANCEL_ADDRESS,
    M,
    N,
    ENTRIES,
    PARAMETER_COUNT,
    METHOD,
    MODE,
    BOUNDED,
    ITERATION_LIMIT,
    EVALUATION_LIMIT,
    SLICE_LIMIT,
    # Who solves linear systems with J, if it is sparse: the address of a function, 0 for the engine's own dense
    # factors; and, once an order of pivots is known in which they are thin, the table of its sparse ones.
    LINEAR_SOLVER,
    FACTORS,
    # The blocks of the triangular form, if there are several; how far they are, and what they took.
    BLOCK_COUNT,
    BLOCK,
    BLOCK_STATE,
    BLOCK_METHOD,
    BLOCK_LONGEST,
    BLOCK_ITERATIONS,
    BLOCK_EVALUATIONS,
    BLOCK_JACOBIANS,
    SLICE_LEFT,
    # (addresses) What is given, what is known at x, and room to work. PATTERN, PIVOTS and BLOCKS point to int64: BLOCKS
    # to the address of each block's plan, followed by that of the places of its variables. At P the parameters are
    # followed by x as blocks find it. ROWS and PLACES, of int64 too, say which row of MATRIX is where,
    # ORDER which is where at first.
    PATTERN,
    ORDER,
    BLOCKS,
    SETTINGS,
    P,
    LOWER,
    UPPER,
    NOMINAL,
    NOMINAL_RESIDUAL,
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
    GRADIENT,
    INVERSE_SIZE,
    COLUMN_SIZE,
    WEIGHT,
    REFERENCE,
    TRIAL,
    CHANGE,
    LAST_DIRECTION,
    REFINED,
    ROWS,
    PLACES,
    MATRIX,
    APPROXIMATION,
    LEAST_SQUARES,
    WORK,
    # How far it has come; set to zero when a solve starts. INTERRUPTED is the `Status` that ends it before
    # its time; ALONG whether the last factors are those of FACTORS.
    ATTEMPT,
    STAGE,
    STAGE_LIMIT,
    STAGE_ITERATIONS,
    ITERATIONS,
    EVALUATIONS,
    JACOBIAN_EVALUATIONS,
    REGULARIZED,
    APPROXIMATE,
    BRACKETED,
    SLOW_STEPS,
    BEST_METHOD,
    BEST_STATUS,
    ESCAPING,
    INTERRUPTED,
    SECANTS,
    ALONG,
    PLAN_SIZE,
) = range(82)

(
    # At SETTINGS: what a caller chooses,
    TOLERANCE,
    ABSOLUTE_TOLERANCE,
    TIMEOUT,
    # the times when it began, and when it is to end, if ever,
    BEGAN,
    DEADLINE,
    # and what the methods keep from step to step.
    BEST_NORM,
    LAST_STEP,
    NEWTON_STEP,
    LAST_LENGTH,
    DESCENT,
    DAMPING,
    DAMPING_GROWTH,
    BRACKET_LEFT,
    BRACKET_RIGHT,
    VALUE_LEFT,
    HEIGHT,
    SETTINGS_SIZE,
) = range(17)

# At ANSWER: what a caller reads after a solve. The scaled residual (before that: the scale), x and f follow. Before it
# comes P, so that one copy takes all.
(
    ANSWER_ITERATIONS,
    ANSWER_EVALUATIONS,
    ANSWER_JACOBIANS,
    ANSWER_METHOD,
    ANSWER_NORM,
    ANSWER_REGULARIZED,
    ANSWER_ELAPSED,
    ANSWER_HEADER,
) = range(8)


LANES = 8
"""How many numbers are worked on at once; rows of MATRIX are as long as so many, several times, need."""


def row_length(n: int) -> int:
    """Return how many numbers a row of n entries and its right side takes."""
    return (n + LANES) // LANES * LANES


SPARSE_SECANTS = 20
"""Steps that Broyden's method remembers where J is sparse."""

# Those of shape (n,) that only the engine looks at.
_VECTORS = (START, BEST, LARGEST, ORIGIN, GRADIENT, INVERSE_SIZE, LAST_DIRECTION, REFINED, ROWS, PLACES)


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
        """Return rows, columns, entries in the order of columns, where each column starts there, and each row."""
        row_starts = np.zeros(self.m + 1, np.int32)
        np.cumsum(np.bincount(self.rows, minlength=self.m), out=row_starts[1:])
        starts, _, by_column = transposed(row_starts, self.columns.astype(np.int32), self.n)
        return np.concatenate((self.rows, self.columns, by_column, starts, row_starts), dtype=np.int64)


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
        Where tolerances and timeout, parameters, and the start go.
    lower, upper, nominal : ndarray of float64, shape (n,)
        Where bounds and sizes of the variables go; a nominal size of 0 is unknown.
    nominal_residual : ndarray of float64, shape (m,)
        Where sizes of the equations go; 0 is unknown.
    scale, f, values, largest : ndarray of float64
        What is known where the engine stands: the scale of each equation, f, the entries of J, and the size that
        each variable has had.
    kept : tuple
        What must live as long: the memory of blocks.
    sparse : tuple
        Who solves linear systems for this memory, and for that of blocks, where they are sparse.
    answer : ndarray of float64, ending in shape (ANSWER_HEADER + m + n + m,)
        The parameters, and what the engine leaves: counters, the largest |f|, the scaled residual, x and f.
    """

    __slots__ = (
        "address", "answer", "f", "kept", "largest", "lower", "nominal", "nominal_residual", "p", "plan", "scale",
        "settings", "sparse", "upper", "values", "x"
    )  # fmt: skip

    def __init__(self, plan: NDArray[np.int64], work: int) -> None:
        plan = plan.copy()
        m, n, entries = int(plan[M]), int(plan[N]), int(plan[ENTRIES])
        wide, length = max(m, n), row_length(n)
        matrix, approximation, least_squares = n * length, n * n, (m + n) * (n + 1)
        if plan[LINEAR_SOLVER] != 0:
            # Entries alone, with a diagonal or sizes behind them; secants instead of a matrix that they change.
            matrix, least_squares = entries + n, m
            approximation = SPARSE_SECANTS * 2 * n if plan[METHOD] == Method.BROYDEN else 0
        # In this order: the answer is one piece, and the kernel writes f, the size of its terms and J as one.
        parts = [
            (SETTINGS, SETTINGS_SIZE),
            (LOWER, n),
            (UPPER, n),
            (NOMINAL, n),
            (NOMINAL_RESIDUAL, m),
            (P, int(plan[PARAMETER_COUNT]) + n),
            (ANSWER, ANSWER_HEADER),
            (SCALE, m),
            (X, n),
            (F, m),
            (MAGNITUDE, m),
            # Where Newton's step comes with f and the scales, no entries, and two flags.
            (VALUES, max(entries, m + n + 2)),
            *((part, n) for part in _VECTORS),
            *((part, wide) for part in (STEP, WEIGHT, REFERENCE, TRIAL, CHANGE)),
            (COLUMN_SIZE, length),
            (MATRIX, matrix),
            (APPROXIMATION, approximation),
            (LEAST_SQUARES, least_squares),
            (WORK, work),
        ]
        # Untouched pages of zeros cost nothing: rooms that a method does not use are never there.
        numbers = np.zeros(sum(count for _, count in parts) + LANES)
        base, place = int(numbers.ctypes.data), 0
        views = {}
        for part, count in parts:
            if part == MATRIX:
                # Its pieces begin where lines of the cache do.
                place += -(base // 8 + place) % LANES
            plan[part] = base + 8 * place
            views[part] = numbers[place : place + count]
            place += count
        self.kept: Any = None
        self.sparse: tuple[Any, ...] = ()
        self.plan = plan
        self.address = int(plan.ctypes.data)
        self.settings, self.x = views[SETTINGS], views[X]
        self.p = views[P][: int(plan[PARAMETER_COUNT])]
        self.scale, self.f, self.values, self.largest = views[SCALE], views[F], views[VALUES], views[LARGEST]
        self.lower, self.upper = views[LOWER], views[UPPER]
        self.nominal, self.nominal_residual = views[NOMINAL], views[NOMINAL_RESIDUAL]
        first, last = (int(plan[part] - base) // 8 for part in (P, MAGNITUDE))
        self.answer = numbers[first:last]
