"""J Σ Jᵀ against 50 digits, its laws, and what is refused."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import raphson_solver as rs
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from mpmath import mp
from raphson_solver.differential import Differential
from raphson_solver.differential.covariance import covariance_root
from raphson_solver.differential.uncertainty import propagate, propagate_deviations, propagate_root

from tests.solver.building import build

if TYPE_CHECKING:
    from numpy.typing import NDArray

numbers = st.integers(-80, 80).map(lambda number: number / 7)


@st.composite
def problems(draw: st.DrawFn) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """J of shape (m, n), and a covariance R·Rᵀ of shape (n, n) that may be singular, in units of any size."""
    m, n, rank = draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.integers(1, 4))
    J = draw(hnp.arrays(np.float64, (m, n), elements=numbers))
    root = draw(hnp.arrays(np.float64, (n, rank), elements=st.integers(-9, 9)))
    units = draw(hnp.arrays(np.int64, n, elements=st.integers(-30, 30)))
    return J, np.ldexp(np.ldexp(root @ root.T, units), units[:, None])


def exact(J: NDArray[np.float64], sigma: NDArray[np.float64]) -> NDArray[Any]:
    with mp.workdps(50):
        matrix = mp.matrix(J.tolist())
        product = matrix * mp.matrix(sigma.tolist()) * matrix.T
        return np.array(product.tolist(), dtype=object).reshape(len(J), len(J))


def terms(J: NDArray[np.float64], sigma: NDArray[np.float64]) -> NDArray[np.float64]:
    """The size of the terms that cancel, |J| D 1 1ᵀ D |J|ᵀ with D the standard deviations of the inputs."""
    size = np.abs(J) @ np.sqrt(np.diagonal(sigma))
    return size[:, None] * size


@given(problems())
def test_it_agrees_with_fifty_digits(problem: tuple[NDArray[np.float64], NDArray[np.float64]]) -> None:
    J, sigma = problem
    found, wanted = propagate(J, sigma), exact(J, sigma)
    size = terms(J, sigma)
    assert np.all(np.abs(found.covariance - wanted.astype(float)) <= 1e-14 * size)
    variances = np.array([float(wanted[i, i]) for i in range(len(J))])
    # In σ² where terms cancel, as √ makes much of little.
    assert np.all(np.abs(found.standard_deviations**2 - variances) <= 1e-14 * np.diagonal(size))
    kept = variances > 1e-3 * np.diagonal(size)
    np.testing.assert_allclose(found.standard_deviations[kept], np.sqrt(variances[kept]), rtol=1e-11)


@given(problems())
def test_it_is_symmetric_and_positive_semidefinite(problem: tuple[NDArray[np.float64], NDArray[np.float64]]) -> None:
    found = propagate(*problem)
    np.testing.assert_array_equal(found.covariance, found.covariance.T)
    assert np.all(np.diagonal(found.covariance) >= 0.0)
    np.testing.assert_allclose(found.standard_deviations**2, np.diagonal(found.covariance), rtol=1e-15)
    # Relative to its own standard deviations, however much of Σ cancelled: it is a covariance that this accepts again.
    propagate(np.eye(len(problem[0])), found.covariance)


@given(problems(), st.integers(0, 2**32 - 1))
def test_through_two_maps_it_is_as_through_their_product(
    problem: tuple[NDArray[np.float64], NDArray[np.float64]], seed: int
) -> None:
    J, sigma = problem
    K = np.random.default_rng(seed).normal(size=(3, len(J)))
    step, whole = propagate(K, propagate(J, sigma).covariance), propagate(K @ J, sigma)
    size = np.abs(K) @ np.sqrt(np.diagonal(terms(J, sigma)))
    assert np.all(np.abs(step.covariance - whole.covariance) <= 1e-13 * size[:, None] * size)


@given(problems())
def test_standard_deviations_are_a_diagonal_covariance(
    problem: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> None:
    J, sigma = problem
    deviations = np.sqrt(np.diagonal(sigma))
    by_vector, by_matrix = propagate(J, deviations), propagate(J, np.diag(deviations**2))
    np.testing.assert_allclose(by_vector.standard_deviations, by_matrix.standard_deviations, rtol=1e-14)
    size = by_vector.standard_deviations[:, None] * by_vector.standard_deviations
    assert np.all(np.abs(by_vector.covariance - by_matrix.covariance) <= 1e-14 * size)


def test_a_variance_below_the_smallest_double_is_still_one() -> None:
    found = propagate(np.eye(2), [[0.0, 1e-170], [1e-170, 1.0]])
    assert found.standard_deviations[1] == 1.0
    assert found.standard_deviations[0] <= 2e-162


def test_what_is_fully_correlated_cancels() -> None:
    found = propagate([[1.0, -1.0], [1.0, 1.0]], np.ones((2, 2)))
    assert found.covariance.tolist() == [[0.0, 0.0], [0.0, 4.0]]
    assert found.standard_deviations.tolist() == [0.0, 2.0]


def test_a_singular_covariance_of_many_inputs() -> None:
    rng = np.random.default_rng(4)
    n, rank = 200, 90
    root = rng.normal(size=(n, rank))
    sigma = root @ root.T
    J = rng.normal(size=(5, n))
    found = propagate(J, 0.5 * (sigma + sigma.T))
    np.testing.assert_allclose(found.covariance, J @ sigma @ J.T, atol=1e-12 * terms(J, sigma).max())
    # Directions in which nothing varies.
    blind = np.linalg.svd(root.T)[2][rank:]
    assert np.all(propagate(blind, 0.5 * (sigma + sigma.T)).standard_deviations <= 1e-6)


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_a_standard_deviation_whose_square_leaves_float64(size: float) -> None:
    found = propagate([[3.0, 4.0]], [size, size])
    assert found.standard_deviations == pytest.approx([5.0 * size], rel=1e-15)
    assert found.covariance.tolist() == [[0.0 if size < 1.0 else math.inf]]
    assert propagate([[3e150 * (1 / size) ** 0.25]], [[size]]).standard_deviations == pytest.approx(
        [3e150 * (1 / size) ** 0.25 * math.sqrt(size)], rel=1e-15
    )


def test_a_batch_of_matrices_and_of_covariances() -> None:
    rng = np.random.default_rng(9)
    J = rng.normal(size=(3, 4, 2, 3))
    root = rng.normal(size=(4, 3, 3))
    sigma = root @ np.swapaxes(root, -1, -2)
    sigma = 0.5 * (sigma + np.swapaxes(sigma, -1, -2))
    found = propagate(J, sigma)
    assert found.covariance.shape == (3, 4, 2, 2)
    assert found.standard_deviations.shape == (3, 4, 2)
    for place in np.ndindex(3, 4):
        alone = propagate(J[place], sigma[place[1]])
        np.testing.assert_allclose(found.covariance[place], alone.covariance, rtol=1e-13)
    one = propagate(J, sigma[0])
    np.testing.assert_allclose(one.covariance[2, 1], propagate(J[2, 1], sigma[0]).covariance, rtol=1e-13)


def test_a_batch_of_standard_deviations() -> None:
    rng = np.random.default_rng(9)
    J, deviations = rng.normal(size=(3, 2, 3)), rng.uniform(size=(3, 3))
    found = propagate_deviations(J, deviations)
    for place in range(3):
        np.testing.assert_allclose(
            found.standard_deviations[place], propagate(J[place], deviations[place]).standard_deviations, rtol=1e-14
        )
    # One J and many.
    assert propagate_deviations(J[0], deviations).covariance.shape == (3, 2, 2)


def test_one_factor_serves_many_calls() -> None:
    J = np.random.default_rng(6).normal(size=(4, 2, 3))
    sigma = np.array([[1.0, 0.5, 0.0], [0.5, 2.0, -1.0], [0.0, -1.0, 1.0]])
    found = propagate_root(J, covariance_root(sigma, "covariance"))
    np.testing.assert_array_equal(found.covariance, propagate(J, sigma).covariance)
    # A factor of one column: everything varies together.
    assert propagate_root([[1.0, 2.0]], [[3.0], [-1.0]]).standard_deviations.tolist() == [1.0]
    with pytest.raises(rs.InputError) as caught:
        propagate_root(J, np.ones((2, 3)))
    assert caught.value.field == "root"
    assert caught.value.message == "expected shape (…, 3, k) for a Jacobian of shape (4, 2, 3); found (2, 3)"
    with pytest.raises(rs.InputError, match="root: expected finite numbers, found nan at place 1"):
        propagate_root([[1.0, 2.0]], [[3.0], [math.nan]])


def test_a_row_that_is_not_finite_spoils_no_other() -> None:
    J = np.array([[1.0, 2.0], [math.nan, 1.0], [math.inf, 1.0]])
    found = propagate(J, [0.1, 0.2])
    assert found.standard_deviations[0] == pytest.approx(math.hypot(0.1, 0.4), rel=1e-15)
    assert np.isnan(found.standard_deviations[1])
    assert found.standard_deviations[2] == math.inf
    assert found.covariance[0, 0] == pytest.approx(0.17, rel=1e-15)


def test_the_parameters_of_a_root_agree_with_its_sensitivity() -> None:
    system = build(["u**2 + v**2 - r**2", "exp(u*s) + v - 1"], {"u": 1.0, "v": -1.7}, {"r": 2.0, "s": 1.0})
    root = system.solve([1.0, -1.7], [2.0, 1.0])
    found = system.sensitivity(root.x, root.p)
    sigma = np.array([[0.04, 0.006], [0.006, 0.01]])
    here = propagate(found.forward(), sigma)
    np.testing.assert_allclose(here.covariance, found.covariance(sigma), rtol=1e-13)
    np.testing.assert_allclose(here.standard_deviations, found.standard_deviations(sigma), rtol=1e-13)


def test_standard_deviations_by_name() -> None:
    system = build("x[i]*x[i+1] for i in range(2)", {"x": [0.0] * 3})
    J = Differential(system).matrix([1.0, 2.0, 3.0])
    found = propagate(J, [0.1, 0.2, 0.3], system.equation_names)
    assert found.names == ("equations[0] at i=0", "equations[0] at i=1")
    assert float(found.by_name["equations[0] at i=1"]) == pytest.approx(math.hypot(3 * 0.2, 2 * 0.3), rel=1e-15)
    assert str(found) == ("standard deviations\n  equations[0] at i=0  0.282843\n  equations[0] at i=1  0.848528")
    assert str(propagate([[[1.0]], [[2.0]]], [0.5])) == "standard deviations\n  f[0]  [0.5 1. ]"
    with pytest.raises(rs.InputError, match="names: expected 2, one an equation; found 1"):
        propagate(J, [0.1, 0.2, 0.3], ["only"])


J = np.ones((4, 2, 3))
INDEFINITE = "a covariance is positive semidefinite; the smallest eigenvalue of its correlations, Σ_ij/√(Σ_ii Σ_jj), is"
REFUSED: dict[str, tuple[Any, str]] = {
    "a number": (1.0, "expected shape (3,) or (…, 3, 3) for a Jacobian of shape (4, 2, 3); found ()"),
    "too few": ([1.0, 2.0], "expected shape (3,) or (…, 3, 3) for a Jacobian of shape (4, 2, 3); found (2,)"),
    "of f": (np.eye(2), "expected shape (3,) or (…, 3, 3) for a Jacobian of shape (4, 2, 3); found (2, 2)"),
    "deviations each": (
        np.ones((4, 3)),
        "expected shape (3,) or (…, 3, 3) for a Jacobian of shape (4, 2, 3); found (4, 3)",
    ),
    "another batch": (np.ones((5, 1, 1)) * np.eye(3), "batch dimensions (5,) do not broadcast with (4,)"),
    "negative": ([0.1, -0.25, 0.1], "a standard deviation is at least 0; found -0.25 at [1]"),
    "infinite": ([0.1, 0.1, math.inf], "expected finite standard deviations; found inf at [2]"),
    "nan": ([[1.0, 0, 0], [0, 1, math.nan], [0, 0, 1]], "expected finite numbers; found nan at [1, 2]"),
    "variance": (np.diag([1.0, 2.0, -3.0]), "a variance is at least 0; found -3.0 at [2, 2]"),
    "asymmetric": (
        [[1.0, 0.5, 0], [0.25, 1, 0], [0, 0, 1]],
        "a covariance is symmetric; found 0.5 at [0, 1] and 0.25 at [1, 0]",
    ),
    "asymmetric in small units": (
        [[1e-20, 0, 0], [0, 1e-20, 1e-15], [0, 0, 1]],
        "a covariance is symmetric; found 1e-15 at [1, 2] and 0.0 at [2, 1]",
    ),
    "of a constant": (
        [[0.0, 1e-9, 0], [1e-9, 1, 0], [0, 0, 1]],
        "where a variance is 0 its covariances are; found 0.0 at [0, 0] and 1e-09 at [0, 1]",
    ),
    "indefinite": (
        [[1.0, 0, 0], [0, 4, 6], [0, 6, 4]],
        f"{INDEFINITE} -0.5",
    ),
    "indefinite beyond all measure": (
        [[1e-320, 1e300, 0], [1e300, 1e-320, 0], [0, 0, 1]],
        f"{INDEFINITE} -1e+100",
    ),
    "one of many": (
        np.array([np.eye(3), np.eye(3), np.eye(3) - 1.5 * np.ones((3, 3)) + 1.5 * np.eye(3), np.eye(3)]),
        f"{INDEFINITE} -2, at point [2]",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_covariance_is_refused(case: str) -> None:
    given, message = REFUSED[case]
    with pytest.raises(rs.InputError) as caught:
        propagate(J, given)
    assert (caught.value.field, caught.value.message) == ("covariance", message)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.ones((4, 2)), "expected shape (3,) or (…, 3) for a Jacobian of shape (4, 2, 3); found (4, 2)"),
        (np.ones((5, 3)), "batch dimensions (5,) do not broadcast with (4,)"),
        (-np.ones((4, 3)), "a standard deviation is at least 0; found -1.0 at [0, 0]"),
    ],
)
def test_what_are_no_standard_deviations_is_refused(given: NDArray[np.float64], message: str) -> None:
    with pytest.raises(rs.InputError) as caught:
        propagate_deviations(J, given)
    assert (caught.value.field, caught.value.message) == ("standard_deviations", message)


def test_a_covariance_made_in_floating_point_is_accepted() -> None:
    """Rounding leaves such as these a little off symmetry, and a little below zero."""
    rng = np.random.default_rng(2)
    samples = rng.normal(size=(40, 10)) * np.logspace(-8, 8, 40)[:, None]
    rotated = samples @ np.linalg.qr(rng.normal(size=(10, 10)))[0]
    found = propagate(np.eye(40), np.cov(rotated))
    np.testing.assert_allclose(found.standard_deviations, rotated.std(axis=1, ddof=1), rtol=1e-13)
