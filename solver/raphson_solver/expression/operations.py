"""The table of operations: everything that is known about one of them stands in its row.

A row holds the name, how NumPy computes it, its partial derivatives as expressions, and how it compiles.
Every interpretation of an expression (evaluate, differentiate, interpret, compile, print) reads this table.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from raphson_solver.expression.graph import Graph

Partial = Callable[..., int]


@dataclass(frozen=True, eq=False, slots=True)
class Operation:
    """One row of the table.

    Attributes
    ----------
    name : str
        As the language writes it; a symbol for an infix operator.
    arity : int
        How many arguments.
    value : callable
        The operation on NumPy arrays.
    partials : tuple of callable
        For each argument: ``(graph, node, *arguments) -> node`` of ∂node/∂argument. Empty: not differentiable
        because its arguments or its value are conditions or piecewise constants.
    code : str
        LLVM: an instruction with ``{0}``, ``{1}`` … for its arguments and ``{real}``, ``{truth}`` for the types of
        numbers and conditions, or ``@symbol`` of the C math library.
    yields_condition, takes_conditions : bool
        Whether the value, and whether the arguments, are truth values. A selection takes one condition first.
    """

    name: str
    arity: int
    value: Callable[..., Any]
    partials: tuple[Partial, ...]
    code: str
    yields_condition: bool = False
    takes_conditions: tuple[bool, ...] = ()

    def __repr__(self) -> str:
        return f"<{self.name}>"


def _leaf(name: str) -> Operation:
    return Operation(name, 0, lambda: None, (), "")


CONSTANT = _leaf("constant")
VARIABLE = _leaf("variable")
PARAMETER = _leaf("parameter")

# --- arithmetic ------------------------------------------------------------------------------------------
ADD = Operation("+", 2, np.add, (lambda g, _, a, b: g.one, lambda g, _, a, b: g.one), "fadd {real} {0}, {1}")
SUBTRACT = Operation(
    "-",
    2,
    np.subtract,
    (lambda g, _, a, b: g.one, lambda g, _, a, b: g.constant(-1.0)),
    "fsub {real} {0}, {1}",
)
MULTIPLY = Operation("*", 2, np.multiply, (lambda g, _, a, b: b, lambda g, _, a, b: a), "fmul {real} {0}, {1}")
DIVIDE = Operation(
    "/",
    2,
    np.divide,
    (
        lambda g, _, a, b: g.divide(g.one, b),
        lambda g, y, a, b: g.negative(g.divide(y, b)),
    ),
    "fdiv {real} {0}, {1}",
)
NEGATIVE = Operation("negative", 1, np.negative, (lambda g, _, a: g.constant(-1.0),), "fneg {real} {0}")
POWER = Operation(
    "**",
    2,
    np.power,
    (
        lambda g, _, a, b: g.multiply(b, g.power(a, g.subtract(b, g.one))),
        # 0**b does not change with b > 0, where the textbook y·log(a) would be 0·(−∞).
        lambda g, y, a, b: g.multiply(y, g.select(g.apply(EQUAL, a, g.zero), g.zero, g.apply(LOG, a))),
    ),
    "@pow",
)

# --- choices ---------------------------------------------------------------------------------------------
SELECT = Operation(
    "where",
    3,
    np.where,
    (
        lambda g, _, c, a, b: g.zero,
        lambda g, _, c, a, b: g.select(c, g.one, g.zero),
        lambda g, _, c, a, b: g.select(c, g.zero, g.one),
    ),
    "select {truth} {0}, {real} {1}, {real} {2}",
    takes_conditions=(True, False, False),
)


def _comparison(name: str, value: Callable[..., Any], code: str) -> Operation:
    return Operation(name, 2, value, (), f"fcmp {code} {{real}} {{0}}, {{1}}", yields_condition=True)


LESS = _comparison("<", np.less, "olt")
LESS_EQUAL = _comparison("<=", np.less_equal, "ole")
GREATER = _comparison(">", np.greater, "ogt")
GREATER_EQUAL = _comparison(">=", np.greater_equal, "oge")
EQUAL: Operation = _comparison("==", np.equal, "oeq")
NOT_EQUAL = _comparison("!=", np.not_equal, "une")
AND = Operation(
    "and", 2, np.logical_and, (), "and {truth} {0}, {1}", yields_condition=True, takes_conditions=(True, True)
)
OR = Operation("or", 2, np.logical_or, (), "or {truth} {0}, {1}", yields_condition=True, takes_conditions=(True, True))
NOT = Operation(
    "not", 1, np.logical_not, (), "xor {truth} {0}, {true}", yields_condition=True, takes_conditions=(True,)
)


def _extremum(name: str, value: Callable[..., Any], symbol: str, first: Operation) -> Operation:
    """Minimum or maximum. A NaN argument gives NaN, as in NumPy; a tie takes the first argument's slope."""
    return Operation(
        name,
        2,
        value,
        (
            lambda g, _, a, b: g.select(g.apply(first, a, b), g.one, g.zero),
            lambda g, _, a, b: g.select(g.apply(first, a, b), g.zero, g.one),
        ),
        f"call {{real}} @llvm.{symbol}.{{suffix}}({{real}} {{0}}, {{real}} {{1}})",
    )


