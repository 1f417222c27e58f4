"""Every view of the Jacobian from Python, on a real server."""

from __future__ import annotations

import dataclasses
import math
import pickle
from typing import Any

import numpy as np
import pytest
import raphson
from scipy.sparse import coo_array

from tests.problems import reference

EQUATIONS = ["exp(x1*x2) + x3", "sin(x1 + x3)*x2", "x1/(1 + x2**2) + x3**3"]
AT = {"x1": 0.7, "x2": -1.3, "x3": 0.4}
EXACT = np.array(reference.jacobian(EQUATIONS, list(AT.values())), dtype=float)
SPHERICAL = ["r*sin(t)*cos(f)", "r*sin(t)*sin(f)", "r*cos(t)"]
RANDOM = np.random.default_rng(5)


@pytest.mark.parametrize(
    ("method", "digits"), [("exact", 1e-14), ("complex_step", 1e-14), ("central", 1e-8), ("forward", 1e-6)]
)
def test_every_mode_to_fifty_digits(client: raphson.Client, method: Any, digits: float) -> None:
    near = {"rtol": digits, "atol": digits}
    v = RANDOM.normal(size=3)
    np.testing.assert_allclose(client.jacobian(EQUATIONS, AT, method=method), EXACT, **near)
    np.testing.assert_allclose(client.jacobian(EQUATIONS, AT, method=method, sparse=True).toarray(), EXACT, **near)
    np.testing.assert_allclose(client.jvp(EQUATIONS, AT, method=method, v=v), EXACT @ v, **near)
    np.testing.assert_allclose(client.vjp(EQUATIONS, AT, method=method, v=v), v @ EXACT, **near)
    assert client.determinant(EQUATIONS, AT, method=method).value == pytest.approx(
        np.linalg.det(EXACT), rel=100 * digits
    )


def test_a_sparse_jacobian_is_scipys_too(client: raphson.Client) -> None:
    system = client.compile("u[i]**2 - v*u[i-1] for i in range(1, 50)", variables={"u": (50,), "v": ()})
    u, v = RANDOM.normal(size=(3, 50)), RANDOM.normal(size=3)
    sparse = client.jacobian(system, {"u": u[0], "v": v[0]}, sparse=True)
    assert (sparse.shape, sparse.rows.dtype, sparse.values.shape) == ((49, 51), np.int64, (147,))
    full = client.jacobian(system, {"u": u[0], "v": v[0]})
    np.testing.assert_array_equal(sparse.toarray(), full)
    scipys = coo_array((sparse.values, (sparse.rows, sparse.columns)), shape=sparse.shape)
    np.testing.assert_array_equal(scipys.toarray(), full)
    assert str(sparse).splitlines()[0] == "49×51, 147 entries"
    assert len(str(sparse).splitlines()) == 8
    many = client.jacobian(system, {"u": u, "v": v}, sparse=True)
    assert (many.shape, many.values.shape, many.toarray().shape) == ((49, 51), (3, 147), (3, 49, 51))
    np.testing.assert_array_equal(many.toarray()[0], full)
    assert repr(many) == "SparseJacobian: 49×51, 147 entries, at points (3,)"


def test_gradients(client: raphson.Client) -> None:
    x, y = RANDOM.normal(size=(2, 6))
    value, gradient = client.value_and_gradient("x**2*y + exp(y)", {"x": 2.0, "y": 0.0})
    assert value == 1.0
    assert isinstance(value, float)
    assert gradient.tolist() == [0.0, 5.0]
    values, gradients = client.value_and_gradient("x**2*y + exp(y)", {"x": x, "y": y}, batch=1)
    np.testing.assert_allclose(values, x**2 * y + np.exp(y), rtol=1e-14)
    np.testing.assert_allclose(gradients, np.stack([2 * x * y, x**2 + np.exp(y)], axis=-1), rtol=1e-14)
    np.testing.assert_array_equal(client.gradient("x**2*y + exp(y)", {"x": x, "y": y}, batch=1), gradients)
    by_differences = client.gradient("x**2*y + exp(y)", {"x": x, "y": y}, method="central", batch=1)
    np.testing.assert_allclose(by_differences, gradients, rtol=1e-7, atol=1e-8)


