"""A registered function as kernels: Numba's code behind the C ABI that the engine calls.

Where the function raises, or returns another number of residuals than it did when it was loaded, f counts as not
defined. The size of the terms that cancel in it is unknown, and stays 0: a root must then pass beside Σ|J x| alone,
which the engine believes only where x is right to rounding and f changes nearby as J says. J x comes from the J that
the engine has, by differences or the function's own: see `_EFFECT`.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
from numba import types
from numpy.typing import NDArray

from raphson_solver.compiler.machine import MachineCode
from raphson_solver.engine.layout import VALUES, M, N, Pattern
from raphson_solver.engine.status import JacobianMode

Array = NDArray[np.float64]
Made = TypeVar("Made")

_carray: Any = numba.carray  # type: ignore[attr-defined]
_CALL = ctypes.CFUNCTYPE(None, *(ctypes.c_void_p,) * 5)
_types: Any = types
_NUMBERS = _types.CPointer(_types.float64)
_ABI = _types.void(_types.voidptr, *(_NUMBERS,) * 4)


class NumbaKernel:
    """One kernel.

    Parameters
    ----------
    compiled : CFunc
        Of Numba; kept.
    output_size : int
        Doubles that a call writes.

    Attributes
    ----------
    address, program : int
        What to call, and with what.
    work_size : int
        Doubles of scratch: none.
    """

    def __init__(self, compiled: Any, output_size: int) -> None:
        self._compiled = compiled
        self.output_size = output_size
        self.address = int(compiled.address)
        self.program = 0
        self.work_size = 0

    def __call__(self, x: Array, p: Array) -> Array:
        """Return the outputs at one point."""
        out = np.empty(self.output_size)
        _CALL(self.address)(self.program, x.ctypes.data, p.ctypes.data, out.ctypes.data, 0)
        return out


class NumbaKernels:
    """All kernels of a registered function; made of jitted functions that return arrays, shapes (m,) and (m, n).

    Parameters
    ----------
    function, jacobian : jitted callables
        The latter may be None.
    m, n, parameter_count : int
        Extents.

    Attributes
    ----------
    straight : None
        There is no code for whole steps.
    compile_now : bool
        It is machine code.
    """

    straight = None
    compile_now = True

    def __init__(self, function: Any, jacobian: Any | None, m: int, n: int, parameter_count: int) -> None:
        self.m, self.n, self.parameter_count = m, n, parameter_count
        self.has_analytic = jacobian is not None
        # It is all there is to evaluate where J comes by differences: the engine's memory begins as zeros.
        self.residual = NumbaKernel(_values(function, m, n, parameter_count), m)
        self._analytic = None
        if jacobian is not None:
            compiled = _values_and_slopes(function, jacobian, m, n, parameter_count)
            self._analytic = NumbaKernel(compiled, 2 * m + m * n)
        self.effect = Effect(m)
        self._made: dict[str, Any] = {}

    def evaluate(self, mode: JacobianMode) -> NumbaKernel:
        """Return f; with J, if it is the function's own, and zeros for the sizes of terms between."""
        if mode is JacobianMode.ANALYTIC:
            assert self._analytic is not None
            return self._analytic
        return self.residual

    def pattern(self, _mode: JacobianMode) -> Pattern:
        """Return where J may differ from zero: everywhere, for all that is known."""
        rows, columns = (each.ravel().astype(np.int64) for each in np.indices((self.m, self.n)))
        return Pattern(rows, columns, self.m, self.n)

    @functools.cached_property
    def _packed(self) -> NDArray[np.int64]:
        return self.pattern(JacobianMode.FORWARD).packed()

    def packed(self, _mode: JacobianMode) -> NDArray[np.int64]:
        """Return the pattern as the engine reads it."""
        return self._packed

    @functools.cached_property
    def first_order(self) -> NDArray[np.int64]:
        """The order in which rows are eliminated at first: as they come."""
        return np.arange(self.n)

    def once(self, key: str, make: Callable[[], Made]) -> Made:
        """Return what was made under a name, making it the first time."""
        if key not in self._made:
            self._made.setdefault(key, make())
        made: Made = self._made[key]
        return made

    def compile(self) -> None:
        """Do nothing: it is machine code."""


