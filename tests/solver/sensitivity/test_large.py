"""How the roots of systems that stay in families move with their parameters, from one sparse factorization."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import raphson_solver as rs
from raphson_solver.sensitivity import Sensitivity, SingularRootError

from tests.solver.building import build
from tests.solver.sensitivity.implicit import exact

AS_FAMILIES = rs.Limits(equations=1)
RNG = np.random.default_rng(17)
TIGHT = rs.SolveOptions(tolerance=1e-14)

SYSTEMS: dict[str, tuple[Any, Any, Any]] = {
    "line": (
        ["u[0] - a", "u[i-1] - 2*u[i] + u[i+1] + h[i]*c*exp(u[i]) for i in range(1, 19)", "u[19] - a**2"],
        {"u": np.zeros(20)},
        {"a": 0.1, "c": 0.7, "h": np.linspace(0.001, 0.003, 20)},
    ),
    "sums of parameters": (
        [
            "x[i] - 1 - c/20*sum(w[j]*x[i]*x[j]*(i+1)/(i+j+2) for j in range(10)) for i in range(10)",
            "y - sum(w[j]*sin(d*x[j]) for j in range(10))",
        ],
        {"x": np.ones(10), "y": 0.5},
        {"c": 0.5, "w": np.linspace(0.5, 1, 10), "d": 0.3, "unused": 1.0},
    ),
    "one parameter twice in a row, and sums of sums": (
        [
            "u[i]**3 + u[i] - q[i % 3] - q[(i+1) % 3]*a for i in range(9)",
            "v - sum(u[i]*sum(q[k]*cos(b*k + i) for k in range(3)) for i in range(9))",
        ],
        {"u": np.ones(9), "v": 1.0},
        {"q": np.array([0.5, 0.7, 1.1]), "a": 1.3, "b": 0.2},
    ),
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_as_written_out_and_as_roots_solved_again(name: str) -> None:
    texts, start, parameters = SYSTEMS[name]
    families, written = build(texts, start, parameters, limits=AS_FAMILIES), build(texts, start, parameters)
    assert families.family_codes is not None
    p = families.pack_parameters(parameters)
    root = families.solve(start, p, TIGHT)
    assert root.converged
    got, expected = Sensitivity(families, root.x, p), Sensitivity(written, root.x, p)
    assert tuple(got.parameter_names) == expected.parameter_names
    assert tuple(got.variable_names) == expected.variable_names
    forward = got.forward()
    np.testing.assert_allclose(forward, expected.forward(), rtol=1e-10, atol=1e-12)
    w = RNG.normal(size=families.n)
    np.testing.assert_allclose(got.adjoint(w), w @ forward, rtol=1e-10, atol=1e-12)
    some = ["c"] if "c" in parameters else ["q[1]", "a"]
    np.testing.assert_array_equal(got.forward(some), forward[:, got.select(some).places])
    deviations = RNG.uniform(0.01, 0.1, p.size)
    np.testing.assert_allclose(got.covariance(deviations), expected.covariance(deviations), rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(got.standard_deviations(deviations) ** 2, np.diag(got.covariance(deviations)), rtol=1e-9)
    for k in range(p.size):
        step = 1e-5 * np.eye(p.size)[k]
        above, below = (families.solve(root.x, p + sign * step, TIGHT).x for sign in (1, -1))
        np.testing.assert_allclose((above - below) / 2e-5, forward[:, k], rtol=1e-6, atol=1e-8)


def test_to_fifty_digits() -> None:
    equations = ["x1**2 + x2 - x4*exp(x3)", "x2*x3 - x5", "x3**3 + x1*x4 - 3*x5"]
    family = ["u[0]**2 + u[1] - a*exp(u[2])", "u[1]*u[2] - b for i in range(1)", "u[2]**3 + u[0]*a - 3*b"]
    p = [1.2, 0.8]
    system = build(family, {"u": np.ones(3)}, {"a": p[0], "b": p[1]}, limits=AS_FAMILIES)
    assert system.family_codes is not None
    root = system.solve(np.ones(3), p, TIGHT)
    x, slopes = exact(equations, root.x.tolist(), p)
    np.testing.assert_allclose(root.x, x, rtol=1e-12)
    np.testing.assert_allclose(Sensitivity(system, root.x, p).forward(), slopes, rtol=1e-11)


def test_a_plane_of_four_thousand_unknowns() -> None:
    n = 65
    inside = "u[i-1,j] + u[i+1,j] + u[i,j-1] + u[i,j+1] - 4*u[i,j] + h**2*c*exp(u[i,j])"
    texts = [
        f"{inside} for i in range(1, n-1) for j in range(1, n-1)",
        "u[i,j] - g*i for i in range(n) for j in range(n) if i == 0 or i == n-1 or j == 0 or j == n-1",
    ]
    system = build(texts, {"u": np.zeros((n, n))}, {"n": n, "h": 1.0, "c": 1.0, "g": 0.0})
    p = np.array([1 / (n - 1), 4.0, 1e-3])
    root = system.solve(np.zeros(n * n), p, TIGHT)
    assert root.converged
    found = system.sensitivity(root.x, p)
    columns = found.forward(["c", "g"])
    for column, k in zip(columns.T, (1, 2), strict=True):
        step = 1e-5 * np.eye(3)[k]
        above, below = (system.solve(root.x, p + sign * step, TIGHT).x for sign in (1, -1))
        np.testing.assert_allclose((above - below) / 2e-5, column, rtol=1e-6, atol=1e-6 * np.abs(column).max())
    w = RNG.normal(size=n * n)
    np.testing.assert_allclose(found.adjoint(w, ["c", "g"]), w @ columns, rtol=1e-8)
    with pytest.raises(rs.LimitError, match="ask for standard_deviations"):
        found.covariance([0.1, 0.1, 0.1])
    assert found.standard_deviations([0.0, 0.1, 0.1]).shape == (n * n,)


def test_what_is_refused() -> None:
    system = build("u[i]**2 - p for i in range(9)", {"u": np.ones(9)}, {"p": 1.0}, limits=AS_FAMILIES)
    with pytest.raises(rs.InputError, match="only at a root is dx/dp defined; equations"):
        Sensitivity(system, 2 * np.ones(9), [1.0])
    with pytest.raises(SingularRootError, match="the Jacobian is singular at the root"):
        Sensitivity(system, np.zeros(9), [0.0])
    with pytest.raises(rs.InputError, match="central is not for systems that stay in families"):
        Sensitivity(system, np.ones(9), [1.0], rs.JacobianMode.CENTRAL)
    wide = build("u[i]**2 - p[i] for i in range(5000)", {"u": np.ones(5000)}, {"p": np.ones(5000)})
    found = wide.sensitivity(np.ones(5000), np.ones(5000))
    with pytest.raises(rs.LimitError, match="name fewer parameters, or ask for an adjoint") as caught:
        found.forward()
    assert caught.value.value == 25_000_000
    np.testing.assert_allclose(found.forward(["p[7]"])[7], 0.5)
    np.testing.assert_allclose(found.adjoint(np.ones(5000)), 0.5)
