"""What the loops of a family and of its reductions count through, and how places depend on their indices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from raphson.trace.nodes import Integers
    from raphson.trace.templates import Column

MOST_LOOPS = 4


@dataclass(slots=True)
class Digit:
    """One loop: ``for name in range(start, start + size)``."""

    size: int
    name: str = ""
    start: int = 0


class Level:
    """All steps of a family's loops, or of a reduction's within each step of the level around it, in order.

    Parameters
    ----------
    around : Level or None
        None for a family.
    lengths : ndarray of int64
        Steps in each step of the level around; one number, the members, for a family.

    Attributes
    ----------
    size : int
        How many steps, over all steps of the level around.
    starts : ndarray of int64
        Where the steps of each step around begin, and the size.
    is_ragged : bool
        Whether the lengths differ.
    extents : Column, optional
        The lengths, if they do.
    is_flat : bool
        Whether the index then goes on counting from one step around to the next.
    digits : list of Digit
        The loops, outermost first; set by `divide` or `split`.
    """

    def __init__(self, around: Level | None, lengths: Integers) -> None:
        self.around = around
        self.lengths = lengths
        self.starts = np.concatenate([[0], np.cumsum(lengths)])
        self.size = int(self.starts[-1])
        self.extent = int(lengths.max())
        self.is_ragged = bool((lengths != self.extent).any())
        self.is_flat = False
        self.extents: Column | None = None
        self.digits: list[Digit] = []

    @cached_property
    def member(self) -> Integers:
        """The member of the family that each step belongs to."""
        return np.arange(self.size) if self.around is None else self.around.member[self.owner]

    @cached_property
    def owner(self) -> Integers:
        """The step around that each step belongs to."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    @cached_property
    def local(self) -> Integers:
        """The number of each step within that."""
        local: Integers = np.arange(self.size) - self.starts[self.owner]
        return local

    @property
    def chain(self) -> list[Level]:
        """The levels around and this one, outermost first."""
        return [*(self.around.chain if self.around else []), self]

    def divide(self, sequences: Iterable[Integers]) -> None:
        """Choose loops such that each sequence, of one number a step, is affine in their indices, where it can be."""
        chosen: list[int] = []
        if not self.is_ragged:
            for strides in sorted(filter(None, map(strides_of, sequences)), key=len):
                together = sorted({*chosen, *strides})
                if len(together) < MOST_LOOPS and all(b % a == 0 for a, b in pairwise(together)):
                    chosen = together
        self.split([*chosen, self.extent])

    def split(self, strides: Sequence[int]) -> None:
        """Set the loops by the steps that each of them, innermost first, goes through together with those within."""
        sizes = [b // a for a, b in pairwise([1, *strides])]
        self.digits = [Digit(size) for size in reversed(sizes)]

    def slopes(self, sequence: Integers) -> list[int] | None:
        """Return how an affine sequence changes with the index of each loop, or None if it is not affine."""
        sizes = [digit.size for digit in self.digits]
        cube = sequence.reshape(sizes)
        origin = (0,) * len(sizes)
        slopes, expected = [], cube[origin]
        for axis, size in enumerate(sizes):
            step = [0] * len(sizes)
            step[axis] = 1
            slope = int(cube[tuple(step)] - cube[origin]) if size > 1 else 0
            slopes.append(slope)
            expected = expected + slope * np.arange(size).reshape([-1 if a == axis else 1 for a in range(len(sizes))])
        return slopes if np.array_equal(np.broadcast_to(expected, sizes), cube) else None


def strides_of(sequence: Integers) -> list[int] | None:
    """Return after how many steps a sequence jumps, innermost first; none if it is affine, None if it is irregular."""
    strides: list[int] = []
    stride = 1
    while len(sequence) > 2:
        steps = np.diff(sequence)
        odd = np.flatnonzero(steps != steps[0])
        if not odd.size:
            break
        period = int(odd[0]) + 1
        if len(sequence) % period or len(strides) == MOST_LOOPS - 1:
            return None
        blocks = sequence.reshape(-1, period)
        if (blocks - blocks[:, :1] != blocks[0] - blocks[0, 0]).any():
            return None
        stride *= period
        strides.append(stride)
        sequence = blocks[:, 0]
    return strides


@dataclass(frozen=True, slots=True)
class Part:
    """How numbers depend on the step of one level.

    Attributes
    ----------
    level : Level
    sequence : ndarray of int64
        One number a step, or, within another level, a step of the longest, beginning with 0.
    slopes : list of int
        How it changes with the index of each loop.
    """

    level: Level
    sequence: Integers
    slopes: list[int]


def separate(values: Integers, level: Level) -> list[tuple[Level, Integers]] | None:
    """Write numbers, one a step of a level, as a sum of one sequence for each level around, or return None."""
    parts: list[tuple[Level, Integers]] = []
    while level.around is not None:
        first = values[level.starts[:-1]]
        longest = int(level.lengths.argmax())
        steps = values[level.starts[longest] : level.starts[longest + 1]] - first[longest]
        if not np.array_equal(values, first[level.owner] + steps[level.local]):
            return None
        parts.append((level, steps))
        values, level = first, level.around
    return [*parts, (level, values)]