MINIMUM = _extremum("minimum", np.minimum, "minimum", LESS_EQUAL)
MAXIMUM = _extremum("maximum", np.maximum, "maximum", GREATER_EQUAL)


def _of_scipy(name: str) -> Callable[..., Any]:
    """Return a function of scipy.special that is imported when first called: it takes a quarter of a second."""

    def value(a: Any) -> Any:
        from scipy import special  # noqa: PLC0415

        return getattr(special, name)(a)

    return value


# --- functions of one number --------------------------------------------------------------------------------
def _function(name: str, value: Callable[..., Any], partial: Partial, code: str) -> Operation:
    return Operation(name, 1, value, (partial,), code)


def _one_minus_square(g: Graph, a: int) -> int:
    return g.multiply(g.subtract(g.one, a), g.add(g.one, a))


def _square(g: Graph, a: int) -> int:
    return g.multiply(a, a)


def _one_plus_square(g: Graph, a: int) -> int:
    return g.add(g.one, g.multiply(a, a))


EXP: Operation = _function("exp", np.exp, lambda g, y, a: y, "@exp")
EXPM1 = _function("expm1", np.expm1, lambda g, _, a: g.apply(EXP, a), "@expm1")
LOG: Operation = _function("log", np.log, lambda g, _, a: g.divide(g.one, a), "@log")
LOG1P = _function("log1p", np.log1p, lambda g, _, a: g.divide(g.one, g.add(g.one, a)), "@log1p")
LOG2 = _function("log2", np.log2, lambda g, _, a: g.divide(g.constant(1 / math.log(2)), a), "@log2")
LOG10 = _function("log10", np.log10, lambda g, _, a: g.divide(g.constant(1 / math.log(10)), a), "@log10")
SQRT: Operation = _function(
    "sqrt",
    np.sqrt,
    lambda g, y, a: g.divide(g.constant(0.5), y),
    "call {real} @llvm.sqrt.{suffix}({real} {0})",
)
CBRT = _function("cbrt", np.cbrt, lambda g, y, a: g.divide(g.constant(1 / 3), g.multiply(y, y)), "@cbrt")
SIN: Operation = _function("sin", np.sin, lambda g, _, a: g.apply(COS, a), "@sin")
COS: Operation = _function("cos", np.cos, lambda g, _, a: g.negative(g.apply(SIN, a)), "@cos")
TAN = _function("tan", np.tan, lambda g, y, a: _one_plus_square(g, y), "@tan")
ARCSIN = _function(
    "arcsin", np.arcsin, lambda g, _, a: g.divide(g.one, g.apply(SQRT, _one_minus_square(g, a))), "@asin"
)
ARCCOS = _function(
    "arccos",
    np.arccos,
    lambda g, _, a: g.divide(g.constant(-1.0), g.apply(SQRT, _one_minus_square(g, a))),
    "@acos",
)
ARCTAN = _function("arctan", np.arctan, lambda g, _, a: g.divide(g.one, _one_plus_square(g, a)), "@atan")
SINH = _function("sinh", np.sinh, lambda g, _, a: g.apply(COSH, a), "@sinh")
COSH: Operation = _function("cosh", np.cosh, lambda g, _, a: g.apply(SINH, a), "@cosh")
# 1 − tanh² would cancel where tanh is near 1.
TANH = _function("tanh", np.tanh, lambda g, _, a: _square(g, g.divide(g.one, g.apply(COSH, a))), "@tanh")
ARCSINH = _function("arcsinh", np.arcsinh, lambda g, _, a: g.divide(g.one, g.apply(HYPOT, a, g.one)), "@asinh")
ARCCOSH = _function(
    "arccosh",
    np.arccosh,
    lambda g, _, a: g.divide(
        g.one,
        g.multiply(g.apply(SQRT, g.subtract(a, g.one)), g.apply(SQRT, g.add(a, g.one))),
    ),
    "@acosh",
)
ARCTANH = _function("arctanh", np.arctanh, lambda g, _, a: g.divide(g.one, _one_minus_square(g, a)), "@atanh")
ERF = _function(
    "erf",
    _of_scipy("erf"),
    lambda g, _, a: g.multiply(g.constant(2 / math.sqrt(math.pi)), g.apply(EXP, g.negative(g.multiply(a, a)))),
    "@erf",
)
ERFC = _function(
    "erfc",
    _of_scipy("erfc"),
    lambda g, _, a: g.multiply(g.constant(-2 / math.sqrt(math.pi)), g.apply(EXP, g.negative(g.multiply(a, a)))),
    "@erfc",
)
ABS = _function("abs", np.abs, lambda g, _, a: g.apply(SIGN, a), "call {real} @llvm.fabs.{suffix}({real} {0})")
# Piecewise constant: the slope is zero wherever there is one.
SIGN: Operation = _function("sign", np.sign, lambda g, _, a: g.zero, "@raphson.sign")
FLOOR = _function("floor", np.floor, lambda g, _, a: g.zero, "call {real} @llvm.floor.{suffix}({real} {0})")
CEIL = _function("ceil", np.ceil, lambda g, _, a: g.zero, "call {real} @llvm.ceil.{suffix}({real} {0})")

