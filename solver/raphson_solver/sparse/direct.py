"""Factors of a sparse matrix: SuperLU's, which choose pivots, and along the pattern that these made, ours.

SuperLU finds an order of pivots for one set of entries. For the next set the pattern of the factors is known already,
and where they stay thin one pass along it takes a tenth of the time (`engine/sparse_lu`). Every solution is refined
and looked at: where pivots have become too small for it SuperLU chooses others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raphson_solver.engine.sparse_lu import refactor, remainder, substitute, symbolic
from raphson_solver.sparse.matrix import Pattern
from raphson_solver.sparse.stop import Stop

Floats = NDArray[np.float64]

# What a solution may leave of the right side, beside its terms: without another order of pivots, and at all.
_SMALL_REMAINDER, _LARGEST_REMAINDER = 1e-9, 1e-6
_REFINEMENTS = 3
_ENOUGH_REFINED = 1e-14
# Rounding below which a pivot beside the entries of its column is nothing, as in the engine.
_NOISE = 2.0**-50
# Operations an entry of the factors up to which one pass along the pattern is faster than SuperLU's dense blocks; and
# above which factors are kept for the matrices that follow, which then take some solutions with them each.
_THIN, _KEPT = 60.0, 12.0


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """An order of pivots, and what follows from it.

    Attributes
    ----------
    rows, columns : ndarray of int32, shape (n,)
        Which row, and which column, of the matrix each pivot stands for.
    matrix : tuple of ndarray
        The matrix in this order: starts of rows, columns, and where each entry stood.
    factors : tuple of ndarray
        Where the factors have entries; see `symbolic`.
    """

    rows: NDArray[np.int32]
    columns: NDArray[np.int32]
    matrix: tuple[Any, Any, Any]
    factors: tuple[Any, Any, Any, Any]

    @property
    def fill(self) -> int:
        """Entries of both factors."""
        return int(self.factors[1].size + self.factors[3].size + self.rows.size)


class Analysis:
    """What all who factorise matrices of one pattern share: the first order of pivots that was chosen for it.

    It stays, so that what a solve gives does not depend on those before it, but for the very first.

    Attributes
    ----------
    pattern : Pattern
        As given.
    order : Order or None
        That order, if its factors are thin.
    work : float
        Operations an entry of the factors, as far as is known.
    """

    def __init__(self, pattern: Pattern) -> None:
        self.pattern = pattern
        self.order: Order | None = None
        self.work = 0.0


class Direct:
    """Factors of a matrix with a known pattern, made anew for each set of entries.

    Parameters
    ----------
    analysis : Analysis
        Of the pattern, shared.
    stop : Stop
        What may end the work.

    Attributes
    ----------
    pattern : Pattern
        Of all matrices.
    values : ndarray, shape (entries,)
        Of the last one.
    """

    def __init__(self, analysis: Analysis, stop: Stop) -> None:
        self._analysis, self.pattern, self._stop = analysis, analysis.pattern, stop
        n = self.pattern.n
        self._row, self._work, self._left = np.empty(2 * n), np.empty(n), np.empty(n)
        self.values = np.empty(self.pattern.entries)
        self._in_rows = self.values
        self._order: Order | None = None
        self._made: tuple[Floats, Floats, Floats] = (np.empty(0),) * 3
        self._superlu: Any = None

    @property
    def description(self) -> str:
        """What was done, in a few words."""
        if self._superlu is not None:
            return f"sparse LU, {self._superlu.nnz} entries of factors"
        fill = 0 if self._order is None else self._order.fill
        return f"sparse LU along a fixed pattern, {fill} entries of factors"

    @property
    def is_thick(self) -> bool:
        """Whether factors take so much longer to make than to use that they are better kept."""
        return self._analysis.work > _KEPT

    def begin(self) -> None:
        """Forget what was found for the entries of another solve."""
        self._superlu = None
        self._use(self._analysis.order)

    def factorize(self, values: Floats) -> bool:
        """Make the factors of a matrix; return whether it is regular.

        Parameters
        ----------
        values : ndarray, shape (entries,)
            In the order of the pattern.
        """
        self.values[:] = values
        by_rows = self.pattern.row_order[2]
        self._in_rows = self.values if by_rows is None else self.values[by_rows]
        self._superlu = None
        return self._along() or self._choose()

    def solve(self, right: Floats, solution: Floats) -> bool:
        """Solve with the last factors, refined; return whether what is left is small.

        Parameters
        ----------
        right, solution : ndarray, shape (n,)
        """
        if self._refined(right, solution, _SMALL_REMAINDER):
            return True
        if self._superlu is None and not self._choose():
            return False
        return self._refined(right, solution, _LARGEST_REMAINDER)

    def apply(self, right: Floats, solution: Floats) -> None:
        """Solve with the last factors, as they are."""
        if self._superlu is not None:
            solution[:] = self._superlu.solve(right)
            return
        order = self._order
        assert order is not None
        substitute(order.rows, order.columns, *order.factors, *self._made, right, self._work, solution)

    def solve_transposed(self, right: Floats) -> Floats | None:
        """Solve with the transpose of the last matrix; None if it is singular."""
        if self._superlu is None and not self._choose(then_along=False):
            return None
        found: Floats = self._superlu.solve(right, "T")
        return found

    # --- inside ---------------------------------------------------------------------------------------------

    def _use(self, order: Order | None) -> None:
        if order is not None and order is not self._order:
            lower, upper = order.factors[1].size, order.factors[3].size
            self._made = (np.empty(lower), np.empty(upper), np.empty(self.pattern.n))
        self._order = order

    def _along(self) -> bool:
        """Make the factors in the order that is known, if one is; return whether no pivot is only noise."""
        order = self._order
        if order is None:
            return False
        self._stop.check()
        flag, deadline = self._stop.flag, self._stop.deadline
        done = refactor(*order.matrix, self.values, *order.factors, *self._made, self._row, _NOISE, flag, deadline)
        if done < 0:
            self._stop.check()
        return bool(done == self.pattern.n)

    def _choose(self, *, then_along: bool = True) -> bool:
        """Let SuperLU choose pivots; return whether the matrix is regular."""
        from scipy.sparse.linalg import splu  # noqa: PLC0415 - a fifth of a second

        self._stop.check()
        matrix = self.pattern.by_columns(self.values)
        largest = _largest_of_columns(matrix)
        if not np.all(largest > 0.0):
            return False
        ways: list[dict[str, Any]] = [{}]
        if self.pattern.is_nearly_symmetric:
            # An order for A + Aᵀ and pivots on the diagonal leave a fraction of the fill.
            ways.insert(
                0, {"permc_spec": "MMD_AT_PLUS_A", "diag_pivot_thresh": 0.01, "options": {"SymmetricMode": True}}
            )
        for way in ways:
            try:
                factors = splu(matrix, **way)
            except RuntimeError:
                # "Factor is exactly singular".
                continue
            self._stop.check()
            upper = factors.U
            sizes = np.empty(self.pattern.n)
            sizes[factors.perm_c] = largest
            if np.all(np.abs(upper.diagonal()) > _NOISE * sizes):
                self._superlu = factors
                if then_along:
                    self._keep(factors, upper)
                return True
        return False

    def _keep(self, factors: Any, upper: Any) -> None:
        """Remember the order of pivots if its factors are thin, and go along it from here."""
        n = self.pattern.n
        work = float(np.dot(np.diff(factors.L.indptr), np.bincount(upper.indices, minlength=n))) / factors.nnz
        self._analysis.work = work
        if work > _THIN:
            self._use(None)
            return
        matrix = self.pattern.moved(factors.perm_r, factors.perm_c)
        rows, columns = np.argsort(factors.perm_r), np.argsort(factors.perm_c)
        order = Order(rows.astype(np.int32), columns.astype(np.int32), matrix, symbolic(matrix[0], matrix[1], n))
        if self._analysis.order is None:
            self._analysis.order = order
        self._use(order)
        # Its own factors from the first: SuperLU's differ in the last digits, and later solves have none.
        if self._along():
            self._superlu = None

    def _refined(self, right: Floats, solution: Floats, most: float) -> bool:
        """Solve, refine, and return whether what is left is at most so much of the terms."""
        starts, columns, _ = self.pattern.row_order
        self.apply(right, solution)
        left, size = remainder(starts, columns, self._in_rows, right, solution, self._left)
        for _ in range(_REFINEMENTS):
            if not left > _ENOUGH_REFINED * size:
                break
            better = np.empty_like(solution)
            self.apply(self._left, better)
            better += solution
            new, new_size = remainder(starts, columns, self._in_rows, right, better, self._left)
            if not new < 0.5 * left:
                break
            solution[:], left, size = better, new, new_size
        return bool(left <= most * size)


def _largest_of_columns(matrix: Any) -> Floats:
    """Return the largest |entry| of each column."""
    found: Floats = np.zeros(matrix.shape[1])
    np.maximum.at(found, np.repeat(np.arange(found.size), np.diff(matrix.indptr)), np.abs(matrix.data))
    return found
