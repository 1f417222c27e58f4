"""What is known at a point of a large system, and what it earns: the engine's tests, on sparse vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

_LARGEST_SCALE = 2.0**1023
# As in the engine's `convergence` and `move`.
SMALL_STEP = 1e-3
ROUNDING_STEP = 2.0**-46
_ROOT_AT_ZERO = 1e-5
LINEAR = 0.125
_NO_SIZE = 1e-100
_ON_ITS_WAY = 1e-8


@dataclass(slots=True, eq=False)
class Place:
    """A point with f and the sizes of its terms.

    Attributes
    ----------
    x : ndarray, shape (n,)
        Where.
    f : ndarray, shape (n,)
        The residual.
    size : ndarray, shape (n,)
        Of the terms that cancel in each equation.
    scale : ndarray, shape (n,), or None
        What each residual is measured against, once J is known.
    """

    x: Array
    f: Array
    size: Array
    scale: Array | None = None

    @property
    def is_finite(self) -> bool:
        """Whether f is."""
        return bool(np.all(np.isfinite(self.f)))


@dataclass(frozen=True, slots=True, eq=False)
class Tangent:
    """J at a point.

    Attributes
    ----------
    rows, columns : ndarray of int64, shape (entries,)
        The pattern.
    entries : ndarray, shape (entries,)
        Of J.
    effect : ndarray, shape (n,)
        Σ_j |J_ij x_j|, a row.
    """

    rows: Integers
    columns: Integers
    entries: Array
    effect: Array

    @classmethod
    def at(cls, x: Array, rows: Integers, columns: Integers, entries: Array) -> Tangent:
        """Return J at x."""
        with np.errstate(all="ignore"):
            effect = np.bincount(rows, np.abs(entries * x[columns]), x.size).astype(np.float64)
        return cls(rows, columns, entries, effect)

    @property
    def is_finite(self) -> bool:
        """Whether every entry is."""
        return bool(np.all(np.isfinite(self.entries)))


def scale(place: Place, tangent: Tangent) -> Array:
    """Return what a residual is measured against, shape (n,)."""
    with np.errstate(over="ignore"):
        return np.minimum(place.size + tangent.effect, _LARGEST_SCALE)


def passes(place: Place, beside: Array, tolerance: float, absolute_tolerance: float) -> bool:
    """Return whether every equation is solved beside some sizes."""
    size = np.abs(place.f)
    return bool(np.all((size <= tolerance * beside) | (size <= absolute_tolerance)))


def relative_size(x: Array, step: Array, largest: Array, memory: float = _ROOT_AT_ZERO) -> float:
    """Return the largest |step_j| against the size of x_j; see the engine's `relative_size`."""
    extent = float(np.max(np.abs(x)))
    size = np.maximum(np.abs(x), max(1e-8 * extent, 1e-30))
    inwards = np.abs(x + step) <= np.abs(x)
    size = np.where(inwards, np.maximum(size, memory * largest), size)
    return float(np.max(np.abs(step) / size))


def is_deaf(place: Place, tangent: Tangent, largest: Array, tolerance: float, absolute_tolerance: float) -> bool:
    """Return whether some equation hears so little of the variables that its passing says nothing.

    A variable on its way to zero counts by a little of the size that it has had, one that is there by all of it; of an
    equation with one that never had any, nothing can be said. Nor need it be where f is as good as zero:
    `absolute_tolerance` then decides.
    """
    share = np.where(np.abs(place.x) > _NO_SIZE, _ON_ITS_WAY, 1.0)
    size = np.maximum(np.abs(place.x), share * largest)[tangent.columns]
    effect = np.bincount(tangent.rows, np.abs(tangent.entries) * size, place.f.size)
    unknown = np.zeros(place.f.size, bool)
    unknown[tangent.rows[(size == 0.0) & (tangent.entries != 0.0)]] = True
    heard = unknown | (effect > tolerance * place.size)
    return not np.all(heard | (np.abs(place.f) <= absolute_tolerance))
