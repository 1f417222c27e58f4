"""Relaxed formulas are the formulas as written, but for rounding."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from raphson_solver.expression import Graph, evaluate
from raphson_solver.expression import operations as op
from raphson_solver.expression.relaxed import relaxed

from tests.solver.programs import VARIABLES, Step, points, programs, run


@given(programs(longest=30), points)
@settings(max_examples=150)
def test_they_agree(steps: list[Step], point: list[float]) -> None:
    graph = Graph()
    nodes = run(graph, steps)
    other, others = relaxed(graph, nodes)
    x, p = np.split(np.array(point), [VARIABLES])
    expected, got = evaluate(graph, nodes, x, p), evaluate(other, others, x, p)
    precise = evaluate(graph, nodes, x.astype(np.longdouble), p.astype(np.longdouble))
    usual = np.isfinite(expected) & np.isfinite(got) & np.isfinite(precise)
    amplified = np.abs(expected[usual] - precise[usual]).astype(float)
    error = np.abs(got[usual] - expected[usual])
    assert np.all(error <= 1e-12 * np.abs(expected[usual]) + 1e5 * amplified + 1e-300)


def test_constants_are_gathered_and_reciprocals_shared() -> None:
    graph = Graph()
    x, y = graph.variable(0), graph.variable(1)
    three, seven = graph.constant(3.0), graph.constant(7.0)
    first = graph.divide(graph.multiply(graph.multiply(x, y), three), seven)
    second = graph.negative(graph.multiply(graph.multiply(seven, x), y))
    third, fourth = graph.divide(x, graph.add(y, three)), graph.divide(y, graph.add(y, three))
    made, outputs = relaxed(graph, [first, second, third, fourth])
    kinds = [made.operation[node] for node in made.reachable(outputs)]
    assert kinds.count(op.DIVIDE) == 1
    # x·y once, two constants before it, and two numerators with the one reciprocal.
    assert kinds.count(op.MULTIPLY) == 5


def test_factors_near_the_ends_of_floating_point_are_left_where_they_are() -> None:
    graph = Graph()
    x = graph.variable(0)
    tiny, huge = graph.constant(1e-200), graph.constant(1e200)
    node = graph.multiply(graph.multiply(tiny, x), tiny)
    made, outputs = relaxed(graph, [graph.multiply(graph.multiply(node, huge), huge)])
    assert (
        evaluate(made, outputs, np.array([1e150]))[0]
        == evaluate(graph, [graph.multiply(graph.multiply(node, huge), huge)], np.array([1e150]))[0]
    )
