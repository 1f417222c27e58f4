"""Covariances as callers give them: what makes one, and a factor R of it with R·Rᵀ = Σ."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from raphson_solver.differential.matrices import first_place
from raphson_solver.errors import InputError

Array = NDArray[np.float64]

_TOLERANCE = 1e-12
"""Of correlations: dimensionless, and the same whatever the units of the inputs."""
_HUGE = 1e100
_SMALLEST = 2.0**-537
"""The square root of the smallest double: a standard deviation below it has a variance of 0."""


def standard_deviations(given: Array, field: str) -> Array:
    """Return them as they are, shape (…, n), if they are finite and at least 0; else raise `InputError`."""
    _refuse(~np.isfinite(given), given, field, "expected finite standard deviations")
    _refuse(given < 0.0, given, field, "a standard deviation is at least 0")
    return given


def covariance_root(sigma: Array, field: str) -> Array:
    """Return R, shape (…, n, n), with R·Rᵀ = Σ.

    A·R with its transpose is a covariance however Σ was rounded, where A Σ Aᵀ may have negative variances. R comes from
    Cholesky's factorisation with pivots (Higham 1990), which ends where what remains is rounding.

    Parameters
    ----------
    sigma : ndarray, shape (…, n, n)
        Covariances.
    field : str
        What errors call them.

    Raises
    ------
    InputError
        When Σ is not finite; has a negative variance; is not symmetric, |Σ_ij − Σ_ji| being more than 1e-12 of
        √(Σ_ii Σ_jj); or is not positive semidefinite, its correlations having an eigenvalue below −n·1e-12.
    """
    variances = np.diagonal(sigma, axis1=-2, axis2=-1)
    _refuse(~np.isfinite(sigma), sigma, field, "expected finite numbers")
    negative = np.zeros(sigma.shape, bool)
    np.einsum("...ii->...i", negative)[...] = variances < 0.0
    _refuse(negative, sigma, field, "a variance is at least 0")
    deviations = np.sqrt(variances)
    _check_symmetric(sigma, deviations, field)
    _check_constants(sigma, deviations, field)
    deviations = np.where(deviations > 0.0, deviations, 1.0)
    # Correlations: inputs of any units weigh the same. What is far above 1 is wrong, however far.
    with np.errstate(over="ignore"):
        correlation = sigma / deviations[..., None, :] / deviations[..., :, None]
    correlation = np.clip(correlation, -_HUGE, _HUGE)
    correlation = 0.5 * (correlation + np.swapaxes(correlation, -1, -2))
    _check_semidefinite(correlation, field)
    return deviations[..., None] * _cholesky(correlation)


def _check_symmetric(sigma: Array, deviations: Array, field: str) -> None:
    transposed = np.swapaxes(sigma, -1, -2)
    size = np.maximum(deviations[..., None, :] * deviations[..., :, None], np.abs(sigma))
    with np.errstate(over="ignore"):
        bad = np.abs(sigma - transposed) > _TOLERANCE * np.maximum(size, np.abs(transposed))
    if bad.any():
        *batch, i, j = first_place(bad)
        raise InputError(
            field,
            f"a covariance is symmetric; found {sigma[(*batch, i, j)]} at [{i}, {j}] and {sigma[(*batch, j, i)]} at "
            f"[{j}, {i}]{_of_batch(batch)}",
        )


def _check_constants(sigma: Array, deviations: Array, field: str) -> None:
    """Refuse an input that does not vary and yet varies with another: how wrong that is depends on the other's unit."""
    bad = (deviations == 0.0)[..., :, None] & (np.abs(sigma) > _SMALLEST * deviations[..., None, :])
    if bad.any():
        *batch, i, j = first_place(bad)
        raise InputError(
            field,
            f"where a variance is 0 its covariances are; found 0.0 at [{i}, {i}] and {sigma[(*batch, i, j)]} at "
            f"[{i}, {j}]{_of_batch(batch)}",
        )


def _check_semidefinite(correlation: Array, field: str) -> None:
    n = correlation.shape[-1]
    if n == 0:
        return
    smallest = np.linalg.eigvalsh(correlation)[..., 0]
    bad = smallest < -_TOLERANCE * n
    if bad.any():
        batch = first_place(bad)
        raise InputError(
            field,
            "a covariance is positive semidefinite; the smallest eigenvalue of its correlations, "
            f"Σ_ij/√(Σ_ii Σ_jj), is {smallest[batch]:.6g}{_of_batch(batch)}",
        )


def _cholesky(correlation: Array) -> Array:
    from scipy.linalg import get_lapack_funcs  # noqa: PLC0415 - a quarter of a second

    routine: Any = get_lapack_funcs("pstrf", dtype=np.float64)
    root = np.zeros(correlation.shape)
    if correlation.shape[-1] == 0:
        return root
    for place in np.ndindex(correlation.shape[:-2]):
        factor, order, rank, _ = routine(correlation[place], lower=1)
        factor = np.tril(factor)
        factor[:, rank:] = 0.0
        root[place][order - 1] = factor
    return root


def _refuse(bad: NDArray[np.bool_], values: Array, field: str, expected: str) -> None:
    if bad.any():
        place = first_place(bad)
        raise InputError(field, f"{expected}; found {values[place]} at {list(place)}")


def _of_batch(place: tuple[int, ...] | list[int]) -> str:
    return f", at point {list(place)}" if place else ""
