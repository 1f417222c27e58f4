"""Every view of the Jacobian against a real server, beside closed forms and 50 digits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from raphson.v1 import solver_pb2 as wire

from tests.problems import reference
from tests.server.calling import array, numbers, to_evaluate
from tests.server.running import Server

EQUATIONS = ("exp(x1*x2) + x3", "sin(x1 + x3)*x2", "x1/(1 + x2**2) + x3**3")
AT = {"x1": 0.7, "x2": -1.3, "x3": 0.4}
POLAR = ("r*cos(t)", "r*sin(t)")
CYLINDRICAL = ("r*cos(t)", "r*sin(t)", "z")
SPHERICAL = ("r*sin(t)*cos(f)", "r*sin(t)*sin(f)", "r*cos(t)")
SCALAR = "x**2*y + exp(y)"


def exact() -> np.ndarray:
    return np.array(reference.jacobian(EQUATIONS, list(AT.values())), dtype=float)


@pytest.mark.parametrize(
    ("mode", "digits"),
    [
        (wire.JACOBIAN_MODE_EXACT, 2e-15),
        (wire.JACOBIAN_MODE_COMPLEX_STEP, 2e-15),
        (wire.JACOBIAN_MODE_CENTRAL, 1e-8),
        (wire.JACOBIAN_MODE_FORWARD, 1e-6),
    ],
)
def test_every_mode_and_view_to_fifty_digits(server: Server, mode: wire.JacobianMode, digits: float) -> None:
    v, w = np.array([0.5, -2.0, 1.0]), np.array([3.0, 1.0, -1.0])
    views = {"value": True, "matrix": True, "sparse": True, "determinant": True, "spectrum": True}
    reply = server.evaluate(to_evaluate(*EQUATIONS, at=AT, jvp=array(v), vjp=array(w), mode=mode, **views))
    matrix, near = exact(), {"rtol": 10 * digits, "atol": 10 * digits}
    value = [float(number) for number in reference.residual(EQUATIONS, list(AT.values()))]
    np.testing.assert_allclose(numbers(reply.value), value, rtol=1e-15)
    np.testing.assert_allclose(numbers(reply.matrix), matrix, **near)
    np.testing.assert_allclose(numbers(reply.jvp), matrix @ v, **near)
    np.testing.assert_allclose(numbers(reply.vjp), w @ matrix, **near)
    sign, log_abs = np.linalg.slogdet(matrix)
    assert numbers(reply.determinant.sign) == sign
    np.testing.assert_allclose(numbers(reply.determinant.log_abs), log_abs, **near)
    values = np.linalg.svd(matrix, compute_uv=False)
    np.testing.assert_allclose(numbers(reply.spectrum.singular_values), values, **near)
    np.testing.assert_allclose(numbers(reply.spectrum.condition), values[0] / values[-1], rtol=100 * digits)
    assert numbers(reply.spectrum.rank) == 3


def test_a_sparse_matrix_has_its_places(server: Server) -> None:
    reply = server.evaluate(to_evaluate("x*y", "y**2", "3*x", at={"x": 2.0, "y": 5.0}, sparse=True))
    rows, columns = (np.frombuffer(part, "<i8") for part in (reply.sparse.rows, reply.sparse.columns))
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == [(0, 0), (0, 1), (1, 1), (2, 0)]
    assert numbers(reply.sparse.values).tolist() == [5.0, 2.0, 10.0, 3.0]
    assert (reply.sparse.equation_count, reply.sparse.variable_count) == (3, 2)


def test_gradient_and_second_derivatives_of_a_scalar_function(server: Server) -> None:
    x, y, v = 1.5, 0.5, np.array([1.0, -2.0])
    reply = server.evaluate(
        to_evaluate(SCALAR, at={"x": x, "y": y}, value=True, gradient=True, hessian_vector=array(v))
    )
    np.testing.assert_allclose(numbers(reply.value), [x**2 * y + math.exp(y)], rtol=1e-15)
    np.testing.assert_allclose(numbers(reply.gradient), [2 * x * y, x**2 + math.exp(y)], rtol=1e-15)
    hessian = np.array([[2 * y, 2 * x], [2 * x, math.exp(y)]])
    np.testing.assert_allclose(numbers(reply.hessian_vector), hessian @ v, rtol=1e-14)


@pytest.mark.parametrize(
    ("equations", "at", "factor"),
    [
        (POLAR, {"r": 2.5, "t": 0.3}, 2.5),
        (CYLINDRICAL, {"r": 2.5, "t": 0.3, "z": -1.0}, 2.5),
        (SPHERICAL, {"r": 2.5, "t": 0.3, "f": 1.1}, 2.5**2 * math.sin(0.3)),
    ],
)
def test_volume_factors_and_densities(
    server: Server, equations: tuple[str, ...], at: dict[str, float], factor: float
) -> None:
    reply = server.evaluate(to_evaluate(*equations, at=at, determinant=True, log_density=array(-1.25)))
    assert numbers(reply.determinant.sign) == 1.0
    np.testing.assert_allclose(numbers(reply.determinant.log_abs), math.log(factor), rtol=1e-14)
    np.testing.assert_allclose(numbers(reply.log_density), -1.25 - math.log(factor), rtol=1e-14)


def test_a_determinant_does_not_overflow(server: Server) -> None:
    """n = 500 and factors of 1e3: 1e1500."""
    reply = server.evaluate(to_evaluate("1e3*u[i] for i in range(500)", at={"u": np.ones(500)}, determinant=True))
    assert numbers(reply.determinant.sign) == 1.0
    np.testing.assert_allclose(numbers(reply.determinant.log_abs), 500 * math.log(1e3), rtol=1e-14)


def test_a_singular_matrix(server: Server) -> None:
    reply = server.evaluate(to_evaluate("x + y", "2*x + 2*y", at={"x": 1.0, "y": 1.0}, determinant=True, spectrum=True))
    assert (numbers(reply.determinant.sign), numbers(reply.determinant.log_abs)) == (0.0, -math.inf)
    assert (numbers(reply.spectrum.rank), numbers(reply.spectrum.condition)) == (1.0, math.inf)


@pytest.mark.parametrize("sigma", [np.array([0.1, 0.2, 0.05]), np.array([[4, 1, 0], [1, 9, 2], [0, 2, 1.0]])])
def test_uncertainty(server: Server, sigma: np.ndarray) -> None:
    reply = server.evaluate(to_evaluate(*EQUATIONS, at=AT, covariance=array(sigma)))
    full = np.diag(sigma**2) if sigma.ndim == 1 else sigma
    expected = exact() @ full @ exact().T
    np.testing.assert_allclose(numbers(reply.covariance), expected, rtol=1e-12)
    np.testing.assert_allclose(numbers(reply.standard_deviations), np.sqrt(np.diag(expected)), rtol=1e-13)
    assert list(reply.equation_names) == ["equations[0]", "equations[1]", "equations[2]"]


@pytest.mark.parametrize("mode", [wire.JACOBIAN_MODE_FORWARD, wire.JACOBIAN_MODE_CENTRAL])
def test_the_error_of_differences_is_estimated(server: Server, mode: wire.JacobianMode) -> None:
    reply = server.evaluate(to_evaluate(*EQUATIONS, at=AT, matrix=True, error_estimate=True, mode=mode))
    error, off = numbers(reply.error), np.abs(numbers(reply.matrix) - exact())
    assert error.shape == (3, 3)
    assert np.all(off <= error)
    assert np.max(error) < 1e-5


def test_a_parameter_that_is_part_of_the_system_may_be_sent(server: Server) -> None:
    family = "u[i]*a for i in range(n)"
    reply = server.evaluate(to_evaluate(family, at={"u": np.ones(3)}, parameters={"n": 3.0, "a": 2.0}, sparse=True))
    assert numbers(reply.sparse.values).tolist() == [2.0, 2.0, 2.0]
