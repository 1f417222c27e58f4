"""Kernels at many points: in lanes of every width as point by point, whoever the neighbours are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raphson_solver.compiler import Kernel, ManyKernel
from raphson_solver.compiler.emit import LARGEST_FUNCTION
from raphson_solver.compiler.width import Width, widest
from raphson_solver.expression import Graph, evaluate
from raphson_solver.expression import operations as op

from tests.solver.compiler.test_kernel import long_chain, same_bits
from tests.solver.programs import VARIABLES, Step, points, programs, run

WIDTHS = [Width(lanes, vector_functions=library) for lanes in (2, 4, 8) if lanes <= widest().lanes
          for library in (False, True)]  # fmt: skip
NONE = np.empty((1, 0))
# The vector functions of the C library promise 4 units in the last place, the plain ones are wrong by up to 1.
UNITS = 5


def at(kernel: ManyKernel, x: np.ndarray, p: np.ndarray, outputs: int, seeds: np.ndarray = NONE) -> np.ndarray:
    out = np.full((max(x.shape[0], p.shape[0], seeds.shape[0]), outputs), 7.0)
    kernel(np.ascontiguousarray(x), seeds, np.ascontiguousarray(p), out)
    return out


@pytest.mark.parametrize("width", WIDTHS, ids=str)
@given(program=programs(longest=30), rows=st.lists(points, min_size=1, max_size=11))
@settings(max_examples=25, deadline=None)
def test_lanes_without_vector_functions_agree_with_single_points_to_the_bit(
    width: Width, program: list[Step], rows: list[list[float]]
) -> None:
    graph = Graph()
    nodes = run(graph, program)
    many = ManyKernel(graph, nodes, VARIABLES, width=Width(width.lanes, vector_functions=False))
    many.compile()
    assert many.is_compiled
    table = np.array(rows)
    x, p = table[:, :VARIABLES], np.ascontiguousarray(table[:, VARIABLES:])
    got = at(many, x, p, len(nodes))
    single = Kernel(graph, nodes)
    for row, values in enumerate(got):
        assert same_bits(values, single(np.ascontiguousarray(x[row]), p[row]))


@pytest.mark.parametrize("width", WIDTHS, ids=str)
def test_every_function_in_lanes(width: Width) -> None:
    graph = Graph()
    x, y = graph.variable(0), graph.variable(1)
    unary = [kind for kind in op.FUNCTIONS.values() if kind.arity == 1]
    nodes = [graph.apply(kind, x) for kind in unary]
    nodes += [graph.apply(kind, x, y) for kind in op.FUNCTIONS.values() if kind.arity == 2]
    nodes += [graph.apply(op.POWER, x, y), graph.select(graph.apply(op.LESS, x, y), x, y)]
    rng = np.random.default_rng(1)
    special = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 5e-324, 1e308, 709.9, -745.2, 1e-8, 0.5, 1.5, 30.5]
    values = np.concatenate((rng.normal(size=(400, 2)), 10.0 ** rng.uniform(-300, 300, (200, 2)),
                             [[a, b] for a in special for b in special]))  # fmt: skip
    many = ManyKernel(graph, nodes, 2, width=width)
    many.compile()
    got, single = at(many, values, NONE, len(nodes)), Kernel(graph, nodes)
    expected = np.array([single(row, np.empty(0)) for row in values])
    np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))
    with np.errstate(all="ignore"):
        close = np.abs(got - expected) <= UNITS * np.spacing(np.abs(expected))
    assert np.all(close | np.isnan(expected) | (got == expected))


@pytest.mark.parametrize("width", WIDTHS, ids=str)
def test_a_point_gives_the_same_whoever_stands_beside_it(width: Width) -> None:
    graph = Graph()
    x, y, p = graph.variable(0), graph.variable(1), graph.parameter(0)
    nodes = [graph.apply(op.EXP, x), graph.apply(op.SIN, graph.multiply(x, y)), graph.divide(y, graph.subtract(x, p))]
    many = ManyKernel(graph, nodes, 2, width=width)
    many.compile()
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(37, 2))
    rows[5] = np.nan
    rows[6] = 1e300
    p_rows = rng.normal(size=(37, 1))
    whole = at(many, rows, p_rows, 3)
    for count in (1, 2, 7, 8, 9, 36):
        assert same_bits(at(many, rows[:count], p_rows[:count], 3), whole[:count])
        assert same_bits(at(many, rows[-count:], p_rows[-count:], 3), whole[-count:])
    order = rng.permutation(37)
    assert same_bits(at(many, rows[order], p_rows[order], 3), whole[order])


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("which", ["x", "seeds", "p", "none"])
def test_one_row_holds_for_all(which: str, compiled: bool) -> None:
    graph = Graph()
    x, seed, p = graph.variable(0), graph.variable(2), graph.parameter(1)
    nodes = [graph.multiply(graph.add(x, p), seed), graph.variable(1), graph.variable(3), graph.parameter(0), graph.one]
    many = ManyKernel(graph, nodes, 2, 2)
    if compiled:
        many.compile()
    rng = np.random.default_rng(3)
    rows = {name: rng.normal(size=(1 if name == which else 19, 2)) for name in ("x", "seeds", "p")}
    out = np.empty((19, 5))
    many(rows["x"], rows["seeds"], rows["p"], out)
    joined = {name: np.broadcast_to(each, (19, 2)) for name, each in rows.items()}
    expected = np.stack(
        ((joined["x"][:, 0] + joined["p"][:, 1]) * joined["seeds"][:, 0], joined["x"][:, 1], joined["seeds"][:, 1],
         joined["p"][:, 0], np.ones(19)), axis=1)  # fmt: skip
    np.testing.assert_allclose(out, expected, rtol=1e-15)


@pytest.mark.parametrize("width", WIDTHS, ids=str)
def test_long_kernels_hand_values_on_in_every_lane(width: Width) -> None:
    graph = Graph()
    outputs = long_chain(graph, 1900)
    assert len(graph.reachable(outputs)) > 3 * LARGEST_FUNCTION
    many = ManyKernel(graph, outputs, 2, width=width)
    many.compile()
    rows = np.array([[0.3, 0.1], [0.1, 0.3], [0.3, 0.28], [np.nan, 0.1], [0.2, 0.26]])
    p = np.array([[7.0]])
    for row, got in zip(rows, at(many, rows, p, len(outputs)), strict=True):
        np.testing.assert_allclose(got, evaluate(graph, outputs, row, p[0]), rtol=1e-9)


def test_it_is_compiled_once_the_points_seen_would_have_paid() -> None:
    graph = Graph()
    many = ManyKernel(graph, [graph.apply(op.EXP, graph.variable(0))], 1)
    at(many, np.zeros((10, 1)), NONE, 1)
    assert not many.is_compiled
    assert np.all(at(many, np.zeros((2_000_000, 1)), NONE, 1) == 1.0)
    assert many.is_compiled


def test_what_is_raised_between_slices_ends_the_work() -> None:
    graph = Graph()
    many = ManyKernel(graph, [graph.apply(op.EXP, graph.variable(0))], 1)
    many.compile()
    calls = []

    def stop() -> None:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        many(np.zeros((8_000_000, 1)), NONE, NONE, np.empty((8_000_000, 1)), stop)
    assert len(calls) == 3
