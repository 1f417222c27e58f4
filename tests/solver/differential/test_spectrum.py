"""Singular values, condition and rank against 50 digits and their laws."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import raphson_solver as rs
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from mpmath import mp
from raphson_solver.differential.determinant import determinant
from raphson_solver.differential.spectrum import UNKNOWN_RANK, spectrum

if TYPE_CHECKING:
    from numpy.typing import NDArray

entries = st.floats(-100.0, 100.0)
rectangles = st.tuples(st.integers(1, 5), st.integers(1, 5)).flatmap(
    lambda shape: hnp.arrays(np.float64, shape, elements=entries)
)
squares = st.integers(1, 5).flatmap(lambda n: hnp.arrays(np.float64, (n, n), elements=entries))


@pytest.mark.parametrize(("m", "n"), [(3, 3), (2, 5), (5, 2), (1, 4), (4, 1)])
def test_a_stack_agrees_with_fifty_digits(m: int, n: int) -> None:
    stack = np.random.default_rng(m).normal(size=(2, 2, m, n))
    found = spectrum(stack)
    assert found.singular_values.shape == (2, 2, min(m, n))
    assert found.condition.shape == found.rank.shape == (2, 2)
    assert found.rank.dtype == np.int64
    for place in np.ndindex(2, 2):
        with mp.workdps(50):
            tall = stack[place] if m >= n else stack[place].T
            wanted = [float(value) for value in mp.svd_r(mp.matrix(tall.tolist()), compute_uv=False)]
        np.testing.assert_allclose(found.singular_values[place], wanted, rtol=1e-13)
        assert found.condition[place] == pytest.approx(wanted[0] / wanted[-1], rel=1e-12)
    assert (found.rank == min(m, n)).all()


def test_a_matrix_made_of_its_singular_values() -> None:
    rng = np.random.default_rng(11)
    left, right = (np.linalg.qr(rng.normal(size=(5, 5)))[0] for _ in range(2))
    found = spectrum((left * [1e3, 10.0, 1.0, 1e-20, 0.0]) @ right)
    np.testing.assert_allclose(found.singular_values[:3], [1e3, 10.0, 1.0], rtol=1e-12)
    assert found.rank == 3
    assert found.condition == math.inf


@pytest.mark.parametrize("below", [True, False])
def test_the_rank_counts_what_is_above_the_documented_tolerance(below: bool) -> None:
    tolerance = 3 * 2.0**-52
    found = spectrum(np.diag([1.0, 1.0, tolerance * (0.75 if below else 1.25)]))
    assert found.rank == (2 if below else 3)
    assert found.condition == (math.inf if below else pytest.approx(1.0 / (1.25 * tolerance)))


@given(squares)
def test_their_product_is_the_size_of_the_determinant(matrix: NDArray[np.float64]) -> None:
    values = spectrum(matrix).singular_values
    rounding = 1e-13 * float(values[0]) ** len(matrix)
    assert float(np.prod(values)) == pytest.approx(abs(float(determinant(matrix).value)), abs=rounding + 1e-300, rel=0)


@given(rectangles)
def test_the_transposed_matrix_has_the_same(matrix: NDArray[np.float64]) -> None:
    here, there = spectrum(matrix), spectrum(matrix.T)
    largest = float(here.singular_values[0])
    np.testing.assert_allclose(here.singular_values, there.singular_values, atol=1e-14 * largest, rtol=0)


@given(rectangles, st.integers(-900, 900))
def test_a_power_of_two_scales_them_and_nothing_else(matrix: NDArray[np.float64], power: int) -> None:
    scaled = np.ldexp(matrix, power)
    if not np.array_equal(np.ldexp(scaled, -power), matrix):
        return  # bits were lost below the smallest double
    here, there = spectrum(matrix), spectrum(scaled)
    np.testing.assert_array_equal(np.ldexp(here.singular_values, power), there.singular_values)
    assert (here.rank, here.condition) == (there.rank, there.condition)


def test_entries_near_the_largest_double() -> None:
    found = spectrum([[1.5e308, 0.0], [1.5e308, 1.5e308]])
    assert found.singular_values[0] == math.inf
    assert found.rank == 2
    assert found.condition == pytest.approx((3 + math.sqrt(5)) / 2, rel=1e-14)


def test_the_zero_matrix() -> None:
    found = spectrum(np.zeros((2, 3)))
    assert found.singular_values.tolist() == [0.0, 0.0]
    assert (found.rank, found.condition) == (0, math.inf)


def test_a_matrix_that_is_not_finite_spoils_no_other() -> None:
    ordinary = np.random.default_rng(3).normal(size=(2, 3))
    stack = np.array([ordinary, np.full((2, 3), np.nan), np.full((2, 3), math.inf)])
    alone, together = spectrum(ordinary), spectrum(stack)
    np.testing.assert_array_equal(together.singular_values[0], alone.singular_values)
    assert together.condition[0] == alone.condition
    assert np.isnan(together.singular_values[1:]).all()
    assert np.isnan(together.condition[1:]).all()
    assert together.rank.tolist() == [2, UNKNOWN_RANK, UNKNOWN_RANK]


def test_it_prints_what_it_holds() -> None:
    assert str(spectrum(np.diag([4.0, 2.0]))) == "rank 2 of 2, condition 2; singular values [4. 2.]"
    assert str(spectrum(np.full((2, 2), np.nan))) == "unknown: the matrix is not finite"
    stack = np.array([np.diag([4.0, 2.0]), np.diag([3.0, 0.0]), np.full((2, 2), np.nan)])
    assert str(spectrum(stack)) == "3 matrices, 1 of them not finite\n  rank 1 to 2 of 2\n  condition 2 to inf"
    assert str(spectrum(stack[:1])) == "1 matrices\n  rank 2 of 2\n  condition 2"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros(3), "expected a matrix, shape (…, m, n); found (3,)"),
        (np.zeros((4, 0, 3)), "expected at least one row and one column; found 0×3"),
    ],
)
def test_it_needs_matrices(given: NDArray[np.float64], message: str) -> None:
    with pytest.raises(rs.InputError) as caught:
        spectrum(given)
    assert (caught.value.field, caught.value.message) == ("matrix", message)
