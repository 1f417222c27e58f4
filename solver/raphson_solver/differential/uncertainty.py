"""What uncertain inputs make of f, to first order: J Σ Jᵀ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raphson_solver.differential.covariance import covariance_root, standard_deviations
from raphson_solver.differential.matrices import matrices
from raphson_solver.differential.points import broadcast
from raphson_solver.errors import InputError
from raphson_solver.solution.packing import as_numbers, check_finite

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Propagated:
    """The uncertainty of f(x), to first order in that of x.

    Attributes
    ----------
    covariance : ndarray, shape (…, m, m)
        J Σ Jᵀ, exactly symmetric, in products of the equations' units.
    standard_deviations : ndarray, shape (…, m)
        The square roots of its diagonal, in the equations' units; right even where the variance itself leaves float64.
    names : tuple of str, length m
        Of the equations.
    """

    covariance: Array
    standard_deviations: Array
    names: tuple[str, ...]

    @property
    def by_name(self) -> dict[str, Array]:
        """The standard deviations, shape (…), by equation."""
        return {name: self.standard_deviations[..., i] for i, name in enumerate(self.names)}

    def __str__(self) -> str:
        width = max(map(len, self.names), default=0)
        lines = ["standard deviations"]
        for name, value in self.by_name.items():
            number = f"{value:.6g}" if value.ndim == 0 else np.array2string(value, precision=6, threshold=8)
            lines.append(f"  {name:<{width}}  {number}")
        return "\n".join(lines)


def propagate(matrix: ArrayLike, covariance: ArrayLike, names: Sequence[str] = ()) -> Propagated:
    """Return J Σ Jᵀ.

    Parameters
    ----------
    matrix : array, shape (…, m, n)
        J. A row that holds a NaN or an infinity has NaN or infinite variances, and no other is the worse for it.
    covariance : array, shape (n,) or (…, n, n)
        Standard deviations of independent inputs, or Σ: one for all points, or, with the batch's dimensions, one each.
    names : sequence of str, length m, optional
        Of the equations; else ``f[0]`` and so on.

    Raises
    ------
    InputError
        When a shape does not fit, Σ is not finite, symmetric and positive semidefinite (relative to its diagonal, see
        `covariance_root`), or a standard deviation is negative.
    """
    given, sigma = matrices(matrix, "matrix"), as_numbers(covariance, "covariance")
    n = given.shape[-1]
    if sigma.shape == (n,):
        return propagate_deviations(given, sigma, names, field="covariance")
    if sigma.ndim < 2 or sigma.shape[-2:] != (n, n):
        raise InputError(
            "covariance",
            f"expected shape ({n},) or (…, {n}, {n}) for a Jacobian of shape {given.shape}; found {sigma.shape}",
        )
    broadcast(given.shape[:-2], sigma.shape[:-2], "covariance")
    return propagate_root(given, covariance_root(sigma, "covariance"), names)


def propagate_root(matrix: ArrayLike, root: ArrayLike, names: Sequence[str] = ()) -> Propagated:
    """Return J Σ Jᵀ for Σ = R·Rᵀ, as `propagate` does, where one R is to serve many calls.

    Parameters
    ----------
    matrix : array, shape (…, m, n)
        J.
    root : array, shape (…, n, k)
        R: of `covariance_root`, or of the caller's making.
    names : sequence of str, length m, optional
        Of the equations; else ``f[0]`` and so on.

    Raises
    ------
    InputError
        When a shape does not fit, or R is not finite.
    """
    given, factor = matrices(matrix, "matrix"), matrices(root, "root")
    check_finite(factor, "root")
    if factor.shape[-2] != given.shape[-1]:
        raise InputError(
            "root",
            f"expected shape (…, {given.shape[-1]}, k) for a Jacobian of shape {given.shape}; found {factor.shape}",
        )
    broadcast(given.shape[:-2], factor.shape[:-2], "root")
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return _product(given @ factor, names)


def propagate_deviations(
    matrix: ArrayLike, deviations: ArrayLike, names: Sequence[str] = (), *, field: str = "standard_deviations"
) -> Propagated:
    """Return J Σ Jᵀ for independent inputs.

    Parameters
    ----------
    matrix : array, shape (…, m, n)
        J.
    deviations : array, shape (n,) or (…, n)
        Standard deviations: one vector for all points, or, with the batch's dimensions, one each.
    names : sequence of str, length m, optional
        Of the equations; else ``f[0]`` and so on.
    field : str
        What errors call the standard deviations.

    Raises
    ------
    InputError
        When a shape does not fit, or a standard deviation is negative or not finite.
    """
    given, sizes = matrices(matrix, "matrix"), as_numbers(deviations, field)
    n = given.shape[-1]
    if sizes.ndim == 0 or sizes.shape[-1] != n:
        raise InputError(
            field, f"expected shape ({n},) or (…, {n}) for a Jacobian of shape {given.shape}; found {sizes.shape}"
        )
    broadcast(given.shape[:-2], sizes.shape[:-1], field)
    sizes = standard_deviations(sizes, field)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return _product(given * sizes[..., None, :], names)


def _product(spread: Array, names: Sequence[str]) -> Propagated:
    """Return A·Aᵀ for A of shape (…, m, k), by rows of size one: a variance of 1e-400 has a square root."""
    m = spread.shape[-2]
    if names and len(names) != m:
        raise InputError("names", f"expected {m}, one an equation; found {len(names)}")
    largest = np.abs(spread).max(axis=-1, initial=0.0)
    exponents = np.frexp(np.where(np.isfinite(largest), largest, 1.0))[1]
    rows = np.ldexp(spread, -exponents[..., None])
    product = rows @ np.swapaxes(rows, -1, -2)
    product = 0.5 * (product + np.swapaxes(product, -1, -2))
    deviations = np.ldexp(np.sqrt(np.diagonal(product, axis1=-2, axis2=-1)), exponents)
    covariance = np.ldexp(product, exponents[..., :, None] + exponents[..., None, :])
    return Propagated(covariance, deviations, tuple(names) or tuple(f"f[{i}]" for i in range(m)))
