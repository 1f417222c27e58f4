"""The pattern of a sparse matrix, and its entries in the orders that others want them in."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raphson_solver.engine.sparse_graph import mirrored, transposed

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Pattern:
    """Where a matrix of n×n may differ from zero.

    Parameters
    ----------
    rows, columns : ndarray of int, shape (entries,)
        In any order; an entry may come more than once and is then the sum.
    n : int
        Extent.

    Attributes
    ----------
    rows, columns, n
        As given.
    """

    def __init__(self, rows: Integers, columns: Integers, n: int) -> None:
        self.rows, self.columns, self.n = rows, columns, n

    @classmethod
    def damped(cls, rows: Integers, columns: Integers, m: int, n: int) -> Pattern:
        """Return the pattern of [[αI, A], [Aᵀ, −D²/α]] for A of m×n: entries are m, twice those of A, and n."""
        first, second = np.arange(m), m + np.arange(n)
        return cls(
            np.concatenate((first, rows, m + columns, second)),
            np.concatenate((first, m + columns, rows, second)),
            m + n,
        )

    @property
    def entries(self) -> int:
        """How many entries are given."""
        return int(self.rows.size)

    def by_rows(self, values: Floats) -> Any:
        """Return the matrix in compressed rows."""
        from scipy.sparse import csr_matrix  # noqa: PLC0415 - a fifth of a second

        made = csr_matrix((values[self._by_rows], self._row_columns, self._row_starts), shape=(self.n, self.n))
        made.has_canonical_format = self._is_unique
        return made

    def by_columns(self, values: Floats) -> Any:
        """Return the matrix in compressed columns, each entry once."""
        from scipy.sparse import csc_matrix  # noqa: PLC0415 - a fifth of a second

        starts, rows, by_columns = self.column_order
        made = csc_matrix((values[by_columns], rows, starts), shape=(self.n, self.n))
        if not self._is_unique:
            made.sum_duplicates()
        return made

    def moved(self, row_of: NDArray[Any], column_of: NDArray[Any]) -> tuple[Any, Any, Any]:
        """Return starts of rows, columns, and where each entry stood, with row i moved to row_of[i], columns alike."""
        rows, columns = row_of[self.rows], column_of[self.columns]
        order = np.lexsort((columns, rows))
        starts = np.searchsorted(rows[order], np.arange(self.n + 1))
        return starts.astype(np.int32), columns[order].astype(np.int32), order.astype(np.int32)

    @cached_property
    def is_nearly_symmetric(self) -> bool:
        """Whether most entries have a mirror image."""
        if not self._is_unique:
            return False
        return bool(self.entries and mirrored(self._row_starts, self._row_columns) >= _NEARLY * self.entries)

    @cached_property
    def row_order(self) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64] | None]:
        """Starts of the rows, columns, and where each entry stood, row by row; None if in that order already."""
        in_order = np.array_equal(self._by_rows, np.arange(self.entries))
        return self._row_starts, self._row_columns, None if in_order else self._by_rows

    # --- orders ---------------------------------------------------------------------------------------------

    @cached_property
    def _by_rows(self) -> Integers:
        key = self.rows * self.n + self.columns
        if np.all(key[1:] >= key[:-1]):
            return np.arange(key.size)
        return np.argsort(key, kind="stable")

    @cached_property
    def _row_columns(self) -> NDArray[np.int32]:
        return self.columns[self._by_rows].astype(np.int32)

    @cached_property
    def _row_starts(self) -> NDArray[np.int32]:
        return np.concatenate(([0], np.cumsum(np.bincount(self.rows, minlength=self.n)))).astype(np.int32)

    @cached_property
    def column_order(self) -> tuple[NDArray[np.int32], NDArray[np.int32], Integers]:
        """Starts of the columns, rows, and where each entry stood, column by column."""
        starts, rows, places = transposed(self._row_starts, self._row_columns, self.n)
        return starts, rows, self._by_rows[places]

    @cached_property
    def _is_unique(self) -> bool:
        rows, columns = self.rows[self._by_rows], self.columns[self._by_rows]
        return not np.any((rows[1:] == rows[:-1]) & (columns[1:] == columns[:-1]))


# The share of entries whose mirror images may differ from zero too.
_NEARLY = 0.9
