# ruff: noqa: ARG001 - Numba reads the arguments' names; the generators take their values
"""What Numba has no words for: bare pointers, calling a kernel, a flag that another thread sets, the clock.

The engine works on bare pointers. Arrays would carry seven words and a reference count into every call, which
was measured at two thirds of the time of a small solve.
"""

from __future__ import annotations

import sys
from typing import Any

from llvmlite import ir
from numba.core import types

from raphson_solver.engine.jit import intrinsic

# <time.h>: the number of CLOCK_MONOTONIC, the clock of Python's time.monotonic.
_CLOCK_MONOTONIC = 6 if sys.platform == "darwin" else 1

_types: Any = types
DOUBLES = _types.CPointer(_types.float64)
_INTEGERS = _types.CPointer(_types.int64)
_SHORTS = _types.CPointer(_types.int32)
_BYTE_POINTER = ir.IntType(8).as_pointer()

Doubles = Any
"""In jitted code: a pointer to float64, indexed like an array."""
Integers = Any
"""In jitted code: a pointer to int64, indexed like an array."""


@intrinsic
def doubles(_typing: Any, address: Any) -> tuple[Any, Any]:
    """Return an int64 address as a pointer to float64."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], ir.DoubleType().as_pointer())

    return DOUBLES(types.int64), generate


@intrinsic
def integers(_typing: Any, address: Any) -> tuple[Any, Any]:
    """Return an int64 address as a pointer to int64."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())

    return _INTEGERS(types.int64), generate


@intrinsic
def shorts(_typing: Any, address: Any) -> tuple[Any, Any]:
    """Return an int64 address as a pointer to int32."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], ir.IntType(32).as_pointer())

    return _SHORTS(types.int64), generate


@intrinsic
def call_kernel(_typing: Any, address: Any, program: Any, x: Any, p: Any, out: Any, work: Any) -> tuple[Any, Any]:
    """Call ``kernel(program, x, p, out, work)``: the first two are addresses, the others pointers to float64."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [_BYTE_POINTER] * 5)
        function = builder.inttoptr(arguments[0], kind.as_pointer())
        passed = [builder.inttoptr(arguments[1], _BYTE_POINTER)]
        passed += [builder.bitcast(argument, _BYTE_POINTER) for argument in arguments[2:]]
        builder.call(function, passed)
        return ir.Constant(_BYTE_POINTER, None)

    return types.none(types.int64, types.int64, *(DOUBLES,) * 4), generate


@intrinsic
def call_solver(_typing: Any, address: Any, kind: Any, matrix: Any, right: Any, solution: Any) -> tuple[Any, Any]:
    """Call ``solver(kind, matrix, right, solution)``: an int64 and pointers to float64; return its int64."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        whole = ir.IntType(64)
        kind = ir.FunctionType(whole, [whole, *[_BYTE_POINTER] * 3])
        function = builder.inttoptr(arguments[0], kind.as_pointer())
        passed = [arguments[1]]
        passed += [builder.bitcast(argument, _BYTE_POINTER) for argument in arguments[2:]]
        return builder.call(function, passed)

    return types.int64(types.int64, types.int64, *(DOUBLES,) * 3), generate


@intrinsic
def call_iterate(_typing: Any, address: Any, plan: Any) -> tuple[Any, Any]:
    """Call the engine, ``iterate(plan)``, by the address that `entrance.iterate_address` tells; return its int64."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        whole = ir.IntType(64)
        function = builder.inttoptr(arguments[0], ir.FunctionType(whole, [whole]).as_pointer())
        return builder.call(function, [arguments[1]])

    return types.int64(types.int64, types.int64), generate


@intrinsic
def load_flag(_typing: Any, address: Any) -> tuple[Any, Any]:
    """Read an int64 that another thread or process may set; LLVM hoists a plain read out of the loop."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        return builder.load_atomic(pointer, ordering="monotonic", align=8)

    return types.int64(types.int64), generate


@intrinsic
def monotonic_seconds(_typing: Any) -> tuple[Any, Any]:
    """Return what ``time.monotonic()`` returns."""

    def generate(_context: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        int64, double = ir.IntType(64), ir.DoubleType()
        moment = builder.alloca(ir.ArrayType(int64, 2))
        kind = ir.FunctionType(ir.IntType(32), [ir.IntType(32), moment.type])
        name = "clock_gettime"
        function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
        builder.call(function, [ir.Constant(ir.IntType(32), _CLOCK_MONOTONIC), moment])
        value = builder.load(moment)
        seconds = builder.sitofp(builder.extract_value(value, 0), double)
        nanoseconds = builder.sitofp(builder.extract_value(value, 1), double)
        return builder.fadd(seconds, builder.fmul(nanoseconds, ir.Constant(double, 1e-9)))

    return types.float64(), generate
