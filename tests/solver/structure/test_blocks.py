"""Block-triangular form: the law of the triangle, blocks that cannot be split, and one order for one pattern."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from raphson_solver.structure import block_triangular, matching

from tests.solver.structure.patterns import patterns, places

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from raphson_solver.structure import Part


def as_lists(blocks: tuple[Part, ...]) -> list[tuple[list[int], list[int]]]:
    return [(block.equations.tolist(), block.variables.tolist()) for block in blocks]


def blocks_of(matrix: NDArray[np.bool_]) -> tuple[Part, ...]:
    return block_triangular(*places(matrix), len(matrix))


@given(patterns(is_nonsingular=True))
def test_the_permuted_matrix_is_block_lower_triangular(matrix: NDArray[np.bool_]) -> None:
    known = np.zeros(len(matrix), bool)
    for block in blocks_of(matrix):
        assert not known[block.variables].any()
        known[block.variables] = True
        assert not matrix[np.ix_(block.equations, ~known)].any()


@given(patterns(is_nonsingular=True))
def test_every_equation_and_every_variable_is_in_one_square_block(matrix: NDArray[np.bool_]) -> None:
    blocks = blocks_of(matrix)
    assert all(block.equations.size == block.variables.size > 0 for block in blocks)
    assert sorted(i for block in blocks for i in block.equations) == list(range(len(matrix)))
    assert sorted(j for block in blocks for j in block.variables) == list(range(len(matrix)))


@given(patterns(is_nonsingular=True))
def test_no_block_can_be_split(matrix: NDArray[np.bool_]) -> None:
    """A square pattern is irreducible exactly if k < n of its equations always contain more than k variables."""
    for block in blocks_of(matrix):
        inner = matrix[np.ix_(*block)]
        size = len(inner)
        for chosen in range(1, 2**size - 1):
            equations = [i for i in range(size) if chosen >> i & 1]
            assert inner[equations].any(axis=0).sum() > len(equations)


@given(patterns(is_nonsingular=True))
def test_the_order_depends_on_the_pattern_alone(matrix: NDArray[np.bool_]) -> None:
    rows, columns = places(matrix)
    shuffled = np.random.default_rng(0).permutation(rows.size)
    wanted = as_lists(block_triangular(rows, columns, len(matrix)))
    assert as_lists(block_triangular(rows[shuffled], columns[shuffled], len(matrix))) == wanted
    # Another matching: found with the variables in reverse.
    matched = len(matrix) - 1 - matching(rows, len(matrix) - 1 - columns, len(matrix), len(matrix))
    assert as_lists(block_triangular(rows, columns, len(matrix), matched)) == wanted


def test_a_triangular_system_keeps_its_order() -> None:
    matrix = np.tril(np.random.default_rng(0).random((30, 30)) < 0.2) | np.eye(30, dtype=bool)
    assert as_lists(blocks_of(matrix)) == [([i], [i]) for i in range(30)]
    assert as_lists(blocks_of(matrix[::-1, ::-1])) != as_lists(blocks_of(matrix))
    assert as_lists(blocks_of(np.eye(4, dtype=bool)[[2, 0, 3, 1]])) == [([0], [2]), ([1], [0]), ([2], [3]), ([3], [1])]


def test_one_block_and_none() -> None:
    assert as_lists(blocks_of(np.ones((3, 3), bool))) == [([0, 1, 2], [0, 1, 2])]
    assert blocks_of(np.zeros((0, 0), bool)) == ()


def test_a_chain_of_blocks_is_solved_from_its_known_end() -> None:
    matrix = np.array(
        [
            [1, 0, 1, 0, 0],
            [0, 1, 0, 0, 1],
            [0, 0, 1, 0, 0],
            [1, 0, 0, 1, 0],
            [0, 1, 0, 1, 1],
        ],
        dtype=bool,
    )
    assert as_lists(blocks_of(matrix)) == [([2], [2]), ([0], [0]), ([3], [3]), ([1, 4], [1, 4])]


def test_a_singular_pattern_is_refused() -> None:
    with pytest.raises(ValueError, match="structurally singular: only 2 of 3 equations"):
        block_triangular(np.array([0, 1, 2]), np.array([0, 0, 2]), 3)


def test_a_hundred_thousand_entries_take_no_time_to_speak_of() -> None:
    count = 50_000
    order = np.random.default_rng(0).permutation(count)
    rows = order[np.concatenate([np.arange(count), np.arange(1, count)])]
    columns = np.concatenate([np.arange(count), np.arange(count - 1)])
    began = time.monotonic()
    blocks = block_triangular(rows, columns, count)
    assert time.monotonic() - began < 5.0
    assert [int(block.variables[0]) for block in blocks] == list(range(count))
    assert [int(block.equations[0]) for block in blocks] == order.tolist()
