"""The client and a real server together."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from raphson import InvalidRequestError, Method, Status, SystemNotFoundError
from raphson.v1.solver_pb2 import SolveRequest

if TYPE_CHECKING:
    import raphson

EQUATIONS = ["x**2 + y**2 = r**2", "exp(x) + y = 1"]
START = {"x": 1.0, "y": -1.7}


def test_the_worked_example(client: raphson.Client) -> None:
    root = client.solve(EQUATIONS, START, {"r": 2.0}, return_jacobian=True)
    assert root.converged
    assert root.status is Status.CONVERGED
    assert root["x"] == pytest.approx(1.0041687384746592, rel=1e-14)
    assert root["y"] == pytest.approx(-1.7296372870258699, rel=1e-14)
    assert root.x.tolist() == [root["x"], root["y"]]
    assert root.residual_norm <= 1e-14
    assert root.residual.shape == root.scaled_residual.shape == (2,)
    assert 0 < root.iterations < 10
    assert root.elapsed_seconds < 1
    assert root.method in Method
    assert root.jacobian is not None
    expected = [[2 * root["x"], 2 * root["y"]], [np.exp(root["x"]), 1.0]]
    np.testing.assert_allclose(root.jacobian, expected, rtol=1e-14)


@pytest.mark.parametrize("method", [method for method in Method if method is not Method.BRACKETING])
@pytest.mark.parametrize("jacobian", ["exact", "forward", "central", [["2*x", "2*y"], ["exp(x)", "1"]]])
def test_every_method_and_jacobian_finds_the_root(client: raphson.Client, method: Any, jacobian: Any) -> None:
    root = client.solve(EQUATIONS, START, {"r": 2.0}, method=method, jacobian=jacobian)
    assert root.converged
    assert root["x"] == pytest.approx(1.0041687384746592, rel=1e-10)


@pytest.mark.parametrize("method", list(Method))
def test_every_method_solves_one_equation(client: raphson.Client, method: Method) -> None:
    root = client.solve("x**3 = r", {"x": 1.0}, {"r": 2.0}, method=method)
    assert root.converged
    assert root["x"] == pytest.approx(2 ** (1 / 3), rel=1e-12)


def bratu(u: Any, h: Any) -> Any:
    residual = np.empty_like(u)
    residual[0] = u[0]
    residual[1:-1] = u[:-2] - 2 * u[1:-1] + u[2:] + h**2 * np.exp(u[1:-1])
    residual[-1] = u[-1]
    return residual


def test_a_traced_function_agrees_with_its_text(client: raphson.Client) -> None:
    family = ["u[0]", "u[i-1] - 2*u[i] + u[i+1] + h**2*exp(u[i]) for i in range(1, n-1)", "u[n-1]"]
    start = {"u": np.zeros(20)}
    traced = client.solve(bratu, start, {"h": 1 / 19})
    written = client.solve(family, start, {"h": 1 / 19, "n": 20})
    assert traced.converged
    np.testing.assert_allclose(traced["u"], written["u"], atol=1e-14)
    np.testing.assert_allclose(bratu(traced["u"], 1 / 19), 0, atol=1e-13)


def test_another_size_of_a_family_is_another_system(client: raphson.Client) -> None:
    family = "u[i] = a for i in range(n)"
    for n in (3, 4, 3):
        root = client.solve(family, {"u": np.zeros(n)}, {"n": n, "a": 2.0})
        assert root.x.tolist() == [2.0] * n


def test_a_traced_jacobian_is_exact(client: raphson.Client) -> None:
    def f(x: Any) -> Any:
        r = np.sqrt(x @ x)
        return [np.sin(r) * x[0], np.where(x[1] > 0, x[1] ** 3, x[1]), np.exp(-x[2]) / r]

    at = np.array([0.3, -0.4, 1.2])
    exact = client.jacobian(f, at)
    for j in range(3):
        step = np.zeros(3, dtype=complex)
        step[j] = 1e-30j
        z = at + step
        r = np.sqrt(z @ z)
        column = [np.sin(r) * z[0], z[1], np.exp(-z[2]) / r]
        np.testing.assert_allclose(exact[:, j], np.imag(column) / 1e-30, rtol=1e-13, atol=1e-15)


def test_views_agree(client: raphson.Client) -> None:
    system = client.compile(EQUATIONS, variables=["x", "y"], parameters=["r"])
    at, parameters = {"x": 0.5, "y": 2.0}, {"r": 2.0}
    matrix = client.jacobian(system, at, parameters)
    np.testing.assert_allclose(matrix, [[1.0, 4.0], [np.exp(0.5), 1.0]], rtol=1e-15)
    np.testing.assert_allclose(client.jvp(system, at, parameters, v=[1, 2]), matrix @ [1, 2], rtol=1e-14)
    np.testing.assert_allclose(client.vjp(system, at, parameters, v=[3, -1]), [3, -1] @ matrix, rtol=1e-14)
    np.testing.assert_allclose(client.value(system, at, parameters), [0.25, np.exp(0.5) + 1], rtol=1e-14)
    assert client.determinant(system, at, parameters).value == pytest.approx(np.linalg.det(matrix), rel=1e-13)
    np.testing.assert_allclose(client.jacobian(system, at, parameters, "central"), matrix, rtol=1e-8)


def test_a_row_and_a_column(client: raphson.Client) -> None:
    assert client.jacobian("x*y", {"x": 2.0, "y": 3.0}).tolist() == [[3.0, 2.0]]
    assert client.jacobian(["x**2", "3*x"], {"x": 2.0}).tolist() == [[4.0], [3.0]]
    assert client.vjp("x*y", {"x": 2.0, "y": 3.0}, v=2).tolist() == [6.0, 4.0]


def test_a_compiled_system_says_what_the_server_knows(client: raphson.Client) -> None:
    system = client.compile(["u[i]*x = 1 for i in range(n)"], {"x": 1.0, "u": np.ones(3)}, {"n": 3})
    assert (system.m, system.n) == (3, 4)
    assert system.unknown_names == ("x", "u[0]", "u[1]", "u[2]")
    assert len(system.equation_names) == 3
    assert set(zip(*(part.tolist() for part in system.sparsity), strict=True)) == {
        (i, j) for i in range(3) for j in (0, i + 1)
    }
    assert system.fixed["n"] == 3
    assert client.jacobian(system, np.ones(4)).shape == (3, 4)


@pytest.mark.parametrize(
    ("equations", "start", "options", "field", "said"),
    [
        ("sine(x)", {"x": 1.0}, {}, "equations[0]", "unknown function 'sine'; did you mean 'sin'?"),
        (["x", "x +"], {"x": 1.0}, {}, "equations[1]", "column"),
        ("__import__('os')", {"x": 1.0}, {}, "equations[0]", "__import__"),
        ("x + z", {"x": 1.0}, {}, "equations[0]", "z"),
        ("x", {"x": float("nan")}, {}, "start[x]", "nan"),
        ("x", {"x": 1.0, "y": 2.0}, {"method": "broyden"}, "options.method", "as many equations"),
        ("x", {"x": 1.0}, {"bounds": {"x": (2, 3)}}, None, "outside"),
        ("x", {"x": 1.0}, {"bounds": {"y": (2, 3)}}, "bounds[y]", "y"),
        ("x", {"x": 1.0}, {"bounds": {"x": ([0, 0], [1, 1])}}, None, "shape"),
        ("x", {"x": 1.0}, {"nominal": {"x": 0.0}}, "nominal[x]", "above 0"),
        ("x", {"x": 1.0}, {"nominal_residual": [1.0, 1.0]}, "nominal_residual", "1"),
        ("x", {"x": 1.0}, {"max_evaluations": 0}, "options.max_evaluations", "0"),
        ("x", {"x": 1.0}, {"tolerance": 2.0}, "options.tolerance", "2"),
        ("x", {"x": 1.0}, {"max_iterations": 0}, "options.max_iterations", "0"),
        ("x", {"x": 1.0}, {"jacobian": "analytic"}, None, "jacobian"),
    ],
)
def test_bad_input_is_named(
    client: raphson.Client, equations: Any, start: Any, options: Any, field: str | None, said: str
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        client.solve(equations, start, **options)
    assert said in str(caught.value)
    assert caught.value.code.name == "INVALID_ARGUMENT"
    assert caught.value.reason
    assert caught.value.fields
    if field is not None:
        assert caught.value.fields[0].field == field
    assert client.solve("x = 1", {"x": 3.0}).converged


def test_an_id_that_nobody_knows(client: raphson.Client) -> None:
    transport = client._transport
    request = SolveRequest(system={"system_id": "0" * 64})
    with pytest.raises(SystemNotFoundError) as caught:
        transport.send(transport.solve, request, 10.0)
    assert caught.value.code.name == "NOT_FOUND"
    assert caught.value.reason == "SYSTEM_NOT_CACHED"


def test_not_converging_is_a_result(client: raphson.Client) -> None:
    root = client.solve("x**2 = -1", {"x": 1.5})
    assert not root.converged
    assert root.status is not Status.CONVERGED
    assert root.message
    assert root.remedy
    assert root.message in repr(root)


# --- evidence
def test_bounds_are_kept(client: raphson.Client) -> None:
    root = client.solve("x**2 = 2", {"x": -1.0}, bounds={"x": (None, 0)})
    assert root["x"] == pytest.approx(-(2**0.5))
    root = client.solve(lambda x: x**2 - 2, [5.0, 5.0], bounds=([3, 0], [9, 9]))
    assert root.active_bounds == (("x[0]", "lower"),)
    assert "x[0] at its lower bound" in repr(root)


def test_least_squares(client: raphson.Client) -> None:
    root = client.solve(["x = 1", "x = 2"], {"x": 0.0})
    assert root.status is Status.LEAST_SQUARES
    assert root["x"] == pytest.approx(1.5)
    weighted = client.solve(["x = 1", "x = 2"], {"x": 0.0}, nominal_residual=[1.0, 1e-3])
    assert weighted["x"] == pytest.approx((1 + 2e6) / (1 + 1e6))


def test_a_proof_and_sensitivities(client: raphson.Client) -> None:
    root = client.solve(
        ["x**2 + y**2 = r**2", "exp(x) + y = 1"],
        START,
        {"r": 2.0},
        certify=True,
        sensitivity=True,
        adjoint={"x": 1.0, "y": 2.0},
        parameter_covariance=[0.1],
        return_jacobian=True,
    )
    assert root.certificate is not None
    assert root.certificate.proven
    assert np.all(root.certificate.lower <= root.x)
    assert np.all(root.x <= root.certificate.upper)
    assert root.jacobian is not None
    expected = np.linalg.solve(root.jacobian, [4.0, 0.0])
    assert root.sensitivity is not None
    np.testing.assert_allclose(root.sensitivity[:, 0], expected, rtol=1e-12)
    np.testing.assert_allclose(root.adjoint, [expected @ [1.0, 2.0]], rtol=1e-12)
    np.testing.assert_allclose(root.standard_deviations, 0.1 * np.abs(expected), rtol=1e-12)
    assert root.parameter_elements == ("r",)


def test_evidence_that_cannot_be_had_is_noted(client: raphson.Client) -> None:
    root = client.solve(["x = 1", "x = 2"], {"x": 0.0}, certify=True)
    assert root.certificate is None
    assert root.evidence_note
    assert root.evidence_note in repr(root)


def test_a_trace_leads_to_the_root(client: raphson.Client) -> None:
    root = client.solve(EQUATIONS, START, {"r": 2.0}, trace=True)
    assert root.trace[0].is_start
    assert root.trace[0].x.tolist() == [1.0, -1.7]
    assert not any(step.is_start for step in root.trace[1:])
    np.testing.assert_allclose(root.trace[-1].x, root.x, rtol=1e-12)
    assert client.solve(EQUATIONS, START, {"r": 2.0}).trace == []


def test_a_failure_is_explained(client: raphson.Client) -> None:
    failed = client.solve("log(-1 - x**2) = 1", {"x": 1.0}, explain=True)
    assert failed.status is Status.DOMAIN_ERROR
    assert failed.explanation is not None
    assert failed.explanation.not_finite is not None
    assert failed.explanation.lines[0] in repr(failed)
    assert client.solve("x = 1", {"x": 1.0}, explain=True).explanation is None


def test_an_explanation_without_and_with_a_point(client: raphson.Client) -> None:
    pattern = client.explain(["x + y = a", "x - y = 1", "x = 2*y"], parameters=["a"], variables=["x", "y"])
    assert pattern.structural_rank == 2
    assert pattern.overdetermined[0].variables == ("x", "y")
    assert pattern.rank is None
    system = client.compile(["x + y = 3", "2*x + 2*y = 5"], variables=["x", "y"])
    assert client.explain(system).rank is None
    at = client.explain(system, [1.0, 1.0], bounds=([1.0, 0.0], None))
    assert at.rank == 1
    assert at.parallel_equations[0][:2] == ("equations[0]", "equations[1]")
    assert at.active_bounds == (("x", "lower"),)
    assert at.system_id == system.id


def test_all_roots_of_a_box(client: raphson.Client) -> None:
    search = client.find_all(["x**2 + y**2 = r**2", "x*y = 1"], {"x": (-3, 3), "y": (-3, 3)}, {"r": 2.0}, prove=True)
    roots = search.all()
    assert len(roots) == 4
    assert all(root.certificate.proven for root in roots)
    for root in roots:
        assert [root["x"] ** 2 + root["y"] ** 2, root["x"] * root["y"]] == pytest.approx([4.0, 1.0])  # type: ignore[operator]
    assert search.summary is not None
    assert search.summary.complete
    assert search.summary.system_id
    traced = client.find_all(lambda x: x**2 - np.array([1, 4]), ([0, 0], [9, 9])).all()
    assert [root.x.tolist() for root in traced] == [pytest.approx([1.0, 2.0])]


def test_a_branch_is_followed_round_a_fold(client: raphson.Client) -> None:
    branch = client.follow("x**2 = r", {"x": 1.0}, {"r": 1.0}, parameter="r", lower=-1, upper=4, downwards=True)
    points = branch.all()
    for point in points:
        assert point["x"] ** 2 == pytest.approx(point.parameter, abs=1e-12)  # type: ignore[operator]
    assert sum(point.is_turning_point for point in points) == 1
    assert (points[-1].parameter, points[-1]["x"]) == pytest.approx((4.0, -2.0))
    assert branch.end is not None
    assert branch.end.points == len(points)


def test_a_stream_that_is_left_leaves_the_server_free(client: raphson.Client) -> None:
    branch = client.follow("x = r", {"x": 0.0}, {"r": 0.0}, parameter="r", lower=-1, upper=1e6, max_points=10**6)
    for _ in branch:
        break
    assert branch.end is None
    assert client.solve("x = 1", {"x": 3.0}).converged


def test_bad_input_to_a_stream_is_named(client: raphson.Client) -> None:
    with pytest.raises(InvalidRequestError, match="there is no free parameter 's'") as caught:
        client.follow("x = r", {"x": 0.0}, {"r": 0.0}, parameter="s", lower=-1, upper=1).all()
    assert caught.value.fields[0].field == "parameter"
    with pytest.raises(InvalidRequestError, match="x \\+"):
        client.find_all("x +", {"x": (0, 1)}).all()


def slow(client: raphson.Client, **options: Any) -> raphson.Solution:
    """Ask for more iterations than anyone waits for, of a system that has no root."""
    return client.solve("sin(x)*0 + 1 + x**2 = 0", {"x": 1.2345}, method="newton", max_iterations=10**15, **options)


def test_a_time_limit_returns_the_best_point(client: raphson.Client) -> None:
    started = time.monotonic()
    root = slow(client, timeout_seconds=0.3)
    assert root.status is Status.TIME_LIMIT
    assert 0.2 < time.monotonic() - started < 5


def test_ctrl_c_frees_the_server(client: raphson.Client) -> None:
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        slow(client)
    assert time.monotonic() - started < 5
    assert client.solve("x = 1", {"x": 3.0}).converged


def test_a_hundred_thousand_numbers_travel(client: raphson.Client) -> None:
    p = np.random.default_rng(7).normal(size=100_000)
    root = client.solve("x = sum(p[i] for i in range(10))", {"x": 0.0}, {"p": p})
    assert root["x"] == pytest.approx(p[:10].sum(), rel=1e-13)
