"""What the graph rewrites as it is made is worth what was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import example, given, settings
from raphson_solver.expression import Graph, evaluate
from raphson_solver.expression import operations as op

from tests.solver.programs import VARIABLES, PlainGraph, Step, points, programs, run

if TYPE_CHECKING:
    from numpy.typing import NDArray


def finite_throughout(graph: Graph, x: NDArray[np.float64], p: NDArray[np.float64]) -> list[bool]:
    """Return, for every node, whether it and all that it is made of are finite: rules may hide 0·NaN."""
    everything = evaluate(graph, range(len(graph)), x, p)
    sound: list[bool] = []
    for value, arguments in zip(everything, graph.arguments, strict=True):
        sound.append(bool(np.isfinite(value)) and all(sound[argument] for argument in arguments))
    return sound


@given(programs(), points)
@settings(max_examples=120)
@example([(op.SQRT, 3, 0, 0), ("negative", 0, 0, 0), ("power", 0, 6, 0)], [4.0, 1.0, 1.0, 1.0, 1.0])
def test_simplifying_keeps_values(steps: list[Step], point: list[float]) -> None:
    graph, plain = Graph(), PlainGraph()
    nodes, plain_nodes = run(graph, steps), run(plain, steps)
    x, p = np.split(np.array(point), [VARIABLES])
    sound = finite_throughout(plain, x, p)
    keep = np.array([sound[node] for node in plain_nodes])
    got, expected = evaluate(graph, nodes, x, p)[keep], evaluate(plain, plain_nodes, x, p)[keep]
    # Where rounding is amplified, or decides a condition, that shows in the difference from more digits.
    precise = evaluate(plain, plain_nodes, x.astype(np.longdouble), p.astype(np.longdouble))[keep]
    tolerance = 1e-12 * np.abs(expected) + 1e4 * np.abs(expected - precise).astype(float) + 1e-300
    assert np.all(np.abs(got - expected) <= tolerance)
