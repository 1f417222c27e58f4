"""Whole numbers in all members of nested loops at once, without a table where a formula says them.

The members of rectangular loops are a grid, the last axis fastest. An index, and whatever is affine in indices, is
``first + Σ steps[a]·digit[a]`` in the digits of a member, however many members there are. What is not affine is an
array with as many axes as the grid, of extent 1 where it does not change, so that it costs no more than it must.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Affine:
    """``first + Σ steps[a]·digit[a]``; axes after the last step do not count.

    Attributes
    ----------
    first : int
        In the first member.
    steps : tuple of int
        Along each axis; not all zero, else it is a plain int.
    """

    first: int
    steps: tuple[int, ...]

    def extremes(self, shape: Shape) -> tuple[int, int]:
        """Return the least and the greatest number; they stand in corners of the grid."""
        reach = [step * (extent - 1) for step, extent in zip(self.steps, shape, strict=False)]
        return self.first + sum(min(0, each) for each in reach), self.first + sum(max(0, each) for each in reach)

    def open(self, shape: Shape) -> Integers:
        """Return the numbers as an array with the grid's axes, of extent 1 where they do not change."""
        total = np.full((1,) * len(shape), self.first, np.int64)
        for axis, step in enumerate(self.steps):
            if step:
                along = [1] * len(shape)
                along[axis] = shape[axis]
                total = total + (step * np.arange(shape[axis])).reshape(along)
        return total

    def at(self, digits: tuple[int, ...]) -> int:
        """Return the number in one member."""
        return self.first + sum(step * digit for step, digit in zip(self.steps, digits, strict=False))


Whole = int | Affine | Integers
Truth = bool | NDArray[np.bool_]


def affine(first: int, steps: tuple[int, ...]) -> int | Affine:
    """Return an affine number, an int where it is constant."""
    return Affine(first, steps) if any(steps) else first


def add(a: Whole, b: Whole, shape: Shape, sign: int = 1) -> Whole:
    """Return a + sign·b."""
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return open_array(a, shape) + sign * open_array(b, shape)
    first, steps = _parts(a)
    more, more_steps = _parts(b)
    length = max(len(steps), len(more_steps))
    padded = (*steps, *(0,) * (length - len(steps)))
    more_padded = (*more_steps, *(0,) * (length - len(more_steps)))
    return affine(first + sign * more, tuple(x + sign * y for x, y in zip(padded, more_padded, strict=True)))


def times(a: Whole, b: Whole, shape: Shape) -> Whole:
    """Return a·b."""
    if isinstance(b, int):
        a, b = b, a
    if isinstance(a, int) and isinstance(b, Affine):
        return affine(a * b.first, tuple(a * step for step in b.steps))
    if isinstance(a, int) and isinstance(b, int):
        return a * b
    return open_array(a, shape) * open_array(b, shape)


