"""One Jacobian behind every source of derivatives, as a matrix, as products and as a determinant."""

from __future__ import annotations

import math

import numpy as np
import pytest
import raphson_solver as rs
from raphson_solver.differential import Differential

from tests.solver.building import build

MODES = list(rs.JacobianMode)
every_mode = pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name.lower())
ACCURACY = {
    rs.JacobianMode.EXACT: 1e-14,
    rs.JacobianMode.ANALYTIC: 1e-14,
    rs.JacobianMode.FORWARD: 1e-6,
    rs.JacobianMode.CENTRAL: 1e-9,
    rs.JacobianMode.COMPLEX_STEP: 1e-14,
}

SYSTEM = build(
    ["x**2*y - sin(z)", "exp(x*r)/y"],
    ["x", "y", "z"],
    ["r"],
    jacobian=[["2*x*y", "x**2", "-cos(z)"], ["r*exp(x*r)/y", "-exp(x*r)/y**2", "0"]],
)
X, R = np.array([1.5, -0.75, 2.0]), np.array([0.5])
J = np.array(
    [
        [2 * 1.5 * -0.75, 1.5**2, -math.cos(2.0)],
        [0.5 * math.exp(0.75) / -0.75, -math.exp(0.75) / 0.75**2, 0.0],
    ]
)


@every_mode
def test_the_matrix(mode: rs.JacobianMode) -> None:
    got = SYSTEM.jacobian(X, R, mode)
    assert got.shape == (2, 3)
    assert got[1, 2] == 0.0
    np.testing.assert_allclose(got, J, rtol=ACCURACY[mode])


@every_mode
def test_the_products(mode: rs.JacobianMode) -> None:
    v, w = np.array([1.0, -2.0, 0.5]), np.array([2.0, -3.0])
    forward, reverse = SYSTEM.jvp(X, v, R, mode), SYSTEM.vjp(X, w, R, mode)
    assert (forward.shape, reverse.shape) == ((2,), (3,))
    np.testing.assert_allclose(forward, J @ v, rtol=10 * ACCURACY[mode])
    np.testing.assert_allclose(reverse, w @ J, rtol=10 * ACCURACY[mode])


@every_mode
def test_by_name_as_by_place(mode: rs.JacobianMode) -> None:
    named = {"z": 2.0, "x": 1.5, "y": -0.75}
    assert SYSTEM.jacobian(named, {"r": 0.5}, mode).tobytes() == SYSTEM.jacobian(X, R, mode).tobytes()


@pytest.mark.parametrize("mode", [rs.JacobianMode.FORWARD, rs.JacobianMode.CENTRAL])
@pytest.mark.parametrize("size", [1e-150, 1e-8, 1.0, 1e8, 1e150])
def test_differences_step_by_the_size_of_a_variable(mode: rs.JacobianMode, size: float) -> None:
    system = build(["x**2/s", "s/x"], ["x"], ["s"])
    got = system.jacobian([1.5 * size], [size], mode)[:, 0]
    np.testing.assert_allclose(got, [3.0, -1 / (2.25 * size)], rtol=ACCURACY[mode] * 3)


@pytest.mark.parametrize("mode", [rs.JacobianMode.FORWARD, rs.JacobianMode.CENTRAL])
@pytest.mark.parametrize(("text", "x", "slope"), [("sqrt(1 - x)*2 + 3*x", 0.0, 2.0), ("x*sqrt(x)", 0.0, 0.0)])
def test_differences_use_the_side_that_is_in_the_domain(
    text: str, x: float, slope: float, mode: rs.JacobianMode
) -> None:
    assert build(text, ["x"]).jacobian([x], mode=mode)[0, 0] == pytest.approx(slope, abs=1e-2)


@pytest.mark.parametrize("mode", [rs.JacobianMode.FORWARD, rs.JacobianMode.CENTRAL])
def test_differences_say_nan_where_neither_side_is(mode: rs.JacobianMode) -> None:
    assert np.isnan(build("log(-x**2)", ["x"]).jacobian([1.0], mode=mode)[0, 0])


def test_what_a_jacobian_costs() -> None:
    cost = {}
    for mode in MODES:
        differential = Differential(SYSTEM, mode)
        differential.matrix(X, R)
        cost[mode] = differential.evaluations
    assert cost == {
        rs.JacobianMode.EXACT: 0,
        rs.JacobianMode.ANALYTIC: 0,
        rs.JacobianMode.FORWARD: 4,
        rs.JacobianMode.CENTRAL: 7,
        rs.JacobianMode.COMPLEX_STEP: 3,
    }
    alone = Differential(build(["x", "2"], ["x", "unused"]), rs.JacobianMode.FORWARD)
    alone.matrix([1.0, 1.0])
    assert alone.evaluations == 2


def test_the_sparsity() -> None:
    rows, columns = SYSTEM.sparsity
    assert rows.dtype == columns.dtype == np.int64
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]


SQUARE = build(["3*x - y**2", "x*y"], ["x", "y"], jacobian=[["3", "-2*y"], ["y", "x"]])  # det J = 3x + 2y²


@every_mode
@pytest.mark.parametrize(("x", "y"), [(1.0, 2.0), (-4.0, 1.0), (1e3, -1e-3)])
def test_the_determinant(x: float, y: float, mode: rs.JacobianMode) -> None:
    expected = 3 * x + 2 * y * y
    sign, log_abs = SQUARE.determinant([x, y], mode=mode)
    assert sign == math.copysign(1.0, expected)
    assert math.exp(log_abs) == pytest.approx(abs(expected), rel=10 * ACCURACY[mode])


def test_the_determinant_of_a_singular_matrix() -> None:
    assert build(["x + y", "2*x + 2*y"], ["x", "y"]).determinant([1.0, 1.0]) == (0.0, -math.inf)


@pytest.mark.parametrize("factor", [1e5, -1e5, 1e-5])
def test_a_determinant_of_size_200_does_not_overflow(factor: float) -> None:
    n = 200
    system = build(f"f*x[i] + (x[i-1]*1e-30 if i > 0 else 0) for i in range({n})", {"x": np.zeros(n)}, ["f"])
    sign, log_abs = system.determinant(np.ones(n), [factor])
    assert sign == 1.0
    assert log_abs == pytest.approx(n * math.log(abs(factor)), rel=1e-12)


def test_a_determinant_needs_a_square_matrix() -> None:
    with pytest.raises(rs.InputError) as caught:
        SYSTEM.determinant(X, R)
    assert caught.value.field == "determinant"
    assert caught.value.message == "a determinant needs a square Jacobian; this one is 2×3"


def test_a_system_that_is_not_square_can_be_evaluated() -> None:
    assert SYSTEM.residual(X, R).shape == (2,)
    assert build(["x", "y", "x*y"], ["x", "y"]).jacobian([2.0, 3.0]).tolist() == [[1, 0], [0, 1], [3, 2]]


def test_an_analytic_jacobian_is_taken_as_it_is_written() -> None:
    system = build(["x*y", "x + y"], ["x", "y"], jacobian=[["7", "0"], ["x - x + 5", "y"]])
    assert system.jacobian([2.0, 3.0], mode=rs.JacobianMode.ANALYTIC).tolist() == [[7, 0], [5, 3]]
    assert system.jvp([2.0, 3.0], [1.0, 10.0], mode=rs.JacobianMode.ANALYTIC).tolist() == [7, 35]
    assert system.vjp([2.0, 3.0], [1.0, 10.0], mode=rs.JacobianMode.ANALYTIC).tolist() == [57, 30]
    assert system.jacobian([2.0, 3.0]).tolist() == [[3, 2], [1, 1]]
