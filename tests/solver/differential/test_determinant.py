"""Determinants of stacks against 50 digits, exact integers and their laws."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import raphson_solver as rs
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from mpmath import mp
from raphson_solver.differential.determinant import determinant

if TYPE_CHECKING:
    from numpy.typing import NDArray

square = st.integers(1, 5).flatmap(lambda n: hnp.arrays(np.float64, (n, n), elements=st.integers(-9, 9)))
pairs = st.integers(1, 5).flatmap(lambda n: hnp.arrays(np.float64, (2, n, n), elements=st.integers(-9, 9)))


def exact(matrix: NDArray[np.float64]) -> Fraction:
    """The determinant of a matrix of whole numbers, by elimination in fractions."""
    rows = [[Fraction(value) for value in row] for row in matrix.tolist()]
    total = Fraction(1)
    for i in range(len(rows)):
        pivot = next((k for k in range(i, len(rows)) if rows[k][i]), None)
        if pivot is None:
            return Fraction(0)
        if pivot != i:
            rows[i], rows[pivot] = rows[pivot], rows[i]
            total = -total
        total *= rows[i][i]
        for k in range(i + 1, len(rows)):
            factor = rows[k][i] / rows[i][i]
            rows[k] = [a - factor * b for a, b in zip(rows[k], rows[i], strict=True)]
    return total


def hadamard(matrix: NDArray[np.float64]) -> float:
    """No determinant is larger than the product of the rows' lengths; rounding is relative to it."""
    return float(np.prod(np.linalg.norm(matrix, axis=-1)))


@pytest.mark.parametrize("n", [1, 2, 3, 8])
def test_a_stack_agrees_with_fifty_digits(n: int) -> None:
    stack = np.random.default_rng(n).normal(size=(2, 3, n, n))
    found = determinant(stack)
    assert found.sign.shape == found.log_abs.shape == found.value.shape == (2, 3)
    with mp.workdps(50):
        for place in np.ndindex(2, 3):
            wanted = mp.det(mp.matrix(stack[place].tolist()))
            assert found.sign[place] == mp.sign(wanted)
            assert found.log_abs[place] == pytest.approx(float(mp.log(abs(wanted))), rel=1e-12, abs=1e-12)
            assert found.value[place] == pytest.approx(float(wanted), rel=1e-12)


def test_of_one_matrix_it_is_one_number() -> None:
    found = determinant([[3.0, 1.0], [4.0, 2.0]])
    assert found.sign.shape == found.log_abs.shape == found.value.shape == ()
    assert found.value == pytest.approx(2.0, rel=1e-15)


@given(square)
def test_whole_numbers_have_the_determinant_that_fractions_give(matrix: NDArray[np.float64]) -> None:
    wanted = exact(matrix)
    found = determinant(matrix)
    assert float(found.value) == pytest.approx(float(wanted), abs=1e-13 * hadamard(matrix) + 1e-300)
    if wanted:
        assert found.sign == math.copysign(1.0, wanted)


@given(pairs)
def test_of_a_product_it_is_the_product(pair: NDArray[np.float64]) -> None:
    a, b = pair
    product, (first, second) = determinant(a @ b), determinant(pair).value
    assert float(product.value) == pytest.approx(
        first * second, abs=1e-12 * hadamard(a @ b) + 1e-12 * abs(first * second)
    )


@given(square)
def test_of_the_inverse_it_is_the_inverse(matrix: NDArray[np.float64]) -> None:
    if exact(matrix) == 0:
        return
    here, there = determinant(matrix), determinant(np.linalg.inv(matrix))
    assert there.sign == here.sign
    assert float(there.log_abs) == pytest.approx(-float(here.log_abs), abs=1e-13 * np.linalg.cond(matrix))


@given(square)
def test_exchanging_two_rows_turns_the_sign(matrix: NDArray[np.float64]) -> None:
    if len(matrix) < 2 or exact(matrix) == 0:
        return
    here, there = determinant(matrix), determinant(matrix[[1, 0, *range(2, len(matrix))]])
    assert there.sign == -here.sign
    assert float(there.log_abs) == pytest.approx(float(here.log_abs), abs=1e-12)