def test_second_derivatives(client: raphson.Client) -> None:
    at = {"x": 1.5, "y": 0.5}
    hessian = np.array([[2 * 0.5, 2 * 1.5], [2 * 1.5, math.exp(0.5)]])
    product = client.hessian_vector_product("x**2*y + exp(y)", at, v={"x": 1.0, "y": -2.0})
    np.testing.assert_allclose(product, hessian @ [1.0, -2.0], rtol=1e-14)
    columns = client.hessian_vector_product("x**2*y + exp(y)", at, v=np.eye(2))
    np.testing.assert_allclose(columns, hessian, rtol=1e-14)


def test_directions_by_name_at_many_points(client: raphson.Client) -> None:
    system = client.compile("u[i]*v for i in range(2)", variables={"u": (2,), "v": ()})
    u, v = RANDOM.normal(size=(5, 2)), RANDOM.normal(size=5)
    along = client.jvp(system, {"u": u, "v": v}, v={"u": np.ones((5, 2)), "v": 2.0})
    np.testing.assert_allclose(along, v[:, None] + 2 * u, rtol=1e-14)
    along = client.jvp(system, {"u": u, "v": v}, v={"u": [1.0, 0.0], "v": np.arange(5.0)})
    np.testing.assert_allclose(along, np.stack([v + np.arange(5) * u[:, 0], np.arange(5) * u[:, 1]], -1), rtol=1e-14)
    with pytest.raises(raphson.InvalidRequestError, match="do not broadcast"):
        client.jvp(system, {"u": u, "v": v}, v={"u": np.ones((5, 2)), "v": np.ones(4)})


# --- measures
def test_determinants_and_densities_of_spherical_coordinates(client: raphson.Client) -> None:
    system = client.compile(SPHERICAL, variables=["r", "t", "f"])
    r, t, f = RANDOM.uniform(0.1, 3.0, size=(3, 40))
    at = {"r": r, "t": t, "f": f}
    found = client.determinant(system, at)
    np.testing.assert_allclose(found.value, r**2 * np.sin(t), rtol=1e-12)
    np.testing.assert_allclose(found.volume_factor, np.abs(r**2 * np.sin(t)), rtol=1e-12)
    log_density = client.change_of_variables_logdensity(system, at, log_density=np.zeros(40))
    np.testing.assert_allclose(log_density, -np.log(r**2 * np.sin(t)), rtol=1e-11, atol=1e-13)
    one = client.determinant(system, {"r": 2.0, "t": 1.0, "f": 0.5})
    assert isinstance(one.value, float)
    assert one.value == one.volume_factor == pytest.approx(4 * math.sin(1.0), rel=1e-14)
    number = client.change_of_variables_logdensity(system, {"r": 2.0, "t": 1.0, "f": 0.5}, log_density=-1.0)
    assert isinstance(number, float)
    assert number == pytest.approx(-1.0 - math.log(4 * math.sin(1.0)), rel=1e-14)


def test_samples_of_a_normal_distribution_under_an_exponential(client: raphson.Client) -> None:
    """exp of a normal variable is log-normal, whose density is known."""
    x = RANDOM.normal(size=100)
    found = client.change_of_variables_logdensity(
        "exp(x)", {"x": x}, log_density=-0.5 * x**2 - 0.5 * np.log(2 * np.pi), batch=1
    )
    y = np.exp(x)
    lognormal = -np.log(y) - 0.5 * np.log(2 * np.pi) - 0.5 * np.log(y) ** 2
    np.testing.assert_allclose(found, lognormal, rtol=1e-12, atol=1e-13)


