"""The error analysis bounds what rounding does, as far as 50 digits show, and does not exceed it without cause."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from mpmath import mp, mpf
from raphson_solver.differential.rounding import rounding_errors
from raphson_solver.expression import Graph, evaluate
from raphson_solver.expression import operations as op

from tests.solver.building import build
from tests.solver.derivative.digits import FUNCTIONS
from tests.solver.programs import VARIABLES, Step, points, programs, run


def precise(graph: Graph, x: list[float], p: list[float]) -> list[object]:
    """Return every node to 50 digits; None where it is no real number, or a condition."""
    values: list[object] = []
    for kind, arguments, own in zip(graph.operation, graph.arguments, graph.value, strict=True):
        given = [values[argument] for argument in arguments]
        if kind is op.CONSTANT:
            values.append(mpf(own))
        elif kind is op.VARIABLE:
            values.append(mpf(x[int(own)]))
        elif kind is op.PARAMETER:
            values.append(mpf(p[int(own)]))
        elif kind.name not in FUNCTIONS or None in given:
            values.append(None)
        else:
            values.append(_value(kind.name, given))
    return values


def _value(name: str, given: list[object]) -> object:
    try:
        found = FUNCTIONS[name](*given)
    except (ZeroDivisionError, ValueError, OverflowError):
        return None
    return found if isinstance(found, mpf) and mp.isfinite(found) else None


@given(programs(smooth_only=True, longest=14), points)
@settings(max_examples=150)
def test_the_bound_holds_to_fifty_digits(steps: list[Step], point: list[float]) -> None:
    graph = Graph()
    run(graph, steps)
    x, p = point[:VARIABLES], point[VARIABLES:]
    nodes = list(range(len(graph)))
    values, errors = rounding_errors(graph, nodes, np.array([x]), np.array(p))
    with mp.workdps(50):
        exact = precise(graph, x, p)
    for node in nodes:
        if exact[node] is None or not np.isfinite(values[0, node]) or not np.isfinite(errors[0, node]):
            continue
        with mp.workdps(50):
            wrong = abs(mpf(values[0, node]) - exact[node])
        # To first order, and numbers below the least normal one are rounded absolutely.
        assert wrong <= 1.001 * errors[0, node] + 1e-300


@given(programs(), points)
@settings(max_examples=100)
def test_the_values_are_those_of_the_graph(steps: list[Step], point: list[float]) -> None:
    graph = Graph()
    nodes = run(graph, steps)
    x, p = np.split(np.array(point), [VARIABLES])
    values, errors = rounding_errors(graph, nodes, np.stack((x, 2.0 * x)), p)
    assert values.shape == errors.shape == (2, len(nodes))
    for place, at in enumerate((x, 2.0 * x)):
        np.testing.assert_array_equal(values[place], evaluate(graph, nodes, at, p).astype(np.float64))


@pytest.mark.parametrize(
    ("text", "x", "least", "most"),
    [
        ("x", 3.0, 0.0, 0.0),
        ("abs(-x)", 3.0, 0.0, 0.0),
        ("x + 1", 3.0, 4 * 2.0**-53, 4 * 2.0**-53),
        ("(x + 1e16) - 1e16", 3.0, 1e16 * 2.0**-53, 1.01e16 * 2.0**-53),
        ("sin(1e8*x)", 1.0, 0.3e8 * 2.0**-53, 1e8 * 2.0**-52),
        ("where(x > 0, x, 0/x)", 3.0, 0.0, 0.0),
        ("where(x == 0, 0, x/(x*x))", 0.0, 0.0, 0.0),
    ],
)
def test_by_hand(text: str, x: float, least: float, most: float) -> None:
    kernels = build(text, ["x"]).kernels
    _, errors = rounding_errors(kernels.graph, kernels.equations, np.array([[x]]), np.empty(0))
    assert least <= errors[0, 0] <= most


def test_more_points_than_fit_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    kernels = build(["exp(x)*y - sin(x*y)", "x/y + 1", "7"], ["x", "y"]).kernels
    at = np.random.default_rng(1).uniform(1.0, 2.0, (50, 2))
    whole = rounding_errors(kernels.graph, kernels.equations, at, np.empty(0))
    monkeypatch.setattr("raphson_solver.differential.rounding._CHUNK", 16 * 5 * 7)
    parts = rounding_errors(kernels.graph, kernels.equations, at, np.empty(0))
    np.testing.assert_array_equal(parts[0], whole[0])
    np.testing.assert_array_equal(parts[1], whole[1])


def test_it_can_be_ended() -> None:
    kernels = build("exp(x)", ["x"]).kernels

    def between() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        rounding_errors(kernels.graph, kernels.equations, np.ones((1, 1)), np.empty(0), between)
