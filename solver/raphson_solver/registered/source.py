"""Values and derivatives of a registered function at many points: its kernels, called point by point."""

from __future__ import annotations

import ctypes
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from raphson_solver.compiler.interpret import each_point_address
from raphson_solver.differential.written import Value
from raphson_solver.engine.status import JacobianMode
from raphson_solver.errors import InputError
from raphson_solver.interruption import Between
from raphson_solver.registered.kernels import NumbaKernel, NumbaKernels

Array = NDArray[np.float64]

_LOOP = ctypes.CFUNCTYPE(
    None,
    ctypes.c_void_p, ctypes.c_void_p,
    *(ctypes.c_void_p, ctypes.c_int64) * 3,
    ctypes.c_int64, ctypes.c_void_p,
)  # fmt: skip
# Between two looks at whether anybody still waits.
_POINTS = 256


class NumbaSource:
    """f and f′ at rows of points, as `differential.written.Written` has them.

    Parameters
    ----------
    kernels : NumbaKernels
    between : callable
        Called every few points; what it raises ends the work.
    """

    def __init__(self, kernels: NumbaKernels, between: Between) -> None:
        self._kernels = kernels
        self._between = between

    def pattern(self, mode: JacobianMode) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return rows and columns of J: all of them."""
        pattern = self._kernels.pattern(mode)
        return pattern.rows, pattern.columns

    def value(self, x: Array, p: Array, count: int) -> Array:
        """Return f, shape (count, m)."""
        return self._run(self._kernels.residual, x, p, count)

    def steady_value(self, _: int) -> Value:
        """Return `value`: there is but one code."""
        return self.value

    def entries(self, x: Array, p: Array, count: int, mode: JacobianMode) -> Array:
        """Return the function's own J, shape (count, m·n)."""
        return np.ascontiguousarray(self._run(self._kernels.evaluate(mode), x, p, count)[:, 2 * self._kernels.m :])

    def matrix(self, x: Array, p: Array, count: int, mode: JacobianMode, out: Array | None = None) -> Array:
        """Return the same."""
        found = self.entries(x, p, count, mode)
        if out is None:
            return found
        out[:] = found
        return out

    def jvp(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse: nothing is differentiated."""
        raise _no_equations()

    vjp = gradient = hessian_vector = jvp

    def _run(self, kernel: NumbaKernel, x: Array, p: Array, count: int) -> Array:
        out = np.empty((count, kernel.output_size))
        loop = _LOOP(each_point_address())
        x_stride, p_stride = (0 if rows.shape[0] == 1 else rows.shape[1] for rows in (x, p))
        for first in range(0, count, _POINTS):
            self._between()
            loop(
                kernel.address, kernel.program,
                x.ctypes.data + 8 * first * x_stride, x_stride,
                p.ctypes.data + 8 * first * p_stride, p_stride,
                out[first:].ctypes.data, kernel.output_size,
                min(_POINTS, count - first), None,
            )  # fmt: skip
        return out


def _no_equations() -> InputError:
    return InputError("mode", "a registered function has no exact derivatives; expected analytic, forward or central")
