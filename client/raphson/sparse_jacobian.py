"""A Jacobian by the entries that may differ from zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from raphson.arrays import Array
    from raphson.evaluating import Evaluation

MOST_SHOWN = 6


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SparseJacobian:
    """J as ``values`` at ``rows`` and ``columns``; the pattern is the same at every point.

    ``scipy.sparse.coo_array((J.values, (J.rows, J.columns)), shape=J.shape)`` is SciPy's; of a batch,
    ``J.values[k]`` is the k-th point's.

    Attributes
    ----------
    rows, columns : ndarray of int64, shape (entries,)
        Numbers of equations and unknowns, from 0, row by row.
    values : ndarray of float64, shape (…, entries)
        ∂f_i/∂x_j at each point.
    shape : tuple of int
        m and n.
    """

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    values: Array
    shape: tuple[int, int]

    def toarray(self) -> Array:
        """Return J in full, shape (…, m, n)."""
        full = np.zeros((*self.values.shape[:-1], *self.shape))
        full[..., self.rows, self.columns] = self.values
        return full

    def __str__(self) -> str:
        m, n = self.shape
        batch = self.values.shape[:-1]
        head = f"{m}×{n}, {self.rows.size} entries" + (f", at points {batch}" if batch else "")
        if batch:
            return head
        entries = list(zip(self.rows.tolist(), self.columns.tolist(), self.values.tolist(), strict=True))
        lines = [f"  ({row}, {column})  {value:.8g}" for row, column, value in entries[:MOST_SHOWN]]
        hidden = len(entries) - len(lines)
        return "\n".join([head, *lines, *([f"  … {hidden} more"] if hidden else [])])

    def __repr__(self) -> str:
        return f"SparseJacobian: {self}"


def to_sparse_jacobian(evaluation: Evaluation) -> SparseJacobian:
    """Read a sparse Jacobian."""
    message = evaluation.first.sparse
    return SparseJacobian(
        rows=np.frombuffer(message.rows, "<i8"),
        columns=np.frombuffer(message.columns, "<i8"),
        values=evaluation.array("sparse.values", 1),
        shape=(message.equation_count, message.variable_count),
    )
