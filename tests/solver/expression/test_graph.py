"""The arena: each expression made once, constants folded, zeros with their sign, walks in the order of evaluation."""

from __future__ import annotations

import math

import numpy as np
import pytest
import raphson_solver as rs
from raphson_solver.expression import Graph, evaluate
from raphson_solver.expression import operations as op

from tests.solver.building import build


@pytest.fixture
def graph() -> Graph:
    return Graph()


def test_equal_expressions_are_one_node(graph: Graph) -> None:
    x, y = graph.variable(0), graph.variable(1)
    assert graph.variable(0) == x != y
    assert graph.parameter(0) != x
    assert graph.apply(op.SIN, graph.multiply(x, y)) == graph.apply(op.SIN, graph.multiply(x, y))
    assert graph.apply(op.SIN, x) != graph.apply(op.COS, x) != graph.apply(op.COS, y)
    assert graph.constant(1.5) == graph.constant(1.5)
    size = len(graph)
    graph.apply(op.SIN, graph.multiply(x, y))
    assert len(graph) == size


def test_sums_and_products_do_not_mind_the_order(graph: Graph) -> None:
    x, y = graph.variable(0), graph.variable(1)
    assert graph.add(x, y) == graph.add(y, x)
    assert graph.multiply(x, y) == graph.multiply(y, x)
    assert graph.subtract(x, y) != graph.subtract(y, x)
    assert graph.divide(x, y) != graph.divide(y, x)


def test_a_common_subexpression_of_two_equations_is_computed_once() -> None:
    alone = build(["exp(sin(x*y)) - 1"], ["x", "y"]).kernels.residual.work_size
    twice = build(["exp(sin(x*y)) - 1", "exp(sin(y*x)) - 1"], ["x", "y"]).kernels.residual.work_size
    assert twice == alone


def test_the_two_zeros_are_two_constants(graph: Graph) -> None:
    minus = graph.constant(-0.0)
    assert minus != graph.zero == graph.constant(0.0)
    assert math.copysign(1.0, graph.value[minus]) == -1.0
    assert graph.negative(graph.zero) == minus
    assert graph.negative(minus) == graph.zero


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1 / -0.0", -math.inf), ("1 / (0 * x)", math.inf), ("arctan2(-0.0, -1)", -math.pi)],
)
def test_the_sign_of_zero_is_kept(text: str, expected: float) -> None:
    assert build(text, ["x"]).residual([1.0])[0] == expected


def test_constants_are_folded(graph: Graph) -> None:
    two, three = graph.constant(2.0), graph.constant(3.0)
    assert graph.value[graph.add(two, three)] == 5.0
    assert graph.value[graph.power(two, three)] == 8.0
    assert graph.value[graph.divide(two, three)] == 2.0 / 3.0
    assert graph.value[graph.apply(op.SIN, two)] == np.sin(2.0)
    assert graph.value[graph.apply(op.HYPOT, three, graph.constant(4.0))] == 5.0
    assert graph.select(graph.apply(op.LESS, two, three), two, three) == two
    assert graph.select(graph.apply(op.GREATER, two, three), two, three) == three
    truth = graph.apply(op.NOT, graph.apply(op.AND, graph.apply(op.LESS, two, three), graph.apply(op.EQUAL, two, two)))
    assert graph.select(truth, two, three) == three


@pytest.mark.parametrize("operation", [op.LOG, op.SQRT, op.ARCSIN, op.ARCCOSH, op.EXP])
def test_what_is_not_finite_is_left_to_be_evaluated(graph: Graph, operation: op.Operation) -> None:
    node = graph.apply(operation, graph.constant(-2.0 if operation is not op.EXP else 1e3))
    assert graph.operation[node] is operation
    assert not np.isfinite(evaluate(graph, [node], np.empty(0))[0])


def test_a_division_by_zero_is_left_to_be_evaluated(graph: Graph) -> None:
    node = graph.divide(graph.zero, graph.zero)
    assert np.isnan(evaluate(graph, [node], np.empty(0))[0])


