"""Where the entries of families lie: as members say one by one, and as the way that sums take finds it."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from raphson_solver.expression.family import Buffer, Families, Family, Places, Slot
from raphson_solver.expression.graph import Graph
from raphson_solver.solution import family_layout, family_pattern
from raphson_solver.solution.family_layout import row_by_row
from raphson_solver.solution.family_pattern import FamilyPattern

N = 60


@st.composite
def places(draw: st.DrawFn, count: int) -> Places:
    """Return columns below N of so many members: in progression, on a grid, or from a table."""
    kind = draw(st.sampled_from(["step", "grid", "table"]))
    if kind == "step":
        step = draw(st.integers(0, (N - 1) // max(1, count - 1)).filter(lambda step: step * (count - 1) < N))
        return Places(draw(st.integers(0, N - 1 - step * (count - 1))), step)
    if kind == "grid" and count % 2 == 0:
        inner = count // 2
        steps = draw(st.integers(0, 9)), draw(st.integers(0, 20 // inner))
        reach = steps[0] + steps[1] * (inner - 1)
        return Places.on_grid(draw(st.integers(0, N - 1 - reach)), steps, (2, inner))
    return Places.of(np.array(draw(st.lists(st.integers(0, N - 1), min_size=count, max_size=count))))


@st.composite
def systems(draw: st.DrawFn) -> tuple[Families, list[list[Slot]]]:
    """Return families whose rows lie in any order, and the slots in which they have slopes."""
    counts = draw(st.lists(st.integers(1, 12), min_size=1, max_size=4))
    m = sum(counts)
    rows = np.arange(m) if draw(st.booleans()) else np.array(draw(st.permutations(range(m))))
    families, slots, first = [], [], 0
    for count in counts:
        families.append(Family(0, count, Places.of(rows[first : first + count])))
        first += count
        width = draw(st.integers(0, 4))
        slots.append([Slot(Buffer.X, draw(places(count))) for _ in range(width)])
    return Families(Graph(), [], [], [], families, m, N, 0), slots


def one_by_one(families: Families, slots: list[list[Slot]]) -> tuple[list[tuple[int, int]], list[list[list[int]]]]:
    """Return row and column of each entry in order, and the entry of each member in each slot."""
    cells = [
        [[(family.places.at(member), slot.places.at(member)) for member in range(family.count)] for slot in each]
        for each, family in zip(slots, families.equations, strict=True)
    ]
    entries = sorted(cell for each in cells for slot in each for cell in slot)
    where = {cell: place for place, cell in enumerate(entries)}
    return entries, [[[where[cell] for cell in slot] for slot in each] for each in cells]


@given(systems(), st.integers(1, 3))
def test_as_members_say_one_by_one(system: tuple[Families, list[list[Slot]]], threads: int) -> None:
    families, slots = system
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "cpu_count", lambda: threads)
        patch.setattr(family_layout, "_WORTH_A_THREAD", 1)
        layout = row_by_row(families, slots)
    entries, expected = one_by_one(families, slots)
    if len(set(entries)) < len(entries):
        assert layout is None
        return
    assert layout is not None
    assert (layout.rows.dtype, layout.columns.dtype) == (np.int64, np.int64)
    assert list(zip(layout.rows.tolist(), layout.columns.tolist(), strict=True)) == entries
    found = [
        [target.array(family.count).tolist() for target in targets]
        for targets, family in zip(layout.targets, families.equations, strict=True)
    ]
    assert found == expected


@given(systems())
def test_as_the_way_that_sums_take(system: tuple[Families, list[list[Slot]]]) -> None:
    families, slots = system
    patterns = [FamilyPattern(families, slots)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(family_pattern, "row_by_row", lambda *_: None)
        patterns.append(FamilyPattern(families, slots))
    assembled = []
    for pattern in patterns:

        def fill(slopes: np.ndarray, pattern: FamilyPattern = pattern) -> None:
            number = 0
            for targets, family in zip(pattern.targets, families.equations, strict=True):
                for target in targets:
                    slopes[target.array(family.count)] = np.sqrt(1.0 + number + np.arange(family.count))
                    number += family.count

        entries = np.full(pattern.rows.size, np.nan)
        pattern.assemble(fill, entries)
        assembled.append(entries)
    for got, expected in zip(*((each.rows, each.columns) for each in patterns), strict=True):
        np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(*assembled)


def test_slopes_need_no_assembly_where_each_is_an_entry() -> None:
    even, odd = (Family(0, 5, Places(first, 2)) for first in range(2))
    slots = [[Slot(Buffer.X, Places(0, 1))], [Slot(Buffer.X, Places(5, -1)), Slot(Buffer.X, Places(0, 1))]]
    pattern = FamilyPattern(Families(Graph(), [], [], [], [even, odd], 10, 6, 0), slots)
    assert pattern.products() is None
    # Families in between leave steps, and columns that cross tables.
    assert (pattern.targets[0][0].table, pattern.targets[0][0].step) == (None, 3)
    assert [each.array(5).tolist() for each in pattern.targets[1]] == [[2, 5, 8, 10, 13], [1, 4, 7, 11, 14]]
