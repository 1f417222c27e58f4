"""Every operation: interpreter and machine code to the bit alike, and NumPy within a few units in the last place."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from raphson_solver.compiler import Kernel
from raphson_solver.expression import Graph, evaluate
from raphson_solver.expression import operations as op

from tests.solver.building import ulps

SPECIAL = [
    0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.5, 3.0, 7.25, 1e-310, -1e-310, 1e-9, 0.9999999, 1.0000001, 1e6, -1e6,
    1e200, -1e200, 1e308, np.inf, -np.inf, np.nan,
]  # fmt: skip
NUMBERS = [operation for operation in op.COMPUTED if not any(operation.takes_conditions)]
LARGEST_ULPS = 4


def node_of(graph: Graph, operation: op.Operation) -> int:
    """Return the operation of x[0], x[1]; a condition as 1 or 0."""
    node = graph.apply(operation, *map(graph.variable, range(operation.arity)))
    return graph.select(node, graph.one, graph.zero) if operation.yields_condition else node


@pytest.mark.parametrize("operation", NUMBERS, ids=[operation.name for operation in NUMBERS])
def test_an_operation_on_every_kind_of_number(operation: op.Operation) -> None:
    graph = Graph()
    node = node_of(graph, operation)
    points = np.array(list(itertools.product(SPECIAL, repeat=operation.arity)))
    kernel, p = Kernel(graph, [node]), np.empty(0)
    interpreted = np.array([kernel(point, p)[0] for point in points])
    assert not kernel.compiled
    kernel.compile()
    compiled = np.array([kernel(point, p)[0] for point in points])
    assert kernel.compiled
    same = (interpreted.view(np.int64) == compiled.view(np.int64)) | (np.isnan(interpreted) & np.isnan(compiled))
    assert np.all(same), f"at {points[~same].tolist()}"
    far = ulps(compiled, evaluate(graph, [node], points.T)[0]) > LARGEST_ULPS
    assert not np.any(far), f"at {points[far].tolist()}: {compiled[far].tolist()}"


@pytest.mark.parametrize("operation", [op.AND, op.OR], ids=["and", "or"])
def test_conditions_joined(operation: op.Operation) -> None:
    graph = Graph()
    x, y = graph.variable(0), graph.variable(1)
    left, right = graph.apply(op.GREATER, x, graph.zero), graph.apply(op.LESS, y, graph.one)
    joined = graph.apply(operation, left, graph.apply(op.NOT, right))
    kernel = Kernel(graph, [graph.select(joined, graph.constant(10.0), graph.constant(20.0))])
    points = np.array(list(itertools.product([-1.0, 0.0, 1.0, np.nan], repeat=2)))
    rule = np.logical_and if operation is op.AND else np.logical_or
    expected = np.where(rule(points[:, 0] > 0, ~(points[:, 1] < 1)), 10.0, 20.0).tolist()
    assert [kernel(point, points[0])[0] for point in points] == expected
    kernel.compile()
    assert [kernel(point, points[0])[0] for point in points] == expected


def test_a_selection_hands_on_either_side_as_it_is() -> None:
    graph = Graph()
    x, y, z = map(graph.variable, range(3))
    kernel = Kernel(graph, [graph.select(graph.apply(op.GREATER, x, graph.zero), y, z)])
    points = np.array([[1.0, np.nan, 2.0], [1.0, -0.0, np.nan], [-1.0, np.inf, -0.0], [np.nan, 1.0, 5.0]])
    for _ in range(2):
        got = np.array([kernel(point, points[0])[0] for point in points])
        np.testing.assert_array_equal(got, [np.nan, -0.0, -0.0, 5.0])
        assert np.signbit(got[1:3]).all()
        kernel.compile()


def test_constants_keep_every_bit() -> None:
    numbers = [0.1, -0.0, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, -1 / 3, 2.0**53 + 1, 1e-17]
    graph = Graph()
    kernel = Kernel(graph, [graph.constant(number) for number in numbers])
    for _ in range(2):
        assert kernel(np.empty(0), np.empty(0)).tobytes() == np.array(numbers).tobytes()
        kernel.compile()


def test_every_operation_of_the_table_is_tested_or_joins_conditions() -> None:
    assert set(op.COMPUTED) - set(NUMBERS) == {op.AND, op.OR, op.NOT, op.SELECT}
