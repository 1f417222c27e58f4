"""Constants and places of a traced function that became parameters: sent along, and never shown as the caller's."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import raphson

if TYPE_CHECKING:
    from tests.client.conftest import ScriptedServer

RNG = np.random.default_rng(118)
N = 12
A = RNG.normal(size=(N, N)) + 6 * np.eye(N)
B = RNG.normal(size=N)
PERMUTATION = RNG.permutation(N)
START = np.zeros(N)
SECOND = np.linspace(-1, 1, N)


def dense(x: Any) -> Any:
    return A @ x + 0.1 * np.tanh(x) - B


def scaled(x: Any, r: Any) -> Any:
    return A @ x - r * B


def gathered(x: Any, r: Any) -> Any:
    y = x[PERMUTATION]
    return np.sin(y) * np.cos(y + 1) + np.exp(-(y**2)) * y + 3 * x - r


def jacobian_of_dense(x: Any) -> Any:
    return A + np.diag(0.1 / np.cosh(x) ** 2)


# --- what is sent
def test_coefficients_go_with_each_request_and_places_with_the_text(
    scripted: ScriptedServer, talking: raphson.Client
) -> None:
    for start in (START, SECOND):
        talking.solve(gathered, start, {"r": 2.0})
        talking.solve(dense, start)
    by_text, dense_by_text, by_id, dense_by_id = scripted.requests
    places, coefficients = by_text.system.definition.parameters[1], dense_by_text.system.definition.parameters[0]
    assert np.frombuffer(places.value.data).tolist() == PERMUTATION.tolist()
    assert [parameter.name for parameter in by_text.parameters] == ["r"]
    assert not coefficients.HasField("value")
    assert by_id.system.system_id
    assert [parameter.name for parameter in by_id.parameters] == ["r"]
    sent = [np.frombuffer(parameter.array.data) for parameter in dense_by_id.parameters]
    assert [part.tolist() for part in sent] == [A.ravel().tolist(), (-B).tolist()]


def test_other_constants_are_the_same_system(scripted: ScriptedServer, talking: raphson.Client) -> None:
    for matrix in (A, 2.5 * A):
        talking.solve(lambda x, matrix=matrix: matrix @ x - B, {"x": START})
    assert [request.system.WhichOneof("ref") for request in scripted.requests] == ["definition", "system_id"]
    first, second = (np.frombuffer(request.parameters[0].array.data) for request in scripted.requests)
    np.testing.assert_array_equal(second, 2.5 * first)


# --- with a real server
def test_a_function_with_constants_is_solved(client: raphson.Client) -> None:
    root = client.solve(dense, START)
    assert root.converged
    np.testing.assert_allclose(dense(root.x), 0, atol=1e-12)
    assert list(root) == ["x"]
    assert client.solve(gathered, START, {"r": 2.0}).converged


def test_every_view_takes_the_tables_along(client: raphson.Client) -> None:
    at, v = {"x": SECOND}, np.arange(N) / 10
    J = jacobian_of_dense(SECOND)
    np.testing.assert_allclose(client.value(dense, at), dense(SECOND), rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(client.jacobian(dense, at), J, rtol=1e-13)
    np.testing.assert_allclose(client.jvp(dense, at, v=v), J @ v, rtol=1e-12)
    np.testing.assert_allclose(client.vjp(dense, at, v=v), v @ J, rtol=1e-12)
    assert client.determinant(dense, at).log_abs == pytest.approx(np.linalg.slogdet(J)[1])
    many = np.stack([START, SECOND])
    found = client.jacobian(dense, {"x": many}, batch=1)
    np.testing.assert_allclose(found, [jacobian_of_dense(START), J], rtol=1e-13)
    assert client.differentiability(dense, at).differentiable
    assert str(client.explain(dense, at))


def test_searches_and_branches_take_the_tables_along(client: raphson.Client) -> None:
    roots = client.find_all(dense, (np.full(N, -2.0), np.full(N, 2.0)), max_starts=3).all()
    np.testing.assert_allclose(dense(roots[0].x), 0, atol=1e-11)
    points = client.follow(scaled, {"x": np.linalg.solve(A, B)}, {"r": 1.0}, parameter="r", lower=0.5, upper=2.0).all()
    np.testing.assert_allclose(A @ points[-1].x, points[-1].parameter * B, atol=1e-10)


def test_a_handle_keeps_its_tables(client: raphson.Client) -> None:
    system = pickle.loads(pickle.dumps(client.compile(scaled, {"x": START}, ["r"])))
    assert system.parameters == (("r", ()),)
    assert system.fixed == {}
    assert sorted(system.tables) == ["c1", "c2"]
    np.testing.assert_allclose(client.solve(system, START, {"r": 2.0}).x, np.linalg.solve(A, 2 * B), rtol=1e-11)
    np.testing.assert_allclose(client.jacobian(system, {"x": START}, {"r": 2.0}), A, rtol=1e-15)
    batched = client.value(system, {"x": np.stack([START, SECOND])}, {"r": np.array([1.0, 2.0])})
    np.testing.assert_allclose(batched, [scaled(START, 1.0), scaled(SECOND, 2.0)], rtol=1e-12, atol=1e-12)
    places = client.compile(gathered, {"x": START}, ["r"])
    assert places.parameters == (("r", ()),)
    assert places.fixed == {}
    np.testing.assert_allclose(client.value(places, SECOND, {"r": 1.0}), gathered(SECOND, 1.0), rtol=1e-13)


def test_a_table_is_no_parameter_of_the_callers(client: raphson.Client) -> None:
    system = client.compile(scaled, {"x": START}, ["r"])
    with pytest.raises(raphson.InvalidRequestError, match=r"parameters\[c1\]: is not a parameter") as caught:
        client.solve(system, START, {"r": 2.0, "c1": A})
    assert caught.value.code.name == "INVALID_ARGUMENT"


def test_a_callers_jacobian_has_a_row_for_each_residual(client: raphson.Client) -> None:
    entries = {(i, i): f"1 + 3*x[{i}]**2" for i in range(N)}
    root = client.solve(lambda x: x + x**3 - B, START, jacobian=entries)
    np.testing.assert_allclose(root.x + root.x**3, B, rtol=1e-11)


@pytest.mark.parametrize("compiled", [False, True])
def test_sensitivities_count_the_callers_parameters_alone(client: raphson.Client, compiled: bool) -> None:
    system = client.compile(scaled, {"x": START}, ["r"]) if compiled else scaled
    w = np.arange(N) + 1.0
    root = client.solve(system, {"x": START}, {"r": 2.0}, sensitivity=True, adjoint=w, parameter_covariance=[0.1])
    expected = np.linalg.solve(A, B)
    assert root.parameter_elements == ("r",)
    assert root.sensitivity is not None
    np.testing.assert_allclose(root.sensitivity, expected[:, None], rtol=1e-11)
    np.testing.assert_allclose(root.adjoint, [w @ expected], rtol=1e-11)
    np.testing.assert_allclose(root.standard_deviations, 0.1 * np.abs(expected), rtol=1e-10)
    again = pickle.loads(pickle.dumps(root))
    assert again.sensitivity.shape == (N, 1)


def test_a_full_covariance_reaches_over_the_tables(client: raphson.Client) -> None:
    system = client.compile(lambda x, r, s: A @ x - r * B - s, {"x": START}, ["r", "s"])
    covariance = np.array([[0.04, 0.01], [0.01, 0.09]])
    root = client.solve(system, START, {"r": 1.0, "s": 0.5}, parameter_covariance=covariance)
    J = np.linalg.solve(A, np.column_stack([B, np.ones(N)]))
    np.testing.assert_allclose(root.covariance, J @ covariance @ J.T, rtol=1e-9, atol=1e-12)


def test_a_composition_takes_the_tables_of_each_link(client: raphson.Client) -> None:
    found = client.chain([dense, raphson.Link(dense, variables={"x": (N,)})], {"x": SECOND})
    inner = dense(SECOND)
    np.testing.assert_allclose(found.value, dense(inner), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found.jacobian, jacobian_of_dense(inner) @ jacobian_of_dense(SECOND), rtol=1e-11)