@pytest.mark.parametrize("size", [1e5, 1e-5, 1e300, 1e-300])
def test_of_size_500_it_does_not_overflow(size: float) -> None:
    n = 500
    rng = np.random.default_rng(7)
    diagonal = size * rng.uniform(1.0, 2.0, n) * rng.choice([-1.0, 1.0], n)
    matrix = np.triu(rng.normal(size=(n, n)) * size, 1) + np.diag(diagonal)
    found = determinant(matrix)
    assert found.sign == np.prod(np.sign(diagonal))
    assert float(found.log_abs) == pytest.approx(math.fsum(np.log(np.abs(diagonal))), rel=1e-13)
    assert float(found.value) == (float(found.sign) * math.inf if size > 1.0 else 0.0)


EXTREME: dict[str, Any] = {
    "rows": [[1e300, 1e300], [1e-300, 2e-300]],
    "columns": [[1e300, 1e-300], [1e300, 2e-300]],
    "overflows in elimination": [[1.0, 1.7e308], [-1.0, 1.7e308]],
    "both": [[1e-200, 3e200, 0.0], [2e-300, 1e100, 1.0], [0.0, 5e150, 1e-250]],
    "subnormal": [[5e-324, 1.0], [1.0, 5e-324]],
    "one": [[1e308]],
}


@pytest.mark.parametrize("case", EXTREME)
def test_entries_of_extreme_size(case: str) -> None:
    found = determinant(EXTREME[case])
    with mp.workdps(1000):
        wanted = mp.det(mp.matrix(EXTREME[case]))
        assert found.sign == mp.sign(wanted)
        assert float(found.log_abs) == pytest.approx(float(mp.log(abs(wanted))), rel=1e-13, abs=1e-12)


def test_a_neighbour_in_the_stack_changes_nothing() -> None:
    ordinary = np.random.default_rng(3).normal(size=(4, 4))
    stack = np.array([ordinary, ordinary * 1e250, np.full((4, 4), np.nan), np.zeros((4, 4))])
    alone, together = determinant(ordinary), determinant(stack)
    assert (together.sign[0], together.log_abs[0]) == (alone.sign, alone.log_abs)
    assert together.log_abs[1] == pytest.approx(float(alone.log_abs) + 4 * math.log(1e250), rel=1e-14)
    assert np.isnan(together.sign[2])
    assert np.isnan(together.log_abs[2])
    assert (together.sign[3], together.log_abs[3]) == (0.0, -math.inf)


@pytest.mark.parametrize("matrix", [np.zeros((3, 3)), [[1.0, 2.0], [2.0, 4.0]], [[1e-300, 0.0], [0.0, 0.0]]])
def test_of_a_singular_matrix_it_is_zero(matrix: Any) -> None:
    found = determinant(matrix)
    assert (found.sign, found.log_abs, found.value) == (0.0, -math.inf, 0.0)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_of_a_matrix_that_is_not_finite_it_is_nan(bad: float) -> None:
    found = determinant([[bad, 0.0], [0.0, 1.0]])
    assert np.isnan([found.sign, found.log_abs, found.value]).all()


def test_an_empty_batch_has_no_determinants() -> None:
    assert determinant(np.zeros((0, 3, 3))).log_abs.shape == (0,)


def test_it_needs_square_matrices() -> None:
    with pytest.raises(rs.InputError) as caught:
        determinant(np.zeros((5, 2, 3)))
    assert caught.value.field == "determinant"
    assert caught.value.message == "a determinant needs a square Jacobian; this one is 2×3"


def test_it_needs_matrices() -> None:
    with pytest.raises(rs.InputError, match=r"matrix: expected a matrix, shape \(…, m, n\); found \(3,\)"):
        determinant([1.0, 2.0, 3.0])
