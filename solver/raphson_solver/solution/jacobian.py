"""One Jacobian behind every source of derivatives: exact, by differences, or the caller's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from raphson_solver.engine import layout
from raphson_solver.engine.differences import differences_at
from raphson_solver.engine.status import JacobianMode
from raphson_solver.errors import InputError
from raphson_solver.solution.options import as_member

if TYPE_CHECKING:
    from raphson_solver.solution.kernels import Kernels

Array = NDArray[np.float64]


class Jacobian:
    """f′(x): Rⁿ → Rᵐ as an m×n matrix (m = 1: a row; n = 1: a column) and as a linear map.

    Parameters
    ----------
    kernels : Kernels
        Of the system.
    mode : JacobianMode
        Where the derivatives come from.
    """

    def __init__(self, kernels: Kernels, mode: JacobianMode) -> None:
        as_member(JacobianMode, mode, "mode")
        if mode is JacobianMode.ANALYTIC and not kernels.has_analytic:
            raise InputError("mode", "this system has no Jacobian of the caller's; give one, or use 'exact'")
        self._kernels = kernels
        self._mode = mode

    @property
    def by_differences(self) -> bool:
        """Whether f alone is evaluated."""
        return self._mode in {JacobianMode.FORWARD, JacobianMode.CENTRAL}

    def entries(self, x: Array, p: Array) -> Array:
        """Return the entries of the pattern, shape (entries,)."""
        kernels = self._kernels
        if not self.by_differences:
            m = kernels.m
            return kernels.evaluate(self._mode)(x, p)[2 * m :]
        plan = np.zeros(layout.PLAN_SIZE, np.int64)
        residual, pattern = kernels.residual, kernels.packed(self._mode)
        plan[layout.RESIDUAL_ADDRESS], plan[layout.RESIDUAL_PROGRAM] = residual.address, residual.program
        plan[layout.M], plan[layout.N], plan[layout.MODE] = kernels.m, kernels.n, self._mode
        plan[layout.ENTRIES] = kernels.pattern(self._mode).rows.size
        plan[layout.PATTERN] = pattern.ctypes.data
        plan[layout.PARAMETER_COUNT] = p.size
        memory = layout.Memory(plan, residual.work_size)
        memory.x[:], memory.p[:], memory.f[:], memory.largest[:] = x, p, residual(x, p), np.abs(x)
        differences_at(memory.address)
        return memory.values

    def matrix(self, x: Array, p: Array) -> Array:
        """Return the matrix, shape (m, n)."""
        pattern = self._kernels.pattern(self._mode)
        matrix = np.zeros((pattern.m, pattern.n))
        matrix[pattern.rows, pattern.columns] = self.entries(x, p)
        return matrix

    def jvp(self, x: Array, v: Array, p: Array) -> Array:
        """Return J·v, shape (m,)."""
        if self._mode is JacobianMode.EXACT:
            return self._kernels.jvp(np.concatenate((x, v)), p)
        pattern = self._kernels.pattern(self._mode)
        result = np.zeros(pattern.m)
        np.add.at(result, pattern.rows, self.entries(x, p) * v[pattern.columns])
        return result

    def vjp(self, x: Array, w: Array, p: Array) -> Array:
        """Return wᵀ·J, shape (n,)."""
        if self._mode is JacobianMode.EXACT:
            return self._kernels.vjp(np.concatenate((x, w)), p)
        pattern = self._kernels.pattern(self._mode)
        result = np.zeros(pattern.n)
        np.add.at(result, pattern.columns, w[pattern.rows] * self.entries(x, p))
        return result

    def determinant(self, x: Array, p: Array) -> tuple[float, float]:
        """Return the sign and the logarithm of the size of the determinant.

        Raises
        ------
        InputError
            When J is not square.
        """
        matrix = self.matrix(x, p)
        if matrix.shape[0] != matrix.shape[1]:
            raise InputError("determinant", f"a determinant needs a square Jacobian; this one is {matrix.shape}")
        sign, log_abs = np.linalg.slogdet(matrix)
        return float(sign), float(log_abs)