def test_spectra(client: raphson.Client) -> None:
    one = client.spectrum(EQUATIONS, AT)
    np.testing.assert_allclose(one.singular_values, np.linalg.svd(EXACT, compute_uv=False), rtol=1e-13)
    assert (one.rank, type(one.rank), type(one.condition)) == (3, int, float)
    assert one.condition == pytest.approx(np.linalg.cond(EXACT), rel=1e-12)
    assert str(one).startswith("rank 3 of 3, condition ")
    many = client.spectrum(["x + y", "z*(x + y)"], {"x": 1.0, "y": 2.0, "z": np.array([1.0, 0.0])}, batch=1)
    assert many.singular_values.shape == (2, 2)
    assert isinstance(many.rank, np.ndarray)
    assert (many.rank.tolist(), many.rank.dtype) == ([2, 2], np.int64)
    assert repr(many).startswith("Spectrum: 2 matrices: rank 2 to 2 of 2")


@pytest.mark.parametrize("batch", [False, True])
def test_uncertainty_by_name(client: raphson.Client, *, batch: bool) -> None:
    system = client.compile(["x*y", "x + y"], variables=["x", "y"])
    x = np.array([1.0, 2.0]) if batch else 2.0
    found = client.propagate_covariance(system, {"x": x, "y": 3.0}, covariance={"x": 0.1, "y": 0.2})
    expected = np.sqrt((3 * 0.1) ** 2 + (x * 0.2) ** 2)
    np.testing.assert_allclose(found.by_name["equations[0]"], expected, rtol=1e-14)
    np.testing.assert_allclose(found.by_name["equations[1]"], math.hypot(0.1, 0.2), rtol=1e-14)
    assert found.covariance.shape == ((2, 2, 2) if batch else (2, 2))
    assert "equations[0]  " in str(found)
    full = client.propagate_covariance(system, {"x": x, "y": 3.0}, covariance=np.diag([0.01, 0.04]))
    np.testing.assert_allclose(full.covariance, found.covariance, rtol=1e-13)


def test_errors_of_differences(client: raphson.Client) -> None:
    for method in ("central", "forward"):
        found = client.jacobian_with_error(EQUATIONS, AT, method=method)  # type: ignore[arg-type]
        assert np.all(np.abs(found.matrix - EXACT) <= found.error)
        assert found.evaluations > 3
        assert f"by {found.evaluations} evaluations of f" in str(found)


# --- compositions
def test_a_chain_of_texts_handles_and_functions(client: raphson.Client) -> None:
    polar = client.compile(["r*cos(t)", "r*sin(t)"], variables=["r", "t"])
    links = [
        lambda u: [u[0] * u[1], u[1] ** 2],
        polar,
        raphson.Link("a*x**2 + y", {"a": 3.0}, variables=["x", "y"]),
    ]
    u = np.array([0.5, 1.5])
    found = client.chain(links, u, v=[1.0, 0.0], w=[2.0])
    r, t = u[0] * u[1], u[1] ** 2
    inner = np.array([[u[1], u[0]], [0, 2 * u[1]]])
    middle = np.array([[math.cos(t), -r * math.sin(t)], [math.sin(t), r * math.cos(t)]])
    outer = np.array([[6 * r * math.cos(t), 1.0]])
    assert found.jacobian is not None
    assert found.jvp is not None
    assert found.vjp is not None
    np.testing.assert_allclose(found.value, [3 * (r * math.cos(t)) ** 2 + r * math.sin(t)], rtol=1e-14)
    np.testing.assert_allclose(found.jacobian, outer @ middle @ inner, rtol=1e-13)
    np.testing.assert_allclose(found.jvp, (outer @ middle @ inner)[:, 0], rtol=1e-13)
    np.testing.assert_allclose(found.vjp, 2 * (outer @ middle @ inner)[0], rtol=1e-13)
    assert (found.order, found.brackets) == ("reverse", "(J3·J2)·J1")
    assert (found.forward_operations, found.reverse_operations, found.cheapest_operations) == (12, 8, 8)
    assert str(found).startswith("(J3·J2)·J1: reverse order\n  multiplications: 12 forward, 8 in reverse, 8 at least")
    forward = client.chain(links, u, order="forward", jacobian=False)
    assert (forward.order, forward.jacobian, forward.jvp) == ("forward", None, None)