def _values(function: Any, m: int, n: int, k: int) -> Any:
    def kernel(_program: Any, x: Any, p: Any, out: Any, _work: Any) -> None:
        for i in range(m):
            out[i] = np.nan
        try:
            # Copies: what it is given is the engine's own.
            values = function(_carray(x, (n,)).copy(), _carray(p, (k,)).copy())
            if values.size == m:
                for i in range(m):
                    out[i] = values[i]
        except Exception:  # noqa: BLE001, S110 - f is not defined there, and NaN says so
            pass

    return _compiled(kernel)


def _values_and_slopes(function: Any, jacobian: Any, m: int, n: int, k: int) -> Any:
    def kernel(_program: Any, x: Any, p: Any, out: Any, _work: Any) -> None:
        for i in range(m):
            out[i] = np.nan
            out[m + i] = 0.0
        for entry in range(m * n):
            out[2 * m + entry] = np.nan
        try:
            values = function(_carray(x, (n,)).copy(), _carray(p, (k,)).copy())
            if values.size == m:
                for i in range(m):
                    out[i] = values[i]
            slopes = jacobian(_carray(x, (n,)).copy(), _carray(p, (k,)).copy())
            if slopes.shape[0] == m and slopes.shape[1] == n:
                for i in range(m):
                    for j in range(n):
                        out[2 * m + i * n + j] = slopes[i, j]
        except Exception:  # noqa: BLE001, S110
            pass

    return _compiled(kernel)


def _compiled(kernel: Callable[..., None]) -> Any:
    decorate: Any = numba.cfunc
    return decorate(_ABI, nopython=True)(kernel)


_EFFECT = f"""
define void @effect(ptr %plan, ptr %x, ptr %p, ptr %out, ptr %work) nounwind {{
start:
  %to_m = getelementptr i64, ptr %plan, i64 {M}
  %to_n = getelementptr i64, ptr %plan, i64 {N}
  %to_values = getelementptr i64, ptr %plan, i64 {VALUES}
  %m = load i64, ptr %to_m
  %n = load i64, ptr %to_n
  %values = load ptr, ptr %to_values
  br label %row
row:
  %i = phi i64 [0, %start], [%next_i, %end]
  %first = mul i64 %i, %n
  br label %entry
entry:
  %j = phi i64 [0, %row], [%next_j, %entry]
  %sum = phi double [0.0, %row], [%more, %entry]
  %place = add i64 %first, %j
  %to_value = getelementptr double, ptr %values, i64 %place
  %value = load double, ptr %to_value
  %to_x = getelementptr double, ptr %x, i64 %j
  %x_j = load double, ptr %to_x
  %product = fmul double %value, %x_j
  %size = call double @llvm.fabs.f64(double %product)
  %more = fadd double %sum, %size
  %next_j = add i64 %j, 1
  %again = icmp ult i64 %next_j, %n
  br i1 %again, label %entry, label %end
end:
  %to_out = getelementptr double, ptr %out, i64 %i
  store double %more, ptr %to_out
  %next_i = add i64 %i, 1
  %rows = icmp ult i64 %next_i, %m
  br i1 %rows, label %row, label %done
done:
  ret void
}}
declare double @llvm.fabs.f64(double)
"""
"""Σ_j |J_ij x_j| a row, from the J in the engine's memory; the program that it is called with is the plan."""


class Effect:
    """The kernel of that: it is given its program by the memory that it reads.

    Attributes
    ----------
    address, program, work_size : int
        As of a `NumbaKernel`.
    """

    def __init__(self, m: int) -> None:
        self.address = _effect().address("effect")
        self.program = self.work_size = 0
        self.output_size = m


@functools.cache
def _effect() -> MachineCode:
    return MachineCode(_EFFECT, optimize=True)
