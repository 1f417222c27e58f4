"""f and its differential at one point or at many: values, J as a matrix, by its entries, and as a linear map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raphson_solver.differential.points import broadcast, points
from raphson_solver.engine.status import JacobianMode
from raphson_solver.errors import InputError
from raphson_solver.language import Shape
from raphson_solver.solution.jacobian import Jacobian
from raphson_solver.solution.system import System

Array = NDArray[np.float64]
Point = ArrayLike | Mapping[str, Any]


class Differential:
    """f: Rⁿ → Rᵐ and f′, evaluated at any number of points in one call.

    "…" in a shape stands for the dimensions of the batch: none for one point. Those of x, p and v broadcast as NumPy's
    do: x of shape (n,) with v of shape (k, n) gives k products at one point.

    Parameters
    ----------
    system : System
        Which f.
    mode : JacobianMode
        Where derivatives come from.

    Attributes
    ----------
    n, m : int
        Extents.
    evaluations : int
        Evaluations of f spent on differences so far.
    """

    def __init__(self, system: System, mode: JacobianMode = JacobianMode.EXACT) -> None:
        self.system = system
        self.mode = mode
        self.n, self.m = system.n, system.m
        self.evaluations = 0
        self._jacobian = Jacobian(system.kernels, mode)

    def value(self, x: Point, p: Point | None = None) -> Array:
        """Return f(x), shape (…, m)."""
        at, given, _, batch = self._inputs(x, p)
        return self._each(lambda a, b: self.system.kernels.residual(a, b), (at, given), batch, (self.m,))

    def matrix(self, x: Point, p: Point | None = None) -> Array:
        """Return J, shape (…, m, n)."""
        at, given, _, batch = self._inputs(x, p)
        return self._each(self._jacobian.matrix, (at, given), batch, (self.m, self.n))

    def entries(self, x: Point, p: Point | None = None) -> Array:
        """Return the entries of J that may differ from zero, shape (…, entries), in the order of `pattern`."""
        at, given, _, batch = self._inputs(x, p)
        return self._each(self._jacobian.entries, (at, given), batch, (self.pattern[0].size,))

    @property
    def pattern(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows and columns of the entries of J that may differ from zero."""
        pattern = self.system.kernels.pattern(self.mode)
        return pattern.rows, pattern.columns

    def jvp(self, x: Point, v: ArrayLike | Mapping[str, Any], p: Point | None = None) -> Array:
        """Return J·v, shape (…, m), for v of shape (…, n), without forming J."""
        seeds = points(v, self.system.variables, "v")
        at, given, seeds, batch = self._inputs(x, p, seeds)
        return self._each(self._jacobian.jvp, (at, seeds, given), batch, (self.m,))

    def vjp(self, x: Point, w: ArrayLike, p: Point | None = None) -> Array:
        """Return wᵀ·J, shape (…, n), for w of shape (…, m), without forming J."""
        seeds = points(w, (("w", (self.m,)),), "w")
        at, given, seeds, batch = self._inputs(x, p, seeds)
        return self._each(self._jacobian.vjp, (at, seeds, given), batch, (self.n,))

    def gradient(self, x: Point, p: Point | None = None) -> Array:
        """Return ∇f, shape (…, n), of a scalar function (m = 1), by one reverse sweep."""
        self._check_scalar("gradient")
        return self.vjp(x, np.ones(1), p)

    def value_and_gradient(self, x: Point, p: Point | None = None) -> tuple[Array, Array]:
        """Return f, shape (…), and ∇f, shape (…, n), of a scalar function (m = 1)."""
        return self.value(x, p)[..., 0], self.gradient(x, p)

    # --- inside ---------------------------------------------------------------------------------------------

    def _check_scalar(self, field: str) -> None:
        if self.m != 1:
            raise InputError(field, f"needs a scalar function, one equation; this system has {self.m}")

    def _inputs(
        self, x: Point, p: Point | None, seeds: Array | None = None
    ) -> tuple[Array, Array, Array, Shape]:
        """Return x, p and seeds with their own batch dimensions, and the batch that they make together."""
        at = points(x, self.system.variables, "at")
        given = points(p, self.system.free_parameters, "parameters")
        batch = broadcast(at.shape[:-1], given.shape[:-1], "parameters")
        if seeds is None:
            return at, given, np.empty(0), batch
        return at, given, seeds, broadcast(batch, seeds.shape[:-1], "v")

    def _each(self, function: Any, inputs: tuple[Array, ...], batch: Shape, shape: Shape) -> Array:
        wide = [np.ascontiguousarray(np.broadcast_to(each, (*batch, each.shape[-1]))) for each in inputs]
        result = np.empty((*batch, *shape))
        for place in np.ndindex(*batch):
            result[place] = function(*(each[place] for each in wide))
        return result
