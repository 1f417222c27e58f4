"""What likes have in common: one expression, and in it columns of what differs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from raphson.trace import operations as ops
from raphson.trace.levels import Level

if TYPE_CHECKING:
    from raphson.trace.levels import Part

BINARY = {"prod": ops.MULTIPLY, "min": ops.MINIMUM, "max": ops.MAXIMUM}


@dataclass(eq=False, slots=True)
class Column:
    """Numbers, one a step of a level, that are not all the same.

    Attributes
    ----------
    values : ndarray of int64 or float64
    level : Level
    is_place : bool
        Whether they stand in an index, or are factors.
    parts : list of Part, optional
        The numbers as a sum of one affine sequence for each level around, if they are one; set by `settle`.
    beside : list of Column
        The factors of all terms of a sum, which share a table.
    """

    values: NDArray[np.int64] | NDArray[np.float64]
    level: Level
    is_place: bool
    parts: list[Part] | None = None
    beside: list[Column] = field(default_factory=list)


@dataclass(slots=True)
class Same:
    """A node that is the same in all members."""

    node: int


@dataclass(slots=True)
class Leaf:
    """An element of an array, by one index for each dimension."""

    name: str
    indices: list[Column | int]


@dataclass(slots=True)
class Apply:
    """An operation."""

    operation: ops.Operation
    arguments: list[Edge]


@dataclass(slots=True)
class Sum:
    """Terms added from the left."""

    terms: list[Edge]


@dataclass(slots=True)
class Reduce:
    """``sum(body for j in …)``, also prod, min and max; of several terms in the body, one after another."""

    kind: str
    level: Level
    body: list[Edge]


Expression = Same | Leaf | Apply | Sum | Reduce


@dataclass(slots=True)
class Edge:
    """A factor times an expression, or a number if there is none."""

    factor: float | Column
    expression: Expression | None


@dataclass(eq=False, slots=True)
class Template:
    """What some members have in common.

    Attributes
    ----------
    root : Level
        Its steps are the members.
    columns, levels : list
        All that stand in the expression; levels outermost first.
    same : list of int
        Nodes that are written once for all members, as often as they occur.
    is_uneven : bool
        Whether an expression within a reduction differs from member to member only.
    length : int
        About how many characters all members would have if they were written one by one.
    """

    root: Level
    columns: list[Column] = field(default_factory=list)
    levels: list[Level] = field(default_factory=list)
    same: list[int] = field(default_factory=list)
    is_uneven: bool = False
    length: int = 0

    @classmethod
    def of(cls, count: int) -> Template:
        """Return one of so many members, still without an expression."""
        root = Level(None, np.array([count]))
        return cls(root, levels=[root])

    def column(self, values: NDArray[np.int64] | NDArray[np.float64], level: Level) -> Column:
        """Add a column."""
        column = Column(values, level, is_place=values.dtype == np.int64)
        self.columns.append(column)
        return column
