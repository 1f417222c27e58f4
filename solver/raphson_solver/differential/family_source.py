"""The views of a system that stays in families: loops over members, forward and in reverse."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from raphson_solver.compiler.family_code import FamilyCode
from raphson_solver.differential.scatter import scatter
from raphson_solver.differential.written import Value
from raphson_solver.engine.status import JacobianMode
from raphson_solver.errors import LimitError
from raphson_solver.expression.family import Buffer, Places
from raphson_solver.interruption import Between
from raphson_solver.solution.family_codes import FamilyCodes

Array = NDArray[np.float64]


class FamilySource:
    """f and f′ of families at rows of points; as `Written`.

    Parameters
    ----------
    codes : FamilyCodes
        Of the system.
    dense_limit : int
        Entries of a dense matrix at most.
    between : callable
        Called every few milliseconds; what it raises ends the work.
    """

    def __init__(self, codes: FamilyCodes, dense_limit: int, between: Between) -> None:
        self._codes = codes
        self._families = codes.families
        self._dense_limit = dense_limit
        self._between = between

    def pattern(self, _: JacobianMode) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return rows and columns of the entries of J that may differ from zero."""
        pattern = self._codes.entries[1]
        return pattern.rows, pattern.columns

    def value(self, x: Array, p: Array, count: int) -> Array:
        """Return f, shape (count, m)."""
        out = np.empty((count, self._families.m))
        for row in range(count):
            buffers = self._at(x, p, row)
            self._sums(buffers)
            self._equations(self._codes.value, buffers, out[row])
        return out

    def steady_value(self, _: int) -> Value:
        """Return `value`: there is but one code."""
        return self.value

    def value_and_sizes(self, x: Array, p: Array) -> tuple[Array, Array]:
        """Return f and the size of the terms that cancel in each equation, both of shape (m,), at one point."""
        families, code = self._families, self._codes.sizes
        buffers = {Buffer.X: x, Buffer.P: p}
        buffers[Buffer.SUMS], buffers[Buffer.SUM_SIZES] = np.zeros((2, families.sum_count))
        for number, family in enumerate(families.sums):
            terms, sizes = np.empty((2, family.count))
            code.run(number, {**buffers, Buffer.OUT: terms, Buffer.OUT_SIZES: sizes}, self._between)
            _add_up(terms, family.places, buffers[Buffer.SUMS])
            _add_up(sizes, family.places, buffers[Buffer.SUM_SIZES])
        f, sizes = np.empty((2, families.m))
        for number in range(len(families.sums), len(code.jobs)):
            code.run(number, {**buffers, Buffer.OUT: f, Buffer.OUT_SIZES: sizes}, self._between)
        return f, sizes

    def jvp(self, x: Array, v: Array, p: Array, count: int) -> Array:
        """Return J·v, shape (count, m)."""
        out = np.empty((count, self._families.m))
        for row in range(count):
            buffers = self._at(x, p, row) | {Buffer.DIRECTION: _row(v, row)}
            self._sums(buffers)
            buffers[Buffer.SUM_DIRECTIONS] = self._reduced(self._codes.jvp, buffers, Buffer.SUM_DIRECTIONS)
            self._equations(self._codes.jvp, buffers, out[row])
        return out

    def vjp(self, x: Array, w: Array, p: Array, count: int) -> Array:
        """Return wᵀ·J, shape (count, n)."""
        out = np.zeros((count, self._families.n))
        for row in range(count):
            buffers = self._at(x, p, row) | {Buffer.WEIGHTS: _row(w, row)}
            self._sums(buffers)
            out[row] = self._gathered(self._codes.vjp, buffers)
        return out

    def gradient(self, x: Array, p: Array, count: int) -> Array:
        """Return ∇f of a scalar function, shape (count, n)."""
        return self.vjp(x, np.ones((1, 1)), p, count)

    def hessian_vector(self, x: Array, v: Array, p: Array, count: int) -> Array:
        """Return H·v of a scalar function, shape (count, n)."""
        out = np.zeros((count, self._families.n))
        for row in range(count):
            buffers = self._at(x, p, row) | {Buffer.DIRECTION: _row(v, row), Buffer.WEIGHTS: np.ones(1)}
            self._sums(buffers)
            buffers[Buffer.SUM_DIRECTIONS] = self._reduced(self._codes.jvp, buffers, Buffer.SUM_DIRECTIONS)
            buffers[Buffer.SUM_WEIGHT_DIRECTIONS] = np.zeros(self._families.sum_count + 1)
            out[row] = self._gathered(self._codes.hessian_vector, buffers)
        return out

    def entries(self, x: Array, p: Array, count: int, _: JacobianMode) -> Array:
        """Return the entries of J, shape (count, entries)."""
        code, pattern = self._codes.entries
        out = np.empty((count, pattern.rows.size))
        for row in range(count):
            buffers = self._at(x, p, row)
            self._sums(buffers)
            pattern.assemble(partial(self._slopes, code, buffers), out[row])
        return out

    def parameter_entries(self, x: Array, p: Array) -> Array:
        """Return the entries of ∂f/∂p at one point, in the order of their pattern."""
        code, pattern = self._codes.parameter_entries
        out = np.empty(pattern.rows.size)
        if out.size:
            pattern.assemble(partial(self._slopes, code, self.buffers(x, p)), out)
        return out

    def matrix(self, x: Array, p: Array, count: int, mode: JacobianMode, out: Array | None = None) -> Array:
        """Return J, shape (count, m·n)."""
        m, n = self._families.m, self._families.n
        if m * n > self._dense_limit:
            raise LimitError("matrix", "dense_entries", m * n, self._dense_limit, "entries of a dense Jacobian")
        return scatter(self.entries(x, p, count, mode), *self.pattern(mode), m, n, out)

    def buffers(self, x: Array, p: Array) -> dict[Buffer, Array]:
        """Return what the slots of equations and of sums read at a point."""
        buffers = self._at(x[None], p[None], 0)
        self._sums(buffers)
        return buffers

    # --- inside ---------------------------------------------------------------------------------------------

    def _at(self, x: Array, p: Array, row: int) -> dict[Buffer, Array]:
        return {Buffer.X: _row(x, row), Buffer.P: _row(p, row)}

    def _sums(self, buffers: dict[Buffer, Array]) -> None:
        buffers[Buffer.SUMS] = self._reduced(self._codes.value, buffers, Buffer.SUMS)

    def _reduced(self, code: FamilyCode, buffers: dict[Buffer, Array], buffer: Buffer) -> Array:
        """Return every sum of what the code gives for its terms; later ones may contain earlier ones."""
        sums = np.zeros(self._families.sum_count)
        for number, family in enumerate(self._families.sums):
            terms = np.empty(family.count)
            code.run(number, {**buffers, buffer: sums, Buffer.OUT: terms}, self._between)
            _add_up(terms, family.places, sums)
        return sums

    def _equations(self, code: FamilyCode, buffers: dict[Buffer, Array], out: Array) -> None:
        first = len(self._families.sums)
        for number in range(first, len(code.jobs)):
            code.run(number, {**buffers, Buffer.OUT: out}, self._between)

    def _gathered(self, code: FamilyCode, buffers: dict[Buffer, Array]) -> Array:
        """Return what every family adds to wᵀ·J, or to its change."""
        out = np.zeros(self._families.n + 1)
        weights = np.zeros(self._families.sum_count + 1)
        for number in range(len(code.jobs)):
            code.run(number, {**buffers, Buffer.SUM_WEIGHTS: weights, Buffer.OUT: out}, self._between)
        gathered: Array = out[:-1]
        return gathered

    def _slopes(self, code: FamilyCode, buffers: dict[Buffer, Array], slopes: Array) -> None:
        for number in range(len(code.jobs)):
            code.run(number, {**buffers, Buffer.OUT: slopes}, self._between)


def _row(rows: Array, row: int) -> Array:
    one: Array = rows[0 if rows.shape[0] == 1 else row]
    return one


def _add_up(terms: Array, places: Places, sums: Array) -> None:
    """Add terms to their sums; places ascend."""
    with np.errstate(all="ignore"):
        if places.table is None and places.step == 0:
            sums[places.first] += terms.sum()
            return
        which = places.array(terms.size)
        starts = np.flatnonzero(np.diff(which, prepend=-1))
        sums[which[starts]] += np.add.reduceat(terms, starts)
