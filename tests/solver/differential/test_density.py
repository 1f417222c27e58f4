"""Densities under maps whose images have known densities."""

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
from raphson_solver.differential.chain import Chain
from raphson_solver.differential.density import change_of_variables_logdensity, volume_factor
from raphson_solver.differential.determinant import Determinant, determinant

from tests.solver.building import build

if TYPE_CHECKING:
    from numpy.typing import NDArray

HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)


def normal(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The log density of independent standard normals, shape (…), at x of shape (…, n)."""
    return np.sum(-0.5 * x * x - HALF_LOG_TWO_PI, axis=-1)


def test_exp_of_a_normal_is_lognormal() -> None:
    x = np.linspace(-3.0, 3.0, 41)[:, None]
    system = Differential(build("exp(x)", ["x"]))
    found = change_of_variables_logdensity(normal(x), determinant(system.matrix(x)))
    with mp.workdps(50):
        for got, at in zip(found, x[:, 0].tolist(), strict=True):
            y = mp.exp(at)
            wanted = mp.log(mp.npdf(mp.log(y)) / y)
            assert got == pytest.approx(float(wanted), rel=1e-14, abs=1e-14)


def test_an_affine_image_of_normals_is_normal() -> None:
    rng = np.random.default_rng(5)
    A, b, x = rng.normal(size=(3, 3)), rng.normal(size=3), rng.normal(size=(4, 6, 3))
    system = Differential(
        build("sum(A[i,j]*x[j] for j in range(3)) + b[i] for i in range(3)", {"x": b}, {"A": A, "b": b})
    )
    p = {"A": A, "b": b}
    found = change_of_variables_logdensity(normal(x), determinant(system.matrix(x, p)))
    assert found.shape == (4, 6)
    with mp.workdps(50):
        covariance = mp.matrix(A.tolist()) * mp.matrix(A.tolist()).T
        log_scale = (3 * mp.log(2 * mp.pi) + mp.log(mp.det(covariance))) / 2
        inverse = covariance**-1
        for place in np.ndindex(4, 6):
            # A·x to 50 digits, not y rounded: the density is wanted where x is.
            shift = mp.matrix(A.tolist()) * mp.matrix(x[place].tolist())
            wanted = -(shift.T * inverse * shift)[0] / 2 - log_scale
            assert found[place] == pytest.approx(float(wanted), rel=1e-13)
    # One determinant serves every point of an affine map; several densities may share the points.
    one = determinant(system.matrix(x[0, 0], p))
    np.testing.assert_allclose(change_of_variables_logdensity(normal(x), one), found, rtol=1e-14)
    each = determinant(system.matrix(x[0], p))
    np.testing.assert_allclose(change_of_variables_logdensity(normal(x), each), found, rtol=1e-14)


@given(hnp.arrays(np.float64, (7, 2), elements=st.floats(-2.0, 2.0)))
def test_through_two_maps_it_is_as_through_one(x: NDArray[np.float64]) -> None:
    first = Differential(build(["u + v**3/5", "v + sin(u)/3"], ["u", "v"]))
    second = Differential(build(["exp(a/3)", "b + a*b**2/9 + b**3"], ["a", "b"]))
    both = Chain([first, second])
    between = change_of_variables_logdensity(normal(x), determinant(first.matrix(x)))
    found = change_of_variables_logdensity(between, determinant(second.matrix(first.value(x))))
    wanted = change_of_variables_logdensity(normal(x), determinant(both.matrix(x)))
    finite = np.isfinite(wanted)
    np.testing.assert_allclose(found[finite], wanted[finite], rtol=1e-10, atol=1e-10)


def test_where_the_map_is_flat_the_density_has_no_bound() -> None:
    flat = determinant(np.zeros((3, 2, 2)))
    found = change_of_variables_logdensity([-1.0, -math.inf, math.nan], flat)
    assert found[0] == math.inf
    assert np.isnan(found[1:]).all()


def test_outside_the_support_there_is_no_density() -> None:
    assert change_of_variables_logdensity(-math.inf, determinant([[2.0]])) == -math.inf


def test_where_the_matrix_is_not_finite_it_is_nan() -> None:
    assert np.isnan(change_of_variables_logdensity([0.0, 0.0], determinant([[[math.nan]], [[math.inf]]]))).all()


@pytest.mark.parametrize(("densities", "points"), [((3,), (4,)), ((4, 1), (4,)), ((4,), (1, 4, 2)), ((1,), (4,))])
def test_a_density_has_a_number_a_point(densities: tuple[int, ...], points: tuple[int, ...]) -> None:
    with pytest.raises(rs.InputError) as caught:
        change_of_variables_logdensity(np.zeros(densities), determinant(np.ones((*points, 1, 1))))
    assert caught.value.field == "log_density"
    assert caught.value.message == f"expected a number a point, shape {points}; found {densities}"


@pytest.mark.parametrize(
    ("equations", "variables", "at", "wanted"),
    [
        (["r*cos(t)", "r*sin(t)"], ["r", "t"], [2.5, 0.7], 2.5),
        (["r*cos(t)", "r*sin(t)", "z"], ["r", "t", "z"], [0.3, -2.0, 5.0], 0.3),
        (["r*sin(a)*cos(b)", "r*sin(a)*sin(b)", "r*cos(a)"], ["r", "a", "b"], [3.0, 0.5, 2.0], 9.0 * math.sin(0.5)),
        (["u - v", "v - u"], ["u", "v"], [1.0, 1.0], 0.0),
        (["-3*u"], ["u"], [1.0], 3.0),
    ],
)
def test_the_volume_factor(equations: list[str], variables: list[str], at: list[float], wanted: float) -> None:
    found = volume_factor(determinant(Differential(build(equations, variables)).matrix(at)))
    assert found.shape == ()
    assert found == pytest.approx(wanted, rel=1e-14, abs=1e-300)


def test_a_volume_factor_beyond_float64_is_infinite_without_a_warning() -> None:
    found = volume_factor(Determinant(np.array([-1.0, 1.0]), np.array([1e3, -1e3])))
    expected: Any = [math.inf, 0.0]
    assert found.tolist() == expected
