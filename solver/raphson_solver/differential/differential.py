"""f and its differential at one point or at many: values, J as a matrix, by its entries, and as a linear map."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raphson_solver.differential.complex_step import complex_step
from raphson_solver.differential.compression import Compression
from raphson_solver.differential.differences import differences
from raphson_solver.differential.family_source import FamilySource
from raphson_solver.differential.points import broadcast, parameter_points, points
from raphson_solver.differential.scatter import scatter, summed
from raphson_solver.differential.written import Source, Written
from raphson_solver.engine.status import JacobianMode
from raphson_solver.errors import InputError
from raphson_solver.interruption import Between, uninterrupted
from raphson_solver.language import Shape, size
from raphson_solver.solution.options import as_member
from raphson_solver.solution.region import BoundsLike, pack_bounds
from raphson_solver.solution.system import System

Array = NDArray[np.float64]
Point = ArrayLike | Mapping[str, Any]

_BY_NODES = {JacobianMode.EXACT, JacobianMode.ANALYTIC}
_NO_NUMBERS = np.empty((1, 0))
_NOTHING = np.empty(0)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Inputs as rows: x, p and seeds of shape (count or 1, …), and the batch that the count stands for."""

    x: Array
    p: Array
    seeds: Array
    batch: Shape

    @property
    def count(self) -> int:
        return math.prod(self.batch)


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
    bounds : mapping of names to pairs (lower, upper), or two arrays of shape (n,), optional
        Differences never evaluate f outside.
    between : callable, optional
        Called every few milliseconds of a long evaluation; what it raises ends the work.

    Attributes
    ----------
    system : System
        As given.
    mode : JacobianMode
        As given.
    n, m : int
        Extents.
    evaluations : int
        Evaluations of f spent on differences and complex steps so far, over all points.

    Raises
    ------
    InputError
        For a mode that the system does not have, or bounds that do not fit.
    """

    def __init__(
        self,
        system: System,
        mode: JacobianMode = JacobianMode.EXACT,
        bounds: BoundsLike | None = None,
        between: Between = uninterrupted,
    ) -> None:
        mode = system.derivative_mode(as_member(JacobianMode, mode, "mode"))
        if mode is JacobianMode.ANALYTIC and not system.has_analytic:
            raise InputError("mode", "this system has no Jacobian of the caller's; give one, or use 'exact'")
        self.system = system
        self.mode = mode
        self.n, self.m = system.n, system.m
        self.evaluations = 0
        self._parameter_count = sum(size(shape) for _, shape in system.free_parameters)
        self._region = None if bounds is None else pack_bounds(bounds, system.variables, system.n)
        self._between = between
        self._source = _source(system, between)

    # --- values and matrices --------------------------------------------------------------------------------

    @property
    def pattern(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows and columns of the entries of J that may differ from zero."""
        return self._source.pattern(self.mode)

    def value(self, x: Point, p: Point | None = None) -> Array:
        """Return f(x), shape (…, m)."""
        rows = self._rows(x, p)
        return self._source.value(rows.x, rows.p, rows.count).reshape((*rows.batch, self.m))

    def matrix(self, x: Point, p: Point | None = None, out: Array | None = None) -> Array:
        """Return J, shape (…, m, n): a row when m = 1, a column when n = 1.

        Parameters
        ----------
        x, p
            The points, and the parameters.
        out : C-contiguous array of float64, shape (…, m, n), optional
            Receives J instead of a new array.
        """
        rows = self._rows(x, p)
        shape = (*rows.batch, self.m, self.n)
        flat = None if out is None else self._checked(out, shape)
        if self.mode in _BY_NODES:
            full = self._source.matrix(rows.x, rows.p, rows.count, self.mode, flat)
        else:
            full = scatter(self._entries(rows), *self.pattern, self.m, self.n, flat)
        return full.reshape(shape) if out is None else out

    def matrix_with_error(self, x: Point, p: Point | None = None) -> tuple[Array, Array]:
        """Return J and, by differences, an estimate of the error of each entry, both of shape (…, m, n).

        Elsewhere the error is that of rounding alone, and given as 0.
        """
        rows = self._rows(x, p)
        shape = (*rows.batch, self.m, self.n)
        if self.mode not in {JacobianMode.FORWARD, JacobianMode.CENTRAL}:
            return self.matrix(x, p), np.zeros(shape)
        entries, errors = self._differenced(rows, estimate=True)
        both = [scatter(each, *self.pattern, self.m, self.n).reshape(shape) for each in (entries, errors)]
        return both[0], both[1]

    def entries(self, x: Point, p: Point | None = None) -> Array:
        """Return the entries of J that may differ from zero, shape (…, entries), in the order of `pattern`."""
        rows = self._rows(x, p)
        return self._entries(rows).reshape((*rows.batch, self.pattern[0].size))

    # --- the linear map -------------------------------------------------------------------------------------

    def jvp(self, x: Point, v: ArrayLike | Mapping[str, Any], p: Point | None = None) -> Array:
        """Return J·v, shape (…, m), for v of shape (…, n); with exact derivatives without forming J."""
        rows = self._rows(x, p, points(v, self.system.variables, "v"), "v")
        if self.mode is JacobianMode.EXACT:
            product = self._source.jvp(rows.x, rows.seeds, rows.p, rows.count)
        else:
            row, column = self.pattern
            product = summed(self._entries(rows) * rows.seeds[:, column], row, self.m)
        return product.reshape((*rows.batch, self.m))

    def vjp(self, x: Point, w: ArrayLike, p: Point | None = None) -> Array:
        """Return wᵀ·J, shape (…, n), for w of shape (…, m); with exact derivatives without forming J."""
        rows = self._rows(x, p, points(w, (("w", (self.m,)),), "w"), "w")
        if self.mode is JacobianMode.EXACT:
            product = self._source.vjp(rows.x, rows.seeds, rows.p, rows.count)
        else:
            row, column = self.pattern
            product = summed(self._entries(rows) * rows.seeds[:, row], column, self.n)
        return product.reshape((*rows.batch, self.n))

    # --- scalar functions -----------------------------------------------------------------------------------

    def gradient(self, x: Point, p: Point | None = None) -> Array:
        """Return ∇f, shape (…, n), of a scalar function (m = 1); with exact derivatives by one reverse sweep."""
        self._check_scalar("gradient")
        if self.mode is not JacobianMode.EXACT:
            return self.matrix(x, p)[..., 0, :]
        rows = self._rows(x, p)
        return self._source.gradient(rows.x, rows.p, rows.count).reshape((*rows.batch, self.n))

    def value_and_gradient(self, x: Point, p: Point | None = None) -> tuple[Array, Array]:
        """Return f, shape (…), and ∇f, shape (…, n), of a scalar function (m = 1)."""
        self._check_scalar("gradient")
        return self.value(x, p)[..., 0], self.gradient(x, p)

    def hessian_vector_product(self, x: Point, v: ArrayLike | Mapping[str, Any], p: Point | None = None) -> Array:
        """Return H·v, shape (…, n), H the second derivatives of a scalar function (m = 1), without forming H."""
        self._check_scalar("hessian_vector")
        if self.mode is not JacobianMode.EXACT:
            raise InputError("mode", "second derivatives are exact only; use 'exact'")
        rows = self._rows(x, p, points(v, self.system.variables, "v"), "v")
        product = self._source.hessian_vector(rows.x, rows.seeds, rows.p, rows.count)
        return product.reshape((*rows.batch, self.n))

    # --- inside ---------------------------------------------------------------------------------------------

    def _entries(self, rows: _Rows) -> Array:
        if self.mode in _BY_NODES:
            return self._source.entries(rows.x, rows.p, rows.count, self.mode)
        if self.mode is JacobianMode.COMPLEX_STEP:
            return self._complex_step(rows)
        return self._differenced(rows, estimate=False)[0]

    def _complex_step(self, rows: _Rows) -> Array:
        if not self.system.can_be_written_out:
            raise InputError("mode", "a complex step needs equations that are written out; use 'exact'")
        kernels = self.system.kernels
        x = np.broadcast_to(rows.x, (rows.count, self.n))
        stepped = complex_step(
            kernels.graph,
            kernels.equations,
            self.system.equation_names,
            x,
            rows.p,
            *self.pattern,
            self._between,
            self._compression,
        )
        self.evaluations += stepped.evaluations
        return stepped.entries

    def _differenced(self, rows: _Rows, *, estimate: bool) -> tuple[Array, Array]:
        x = np.ascontiguousarray(np.broadcast_to(rows.x, (rows.count, self.n)))

        evaluate = self._source.steady_value(rows.count)

        def value(at: Array, member: NDArray[np.int64]) -> Array:
            self._between()
            p = rows.p if rows.p.shape[0] == 1 else np.ascontiguousarray(rows.p[member])
            return evaluate(np.ascontiguousarray(at), p, at.shape[0])

        lower, upper = (None, None) if self._region is None else (self._region.lower, self._region.upper)
        f = value(x, np.arange(rows.count))
        differenced = differences(
            value, x, f, *self.pattern, self.m, self.mode, lower, upper,
            estimate=estimate, compression=self._compression,
        )  # fmt: skip
        self.evaluations += differenced.evaluations
        return differenced.entries, differenced.entries if differenced.error is None else differenced.error

    @cached_property
    def _compression(self) -> Compression:
        """Columns that move together."""
        return Compression(*self.pattern, self.n)

    def _check_scalar(self, field: str) -> None:
        if self.m != 1:
            raise InputError(field, f"needs a scalar function, one equation; this system has {self.m}")

    def _checked(self, out: Array, shape: Shape) -> Array:
        if out.shape != shape or out.dtype != np.float64 or not out.flags.c_contiguous:
            raise InputError("out", f"expected a C-contiguous array of float64 of shape {shape}; found {out.shape}")
        return out.reshape(-1, self.m * self.n)

    def _rows(self, x: Point, p: Point | None, seeds: Array | None = None, field: str = "") -> _Rows:
        if seeds is None:
            one = self._one_point(x, p)
            if one is not None:
                return one
        at = points(x, self.system.variables, "at")
        given = parameter_points(self.system, p)
        batch = at.shape[:-1]
        if given.ndim > 1:
            batch = broadcast(batch, given.shape[:-1], "parameters")
        if seeds is None:
            return _Rows(_as_rows(at, batch), _as_rows(given, batch), _NO_NUMBERS, batch)
        batch = broadcast(batch, seeds.shape[:-1], field)
        return _Rows(_as_rows(at, batch), _as_rows(given, batch), _as_rows(seeds, batch), batch)

    def _one_point(self, x: Point, p: Point | None) -> _Rows | None:
        """Return one point, given as vectors that are as they should be, the short way; None for all else."""
        if type(x) is not np.ndarray or x.shape != (self.n,) or x.dtype != np.float64 or not x.flags.c_contiguous:
            return None
        if p is None:
            p = _NOTHING
        if type(p) is not np.ndarray or p.shape != (self._parameter_count,) or p.dtype != np.float64:
            return None
        if not (p.flags.c_contiguous and np.isfinite(x).all() and np.isfinite(p).all()):
            return None
        return _Rows(x.reshape(1, self.n), p.reshape(1, self._parameter_count), _NO_NUMBERS, ())


def _source(system: System, between: Between) -> Source:
    own = system.source(between)
    if own is not None:
        return own
    if system.family_codes is None:
        return Written(system.kernels, between)
    return FamilySource(system.family_codes, system.limits.dense_entries, between)


def _as_rows(array: Array, batch: Shape) -> Array:
    """Return one row for all, or one for each member of the batch."""
    width = array.shape[-1]
    if array.shape[:-1] == batch:
        return array.reshape(math.prod(batch), width)
    if math.prod(array.shape[:-1]) == 1:
        return np.ascontiguousarray(array).reshape(1, width)
    return np.ascontiguousarray(np.broadcast_to(array, (*batch, width))).reshape(math.prod(batch), width)
