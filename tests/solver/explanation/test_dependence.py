"""What repeats, what is idle, and how near to singular: the same in any units."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from raphson_solver.explanation import dependence
from raphson_solver.explanation.dependence import LARGEST_DECOMPOSED
from raphson_solver.explanation.scaling import by_all, by_largest

SIZES = [3, 30, LARGEST_DECOMPOSED + 10]


def regular(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, n)) + 3 * np.eye(n) * np.sqrt(n)


@pytest.mark.parametrize("n", SIZES)
def test_a_regular_matrix_has_nothing_to_say(n: int) -> None:
    found = dependence(regular(n))
    assert found.rank == n
    assert found.condition < 1e3 * n
    assert found.parallel_rows == found.parallel_columns == found.redundant == found.undetermined == ()
    assert found.zero_rows.size == found.zero_columns.size == 0


@pytest.mark.parametrize("n", SIZES)
def test_bad_units_are_neither_dependence_nor_singularity(n: int) -> None:
    generator = np.random.default_rng(1)
    rows, columns = 10.0 ** generator.uniform(-60, 60, (2, n))
    found = dependence(rows[:, None] * regular(n) * columns)
    assert found.rank == n
    assert found.condition < 1e3 * n
    assert found.parallel_rows == found.parallel_columns == ()


def test_bad_units_of_a_matrix_with_zeros_are_no_singularity() -> None:
    n = 30
    laplace = 2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1)
    units = 10.0 ** (3.0 * np.arange(n))
    wanted = dependence(laplace)
    found = dependence(units[:, None] * laplace / units)
    assert found.rank == n
    assert found.parallel_rows == found.parallel_columns == ()
    assert found.condition == pytest.approx(wanted.condition, rel=1.0)


def test_tiny_entries_do_not_spoil_the_scaling() -> None:
    matrix = np.array([[2.0, 1.0, 1e-300], [1.0, 2.0, 1.0], [1e-200, 1.0, 2.0]])
    assert dependence(matrix).condition < 10


@pytest.mark.parametrize("scaled", [by_largest, by_all])
def test_scaling_is_by_rows_and_columns_and_by_powers_of_two(scaled: object) -> None:
    matrix = 10.0 ** np.random.default_rng(2).uniform(-100, 100, (5, 7))
    assert callable(scaled)
    fraction, power = np.frexp(scaled(matrix))
    before, power_before = np.frexp(matrix)
    np.testing.assert_array_equal(fraction, before)
    change = power - power_before
    np.testing.assert_array_equal(change - change[:1], (change - change[:1])[:, :1] * np.ones(7, int))
    assert np.all(power.max(axis=1) <= 2)


@pytest.mark.parametrize(("n", "angle"), [(3, 0.0), (3, 1e-9), (30, 0.0), (30, 1e-9), (30, 1e-5), (SIZES[-1], 1e-5)])
def test_near_parallel_rows_and_columns_are_paired(n: int, angle: float) -> None:
    matrix = regular(n)
    matrix[2] = -1e5 * matrix[0] * (1 + angle * np.linspace(-1, 1, n))
    found = dependence(matrix)
    assert [(pair.first, pair.second) for pair in found.parallel_rows] == [(0, 2)]
    assert found.parallel_rows[0].cosine == pytest.approx(-1.0, abs=2e-6)
    transposed = dependence(matrix.T)
    assert [(pair.first, pair.second) for pair in transposed.parallel_columns] == [(0, 2)]
    assert (found.rank == n) == (angle > 0)


@pytest.mark.parametrize("n", SIZES)
def test_rows_at_an_angle_are_not_parallel(n: int) -> None:
    matrix = regular(n)
    matrix[2] = matrix[0] * (1 + 0.01 * np.linspace(-1, 1, n))
    assert dependence(matrix).parallel_rows == ()


@pytest.mark.parametrize("n", [10, 30, LARGEST_DECOMPOSED + 10])
def test_a_combination_of_equations_is_named_and_so_is_what_it_leaves_free(n: int) -> None:
    matrix = regular(n)
    matrix[7] = 1e6 * (matrix[1] - 2 * matrix[4])
    found = dependence(matrix)
    assert found.rank == n - 1
    assert found.condition == np.inf
    (relation,) = found.redundant
    assert sorted(relation.places) == [1, 4, 7]
    assert np.abs(relation.weights).max() == relation.weights[0] == 1.0
    (free,) = found.undetermined
    _, _, right = np.linalg.svd(matrix)
    dominant = np.abs(right[-1]) > 1e-2 * np.abs(right[-1]).max()
    assert set(np.flatnonzero(dominant)) <= set(free.places.tolist())


def test_rows_of_one_entry_are_redundant_but_not_called_parallel() -> None:
    matrix = np.array([[2.0, 0.0, 0.0], [3.0, 0.0, 0.0], [1.0, 1.0, 2.0]])
    found = dependence(matrix)
    assert found.parallel_rows == found.parallel_columns == ()
    assert [sorted(relation.places.tolist()) for relation in found.redundant] == [[0, 1]]
    assert [sorted(relation.places.tolist()) for relation in found.undetermined] == [[1, 2]]


def test_two_combinations_are_not_mixed() -> None:
    matrix = regular(12)
    matrix[5] = matrix[0] + matrix[1]
    matrix[9] = matrix[2] - matrix[3]
    found = dependence(matrix)
    assert found.rank == 10
    assert sorted(sorted(relation.places.tolist()) for relation in found.redundant) == [[0, 1, 5], [2, 3, 9]]


def test_a_nearly_singular_matrix_names_what_nearly_repeats() -> None:
    matrix = regular(8)
    matrix[7] = matrix[1] - 2 * matrix[4] + 1e-11 * matrix[7]
    found = dependence(matrix)
    assert found.rank == 8
    assert 1e10 < found.condition < np.inf
    assert [sorted(relation.places.tolist()) for relation in found.redundant] == [[1, 4, 7]]


def test_zero_rows_and_columns_are_named_and_left_out() -> None:
    matrix = regular(5)
    matrix[3] = 0.0
    matrix[:, [0, 4]] = 0.0
    found = dependence(matrix)
    assert found.zero_rows.tolist() == [3]
    assert found.zero_columns.tolist() == [0, 4]
    assert (found.rank, found.condition) == (3, np.inf)
    nothing = dependence(np.zeros((2, 3)))
    assert (nothing.rank, nothing.zero_rows.tolist(), nothing.zero_columns.tolist()) == (0, [0, 1], [0, 1, 2])


@pytest.mark.parametrize("shape", [(4, 7), (7, 4), (20, LARGEST_DECOMPOSED + 10), (LARGEST_DECOMPOSED + 10, 20)])
def test_other_shapes(shape: tuple[int, int]) -> None:
    matrix = np.random.default_rng(3).normal(size=shape)
    found = dependence(matrix)
    assert found.rank == min(shape)
    assert found.condition < 1e3
    assert found.redundant == found.undetermined == ()
    if shape[0] < shape[1]:
        matrix[2] = matrix[0] + matrix[1]
        assert [sorted(relation.places.tolist()) for relation in dependence(matrix).redundant] == [[0, 1, 2]]
    else:
        matrix[:, 2] = matrix[:, 0] + matrix[:, 1]
        assert [sorted(relation.places.tolist()) for relation in dependence(matrix).undetermined] == [[0, 1, 2]]


@given(st.integers(1, 8), st.integers(1, 8), st.integers(0, 8), st.integers(0, 2**32 - 1))
def test_the_rank_is_that_of_what_it_was_made_of(m: int, n: int, rank: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    rank = min(rank, m, n)
    matrix = generator.normal(size=(m, rank)) @ generator.normal(size=(rank, n))
    units = 10.0 ** generator.uniform(-5, 5, (m, 1))
    assert dependence(units * matrix).rank == rank
