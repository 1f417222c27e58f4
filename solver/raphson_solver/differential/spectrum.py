"""Singular values, condition number and numerical rank of J at points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raphson_solver.differential.matrices import finite_part, matrices
from raphson_solver.errors import InputError

Array = NDArray[np.float64]

_EPSILON = 2.0**-52
UNKNOWN_RANK = -1
"""The rank of a matrix that holds a NaN or an infinity."""


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """How J stretches space, for every matrix of a stack.

    Attributes
    ----------
    singular_values : ndarray, shape (…, min(m, n))
        Largest first; NaN where J holds a NaN or an infinity.
    condition : ndarray, shape (…)
        The largest over the smallest; infinite where the rank is below min(m, n), since the smallest is then zero to
        rounding; NaN where the singular values are.
    rank : ndarray of int64, shape (…)
        How many are above max(m, n) · 2⁻⁵² · the largest; −1 where they are NaN.
    """

    singular_values: Array
    condition: Array
    rank: NDArray[np.int64]

    def __str__(self) -> str:
        full = self.singular_values.shape[-1]
        known = self.rank != UNKNOWN_RANK
        unknown = int(known.size - np.count_nonzero(known))
        if self.rank.ndim == 0:
            if unknown:
                return "unknown: the matrix is not finite"
            values = np.array2string(self.singular_values, precision=6, threshold=8, edgeitems=3)
            return f"rank {self.rank} of {full}, condition {self.condition:.3g}; singular values {values}"
        lines = [f"{known.size} matrices" + (f", {unknown} of them not finite" if unknown else "")]
        if known.any():
            ranks, conditions = self.rank[known], self.condition[known]
            lines.append(f"  rank {_span(ranks.min(), ranks.max())} of {full}")
            lines.append(f"  condition {_span(conditions.min(), conditions.max())}")
        return "\n".join(lines)


def spectrum(matrix: ArrayLike) -> Spectrum:
    """Return singular values, condition and rank of every matrix of a stack.

    Parameters
    ----------
    matrix : array, shape (…, m, n)
        m and n at least 1. One that holds a NaN or an infinity has no spectrum, and no other is the worse for it.

    Raises
    ------
    InputError
        When it is no stack of matrices.
    """
    given = matrices(matrix, "matrix")
    m, n = given.shape[-2:]
    if min(m, n) == 0:
        raise InputError("matrix", f"expected at least one row and one column; found {m}×{n}")
    usable, finite = finite_part(given)
    # Of size one first: the largest singular value may be above the largest double though every entry is below it.
    exponents = np.frexp(np.abs(usable).max(axis=(-2, -1)))[1]
    values = np.linalg.svd(np.ldexp(usable, -exponents[..., None, None]), compute_uv=False)
    rank = np.count_nonzero(values > max(m, n) * _EPSILON * values[..., :1], axis=-1)
    singular = rank < min(m, n)
    condition = np.where(singular, np.inf, values[..., 0] / np.where(singular, 1.0, values[..., -1]))
    with np.errstate(over="ignore", under="ignore"):
        values = np.ldexp(values, exponents[..., None])
    return Spectrum(
        np.where(finite[..., None], values, np.nan),
        np.where(finite, condition, np.nan),
        np.where(finite, rank, UNKNOWN_RANK).astype(np.int64),
    )


def _span(lowest: float, highest: float) -> str:
    return f"{lowest:.3g}" if lowest == highest else f"{lowest:.3g} to {highest:.3g}"
