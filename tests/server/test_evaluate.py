"""JacobianService.Evaluate against a real server."""

from __future__ import annotations

import math

import numpy as np
import pytest
from raphson.v1 import solver_pb2 as wire
from raphson.v1.jacobian_pb2 import EvaluateRequest
from raphson.v1.system_pb2 import JacobianRow, SystemRef

from tests.server.calling import array, between, named, numbers, to_compile, to_evaluate
from tests.server.running import Server

EQUATIONS = ("x**2 * y", "5*x + sin(y)")
AT = {"x": 1.5, "y": 0.25}


def expected(x: float, y: float) -> np.ndarray:
    return np.array([[2 * x * y, x**2], [5, math.cos(y)]])


def test_all_views_at_once(server: Server) -> None:
    v, w = np.array([0.5, -2.0]), np.array([3.0, 1.0])
    reply = server.evaluate(
        to_evaluate(*EQUATIONS, at=AT, value=True, matrix=True, jvp=array(v), vjp=array(w), determinant=True)
    )
    jacobian = expected(**AT)
    np.testing.assert_allclose(numbers(reply.value), [1.5**2 * 0.25, 7.5 + math.sin(0.25)], rtol=1e-15)
    np.testing.assert_allclose(numbers(reply.matrix), jacobian, rtol=1e-15)
    np.testing.assert_allclose(numbers(reply.jvp), jacobian @ v, rtol=1e-14)
    np.testing.assert_allclose(numbers(reply.vjp), w @ jacobian, rtol=1e-14)
    assert tuple(reply.determinant.sign.shape) == ()
    determinant = numbers(reply.determinant.sign) * np.exp(numbers(reply.determinant.log_abs))
    assert determinant == pytest.approx(np.linalg.det(jacobian), rel=1e-12)
    assert reply.evaluations == 0
    assert len(reply.system_id) == 64


def test_only_what_is_asked_for_is_returned(server: Server) -> None:
    reply = server.evaluate(to_evaluate(*EQUATIONS, at=AT, value=True))
    assert reply.HasField("value")
    assert not any(reply.HasField(view) for view in ("matrix", "jvp", "vjp", "determinant"))


def test_by_id(server: Server) -> None:
    system_id = server.compile(to_compile(*EQUATIONS, x=(), y=())).system_id
    reply = server.evaluate(EvaluateRequest(system=SystemRef(system_id=system_id), at=named(AT), matrix=True))
    np.testing.assert_allclose(numbers(reply.matrix), expected(**AT), rtol=1e-15)
    assert reply.system_id == system_id


@pytest.mark.parametrize(
    ("mode", "digits", "a_column"),
    [
        (wire.JACOBIAN_MODE_FORWARD, 1e-6, 1),
        (wire.JACOBIAN_MODE_CENTRAL, 1e-8, 2),
        (wire.JACOBIAN_MODE_COMPLEX_STEP, 1e-15, 1),
    ],
)
def test_differences_say_what_they_cost(server: Server, mode: wire.JacobianMode, digits: float, a_column: int) -> None:
    """Of a full matrix each column takes its own evaluations; differences also that at x."""
    reply = server.evaluate(to_evaluate(*EQUATIONS, at=AT, matrix=True, mode=mode))
    np.testing.assert_allclose(numbers(reply.matrix), expected(**AT), rtol=digits)
    assert reply.evaluations in {2 * a_column, 2 * a_column + 1}