# --- functions of two numbers --------------------------------------------------------------------------------
# Divided twice by √(a² + b²), whose square may overflow or vanish.
ARCTAN2 = Operation(
    "arctan2",
    2,
    np.arctan2,
    (
        lambda g, _, a, b: g.divide(g.divide(b, g.apply(HYPOT, a, b)), g.apply(HYPOT, a, b)),
        lambda g, _, a, b: g.negative(g.divide(g.divide(a, g.apply(HYPOT, a, b)), g.apply(HYPOT, a, b))),
    ),
    "@atan2",
)
# What is left of a after whole multiples of b, with the sign of a; it jumps where a multiple is reached.
REMAINDER = Operation(
    "fmod",
    2,
    np.fmod,
    (
        lambda g, _, a, b: g.one,
        lambda g, y, a, b: g.negative(g.divide(g.subtract(a, y), b)),
    ),
    "@fmod",
)
HYPOT: Operation = Operation(
    "hypot", 2, np.hypot, (lambda g, y, a, b: g.divide(a, y), lambda g, y, a, b: g.divide(b, y)), "@hypot"
)

# a · 2ⁿ, n a whole number; of the widest lanes alone, and no name of the language.
SCALE = Operation(
    "scale",
    2,
    lambda a, n: a * np.exp2(n),
    (),
    "call {real} @llvm.x86.avx512.mask.scalef.pd.512({real} {0}, {real} {1}, {real} zeroinitializer, i8 -1, i32 4)",
)

# a · b + c, rounded once where the processor does that as fast; of code for whole steps alone, no name of the language.
FUSED = Operation(
    "fused",
    3,
    lambda a, b, c: a * b + c,
    (),
    "call {real} @llvm.fmuladd.{suffix}({real} {0}, {real} {1}, {real} {2})",
)

COMPARISONS = {op.name: op for op in (LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, EQUAL, NOT_EQUAL)}

FUNCTIONS = {
    op.name: op
    for op in (
        EXP, EXPM1, LOG, LOG1P, LOG2, LOG10, SQRT, CBRT,
        SIN, COS, TAN, ARCSIN, ARCCOS, ARCTAN, SINH, COSH, TANH, ARCSINH, ARCCOSH, ARCTANH,
        ERF, ERFC, ABS, SIGN, FLOOR, CEIL, ARCTAN2, HYPOT, REMAINDER, MINIMUM, MAXIMUM,
    )
}  # fmt: skip

COMPUTED = (
    ADD, SUBTRACT, MULTIPLY, DIVIDE, NEGATIVE, POWER, SELECT, AND, OR, NOT,
    *COMPARISONS.values(), *FUNCTIONS.values(),
)  # fmt: skip
"""Every operation that is computed from others, in an order that is part of no format."""
