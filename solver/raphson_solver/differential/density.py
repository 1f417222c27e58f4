"""Densities and volumes under a change of variables y = f(x)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raphson_solver.differential.determinant import Determinant
from raphson_solver.errors import InputError
from raphson_solver.solution.packing import as_numbers

Array = NDArray[np.float64]


def change_of_variables_logdensity(log_density: ArrayLike, determinant: Determinant) -> Array:
    """Return log p_y(f(x)) = log p_x(x) − log|det J(x)| at a batch of points.

    f is taken to be one to one: where several x have the same y, the density of y is the sum over them.

    Parameters
    ----------
    log_density : array, shape (…)
        log p_x at the points; −inf outside its support.
    determinant : Determinant of shape (…)
        Of J at the points. Where its shape differs from that of `log_density`, one of them must be the end of the
        other: one determinant for all points (an affine map), or several densities at the same points.

    Returns
    -------
    ndarray, shape (…)
        Where det J = 0, f flattens a neighbourhood of x and has no inverse near y: the density grows without bound
        there, so the result is +inf, or NaN where p_x is 0 too and its limit is not to be had from these two
        numbers. NaN goes in and out.

    Raises
    ------
    InputError
        When the shapes do not fit.
    """
    given = as_numbers(log_density, "log_density")
    points = determinant.log_abs.shape
    longer, shorter = sorted((given.shape, points), key=len, reverse=True)
    if longer[len(longer) - len(shorter) :] != shorter:
        raise InputError("log_density", f"expected a number a point, shape {points}; found {given.shape}")
    with np.errstate(invalid="ignore"):
        return np.asarray(given - determinant.log_abs)


def volume_factor(determinant: Determinant) -> Array:
    """Return |det J|, shape (…): the volume of a small neighbourhood's image over its own; inf where float64 ends."""
    return np.abs(determinant.value)