def test_what_several_views_need_of_differences_is_computed_once(server: Server) -> None:
    """All from one J: its evaluations are counted once."""
    views = {"jvp": array([1.0, 0.0]), "vjp": array([0.0, 1.0]), "sparse": True, "determinant": True, "spectrum": True}
    alone = server.evaluate(to_evaluate(*EQUATIONS, at=AT, matrix=True, mode=wire.JACOBIAN_MODE_FORWARD))
    for without in ({}, {"matrix": True}):
        reply = server.evaluate(to_evaluate(*EQUATIONS, at=AT, mode=wire.JACOBIAN_MODE_FORWARD, **views, **without))
        assert reply.evaluations == alone.evaluations
    products = {"jvp": array([1.0, 0.0]), "vjp": array([0.0, 1.0]), "sparse": True}
    reply = server.evaluate(to_evaluate(*EQUATIONS, at=AT, mode=wire.JACOBIAN_MODE_FORWARD, **products))
    assert reply.evaluations == alone.evaluations
    matrix = numbers(alone.matrix)
    np.testing.assert_array_equal(numbers(reply.jvp), matrix[:, 0])
    np.testing.assert_array_equal(numbers(reply.vjp), matrix[1])


def test_differences_of_a_sparse_matrix_move_several_variables_at_once(server: Server) -> None:
    family = "u[i]**2 - u[i-1] + u[i+1] for i in range(1, 99)"
    at = {"u": np.linspace(1.0, 2.0, 100)}
    reply = server.evaluate(to_evaluate(family, at=at, sparse=True, mode=wire.JACOBIAN_MODE_FORWARD))
    assert reply.evaluations <= 4
    exact = server.evaluate(to_evaluate(family, at=at, sparse=True))
    np.testing.assert_allclose(numbers(reply.sparse.values), numbers(exact.sparse.values), rtol=1e-6)


def test_differences_stay_within_bounds(server: Server) -> None:
    """sqrt has no value below 0: central differences there are one-sided."""
    request = to_evaluate(
        "x*sqrt(x)", at={"x": 0.0}, matrix=True, mode=wire.JACOBIAN_MODE_CENTRAL, bounds=between(x=(0.0, None))
    )
    assert abs(numbers(server.evaluate(request).matrix)[0, 0]) < 1e-2
    outside = to_evaluate(
        "x", at={"x": -1.0}, matrix=True, mode=wire.JACOBIAN_MODE_CENTRAL, bounds=between(x=(0.0, None))
    )
    refused = server.refusal(outside)
    assert (refused.code.name, refused.field) == ("INVALID_ARGUMENT", "at")
    assert "-1.0" in refused.message


def test_analytic_is_the_callers_own(server: Server) -> None:
    rows = [JacobianRow(entries=["2*x*y", "x**2"]), JacobianRow(entries=["5", "0.75"])]
    reply = server.evaluate(
        to_evaluate(*EQUATIONS, at=AT, jacobian=rows, matrix=True, mode=wire.JACOBIAN_MODE_ANALYTIC)
    )
    np.testing.assert_array_equal(numbers(reply.matrix), [[0.75, 2.25], [5, 0.75]])


@pytest.mark.parametrize(("count", "shape"), [(1, (1, 3)), (4, (4, 3))])
def test_any_shape_of_jacobian(server: Server, count: int, shape: tuple[int, int]) -> None:
    equations = [f"{i + 1}*u[0] + u[1]*u[2]" for i in range(count)]
    at = {"u": np.array([1.0, 2.0, 3.0])}
    reply = server.evaluate(to_evaluate(*equations, at=at, matrix=True))
    assert numbers(reply.matrix).shape == shape
    np.testing.assert_array_equal(numbers(reply.matrix), [[i + 1, 3, 2] for i in range(count)])


def test_one_number_is_a_vector_where_n_is_one(server: Server) -> None:
    reply = server.evaluate(to_evaluate("x**3", "x**2", at={"x": 2.0}, jvp=array(2.0), vjp=array([1.0, 1.0])))
    np.testing.assert_array_equal(numbers(reply.jvp), [24, 8])
    np.testing.assert_array_equal(numbers(reply.vjp), [16])
    assert tuple(reply.vjp.shape) == (1,)


def test_not_finite_is_a_value(server: Server) -> None:
    reply = server.evaluate(to_evaluate("log(x)", at={"x": 0.0}, value=True))
    assert numbers(reply.value)[0] == -math.inf
