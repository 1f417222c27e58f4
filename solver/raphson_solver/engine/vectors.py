# ruff: noqa: ARG001 - Numba reads the arguments' names; the generators take their values
"""Eight numbers at once: pieces of rows, in whatever vector registers the processor has.

Numba has no words for vectors, and what LLVM makes of a loop over bare pointers first looks whether they
overlap. The width is a matter of storage: on processors with narrower registers the results are the same.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types

from raphson_solver.engine.intrinsics import DOUBLES
from raphson_solver.engine.jit import intrinsic
from raphson_solver.engine.layout import LANES

_types: Any = types
_building: Any = cgutils
_DOUBLE = ir.DoubleType()
_PIECE = ir.VectorType(_DOUBLE, LANES)
_NOTHING = ir.Constant(ir.IntType(8).as_pointer(), None)


@intrinsic
def subtract_multiple(_typing: Any, a: Any, target: Any, factor: Any, source: Any) -> tuple[Any, Any]:
    """Subtract a multiple of the piece of `a` at `source` from the one at `target`, fused where that is fast."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        base, target, factor, source = arguments
        taken = [_splat(builder, builder.fneg(factor)), _load(builder, base, source), _load(builder, base, target)]
        _store(builder, builder.call(_function(builder, "fmuladd", _PIECE, 3), taken), base, target)
        return _NOTHING

    return types.none(DOUBLES, types.int64, types.float64, types.int64), generate


@intrinsic
def subtract_products(_typing: Any, a: Any, target: Any, factors: Any, source: Any, length: Any) -> tuple[Any, Any]:
    """Subtract multiples of eight rows' pieces from those of four rows, in the order of the eight.

    `target` is where the piece of the first of the four stands in `a`, `source` that of the first of the eight, and
    `factors` the first of the first row's eight factors; rows are `length` apart.
    """

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        base, target, factors, source, length = arguments
        rows = [builder.mul(length, ir.Constant(length.type, row)) for row in range(4)]
        totals = [_load(builder, base, builder.add(target, row)) for row in rows]
        for place in range(LANES):
            offset = ir.Constant(length.type, place)
            piece = _load(builder, base, builder.add(source, builder.mul(length, offset)))
            for number, row in enumerate(rows):
                at = builder.add(builder.add(factors, row), offset)
                factor = builder.fneg(builder.load(builder.gep(base, [at])))
                taken = [_splat(builder, factor), piece, totals[number]]
                totals[number] = builder.call(_function(builder, "fmuladd", _PIECE, 3), taken)
        for total, row in zip(totals, rows, strict=True):
            _store(builder, total, base, builder.add(target, row))
        return _NOTHING

    return types.none(DOUBLES, types.int64, types.int64, types.int64, types.int64), generate


@intrinsic
def copy_multiple(_typing: Any, a: Any, target: Any, factor: Any, b: Any, source: Any) -> tuple[Any, Any]:
    """Write a multiple of the piece of `b` at `source` to `a` at `target`."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        base, target, factor, other, source = arguments
        _store(builder, builder.fmul(_splat(builder, factor), _load(builder, other, source)), base, target)
        return _NOTHING

    return types.none(DOUBLES, types.int64, types.float64, DOUBLES, types.int64), generate


@intrinsic
def clear(_typing: Any, a: Any, target: Any) -> tuple[Any, Any]:
    """Set the piece of `a` at `target` to zero."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        _store(builder, ir.Constant(_PIECE, [0.0] * LANES), *arguments)
        return _NOTHING

    return types.none(DOUBLES, types.int64), generate


@intrinsic
def swap(_typing: Any, a: Any, first: Any, second: Any) -> tuple[Any, Any]:
    """Exchange two pieces of `a`."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        base, first, second = arguments
        one, other = _load(builder, base, first), _load(builder, base, second)
        _store(builder, other, base, first)
        _store(builder, one, base, second)
        return _NOTHING

    return types.none(DOUBLES, types.int64, types.int64), generate


@intrinsic
def largest_of_columns(_typing: Any, a: Any, first: Any, rows: Any, length: Any, out: Any) -> tuple[Any, Any]:
    """Write the largest size in each column of the rows' pieces at `first` to the piece of `out` there."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        base, first, rows, length, out = arguments
        largest = _building.alloca_once_value(builder, ir.Constant(_PIECE, [0.0] * LANES))
        with _building.for_range(builder, rows) as loop:
            place = builder.add(first, builder.mul(loop.index, length))
            size = builder.call(_function(builder, "fabs", _PIECE, 1), [_load(builder, base, place)])
            before = builder.load(largest)
            builder.store(builder.select(builder.fcmp_ordered(">", size, before), size, before), largest)
        _store(builder, builder.load(largest), out, first)
        return _NOTHING

    return types.none(DOUBLES, types.int64, types.int64, types.int64, DOUBLES), generate


@intrinsic
def less_product(_typing: Any, total: Any, a: Any, b: Any) -> tuple[Any, Any]:
    """Return total − a·b, fused where that is fast."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        total, a, b = arguments
        return builder.call(_function(builder, "fmuladd", _DOUBLE, 3), [builder.fneg(a), b, total])

    return _types.float64(types.float64, types.float64, types.float64), generate


def _function(builder: Any, name: str, kind: Any, count: int) -> Any:
    full = f"llvm.{name}.{'f64' if kind is _DOUBLE else f'v{LANES}f64'}"
    return builder.module.globals.get(full) or ir.Function(builder.module, ir.FunctionType(kind, [kind] * count), full)


def _at(builder: Any, base: Any, place: Any) -> Any:
    return builder.bitcast(builder.gep(base, [place]), _PIECE.as_pointer())


def _load(builder: Any, base: Any, place: Any) -> Any:
    return builder.load(_at(builder, base, place), align=8)


def _store(builder: Any, value: Any, base: Any, place: Any) -> None:
    builder.store(value, _at(builder, base, place), align=8)


def _splat(builder: Any, value: Any) -> Any:
    nothing, places = ir.Constant(_PIECE, ir.Undefined), ir.VectorType(ir.IntType(32), LANES)
    first = builder.insert_element(nothing, value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, nothing, ir.Constant(places, [0] * LANES))