def divide(a: Whole, b: Whole, shape: Shape) -> tuple[Whole, Whole]:
    """Return a // b and a % b, for b ≠ 0."""
    if isinstance(a, int) and isinstance(b, int):
        return divmod(a, b)
    if isinstance(a, Affine) and isinstance(b, int) and all(step % b == 0 for step in a.steps):
        return affine(a.first // b, tuple(step // b for step in a.steps)), a.first % b
    quotient, rest = np.divmod(open_array(a, shape), open_array(b, shape))
    return quotient, rest


def open_array(a: Whole, shape: Shape) -> Integers:
    """Return a number as an array with the grid's axes."""
    if isinstance(a, Affine):
        return a.open(shape)
    return np.full((1,) * len(shape), a, np.int64) if isinstance(a, int) else a


def largest(a: Whole, shape: Shape) -> int:
    """Return the largest absolute value."""
    if isinstance(a, int):
        return abs(a)
    low, high = a.extremes(shape) if isinstance(a, Affine) else (int(a.min(initial=0)), int(a.max(initial=0)))
    return max(abs(low), abs(high))


def _parts(a: int | Affine) -> tuple[int, tuple[int, ...]]:
    return (a, ()) if isinstance(a, int) else (a.first, a.steps)


@dataclass(frozen=True, slots=True)
class Members:
    """The members of a family.

    Attributes
    ----------
    shape : tuple of int
        Extents of the grid; () is one member alone.
    indices : dict of str to Whole
        What each loop index is. Names that are no identifiers are the family writer's own.
    """

    shape: Shape = ()
    indices: dict[str, Whole] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many."""
        return math.prod(self.shape)

    def adding(self, name: str, number: Whole) -> Members:
        """Return the same members with one more index."""
        return Members(self.shape, {**self.indices, name: number})

    def numbers(self) -> Affine | int:
        """Return the number of each member."""
        return affine(0, _strides(self.shape))

    def at(self, number: int) -> dict[str, int]:
        """Return the loop indices of one member."""
        digits = tuple(map(int, np.unravel_index(number, self.shape)))
        return {name: _at(value, digits) for name, value in self.indices.items() if name.isidentifier()}

    def extended(self, name: str, first: Whole, count: int, step: int) -> Members:
        """Return the members of one more loop, which takes as many steps in each member."""
        axis, shape = len(self.shape), (*self.shape, count)
        indices = {
            each: value[..., None] if isinstance(value, np.ndarray) else value for each, value in self.indices.items()
        }
        start = first[..., None] if isinstance(first, np.ndarray) else first
        indices[name] = add(start, affine(0, (*(0,) * axis, step)), shape)
        return Members(shape, indices)

    def repeated(self, name: str, first: Integers, counts: Integers, step: Integers) -> Members:
        """Return the members of one more loop, whose range is another in each member; each of shape (count,)."""
        which = np.repeat(np.arange(self.count), counts)
        within = np.arange(which.size) - np.repeat(np.cumsum(counts) - counts, counts)
        flat = self._picked(np.unravel_index(which, self.shape) if self.shape else (), which.size)
        return flat.adding(name, first[which] + step[which] * within)

    def take(self, holds: NDArray[np.bool_]) -> Members:
        """Return those for which something holds, in order; the array has the grid's axes."""
        axes = [axis for axis, extent in enumerate(holds.shape) if extent > 1]
        if len(axes) == 1:
            return self._along(axes[0], np.flatnonzero(holds))
        kept = np.nonzero(np.broadcast_to(holds, self.shape))
        return self._picked(kept, kept[0].size)

    def inner(self, outer: Members, place: int, count: int) -> Members:
        """Return, for each member of loops outside, one of the `count` that it has here."""
        indices: dict[str, Whole]
        axes = len(outer.shape)
        if self.has_grid_of(outer):
            digits = tuple(map(int, np.unravel_index(place, self.shape[axes:])))
            indices = {name: _fixed(value, digits, axes) for name, value in self.indices.items()}
            return Members(outer.shape, indices)
        flat = self._picked(np.unravel_index(np.arange(place, self.count, count), self.shape), self.count // count)
        indices = {
            name: value if isinstance(value, int) else np.reshape(open_array(value, flat.shape), outer.shape)
            for name, value in flat.indices.items()
        }
        return Members(outer.shape, indices)

    def has_grid_of(self, outer: Members, owner: str = ".") -> bool:
        """Return whether the first axes are still those of loops outside, whole.

        Parameters
        ----------
        outer : Members
            The members outside.
        owner : str
            The index that says which of those each member belongs to.
        """
        axes, number = len(outer.shape), self.indices[owner]
        return self.shape[:axes] == outer.shape and not isinstance(number, np.ndarray) and number == outer.numbers()

    def _along(self, axis: int, kept: Integers) -> Members:
        """Return the members at some places of one axis."""
        shape = (*self.shape[:axis], kept.size, *self.shape[axis + 1 :])
        step = int(kept[1] - kept[0]) if kept.size > 1 else 1
        is_even = kept.size > 0 and np.array_equal(kept, kept[0] + step * np.arange(kept.size))

        def part(value: Whole) -> Whole:
            if isinstance(value, Affine) and is_even and axis < len(value.steps):
                steps = list(value.steps)
                first = value.first + steps[axis] * int(kept[0])
                steps[axis] *= step
                return affine(first, tuple(steps)) if kept.size > 1 else _without(first, steps, axis)
            if isinstance(value, int) or (isinstance(value, Affine) and not _changes(value, axis)):
                return value
            array = open_array(value, self.shape)
            return array if array.shape[axis] == 1 else np.take(array, kept, axis)

        return Members(shape, {name: part(value) for name, value in self.indices.items()})

    def _picked(self, digits: tuple[Integers, ...], count: int) -> Members:
        """Return the members with some digits along each axis, as one row."""

        def part(value: Whole) -> Whole:
            if isinstance(value, int):
                return value
            if isinstance(value, Affine):
                total = np.full(count, value.first, np.int64)
                for step, digit in zip(value.steps, digits, strict=False):
                    if step:
                        total += step * digit
                return total
            own = tuple(
                digit if extent != 1 else np.zeros(1, np.int64)
                for digit, extent in zip(digits, value.shape, strict=True)
            )
            return np.broadcast_to(value[own], (count,))

        return Members((count,), {name: part(value) for name, value in self.indices.items()})


ALONE = Members()


def _strides(shape: Shape) -> tuple[int, ...]:
    """Return by how much a member's number grows along each axis; 0 along those of one."""
    return tuple(math.prod(shape[axis + 1 :]) if shape[axis] != 1 else 0 for axis in range(len(shape)))


def _at(value: Whole, digits: tuple[int, ...]) -> int:
    if isinstance(value, int):
        return value
    if isinstance(value, Affine):
        return value.at(digits)
    return int(value[tuple(digit if extent != 1 else 0 for digit, extent in zip(digits, value.shape, strict=True))])


def _fixed(value: Whole, digits: tuple[int, ...], axes: int) -> Whole:
    """Return a number with the digits along the last axes given."""
    if isinstance(value, int):
        return value
    if isinstance(value, Affine):
        inner = sum(step * digit for step, digit in zip(value.steps[axes:], digits, strict=False))
        return affine(value.first + inner, value.steps[:axes])
    own = tuple(digit if extent != 1 else 0 for digit, extent in zip(digits, value.shape[axes:], strict=True))
    array: Integers = value.reshape((*value.shape[:axes], -1))[..., np.ravel_multi_index(own, value.shape[axes:])]
    return array


def _without(first: int, steps: list[int], axis: int) -> int | Affine:
    steps[axis] = 0
    return affine(first, tuple(steps))


def _changes(value: Affine, axis: int) -> bool:
    return axis < len(value.steps) and value.steps[axis] != 0
