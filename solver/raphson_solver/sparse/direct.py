"""Factors of a sparse matrix: SuperLU's, which choose pivots, and along the pattern that these made, ours.

SuperLU finds an order of pivots for one set of entries. For the next set the pattern of the factors is known already,
and where they stay thin one pass along it takes a tenth of the time (`engine/sparse_lu`). Every solution is refined
and looked at: where pivots have become too small for it SuperLU chooses others.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from raphson_solver.engine import sparse_lu
from raphson_solver.sparse.matrix import Pattern
from raphson_solver.sparse.ordering import Order, minimum_degree
from raphson_solver.sparse.stop import Stop

Floats = NDArray[np.float64]

# What a solution may leave of the right side, beside its terms, where no other order of pivots is left.
_LARGEST_REMAINDER = 1e-6
# Products and sums of an order that is tried at all: some seconds.
_LONGEST = 3e9
# Operations an entry of the factors up to which one pass along the pattern is faster than SuperLU's dense blocks; and
# above which factors are kept for the matrices that follow, which then take some solutions with them each.
_THIN, _KEPT = 60.0, 12.0


class Factors:
    """Room for factors in one order, and the table that says where everything is."""

    def __init__(self, order: Order) -> None:
        n = order.right.size
        self.order = order
        sizes = (order.lower.size, order.upper.size, n, 2 * n, n)
        self._numbers = [np.empty(size) for size in sizes]
        self.table = np.zeros(sparse_lu.TABLE_SIZE, np.int64)
        self.table[sparse_lu.SIZE], self.table[sparse_lu.ENTRIES] = n, order.matrix[1].size
        arrays = [
            *order.matrix, order.lower_starts, order.upper_starts, order.lower, order.upper, order.right,
            order.solution, *self._numbers,
        ]  # fmt: skip
        self.table[sparse_lu.STARTS :] = [array.ctypes.data for array in arrays]
        self.address = int(self.table.ctypes.data)


class Analysis:
    """What all who factorise matrices of one pattern share: the first order of pivots that was chosen for it.

    It stays, so that what a solve gives does not depend on those before it, but for the very first.

    Attributes
    ----------
    pattern : Pattern
        As given.
    order : Order or None
        That order, if its factors are thin.
    share : float
        Products and sums an entry of the factors, as far as is known.
    """

    def __init__(self, pattern: Pattern) -> None:
        self.pattern = pattern
        self.order: Order | None = None
        self.share = 0.0
        self._looked = False

    @property
    def is_thick(self) -> bool:
        """Whether factors take so much longer to make than to use that they are better kept."""
        return self.share > _KEPT

    def look(self, budget: float) -> Order | None:
        """Return the order that the pattern alone suggests, if it does and its factors take no more than a budget."""
        if not self._looked and self.order is None and self.pattern.is_nearly_symmetric:
            self._looked = True
            place = minimum_degree(self.pattern)
            self.take(Order(self.pattern, place, place, budget))
        return self.order

    def take(self, order: Order) -> bool:
        """Remember an order, if it is the first and its factors are thin; return whether they are."""
        self.share = order.work / order.fill
        is_thin = self.share <= _THIN
        if is_thin and self.order is None:
            self.order = order
        return is_thin


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
        self._left = np.empty(n)
        self.values = np.empty(self.pattern.entries)
        self._in_rows = self.values
        self._factors: Factors | None = None
        self._superlu: Any = None

    @property
    def description(self) -> str:
        """What was done, in a few words."""
        if self._superlu is not None:
            return f"sparse LU, {self._superlu.nnz} entries of factors"
        fill = 0 if self._factors is None else self._factors.order.fill
        return f"sparse LU along a fixed pattern, {fill} entries of factors"

    @property
    def factors(self) -> Factors | None:
        """Those in an order that is known, if it is and they are better made anew for each matrix than kept."""
        return None if self.is_thick else self._factors

    @property
    def is_thick(self) -> bool:
        """Whether factors take so much longer to make than to use that they are better kept."""
        return self._analysis.is_thick

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
        if self._factors is None and self._superlu is None:
            with self._stop.unheard():
                self._use(self._analysis.look(_LONGEST))
        self._superlu = None
        return self._along() or self._chosen()

    def solve(self, right: Floats, solution: Floats) -> bool:
        """Solve with the last factors, refined; return whether what is left is small.

        Parameters
        ----------
        right, solution : ndarray, shape (n,)
        """
        if self._refined(right, solution, sparse_lu.SMALL_REMAINDER):
            return True
        if self._superlu is None and not self._chosen():
            return False
        return self._refined(right, solution, _LARGEST_REMAINDER)

    def apply(self, right: Floats, solution: Floats) -> None:
        """Solve with the last factors, as they are."""
        if self._superlu is not None:
            solution[:] = self._superlu.solve(right)
            return
        assert self._factors is not None
        sparse_lu.substitute_along(self._factors.address, right.ctypes.data, solution.ctypes.data)

    # --- inside ---------------------------------------------------------------------------------------------

    def _use(self, order: Order | None) -> None:
        if order is None:
            self._factors = None
        elif self._factors is None or self._factors.order is not order:
            self._factors = Factors(order)

    def _along(self) -> bool:
        """Make the factors in the order that is known, if one is; return whether no pivot is only noise."""
        if self._factors is None:
            return False
        self._stop.check()
        done = sparse_lu.factor_along(
            self._factors.address, self.values.ctypes.data, self._stop.flag, self._stop.deadline
        )
        if done < 0:
            self._stop.check()
        return bool(done == self.pattern.n)

    def _chosen(self) -> bool:
        """Let SuperLU choose pivots; return whether the matrix is regular."""
        with self._stop.unheard():
            return self._choose()

    def _choose(self) -> bool:
        from scipy.sparse.linalg import splu  # noqa: PLC0415 - a fifth of a second

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
            self._stop.check()
            try:
                factors = splu(matrix, **way)
            except RuntimeError:
                # "Factor is exactly singular".
                continue
            upper = factors.U
            sizes = np.empty(self.pattern.n)
            sizes[factors.perm_c] = largest
            if np.all(np.abs(upper.diagonal()) > sparse_lu.NOISE * sizes):
                self._superlu = factors
                self._keep(factors, upper)
                return True
        return False

    def _keep(self, factors: Any, upper: Any) -> None:
        """Remember the order of pivots if its factors are thin, and go along it from here."""
        # A product and a sum for each entry of L's column times each of U's row.
        work = float(np.dot(np.diff(factors.L.indptr) - 1, np.bincount(upper.indices, minlength=self.pattern.n)))
        if work > _THIN * factors.nnz:
            self._analysis.share = work / factors.nnz
            self._use(None)
            return
        order = Order(self.pattern, factors.perm_r, factors.perm_c, np.inf)
        self._analysis.take(order)
        self._use(order)
        # Its own factors from the first: SuperLU's differ in the last digits, and later solves have none.
        if self._along():
            self._superlu = None

    def _refined(self, right: Floats, solution: Floats, most: float) -> bool:
        """Solve, refine, and return whether what is left is at most so much of the terms."""
        starts, columns, _ = self.pattern.row_order
        self.apply(right, solution)
        left, size = sparse_lu.remainder(starts, columns, self._in_rows, right, solution, self._left)
        for _ in range(sparse_lu.REFINEMENTS):
            if not left > sparse_lu.ENOUGH_REFINED * size:
                break
            better = np.empty_like(solution)
            self.apply(self._left, better)
            better += solution
            new, new_size = sparse_lu.remainder(starts, columns, self._in_rows, right, better, self._left)
            if not new < 0.5 * left:
                break
            solution[:], left, size = better, new, new_size
        return bool(left <= most * size)


def _largest_of_columns(matrix: Any) -> Floats:
    """Return the largest |entry| of each column, NaN where one is."""
    found: Floats = np.zeros(matrix.shape[1])
    with np.errstate(invalid="ignore"):
        np.maximum.at(found, np.repeat(np.arange(found.size), np.diff(matrix.indptr)), np.abs(matrix.data))
    return found
