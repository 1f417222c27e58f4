"""det J at points: what f does to small volumes, and whether it turns them over."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raphson_solver.differential.matrices import finite_part, matrices
from raphson_solver.errors import InputError

Array = NDArray[np.float64]

_LARGE, _SMALL = 2.0**400, 2.0**-400
"""Between these, elimination neither overflows nor loses anything to underflow."""
_NONE = -2200
"""Below the exponent of any scaled entry."""


@dataclass(frozen=True, slots=True, eq=False)
class Determinant:
    """det J = sign · exp(log_abs), which neither overflows nor underflows.

    Attributes
    ----------
    sign : ndarray, shape (…)
        −1, 0 or 1; NaN where J holds a NaN or an infinity.
    log_abs : ndarray, shape (…)
        log|det J|; −inf where the sign is 0, NaN where it is NaN.
    """

    sign: Array
    log_abs: Array

    @property
    def value(self) -> Array:
        """The determinants as plain numbers, shape (…): ±inf or 0 where float64 ends."""
        with np.errstate(over="ignore", under="ignore"):
            return np.asarray(self.sign * np.exp(self.log_abs))


def determinant(matrix: ArrayLike) -> Determinant:
    """Return sign and log|det J| of every matrix of a stack.

    Parameters
    ----------
    matrix : array, shape (…, n, n)
        One that holds a NaN or an infinity has the determinant NaN, and no other is the worse for it.

    Raises
    ------
    InputError
        When the matrices are not square.
    """
    given = matrices(matrix, "matrix")
    m, n = given.shape[-2:]
    if m != n:
        raise InputError("determinant", f"a determinant needs a square Jacobian; this one is {m}×{n}")
    size = np.abs(given)
    if size.max(initial=0.0) <= _LARGE and not ((size < _SMALL) & (size > 0.0)).any():
        return _eliminated(given)
    usable, finite = finite_part(given)
    scaled, exponents = _scaled(usable)
    result = _eliminated(scaled)
    log_abs = result.log_abs + exponents * math.log(2.0)
    return Determinant(np.where(finite, result.sign, np.nan), np.where(finite, log_abs, np.nan))


def _eliminated(given: Array) -> Determinant:
    sign, log_abs = np.linalg.slogdet(given)
    return Determinant(np.asarray(sign), np.asarray(log_abs))


def _scaled(given: Array) -> tuple[Array, NDArray[np.int64]]:
    """Return matrices that elimination can be trusted with, and det given = 2^exponents · det scaled.

    Only those with entries of extreme size are changed. Exponents are added before any entry is scaled, so that no
    product passes through a number too large or too small.
    """
    size = np.abs(given)
    extreme = np.asarray(((size > _LARGE) | ((size < _SMALL) & (size > 0.0))).any(axis=(-2, -1)))
    exponents, present = np.frexp(given)[1].astype(np.int64), given != 0.0
    rows = exponents.max(axis=-1, keepdims=True, where=present, initial=_NONE)
    columns = (exponents - rows).max(axis=-2, keepdims=True, where=present, initial=_NONE)
    scaled = np.where(extreme[..., None, None], np.ldexp(given, -rows - columns), given)
    return scaled, np.where(extreme, rows.sum(axis=(-2, -1)) + columns.sum(axis=(-2, -1)), 0)
