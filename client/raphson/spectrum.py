"""How a Jacobian stretches space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from raphson.arrays import Array
    from raphson.evaluating import Evaluation


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Spectrum:
    """Singular values, condition number and numerical rank of J.

    Attributes
    ----------
    singular_values : ndarray of float64, shape (…, min(m, n))
        Largest first; NaN where J is not finite.
    condition : float, or ndarray of float64, shape (…)
        The largest over the smallest; infinite where the rank is below min(m, n).
    rank : int, or ndarray of int64, shape (…)
        How many are above max(m, n) · 2⁻⁵² · the largest; −1 where J is not finite.
    """

    singular_values: Array
    condition: float | Array
    rank: int | NDArray[np.int64]

    def __str__(self) -> str:
        full = self.singular_values.shape[-1]
        if isinstance(self.rank, int):
            values = np.array2string(self.singular_values, precision=6, threshold=8, edgeitems=3)
            return f"rank {self.rank} of {full}, condition {self.condition:.3g}; singular values {values}"
        condition = np.asarray(self.condition)
        return (
            f"{self.rank.size} matrices: rank {self.rank.min()} to {self.rank.max()} of {full}, "
            f"condition {np.min(condition):.3g} to {np.max(condition):.3g}"
        )

    def __repr__(self) -> str:
        return f"Spectrum: {self}"


def to_spectrum(evaluation: Evaluation) -> Spectrum:
    """Read a spectrum."""
    rank = evaluation.array("spectrum.rank", 0).astype(np.int64)
    return Spectrum(
        singular_values=evaluation.array("spectrum.singular_values", 1),
        condition=evaluation.number("spectrum.condition"),
        rank=rank if rank.ndim else int(rank),
    )
