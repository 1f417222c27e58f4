"""What the parser makes of a text: a tree of plain nodes, each knowing its column."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Number:
    """A literal."""

    column: int
    value: float


@dataclass(slots=True)
class Name:
    """A variable, parameter, definition, index or constant."""

    column: int
    name: str


@dataclass(slots=True)
class Index:
    """``name[i, j]``."""

    column: int
    name: str
    indices: list[Expression]


@dataclass(slots=True)
class Sum:
    """Terms added from the left; each with its sign, ``+`` or ``-``."""

    column: int
    terms: list[tuple[str, Expression]]


@dataclass(slots=True)
class Product:
    """Factors from the left; each with ``*``, ``/``, ``//`` or ``%`` before it (the first with ``*``)."""

    column: int
    factors: list[tuple[str, Expression]]


@dataclass(slots=True)
class Negative:
    """``-a``."""

    column: int
    argument: Expression


@dataclass(slots=True)
class Power:
    """``a ** b``."""

    column: int
    base: Expression
    exponent: Expression


@dataclass(slots=True)
class Comparison:
    """``a < b <= c``: operators stand between the operands."""

    column: int
    operands: list[Expression]
    operators: list[str]


@dataclass(slots=True)
class Logic:
    """``a and b and c``, ``a or b``."""

    column: int
    operator: str
    operands: list[Expression]


@dataclass(slots=True)
class Not:
    """``not a``."""

    column: int
    argument: Expression


@dataclass(slots=True)
class Conditional:
    """``a if condition else b``."""

    column: int
    condition: Expression
    first: Expression
    second: Expression


@dataclass(slots=True)
class Call:
    """``name(arguments)``."""

    column: int
    name: str
    arguments: list[Expression]


@dataclass(slots=True)
class Loop:
    """``for name in range(first, last, step) if filters``."""

    column: int
    name: str
    bounds: list[Expression]
    filters: list[Expression]


@dataclass(slots=True)
class Reduction:
    """``sum(body for i in range(n))``; also prod, min and max."""

    column: int
    name: str
    body: Expression
    loops: list[Loop]


Expression = (
    Number | Name | Index | Sum | Product | Negative | Power | Comparison | Logic | Not | Conditional | Call | Reduction
)


@dataclass(slots=True)
class Equation:
    """``left = right for …``; without ``=``, right is None and stands for zero."""

    left: Expression
    right: Expression | None
    loops: list[Loop]


@dataclass(slots=True)
class Assignment:
    """``name := value``."""

    column: int
    name: str
    value: Expression
