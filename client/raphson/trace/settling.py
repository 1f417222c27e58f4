"""Chooses a template's loops, and where their indices begin."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from statistics import median_low
from typing import TYPE_CHECKING

import numpy as np

from raphson.trace.levels import Level, Part, separate

if TYPE_CHECKING:
    from raphson.trace.nodes import Integers
    from raphson.trace.tables import Tables
    from raphson.trace.templates import Column, Template

LARGEST_EXACT_INTEGER = 2**53
# Fewer whole numbers may be affine in an index by chance.
LEAST_COUNTED = 3


def settle(template: Template, tables: Tables, *, is_pinned: bool = False, strides: Sequence[int] = ()) -> None:
    """Choose the loops of all levels, and write the columns that can be so as affine in their indices.

    Parameters
    ----------
    template : Template
    tables : Tables
        Has names for loops.
    is_pinned : bool
        Whether the members are written one by one, so that the family has no loop.
    strides : sequence of int
        The family's loops, if they are given; as `Level.split` takes them.
    """
    separated: list[tuple[Column, list[tuple[Level, Integers]]]] = []
    for column in template.columns:
        values = _whole(column)
        parts = None if values is None else separate(values, column.level)
        if parts is not None:
            separated.append((column, parts))
    sequences: dict[Level, list[Integers]] = defaultdict(list)
    for column, parts in separated:
        if column.is_place:
            for level, sequence in parts:
                sequences[level].append(sequence)
    for level in template.levels:
        if level is template.root and is_pinned:
            continue
        if level is template.root and strides:
            level.split(strides)
        else:
            level.divide(sequences[level])
        nesting = sum(len(around.digits) for around in level.chain[:-1])
        for digit, name in zip(level.digits, tables.indices[nesting:], strict=False):
            digit.name = name
    pinned = template.root if is_pinned else None
    for column, parts in separated:
        column.parts = _affine(parts, pinned)
    _choose_starts(template)
    for column in template.columns:
        if column.parts is None:
            _flatten(column.level)
    for level in template.levels:
        if level.extents is not None and level.extents.parts is None:
            _flatten(level)


def _flatten(level: Level) -> None:
    """Let the loops of unequal lengths count through all steps, since a table does."""
    for around in level.chain:
        around.is_flat = around.is_ragged


def _whole(column: Column) -> Integers | None:
    values = column.values
    if values.dtype == np.int64:
        return values  # type: ignore[return-value]
    is_whole = values.size >= LEAST_COUNTED and bool((np.abs(values) < LARGEST_EXACT_INTEGER).all())
    if not is_whole or (values != np.rint(values)).any() or (np.signbit(values) & (values == 0)).any():
        return None
    return values.astype(np.int64)


def _affine(parts: list[tuple[Level, Integers]], pinned: Level | None) -> list[Part] | None:
    found = []
    for level, sequence in parts:
        slopes = [] if level is pinned else level.slopes(sequence)
        if slopes is None:
            return None
        found.append(Part(level, sequence, slopes))
    return found


def _choose_starts(template: Template) -> None:
    """Let an index begin at a place that it alone counts: the middle one in ``u[i-1] - 2*u[i] + u[i+1]``."""
    starts: dict[tuple[Level, int], list[int]] = defaultdict(list)
    for column in template.columns:
        if column.is_place and column.parts:
            changing = [
                (part.level, loop, slope) for part in column.parts for loop, slope in enumerate(part.slopes) if slope
            ]
            if len(changing) == 1 and changing[0][2] == 1:
                level, loop, _ = changing[0]
                starts[level, loop].append(sum(int(part.sequence[0]) for part in column.parts))
    for (level, loop), found in starts.items():
        if not level.is_ragged:
            level.digits[loop].start = median_low(found)
