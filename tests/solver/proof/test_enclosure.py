"""Enclosures, extents and slopes hold every value that f takes on a box, operation by operation and in programs."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp
from raphson_solver.expression import Graph
from raphson_solver.expression import operations as op
from raphson_solver.proof import enclosure, extent, slopes
from raphson_solver.proof.balls import above, around, below
from raphson_solver.proof.enclosure import Enclosure, enclose
from raphson_solver.proof.extent import Reach
from raphson_solver.proof.precision import working_bits
from raphson_solver.proof.slopes import NoSlopeError, Slopes

from tests.solver.programs import PARAMETERS, VARIABLES, Step, points, programs, run
from tests.solver.proof import exact

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from raphson_solver.expression.operations import Operation

BOXES = 60
POINTS = 6
NUMBERS = [operation for operation in op.COMPUTED if not operation.yields_condition]


def single(operation: Operation) -> tuple[Graph, int, int]:
    """Return a graph of one operation of variables, with its node and how many variables it takes."""
    graph = Graph()
    x = [graph.variable(place) for place in range(3)]
    if operation is op.SELECT:
        return graph, graph.select(graph.apply(op.LESS, x[2], graph.zero), x[0], x[1]), 3
    if operation in {op.AND, op.OR, op.NOT}:
        conditions = [graph.apply(op.LESS, x[0], graph.zero), graph.apply(op.LESS, x[1], graph.one)]
        condition = graph.apply(operation, *conditions[: operation.arity])
        return graph, graph.select(condition, graph.one, graph.zero), 2
    if operation.yields_condition:
        return graph, graph.select(graph.apply(operation, *x[:2]), graph.one, graph.zero), 2
    return graph, graph.apply(operation, *x[: operation.arity]), operation.arity


def random_box(random: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Return lower and upper ends, shape (n, 2), now and then at whole numbers, tiny, or a point."""
    middle = random.choice([0.0, 1.0, -1.0, 0.5, random.normal(), random.normal() * 20], size=n)
    reach = 10.0 ** random.uniform(-9, 1, size=n) * random.choice([0.0, 1.0, 1.0, 1.0], size=n)
    box = np.column_stack([middle - reach, middle + reach * random.choice([0.0, 1.0], size=n)])
    return np.where(random.random((n, 1)) < 0.1, np.round(box), box)


