"""How one solve lies in memory: three flat arrays, so that entering the jitted engine costs little.

`plan` (int64) holds addresses, sizes, options and counters at the places named here. `pattern` (int64) holds
where the Jacobian's entries are. `numbers` (float64) holds every vector and matrix, one after another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

(
    RESIDUAL_ADDRESS,
    RESIDUAL_PROGRAM,
    EVALUATE_ADDRESS,
    EVALUATE_PROGRAM,
    CANCEL_ADDRESS,
    N,
    ENTRIES,
    PARAMETERS,
    NUMBERS,
    METHOD,
    MODE,
    ITERATION_LIMIT,
    SLICE_LIMIT,
    STAGE,
    STAGE_ITERATIONS,
    ITERATIONS,
    EVALUATIONS,
    JACOBIAN_EVALUATIONS,
    BEST_METHOD,
    ESCAPING,
    FIRST_STATUS,
    PLAN_SIZE,
) = range(22)

TOLERANCE, ABSOLUTE_TOLERANCE, DEADLINE, BEST_NORM, LAST_STEP, HEADER = range(6)

# What a caller reads after a solve, one after another: these counters, then the scale, x and f.
ANSWER_ITERATIONS, ANSWER_EVALUATIONS, ANSWER_JACOBIANS, ANSWER_METHOD, ANSWER_HEADER = range(5)


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


def numbers_size(n: int, entries: int, parameters: int, work: int) -> int:
    """Return how many float64 the engine needs: headers, p, scale, x, f, M, J, 8 vectors, a matrix, work."""
    return HEADER + parameters + ANSWER_HEADER + 12 * n + entries + n * n + work


class Memory:
    """The arrays of one solve at a time.

    Attributes
    ----------
    plan : ndarray of int64
        See the names above.
    numbers : ndarray of float64
        Everything else; the next three are parts of it.
    p, x : ndarray of float64
        Where parameters and start go.
    answer : ndarray of float64, shape (ANSWER_HEADER + 3n,)
        What the engine leaves: counters, scale, x and f.
    addresses : tuple of int
        Of plan and numbers, as the engine takes them.
    """

    __slots__ = ("addresses", "answer", "numbers", "p", "plan", "x")

    def __init__(self, plan: NDArray[np.int64], work: int) -> None:
        n, parameters = int(plan[N]), int(plan[PARAMETERS])
        self.plan = plan
        self.numbers = np.zeros(numbers_size(n, int(plan[ENTRIES]), parameters, work))
        plan[NUMBERS] = self.numbers.size
        self.addresses = (int(plan.ctypes.data), int(self.numbers.ctypes.data))
        answer = HEADER + parameters
        self.p = self.numbers[HEADER:answer]
        self.answer = self.numbers[answer : answer + ANSWER_HEADER + 3 * n]
        self.x = self.answer[ANSWER_HEADER + n : ANSWER_HEADER + 2 * n]
