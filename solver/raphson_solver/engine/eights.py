# ruff: noqa: ARG001 - Numba reads the arguments' names; the generators take their values
"""Eight numbers as one value: a number of each of eight members that are solved side by side.

Jitted code has them in variables; in memory number k of all eight stands at 8·k. Every operation rounds as that of one
number does, so what a member gets does not depend on those beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import models, register_model

from raphson_solver.engine.intrinsics import DOUBLES
from raphson_solver.engine.jit import intrinsic
from raphson_solver.engine.layout import LANES

_base: Any = types.Type
_model: Any = models.PrimitiveModel
_DOUBLE = ir.DoubleType()
_VECTOR = ir.VectorType(_DOUBLE, LANES)
_NOTHING = ir.Constant(ir.IntType(8).as_pointer(), None)

Eight = Any
"""In jitted code: a value of eight numbers."""


class _EightType(_base):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__(name="Eight")


EIGHT = _EightType()


@register_model(_EightType)
class _EightModel(_model):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _VECTOR)


@intrinsic
def load(_typing: Any, a: Any, place: Any) -> tuple[Any, Any]:
    """Return number `place` of all eight."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.load(_at(builder, *arguments), align=8)

    return EIGHT(DOUBLES, types.int64), generate


@intrinsic
def store(_typing: Any, a: Any, place: Any, value: Any) -> tuple[Any, Any]:
    """Set number `place` of all eight."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        base, place, value = arguments
        builder.store(value, _at(builder, base, place), align=8)
        return _NOTHING

    return types.none(DOUBLES, types.int64, EIGHT), generate


@intrinsic
def alike(_typing: Any, value: Any) -> tuple[Any, Any]:
    """Return one number eight times."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return _splat(builder, arguments[0])

    return EIGHT(types.float64), generate


def _arithmetic(name: str) -> Callable[..., Any]:
    def typed(_typing: Any, a: Any, b: Any) -> tuple[Any, Any]:
        def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            return getattr(builder, name)(*arguments)

        return EIGHT(EIGHT, EIGHT), generate

    typed.__name__ = name
    return intrinsic(typed)


plus, minus, times, over = (_arithmetic(name) for name in ("fadd", "fsub", "fmul", "fdiv"))


@intrinsic
def size(_typing: Any, a: Any) -> tuple[Any, Any]:
    """Return |a|."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        name = f"llvm.fabs.v{LANES}f64"
        function = builder.module.globals.get(name) or ir.Function(
            builder.module, ir.FunctionType(_VECTOR, [_VECTOR]), name
        )
        return builder.call(function, arguments)

    return EIGHT(EIGHT), generate


@intrinsic
def larger(_typing: Any, a: Any, b: Any) -> tuple[Any, Any]:
    """Return the larger of two, b where that is not known."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.select(builder.fcmp_ordered(">", *arguments), *arguments)

    return EIGHT(EIGHT, EIGHT), generate


def _choice(name: str, sign: str) -> Callable[..., Any]:
    def typed(_typing: Any, a: Any, b: Any, yes: Any, no: Any) -> tuple[Any, Any]:
        def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            a, b, yes, no = arguments
            return builder.select(builder.fcmp_ordered(sign, a, b), yes, no)

        return EIGHT(EIGHT, EIGHT, EIGHT, EIGHT), generate

    typed.__name__ = name
    return intrinsic(typed)


# Of each of eight, `yes` if a ≤ b, or a > b, else `no`; where one of a and b is NaN that is `no`.
where_at_most, where_above = _choice("where_at_most", "<="), _choice("where_above", ">")


def _at(builder: Any, base: Any, place: Any) -> Any:
    first = builder.mul(place, ir.Constant(place.type, LANES))
    return builder.bitcast(builder.gep(base, [first]), _VECTOR.as_pointer())


def _splat(builder: Any, value: Any) -> Any:
    nothing, places = ir.Constant(_VECTOR, ir.Undefined), ir.VectorType(ir.IntType(32), LANES)
    first = builder.insert_element(nothing, value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, nothing, ir.Constant(places, [0] * LANES))