def points_of(random: np.random.Generator, box: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    inner = [np.clip(box[:, 0] + random.random(len(box)) * (box[:, 1] - box[:, 0]), *box.T) for _ in range(POINTS)]
    return [box[:, 0], box[:, 1], *inner]


def balls_of(box: NDArray[np.float64]) -> list[arb]:
    return [around(float(low), float(high)) for low, high in box]


def assert_holds(found: arb | None, value: Any) -> None:
    if found is not None:
        assert value is not None
        assert found.overlaps(exact.ball(value))


def assert_reaches(found: tuple[float, float] | None, value: Any) -> None:
    if value is not None:
        assert found is not None
        assert found[0] <= value <= found[1]


@pytest.mark.parametrize("operation", op.COMPUTED, ids=lambda operation: operation.name)
def test_every_value_is_held(operation: Operation) -> None:
    random = np.random.default_rng(3)
    graph, node, n = single(operation)
    plan, reach, known = Enclosure(graph, [node]), Reach(graph, [node]), 0
    for _ in range(BOXES):
        box = random_box(random, n)
        found, extents = plan.enclose(balls_of(box))[0], reach.extents(list(map(tuple, box.tolist())))[0]
        known += found is not None
        for point in points_of(random, box):
            value = exact.values(graph, [node], point)[0]
            assert_holds(found, value)
            assert_reaches(extents, value)
    assert known > 3


@pytest.mark.parametrize("operation", NUMBERS, ids=lambda operation: operation.name)
def test_every_change_is_a_slope_times_a_distance(operation: Operation) -> None:
    random = np.random.default_rng(4)
    graph, node, n = single(operation)
    plan, known = Slopes(graph, [node]), 0
    for _ in range(BOXES):
        box = random_box(random, n)
        known += assert_slopes(plan, graph, [node], box, points_of(random, box))
    assert known > 3


def assert_slopes(
    plan: Slopes, graph: Graph, nodes: list[int], box: NDArray[np.float64], at: list[NDArray[np.float64]], p: Any = ()
) -> bool:
    """Check f(a) − f(b) = M·(a − b) for neighbours in a list; return whether there are slopes at all."""
    try:
        _, rows = plan.enclose(balls_of(box), [arb(float(value)) for value in p])
    except NoSlopeError:
        return False
    for a, b in pairwise(at):
        first, second = exact.values(graph, nodes, a, p), exact.values(graph, nodes, b, p)
        for row, value_a, value_b in zip(rows, first, second, strict=True):
            with working_bits(300):
                change = sum((slope * (arb(float(a[j])) - arb(float(b[j]))) for j, slope in row.items()), arb(0))
                assert change.overlaps(exact.ball(value_a) - exact.ball(value_b))
    return True


@pytest.mark.parametrize("operation", NUMBERS, ids=lambda operation: operation.name)
def test_a_narrow_box_has_a_narrow_enclosure(operation: Operation) -> None:
    graph, node, n = single(operation)
    start = {op.ARCCOSH: 1.7, op.LOG: 0.7}.get(operation, 0.3)
    middle = [start + 0.4 * j for j in range(n)]
    found = enclose(graph, [node], [arb(value, 1e-7) for value in middle])[0]
    assert found is not None
    assert above(found) - below(found) < 1e-5


def test_every_operation_has_its_rules() -> None:
    assert set(enclosure.RULES) == set(extent.RULES) == set(op.COMPUTED)
    assert {kind: len(rules) for kind, rules in slopes.SLOPES.items()} == {kind: kind.arity for kind in NUMBERS}


@given(programs(longest=14), points, st.integers(0, 2**32 - 1))
@settings(max_examples=80)
def test_programs_are_held(steps: list[Step], middle: list[float], seed: int) -> None:
    graph, random = Graph(), np.random.default_rng(seed)
    outputs = run(graph, steps)
    x, p = np.split(np.array(middle), [VARIABLES])
    reach = 10.0 ** random.uniform(-6, 0.5, size=VARIABLES)
    box = np.column_stack([x - reach, x + reach])
    found = Enclosure(graph, outputs).enclose(balls_of(box), [arb(float(value)) for value in p])
    extents = Reach(graph, outputs).extents(list(map(tuple, box.tolist())), p.tolist())
    at = points_of(random, box)[:4]
    for point in at:
        for ball, ends, value in zip(found, extents, exact.values(graph, outputs, point, p), strict=True):
            assert_holds(ball, value)
            assert_reaches(ends, value)
    for output in outputs[:4]:
        assert_slopes(Slopes(graph, [output]), graph, [output], box, at, p)
    assert len(p) == PARAMETERS


@given(programs(longest=14), points, st.integers(0, 2**32 - 1))
@settings(max_examples=80)
def test_programs_are_not_zero_where_that_is_excluded(steps: list[Step], middle: list[float], seed: int) -> None:
    graph, random = Graph(), np.random.default_rng(seed)
    x, p = np.split(np.array(middle), [VARIABLES])
    reach = 10.0 ** random.uniform(-6, 0.5, size=VARIABLES)
    box = np.column_stack([x - reach, x + reach])
    at = points_of(random, box)[:3]
    for node in run(graph, steps)[:5]:
        # The output is made zero at one point of the box: then zero is not excluded from it.
        value = exact.values(graph, [node], at[-1], p)[0]
        if value is not None and mp.mpf(float(value)) == value:
            shifted = graph.subtract(node, graph.constant(float(value)))
            assert not Reach(graph, [shifted]).excludes_zero(list(map(tuple, box.tolist())), p.tolist())


X, Y = arb(0.5, 1.0), arb(2.0, 0.25)


@pytest.mark.parametrize(
    ("kind", "box"),
    [
        (op.LOG, [arb(0.5, 0.5)]),
        (op.SQRT, [arb(0.5, 0.75)]),
        (op.DIVIDE, [Y, X]),
        (op.POWER, [X, Y]),
        (op.TAN, [arb(1.5, 0.1)]),
        (op.ARCSIN, [arb(1.0, 0.1)]),
        (op.ARCTANH, [arb(0.5, 0.5)]),
        (op.SIGN, [X]),
        (op.FLOOR, [Y]),
        (op.CEIL, [Y]),
        (op.REMAINDER, [Y, arb(1.0)]),
        (op.ARCTAN2, [X, -Y]),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_nothing_is_said_where_f_is_undefined_or_jumps(kind: Operation, box: list[arb]) -> None:
    graph, node, _ = single(kind)
    # A bounded function of it must not make it known again.
    nodes = [node, graph.apply(op.ARCTAN, node), graph.apply(op.SIN, node), graph.apply(op.MINIMUM, node, graph.one)]
    assert enclose(graph, nodes, box) == [None] * 4


def test_a_branch_not_taken_may_be_undefined() -> None:
    graph = Graph()
    x = graph.variable(0)
    chosen = graph.select(graph.apply(op.GREATER, x, graph.zero), graph.apply(op.LOG, x), graph.apply(op.SQRT, x))
    assert enclose(graph, [chosen], [arb(1.0)]) == [0]
    assert enclose(graph, [chosen], [arb(0.0)]) == [0]
    assert enclose(graph, [chosen], [arb(0.0, 1e-9)]) == [None]


def test_equal_is_known_of_points_and_of_what_is_apart() -> None:
    graph, node, _ = single(op.EQUAL)
    assert enclose(graph, [node], [arb(1.0), arb(1.0)]) == [1]
    assert enclose(graph, [node], [arb(1.0), arb(2.0, 0.5)]) == [0]
    assert enclose(graph, [node], [arb(1.0), arb(1.0, 1e-30)]) == [None]


def test_two_variables_with_one_ball_are_not_one_variable() -> None:
    graph = Graph()
    product = graph.multiply(graph.variable(0), graph.variable(1))
    found = enclose(graph, [product], [X, X])[0]
    assert found is not None
    assert found.contains(arb(1.5) * arb(-0.5))


def test_doubles_round_outwards() -> None:
    with working_bits(200):
        third = arb(1) / 3
        assert below(third) == math.nextafter(above(third), 0.0) == 1 / 3
        assert below(arb("1e-400")) == 0.0
        assert above(arb("1e-400")) == 5e-324
        assert (below(arb("1e400")), above(arb("1e400"))) == (np.finfo(float).max, math.inf)