@pytest.mark.parametrize(
    ("links", "more", "field", "said"),
    [
        ([], {}, "links", "expected at least one"),
        ("x", {}, "links", "not a list"),
        (["x + y", "p**2"], {}, "links[1].variables", "Link(equations, variables=[...])"),
        (["x + y", raphson.Link("p*q", variables=["p", "q"])], {}, "links[1]", "takes 2 numbers"),
        (["x + y"], {"order": "sideways"}, "order", "'sideways' is not known; expected one of 'auto'"),
        (["x + y"], {"v": [1.0, 2.0, 3.0]}, "jvp", "(3,)"),
        (["x + y", raphson.Link("p +", variables=["p"])], {}, "links[1].system.definition.equations[0]", "links[1]"),
    ],
)
def test_chains_that_make_no_sense(
    client: raphson.Client, links: Any, more: dict[str, Any], field: str, said: str
) -> None:
    with pytest.raises(raphson.InvalidRequestError) as caught:
        client.chain(links, {"x": 1.0, "y": 2.0}, **more)
    assert caught.value.fields[0].field == field
    assert said in str(caught.value)


# --- examinations
def test_a_callers_jacobian(client: raphson.Client) -> None:
    good = client.check_jacobian(["x**2", "x*y"], {"x": 3.0, "y": 1.0}, None, [["2*x", 0], ["y", "x"]])
    assert good.agrees
    assert "agrees with the exact one" in str(good)
    bad = client.check_jacobian(["x**2", "x*y"], {"x": 3.0, "y": 1.0}, None, {(0, "x"): "x", (1, "x"): "y"})
    assert (bad.agrees, bad.disagreeing) == (False, 2)
    assert [(entry.row, entry.column, entry.given, entry.exact) for entry in bad.worst] == [
        (1, 1, 0.0, 3.0),
        (0, 0, 3.0, 6.0),
    ]
    assert "2 entries differ" in repr(bad)
    system = client.compile("x**2", variables=["x"], jacobian=[["3*x"]])
    assert not client.check_jacobian(system, {"x": 1.0}, max_entries=1).agrees
    with pytest.raises(raphson.InvalidRequestError) as caught:
        client.check_jacobian("x**2", {"x": 1.0})
    assert caught.value.fields[0].field == "jacobian"


def test_differentiability(client: raphson.Client) -> None:
    origin = {"x": 0.0, "y": 0.0}
    found = client.differentiability("x*y/(x**2 + y**2)", origin, value=0.0)
    assert (found.differentiable, found.partial_derivatives_exist) == (False, True)
    assert found.steps.shape == found.remainders.shape
    assert str(found) == found.message
    assert client.differentiability("sin(x)*y", {"x": 1.0, "y": 2.0}, directions=8).differentiable
    affine = client.differentiability("2*x - y", {"x": 1.0, "y": 2.0})
    assert (affine.differentiable, affine.affine, math.isnan(affine.order)) == (True, True, True)


# --- all of them
def test_results_are_read_only_and_can_be_pickled(client: raphson.Client) -> None:
    results = [
        client.spectrum(EQUATIONS, AT),
        client.propagate_covariance(EQUATIONS, AT, covariance=[0.1, 0.1, 0.1]),
        client.jacobian(EQUATIONS, AT, sparse=True),
        client.jacobian_with_error(EQUATIONS, AT),
        client.determinant(EQUATIONS, AT),
        client.chain([EQUATIONS], AT),
        client.check_jacobian("x", {"x": 1.0}, None, [["2"]]),
        client.differentiability("x", {"x": 1.0}),
    ]
    for result in results:
        again = pickle.loads(pickle.dumps(result))
        assert repr(again) == repr(result)
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(result, dataclasses.fields(result)[0].name, None)
    matrix = client.jacobian(EQUATIONS, AT)
    with pytest.raises(ValueError, match="read-only"):
        matrix[0, 0] = 1.0
