"""What later rooms need of a system at one point: f, J and the scales, and the slopes in the parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raphson_solver.engine.status import JacobianMode

if TYPE_CHECKING:
    from raphson_solver.solution.system import System

Array = NDArray[np.float64]

_LARGEST_SCALE = 2.0**1023


def vectors(
    system: System, x: ArrayLike | Mapping[str, Any], p: ArrayLike | Mapping[str, Any] | None
) -> tuple[Array, Array]:
    """Return copies of x, shape (n,), and p, shape (k,), both finite; raises `InputError` for what does not fit."""
    at, given = system.point(x, p)
    return at.copy(), given.copy()


@dataclass(frozen=True, slots=True, eq=False)
class Local:
    """What is known at a point.

    Attributes
    ----------
    f : ndarray, shape (m,)
        The residual.
    jacobian : ndarray, shape (m, n), or its entries
        Exact.
    scale : ndarray, shape (m,)
        Of each equation, as the engine has it: the size of the terms that cancel, and Σ_j |J_ij x_j|.
    """

    f: Array
    jacobian: Array
    scale: Array

    @property
    def is_finite(self) -> bool:
        """Whether f and J are."""
        return bool(np.all(np.isfinite(self.f)) and np.all(np.isfinite(self.jacobian)))

    @property
    def scaled_residual(self) -> Array:
        """|f| over its scale, shape (m,); |f| where the scale is 0."""
        return np.abs(self.f) / np.where(self.scale > 0.0, self.scale, 1.0)

    def passes(self, tolerance: float, absolute_tolerance: float) -> bool:
        """Return whether every equation is solved, as the engine judges it."""
        size = np.abs(self.f)
        return bool(np.all((size <= tolerance * self.scale) | (size <= absolute_tolerance)))


def local(system: System, x: Array, p: Array) -> Local:
    """Return f, J and the scales at a point; NaN or infinite where they are."""
    made = system.kernels
    m, pattern = made.m, made.pattern(JacobianMode.EXACT)
    values = made.evaluate(JacobianMode.EXACT)(x, p)
    jacobian, entries = np.zeros((m, made.n)), values[2 * m :]
    scale = scale_of(values[m : 2 * m], pattern.rows, pattern.columns, entries, x)
    jacobian[pattern.rows, pattern.columns] = entries
    return Local(values[:m].copy(), jacobian, scale)


def scale_of(sizes: Array, rows: NDArray[np.int64], columns: NDArray[np.int64], entries: Array, x: Array) -> Array:
    """Return what residuals are measured against, shape (m,), from the sizes of terms and the entries of J."""
    scale = sizes.copy()
    with np.errstate(all="ignore"):
        np.add.at(scale, rows, np.abs(entries * x[columns]))
    return np.minimum(scale, _LARGEST_SCALE)


def parameter_entries(system: System, x: Array, p: Array) -> Array:
    """Return the entries of ∂f/∂p, in the order of `Kernels.parameter_pattern`."""
    made = system.kernels
    if not made.parameter_pattern.rows.size:
        return np.empty(0)
    return made.parameter_slopes(x, p)
