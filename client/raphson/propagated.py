"""What uncertain unknowns make of f."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from raphson.arrays import Array
    from raphson.evaluating import Evaluation


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Propagated:
    """The uncertainty of f(x), to first order in that of x.

    Attributes
    ----------
    covariance : ndarray of float64, shape (…, m, m)
        J Σ Jᵀ, in products of the equations' units.
    standard_deviations : ndarray of float64, shape (…, m)
        The square roots of its diagonal, in the equations' units.
    equation_names : tuple of str, length m
        What the rows are.
    """

    covariance: Array
    standard_deviations: Array
    equation_names: tuple[str, ...]

    @property
    def by_name(self) -> dict[str, float | Array]:
        """The standard deviations by equation: floats, or arrays of shape (…)."""
        parts = {name: self.standard_deviations[..., i] for i, name in enumerate(self.equation_names)}
        return {name: part if part.ndim else float(part) for name, part in parts.items()}

    def __str__(self) -> str:
        width = max(map(len, self.equation_names), default=0)
        lines = ["standard deviations"]
        for name, value in self.by_name.items():
            number = np.array2string(np.asarray(value), precision=6, threshold=8)
            lines.append(f"  {name:<{width}}  {number}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"Propagated\n{self}"


def to_propagated(evaluation: Evaluation) -> Propagated:
    """Read a covariance."""
    return Propagated(
        covariance=evaluation.array("covariance", 2),
        standard_deviations=evaluation.array("standard_deviations", 1),
        equation_names=tuple(evaluation.first.equation_names),
    )
