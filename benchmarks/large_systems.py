"""Large systems as text, with the same f and J by hand in NumPy, by which every solver's answer is judged alike.

Bratu on a square and Burgers on a line; the power flow is in `power_network`. Nothing here knows of raphson.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from scipy.sparse import csr_array

Array = np.ndarray

BRATU = (
    """(u[i-1,j] if i > 0 else 0) + (u[i+1,j] if i < N-1 else 0)
       + (u[i,j-1] if j > 0 else 0) + (u[i,j+1] if j < N-1 else 0)
       - 4*u[i,j] + h**2*c*exp(u[i,j]) = 0 for i in range(N) for j in range(N)""",
)
BURGERS = (
    """v*((u[i-1] if i > 0 else left) - 2*u[i] + (u[i+1] if i < n-1 else right))
       = h/2*u[i]*((u[i+1] if i < n-1 else right) - (u[i-1] if i > 0 else left)) for i in range(n)""",
)


@dataclass(frozen=True, slots=True, eq=False)
class LargeSystem:
    """One system of one size.

    Attributes
    ----------
    equations : tuple of str
        In the language of raphson; the same for every size.
    start : dict of str to ndarray
        The unknowns, by name.
    parameters : dict of str to number or ndarray
        Values of what else stands in the text.
    evaluate : callable
        x → f and the sizes of its terms, by hand in NumPy, shapes (n,) → (n,), (n,).
    jacobian : callable
        x → J by hand, as `scipy.sparse.csr_array` of shape (n, n), its pattern always the same.
    """

    equations: tuple[str, ...]
    start: dict[str, Array]
    parameters: dict[str, Any]
    evaluate: Callable[[Array], tuple[Array, Array]]
    jacobian: Callable[[Array], csr_array]

    @property
    def x(self) -> Array:
        """The start, flattened, shape (n,)."""
        return np.concatenate([value.ravel() for value in self.start.values()])

    def scaled_residual(self, x: Array) -> float:
        """Return the largest |f_i| / (M_i + Σ_j |J_ij x_j|), M_i the size of the terms that cancel in f_i.

        What raphson calls solved is at most its tolerance, 1e-12; every solver is held to it by this function.
        """
        f, size = self.evaluate(x)
        scale = size + abs(self.jacobian(x)) @ np.abs(x)
        # An equation of nothing but zeros is solved.
        return float(np.max(np.abs(f) / np.where(f == 0.0, 1.0, scale)))


def bratu(n: int) -> LargeSystem:
    """Write Δu + c·exp(u) = 0 in the unit square, u = 0 on its edge, by five points: N×N unknowns, N² nearest to n.

    c = 1, from u = 0. The text is one family for every N.
    """
    N = round(n**0.5)
    h, c = 1 / (N + 1), 1.0

    def evaluate(x: Array) -> tuple[Array, Array]:
        u = np.pad(x.reshape(N, N), 1)
        source = h**2 * c * np.exp(u[1:-1, 1:-1])
        f = _neighbours(u) - 4 * u[1:-1, 1:-1] + source
        u = np.abs(u)
        return f.ravel(), (_neighbours(u) + 4 * u[1:-1, 1:-1] + source).ravel()

    @cache
    def pattern() -> tuple[Array, Array, Array]:
        place = np.arange(N * N).reshape(N, N)
        around = np.pad(place, 1, constant_values=-1)
        columns = np.stack((around[:-2, 1:-1], around[1:-1, :-2], place, around[1:-1, 2:], around[2:, 1:-1]), axis=-1)
        there = columns.reshape(-1, 5) >= 0
        starts = np.concatenate(((0,), np.cumsum(there.sum(axis=1)))).astype(np.int32)
        return there, columns.reshape(-1, 5)[there].astype(np.int32), starts

    def jacobian(x: Array) -> csr_array:
        there, columns, starts = pattern()
        values = np.ones((N * N, 5))
        values[:, 2] = h**2 * c * np.exp(x) - 4
        return csr_array((values[there], columns, starts), shape=(N * N, N * N))

    return LargeSystem(BRATU, {"u": np.zeros((N, N))}, {"N": N, "h": h, "c": c}, evaluate, jacobian)


def burgers(n: int) -> LargeSystem:
    """Write u·u′ = v·u″ on the unit line, u(0) = 1, u(1) = 0, by central differences in n inner points.

    v = 0.1, from the straight line between both ends. The solution of the continuous problem is
    a·tanh(a·(1 − x)/(2v)), where a·tanh(a/(2v)) = 1.
    """
    h, v, left, right = 1 / (n + 1), 0.1, 1.0, 0.0

    def evaluate(x: Array) -> tuple[Array, Array]:
        u = np.concatenate(((left,), x, (right,)))
        before, here, after = u[:-2], u[1:-1], u[2:]
        f = v * (before - 2 * here + after) - h / 2 * here * (after - before)
        before, here, after = np.abs(before), np.abs(here), np.abs(after)
        return f, v * (before + 2 * here + after) + h / 2 * here * (after + before)

    @cache
    def pattern() -> tuple[Array, Array]:
        starts = np.minimum(np.maximum(3 * np.arange(n + 1) - 1, 0), 3 * n - 2).astype(np.int32)
        return (np.arange(n)[:, None] + (-1, 0, 1)).ravel()[1:-1].astype(np.int32), starts

    def jacobian(x: Array) -> csr_array:
        u = np.concatenate(((left,), x, (right,)))
        values = np.empty((n, 3))
        values[:, 0] = v + h / 2 * x
        values[:, 1] = -2 * v - h / 2 * (u[2:] - u[:-2])
        values[:, 2] = v - h / 2 * x
        return csr_array((values.ravel()[1:-1], *pattern()), shape=(n, n))

    parameters = {"n": n, "h": h, "v": v, "left": left, "right": right}
    start = np.linspace(left, right, n + 2)[1:-1]
    return LargeSystem(BURGERS, {"u": start}, parameters, evaluate, jacobian)


def _neighbours(u: Array) -> Array:
    """Return the sum of the four neighbours of all inner points."""
    total: Array = u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:]
    return total
