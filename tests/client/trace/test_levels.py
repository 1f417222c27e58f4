"""Loops are found for any places that are affine in them, and for no others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raphson.trace.blocks import Block, find_blocks
from raphson.trace.levels import Level, separate, strides_of
from raphson.trace.shapes import Segment, segments

sizes = st.lists(st.integers(2, 5), min_size=1, max_size=3)


def cube(extents: list[int], slopes: list[int], start: int = 7) -> Any:
    indices = np.indices(extents)
    return (start + sum(slope * index for slope, index in zip(slopes, indices, strict=True))).ravel()


@given(sizes, st.lists(st.lists(st.integers(-9, 9), min_size=3, max_size=3), min_size=1, max_size=3))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_the_loops_of_a_grid_are_found(extents: list[int], several: list[list[int]]) -> None:
    sequences = [cube(extents, slopes[: len(extents)]) for slopes in several]
    level = Level(None, np.array([len(sequences[0])]))
    level.split(np.cumprod(extents[::-1]).tolist())
    assert [digit.size for digit in level.digits] == extents
    for slopes, sequence in zip(several, sequences, strict=True):
        assert level.slopes(sequence) == slopes[: len(extents)]
    # Found from the numbers alone there may be fewer loops, or shorter ones, which say the same.
    level.divide(sequences)
    assert np.prod([digit.size for digit in level.digits]) == len(sequences[0])
    found = [digit.size for digit in level.digits]
    affine = [sequence for sequence in sequences if level.slopes(sequence) is not None]
    for sequence in affine:
        slopes = level.slopes(sequence)
        assert slopes is not None
        np.testing.assert_array_equal(cube(found, slopes, int(sequence[0])), sequence)
    assert affine


@pytest.mark.parametrize(
    ("sequence", "strides"),
    [
        ([3, 4, 5, 6], []),
        ([3, 3, 3], []),
        ([0, 1, 2, 10, 11, 12], [3]),
        ([0, 0, 1, 1, 5, 5, 6, 6], [2, 4]),
        ([0, 1, 3, 2, 5, 4], None),
        ([0, 1, 2, 5, 6], None),
        ([1], []),
    ],
)
def test_jumps_are_counted(sequence: list[int], strides: list[int] | None) -> None:
    assert strides_of(np.array(sequence)) == strides


@given(st.lists(st.integers(1, 5), min_size=2, max_size=6), st.integers(-3, 3), st.integers(-3, 3))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_places_in_a_ragged_sum_are_parted(lengths: list[int], outer: int, inner: int) -> None:
    root = Level(None, np.array([len(lengths)]))
    level = Level(root, np.array(lengths))
    values = outer * level.owner + inner * level.local + 20
    parts = separate(values, level)
    assert parts is not None
    assert [part for part, _ in parts] == [level, root]
    np.testing.assert_array_equal(parts[0][1], inner * np.arange(max(lengths)))
    np.testing.assert_array_equal(parts[1][1], outer * np.arange(len(lengths)) + 20)


def test_what_depends_on_both_indices_is_not_parted() -> None:
    level = Level(Level(None, np.array([3])), np.array([3, 3, 3]))
    assert separate(level.owner * level.local, level) is None


@pytest.mark.parametrize(
    ("shapes", "blocks"),
    [
        ([1] * 8, [Block(0, 1, (8,))]),
        ([1] * 7, []),
        ([1, *[2] * 9, 3], [Block(1, 1, (9,))]),
        ([1, 2] * 8, [Block(0, 8, (1, 1))]),
        ([0, *[1, 2, 2, 2, 3] * 5, 4], [Block(1, 5, (1, 3, 1))]),
        ([*[1] * 8, *[2] * 8], [Block(0, 1, (8,)), Block(8, 1, (8,))]),
        ([1, 2, 3, 4, 5, 6, 7, 8, 9], []),
        ([*[1] * 9, *[2, 3] * 9, *[4] * 9], [Block(0, 1, (9,)), Block(9, 9, (1, 1)), Block(27, 1, (9,))]),
    ],
)
def test_blocks_of_likes(shapes: list[int], blocks: list[Block]) -> None:
    assert find_blocks(shapes, lambda _: 0) == blocks


def test_the_ends_of_neighbouring_rows_are_told_apart_by_offsets() -> None:
    row = [1, 2, 2, 2, 1]
    assert find_blocks(row * 5, lambda place: {0: "first", 4: "last"}.get(place % 5)) == [Block(0, 5, (1, 3, 1))]


@pytest.mark.parametrize(
    ("kinds", "parts"),
    [
        ([1] * 7, None),
        ([1] * 8, (Segment(0, 8, 1),)),
        ([3, *[1, 2] * 8, 4], (Segment(0, 1, 0), Segment(1, 17, 2), Segment(17, 18, 0))),
        ([*[1, 2] * 7, 1], None),
    ],
)
def test_runs_of_terms(kinds: list[int], parts: tuple[Segment, ...] | None) -> None:
    assert segments(kinds, 8) == parts
