"""Steps that would leave the domain are shortened until they do not."""

from __future__ import annotations

import numpy as np
import pytest
import raphson_solver as rs

from tests.solver.building import METHODS, build

every_method = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name.lower())


@every_method
@pytest.mark.parametrize(
    ("text", "start", "root"),
    [
        ("log(x)", 5.0, 1.0),
        ("log(x)", 50.0, 1.0),
        ("log(x) + 3", 5.0, np.exp(-3.0)),
        ("sqrt(x) = 0.01", 5.0, 1e-4),
        ("x*log(x) = 1", 1.0, 1.7632228343518968),
        ("x**1.5 = 0.001", 10.0, 0.01),
        ("1 - 1/x", 1.9, 1.0),
        ("arctanh(x) = 0.5", -0.99, np.tanh(0.5)),
        ("arccosh(x) = 0.1", 30.0, np.cosh(0.1)),
        ("where(x > 0, log(x), log(-1 + 0*x))", 20.0, 1.0),
    ],
)
@pytest.mark.parametrize("mode", [rs.JacobianMode.EXACT, rs.JacobianMode.FORWARD, rs.JacobianMode.CENTRAL])
def test_a_root_is_found_from_inside(
    text: str, start: float, root: float, method: rs.Method, mode: rs.JacobianMode
) -> None:
    solution = build(text, ["x"]).solve([start], options=rs.SolveOptions(method=method, jacobian=mode))
    assert solution.converged, solution
    assert solution.x[0] == pytest.approx(root, rel=1e-8)


@every_method
def test_a_root_that_lies_outside_is_not_reached(method: rs.Method) -> None:
    """sqrt(x) = −1 has no root; x = 0 is the end of the road."""
    solution = build("sqrt(x) + 1", ["x"]).solve([4.0], options=rs.SolveOptions(method=method))
    assert not solution.converged
    assert np.isfinite(solution.residual_norm)
    assert solution.x[0] >= 0.0


@every_method
def test_the_best_point_is_returned_not_the_last(method: rs.Method) -> None:
    start = np.array([4.0])
    system = build("sqrt(x) + 1", ["x"])
    solution = system.solve(start, options=rs.SolveOptions(method=method))
    assert abs(solution.residual[0]) <= abs(system.residual(start)[0])


def test_several_equations_with_domains_of_their_own() -> None:
    system = build(["log(x) + y = 0", "sqrt(y) - x = 0"], ["x", "y"])
    solution = system.solve([3.0, 8.0])
    assert solution.converged
    assert np.abs(system.residual(solution.x)).max() < 1e-9
