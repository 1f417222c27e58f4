"""Families: one expression for many members, which differ only in where they find their numbers.

The leaves of a family's expression are slots: variable k of the graph is slot k of those that f is differentiated by,
parameter k slot k of the others. A slot says which buffer its number lies in, and at which place for each member.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from raphson_solver.expression.graph import Graph

Integers = NDArray[np.int64]

# Those of grids, for as long as anybody holds them.
_tables: WeakValueDictionary[tuple[tuple[int, int], ...], NDArray[np.int32]] = WeakValueDictionary()


class Buffer(IntEnum):
    """What a slot's number is part of."""

    X = 0
    """The variables."""
    P = 1
    """The parameters."""
    SUMS = 2
    """Sums over the members of other families."""
    NUMBERS = 3
    """Numbers that are known, one a member."""
    DIRECTION = 4
    """v, as long as x."""
    SUM_DIRECTIONS = 5
    """How the sums change along v."""
    WEIGHTS = 6
    """w, one number an equation."""
    SUM_WEIGHTS = 7
    """What the weighted equations hear of each sum."""
    SUM_WEIGHT_DIRECTIONS = 8
    """How that changes along v."""
    SUM_SIZES = 9
    """How large the terms are that cancel in each sum."""
    OUT = 10
    """What is computed: f, J·v, wᵀ·J, or entries of J."""
    OUT_SIZES = 11
    """How large the terms are that cancel in what is computed."""
    SLOPES = 12
    """The slope of each member in each of its slots."""


@dataclass(frozen=True, eq=False)
class Places:
    """A place for each member: ``first + step·member``, a progression along each axis of a grid, or what a table says.

    Attributes
    ----------
    first, step : int
        Of places in arithmetic progression; a step of 0 is one place for all.
    given : ndarray of int32, shape (members,), optional
        How far the places of others are from the first.
    axes : tuple of (int, int)
        Extent and step along each axis of a grid, the last fastest, if one progression does not say it.
    """

    first: int
    step: int
    given: NDArray[np.int32] | None = None
    axes: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, places: Integers | NDArray[np.int32] | int) -> Places:
        """Return the shortest form of some places."""
        if isinstance(places, int):
            return cls(places, 0)
        first = int(places[0])
        step = int(places[1]) - first if places.size > 1 else 0
        if places[-1] == first + step * (places.size - 1) and np.all(np.diff(places) == step):
            return cls(first, step)
        return cls(0, 0, np.ascontiguousarray(places, np.int32))

    @classmethod
    def on_grid(cls, first: int, steps: Sequence[int], shape: Sequence[int]) -> Places:
        """Return the places ``first + Σ steps[a]·digit[a]`` of a grid's members; steps that are not there are 0."""
        axes: list[tuple[int, int]] = []
        for axis in range(len(shape) - 1, -1, -1):
            extent, step = shape[axis], steps[axis] if axis < len(steps) else 0
            if extent == 1:
                continue
            if axes and step == axes[-1][0] * axes[-1][1]:
                # The axis goes on where the one within it ends.
                axes[-1] = extent * axes[-1][0], axes[-1][1]
            else:
                axes.append((extent, step))
        if len(axes) > 1:
            return cls(first, 0, axes=tuple(reversed(axes)))
        return cls(first, axes[0][1] if axes else 0)

    @cached_property
    def table(self) -> NDArray[np.int32] | None:
        """How far each member's place is from the first, shape (members,), unless one progression says it."""
        return _along(self.axes) if self.axes else self.given

    @property
    def start(self) -> int:
        """The place of the first member."""
        return self.first if self.given is None else self.first + int(self.given[0])

    def at(self, member: int) -> int:
        """Return the place of one member."""
        if self.given is not None:
            return self.first + int(self.given[member])
        place, rest = self.first + self.step * member, member
        for extent, step in reversed(self.axes):
            rest, digit = divmod(rest, extent)
            place += step * digit
        return place

    def array(self, count: int) -> Integers:
        """Return the places of all members, shape (count,)."""
        if self.table is not None:
            return self.table + np.int64(self.first)
        return self.first + self.step * np.arange(count)

    @property
    def key(self) -> tuple[object, ...]:
        """What tells two of them apart."""
        return (self.first, self.step, self.axes, None if self.given is None else self.given.tobytes())


def _along(axes: tuple[tuple[int, int], ...]) -> NDArray[np.int32]:
    """Return how far the members of a grid are from its first; slots of one grid share what they are read from."""
    table = _tables.get(axes)
    if table is None:
        total = np.zeros((1,) * len(axes), np.int32)
        for axis, (extent, step) in enumerate(axes):
            along = [1] * len(axes)
            along[axis] = extent
            total = total + (step * np.arange(extent, dtype=np.int32)).reshape(along)
        table = _tables[axes] = total.reshape(-1)
    return table


@dataclass(frozen=True, eq=False)
class Numbers:
    """Numbers that are known, one a member.

    Attributes
    ----------
    places : Places
        The numbers, if they are whole.
    count : int
        How many members there are.
    given : ndarray of float64, shape (members,), optional
        The numbers, if they are not.
    """

    places: Places
    count: int
    given: NDArray[np.float64] | None = None

    @cached_property
    def array(self) -> NDArray[np.float64]:
        """The numbers as an array, made when first asked for."""
        return self.places.array(self.count).astype(np.float64) if self.given is None else self.given

    @property
    def key(self) -> tuple[object, ...]:
        """What tells two of them apart."""
        return (*self.places.key, self.count, None if self.given is None else self.given.tobytes())


@dataclass(frozen=True, slots=True, eq=False)
class Slot:
    """Where a leaf's number comes from.

    Attributes
    ----------
    buffer : Buffer
        What it is part of.
    places : Places
        Where there.
    known : Numbers, optional
        The buffer itself, for `Buffer.NUMBERS`.
    """

    buffer: Buffer
    places: Places
    known: Numbers | None = None

    @property
    def numbers(self) -> NDArray[np.float64] | None:
        """The buffer itself, for `Buffer.NUMBERS`."""
        return None if self.known is None else self.known.array


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """An expression and its members.

    Attributes
    ----------
    node : int
        The expression.
    count : int
        How many members.
    places : Places
        Of an equation: which row of f each member is. Of a sum's terms: which sum each member belongs to; ascending.
    """

    node: int
    count: int
    places: Places


@dataclass(frozen=True, slots=True)
class Families:
    """A system as families.

    Attributes
    ----------
    graph : Graph
        Holds every expression.
    variable_slots, parameter_slots : list of Slot
        What the leaves are.
    sums : list of Family
        The terms of sums, each after those that it contains.
    equations : list of Family
        Each row of f belongs to one.
    m, n, sum_count : int
        How many equations, variables and sums there are.
    """

    graph: Graph
    variable_slots: list[Slot]
    parameter_slots: list[Slot]
    sums: list[Family]
    equations: list[Family]
    m: int
    n: int
    sum_count: int

    def variable(self, slot: Slot) -> int:
        """Return a new leaf that can be differentiated by."""
        self.variable_slots.append(slot)
        return self.graph.variable(len(self.variable_slots) - 1)

    def parameter(self, slot: Slot) -> int:
        """Return a new leaf that cannot."""
        self.parameter_slots.append(slot)
        return self.graph.parameter(len(self.parameter_slots) - 1)
