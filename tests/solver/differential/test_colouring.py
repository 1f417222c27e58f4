"""Columns of one colour share no row; patterns whose least number of colours is known get it or little more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raphson_solver.differential.colouring import colour_columns
from raphson_solver.differential.compression import Compression

if TYPE_CHECKING:
    from numpy.typing import NDArray


def colours(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int64], int]:
    rows, columns = np.nonzero(mask)
    return colour_columns(rows, columns, mask.shape[1])


def assert_proper(rows: NDArray[np.int64], columns: NDArray[np.int64], colour: NDArray[np.int64], count: int) -> None:
    """No row has two columns of one colour; colours are 0 to count − 1, each used."""
    places = np.unique(np.stack((rows, columns)), axis=1)
    pairs = np.stack((places[0], colour[places[1]]))
    assert np.unique(pairs, axis=1).shape == pairs.shape
    assert set(colour[columns].tolist()) == set(range(count))


def stencil(n: int, *offsets: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    rows = np.tile(np.arange(n), len(offsets))
    columns = rows + np.repeat(offsets, n)
    inside = (columns >= 0) & (columns < n)
    return rows[inside], columns[inside]


def five_points(side: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The Laplacian of a square grid."""
    i, j = np.divmod(np.arange(side * side), side)
    rows, columns = [], []
    for down, right in ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)):
        inside = (i + down >= 0) & (i + down < side) & (j + right >= 0) & (j + right < side)
        rows.append(np.flatnonzero(inside))
        columns.append(((i + down) * side + j + right)[inside])
    return np.concatenate(rows), np.concatenate(columns)


@given(
    st.integers(1, 12).flatmap(
        lambda n: st.lists(st.lists(st.booleans(), min_size=n, max_size=n), min_size=1, max_size=12)
    )
)
@settings(max_examples=300)
def test_columns_of_one_colour_share_no_row(pattern: list[list[bool]]) -> None:
    mask = np.array(pattern)
    colour, count = colours(mask)
    rows, columns = np.nonzero(mask)
    assert colour.dtype == np.int64
    assert_proper(rows, columns, colour, count)
    assert not colour[~mask.any(axis=0)].any()
    assert mask.sum(axis=1).max() <= count <= mask.any(axis=0).sum()


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_larger_patterns(seed: int) -> None:
    random = np.random.default_rng(seed)
    rows, columns = random.integers(80, size=300), random.integers(60, size=300)
    colour, count = colour_columns(rows, columns, 60)
    assert_proper(rows, columns, colour, count)
    again = random.permutation(300)
    other, other_count = colour_columns(rows[again], columns[again], 60)
    assert (other.tolist(), other_count) == (colour.tolist(), count)


@pytest.mark.parametrize(
    ("offsets", "fewest"), [((0,), 1), ((0, 1), 2), ((-1, 0, 1), 3), ((-2, -1, 0, 1, 2), 5), ((0, 7), 2), ((-3, 0), 2)]
)
def test_bands_get_the_fewest_colours(offsets: tuple[int, ...], fewest: int) -> None:
    rows, columns = stencil(50, *offsets)
    colour, count = colour_columns(rows, columns, 50)
    assert_proper(rows, columns, colour, count)
    assert count == fewest


def test_a_full_matrix_has_a_colour_a_column() -> None:
    assert colours(np.ones((3, 4), np.bool_))[1] == 4
    assert sorted(colours(np.ones((3, 4), np.bool_))[0].tolist()) == [0, 1, 2, 3]


def test_an_arrow_has_a_colour_a_column_and_its_transpose_too() -> None:
    mask = np.eye(6, dtype=np.bool_)
    mask[0] = True
    assert colours(mask)[1] == 6
    # A full column alone goes with nothing; the others share no row.
    mask = np.eye(6, dtype=np.bool_)
    mask[:, 0] = True
    assert colours(mask)[1] == 2


def test_blocks_share_their_colours() -> None:
    mask = np.kron(np.eye(5), np.ones((3, 3))) > 0
    assert colours(mask)[1] == 3


def test_no_entries_no_colours() -> None:
    colour, count = colour_columns(np.empty(0, np.int64), np.empty(0, np.int64), 3)
    assert (colour.tolist(), count) == ([0, 0, 0], 0)


def test_places_may_come_twice_and_in_any_order() -> None:
    rows, columns = np.array([1, 0, 1, 1, 0]), np.array([2, 0, 0, 2, 0])
    colour, count = colour_columns(rows, columns, 4)
    assert_proper(rows, columns, colour, count)
    assert count == 2


def test_a_grid_needs_few() -> None:
    rows, columns = five_points(40)
    colour, count = colour_columns(rows, columns, 1600)
    assert_proper(rows, columns, colour, count)
    assert count <= 8


@pytest.mark.parametrize(("rows", "columns", "most"), [(*stencil(10**6, -1, 0, 1), 3), (*five_points(400), 6)])
def test_large_stencils_are_coloured_without_a_loop_over_their_columns(
    rows: NDArray[np.int64], columns: NDArray[np.int64], most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("raphson_solver.differential.colouring._first_fit")
    colour, count = colour_columns(rows, columns, int(columns.max()) + 1)
    assert count <= most
    keys = np.sort(rows * count + colour[columns])
    assert np.all(np.diff(keys) > 0)


def test_what_each_colour_moves_and_shows() -> None:
    rows, columns = stencil(7, -1, 0, 1)
    compression = Compression(rows, columns, 8)
    chosen = np.array([2, 0, 2])
    which, moved = compression.columns(chosen)
    assert [(int(a), int(b)) for a, b in zip(which, moved, strict=True)] == [
        (place, column) for place in range(3) for column in range(7) if column % 3 == chosen[place]
    ]
    which, entries = compression.entries(chosen)
    assert [(int(a), int(b)) for a, b in zip(which, entries, strict=True)] == [
        (place, entry) for place in range(3) for entry in range(rows.size) if columns[entry] % 3 == chosen[place]
    ]
    assert compression.count == 3
