"""The operations of the equation language that a traced function can use; one row each."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable


class Precedence(IntEnum):
    """How tightly a piece of text binds, as in Python."""

    OR = 1
    AND = 2
    NOT = 3
    COMPARISON = 4
    SUM = 5
    PRODUCT = 6
    SIGN = 7
    POWER = 8
    ATOM = 9


@dataclass(frozen=True, eq=False, slots=True)
class Operation:
    """One row of the table.

    Attributes
    ----------
    name : str
        As the language writes it: a symbol, or a function's name.
    arity : int
        How many arguments.
    evaluate : callable
        Its value on numbers, for folding constants.
    precedence : Precedence
        ``ATOM`` for functions, which are written as calls.
    yields_condition : bool
        Whether its value is a truth value.
    takes_conditions : tuple of bool
        Whether each argument is one; empty: none is.
    is_constant : bool
        Whether it is a leaf whose value is known.
    is_negative : bool
        Whether it changes the sign.
    takes_numbers : bool
        Whether no argument is a condition.
    is_plain : bool
        Whether an operation on it is never simplified: it is neither a condition nor a constant nor a change of sign.
    """

    name: str
    arity: int
    evaluate: Callable[..., Any]
    precedence: Precedence = Precedence.ATOM
    yields_condition: bool = False
    takes_conditions: tuple[bool, ...] = ()
    is_constant: bool = False
    is_negative: bool = False
    takes_numbers: bool = field(init=False)
    is_plain: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "takes_numbers", not any(self.takes_conditions))
        object.__setattr__(self, "takes_conditions", self.takes_conditions or (False,) * self.arity)
        object.__setattr__(self, "is_plain", not (self.yields_condition or self.is_constant or self.is_negative))


def _no_value() -> float:
    raise AssertionError("a leaf is not computed")


CONSTANT = Operation("constant", 0, _no_value, is_constant=True)
TRUTH = Operation("truth", 0, _no_value, yields_condition=True, is_constant=True)
NAME = Operation("name", 0, _no_value)

ADD = Operation("+", 2, np.add, Precedence.SUM)
SUBTRACT = Operation("-", 2, np.subtract, Precedence.SUM)
MULTIPLY = Operation("*", 2, np.multiply, Precedence.PRODUCT)
DIVIDE = Operation("/", 2, np.divide, Precedence.PRODUCT)
NEGATIVE = Operation("-", 1, np.negative, Precedence.SIGN, is_negative=True)
POWER = Operation("**", 2, np.power, Precedence.POWER)

LESS = Operation("<", 2, np.less, Precedence.COMPARISON, yields_condition=True)
LESS_EQUAL = Operation("<=", 2, np.less_equal, Precedence.COMPARISON, yields_condition=True)
GREATER = Operation(">", 2, np.greater, Precedence.COMPARISON, yields_condition=True)
GREATER_EQUAL = Operation(">=", 2, np.greater_equal, Precedence.COMPARISON, yields_condition=True)
EQUAL = Operation("==", 2, np.equal, Precedence.COMPARISON, yields_condition=True)
NOT_EQUAL = Operation("!=", 2, np.not_equal, Precedence.COMPARISON, yields_condition=True)
AND = Operation("and", 2, np.logical_and, Precedence.AND, yields_condition=True, takes_conditions=(True, True))
OR = Operation("or", 2, np.logical_or, Precedence.OR, yields_condition=True, takes_conditions=(True, True))
NOT = Operation("not", 1, np.logical_not, Precedence.NOT, yields_condition=True, takes_conditions=(True,))

WHERE = Operation("where", 3, lambda condition, a, b: a if condition else b, takes_conditions=(True, False, False))
MINIMUM = Operation("minimum", 2, np.minimum)
MAXIMUM = Operation("maximum", 2, np.maximum)
ABS = Operation("abs", 1, np.abs)
SQRT = Operation("sqrt", 1, np.sqrt)
ERF = Operation("erf", 1, math.erf)
ERFC = Operation("erfc", 1, math.erfc)

SAME_NAME_AS_NUMPY = (
    np.exp, np.expm1, np.log, np.log1p, np.log2, np.log10, np.cbrt,
    np.sin, np.cos, np.tan, np.arcsin, np.arccos, np.arctan, np.arctan2,
    np.sinh, np.cosh, np.tanh, np.arcsinh, np.arccosh, np.arctanh,
    np.sign, np.floor, np.ceil, np.hypot,
)  # fmt: skip

UFUNCS: dict[np.ufunc, Operation] = {
    np.add: ADD,
    np.subtract: SUBTRACT,
    np.multiply: MULTIPLY,
    np.divide: DIVIDE,
    np.negative: NEGATIVE,
    np.power: POWER,
    np.float_power: POWER,
    np.absolute: ABS,
    np.fabs: ABS,
    np.sqrt: SQRT,
    np.minimum: MINIMUM,
    np.maximum: MAXIMUM,
    np.less: LESS,
    np.less_equal: LESS_EQUAL,
    np.greater: GREATER,
    np.greater_equal: GREATER_EQUAL,
    np.equal: EQUAL,
    np.not_equal: NOT_EQUAL,
    np.logical_and: AND,
    np.logical_or: OR,
    np.logical_not: NOT,
    np.bitwise_and: AND,
    np.bitwise_or: OR,
    np.invert: NOT,
    **{ufunc: Operation(ufunc.__name__, ufunc.nin, ufunc) for ufunc in SAME_NAME_AS_NUMPY},
}
"""NumPy's function → the language's operation, where one stands for the other."""

COMPOSED: dict[np.ufunc, Callable[[Any], Any]] = {
    np.positive: lambda a: a,
    np.conjugate: lambda a: a,
    np.square: lambda a: a**2,
    np.reciprocal: lambda a: 1 / a,
    np.exp2: lambda a: 2**a,
    np.deg2rad: lambda a: a * (np.pi / 180),
    np.radians: lambda a: a * (np.pi / 180),
    np.rad2deg: lambda a: a * (180 / np.pi),
    np.degrees: lambda a: a * (180 / np.pi),
}
"""What the language has no word for, written with the words it has."""

UFUNCS_BY_NAME: dict[str, np.ufunc] = {ufunc.__name__: ufunc for ufunc in (*UFUNCS, *COMPOSED)}