def test_rules_that_need_no_new_node(graph: Graph) -> None:
    x, y = graph.variable(0), graph.variable(1)
    size = len(graph)
    assert graph.add(x, graph.zero) == graph.add(graph.zero, x) == x
    assert graph.subtract(x, graph.zero) == x
    assert graph.subtract(x, x) == graph.zero
    assert graph.multiply(x, graph.one) == graph.divide(x, graph.one) == x
    assert graph.multiply(graph.zero, x) == graph.zero
    assert graph.power(x, graph.one) == x
    assert graph.power(x, graph.zero) == graph.one
    assert graph.select(graph.one, x, y) == x
    assert len(graph) == size
    assert graph.negative(graph.negative(x)) == x
    assert graph.negative(graph.subtract(x, y)) == graph.subtract(y, x)
    assert graph.add(x, graph.negative(y)) == graph.subtract(x, y)
    assert graph.subtract(x, graph.negative(y)) == graph.add(x, y)


@pytest.mark.parametrize("u", [1e-20, -3e-9, 0.5, -40.0, 3.0])
def test_what_exp_leaves_beside_one_is_computed_without_cancelling(u: float) -> None:
    for text, sign in (("exp(x) - 1", 1), ("1 - exp(x)", -1), ("-1 + exp(x)", 1), ("exp(x) + (-1)", 1)):
        assert build(text, ["x"]).residual([u])[0] == sign * np.expm1(u)


@pytest.mark.parametrize("exponent", [2, 3, 7, 64, -1, -2, -13])
def test_whole_powers_are_multiplications(graph: Graph, exponent: int) -> None:
    x = graph.variable(0)
    node = graph.power(x, graph.constant(float(exponent)))
    kinds = {graph.operation[inner] for inner in graph.reachable([node])}
    assert kinds <= {op.VARIABLE, op.CONSTANT, op.MULTIPLY, op.DIVIDE}
    points = np.array([-1.5, -1.0, 0.75, 1.0, 2.0])
    got = evaluate(graph, [node], points[None, :])[0]
    np.testing.assert_allclose(got, points ** float(exponent), rtol=1e-14)


@pytest.mark.parametrize("exponent", [65.0, -65.0, 1.5, 1e300])
def test_other_powers_stay(graph: Graph, exponent: float) -> None:
    node = graph.power(graph.variable(0), graph.constant(exponent))
    assert graph.operation[node] is op.POWER


def test_the_limit_of_nodes() -> None:
    graph = Graph(node_limit=5)
    for place in range(3):
        graph.variable(place)
    with pytest.raises(rs.LimitError, match=r"^equations: 6 expression nodes is more than the limit of 5") as caught:
        graph.variable(3)
    assert (caught.value.limit, caught.value.value, caught.value.maximum) == ("nodes", 6, 5)
    assert graph.variable(2) == 4


def test_what_outputs_need_comes_in_the_order_of_evaluation(graph: Graph) -> None:
    x, y = graph.variable(0), graph.variable(1)
    unused = graph.apply(op.SIN, y)
    square = graph.multiply(x, x)
    output = graph.apply(op.EXP, square)
    assert graph.reachable([output]) == [x, square, output]
    assert graph.reachable([]) == []
    assert unused not in graph.reachable([output, x])


def test_what_depends_on_a_variable(graph: Graph) -> None:
    x, p = graph.variable(0), graph.parameter(0)
    free = graph.add(p, graph.one)
    bound = graph.multiply(free, x)
    depends = graph.dependent()
    assert [bool(depends[node]) for node in (x, p, free, bound, graph.zero)] == [True, False, False, True, False]


def test_many_points_at_once(graph: Graph) -> None:
    x, p = graph.variable(0), graph.parameter(0)
    outputs = [graph.multiply(x, p), graph.one, x]
    got = evaluate(graph, outputs, np.array([[1.0, 2.0, 3.0]]), np.array([10.0]))
    assert got.tolist() == [[10, 20, 30], [1, 1, 1], [1, 2, 3]]
