"""Nodes as text: what is written means the same when it is parsed, and what is cut is short and made quickly."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from raphson_solver.explanation import element_names, write
from raphson_solver.expression import Graph, evaluate
from raphson_solver.expression import operations as op
from raphson_solver.language import from_text
from raphson_solver.limits import Limits

from tests.solver.building import build
from tests.solver.programs import PARAMETERS, VARIABLES, Step, points, programs, run

if TYPE_CHECKING:
    from collections.abc import Mapping

SHAPES = (("x", ()), ("u", (4,)), ("W", (2, 3)))
NAMES = element_names(SHAPES)


def written(text: str, length: int = 80) -> str:
    start = {name: np.ones(shape) for name, shape in SHAPES}
    instance = from_text(build(text, start, {"p": 1.0, "q": [1.0, 2.0]}).definition, Limits())
    return write(instance.graph, instance.equations[0], NAMES, ["p", "q[0]", "q[1]"], length)


def test_elements_are_named_as_the_language_writes_them() -> None:
    assert NAMES[:5] == ("x", "u[0]", "u[1]", "u[2]", "u[3]")
    assert NAMES[5:] == ("W[0,0]", "W[0,1]", "W[0,2]", "W[1,0]", "W[1,1]", "W[1,2]")
    assert element_names([("none", (0, 2))]) == ()


@pytest.mark.parametrize(
    "text",
    [
        "x + u[0] - u[1]",
        "x - (u[0] - u[1])",
        "x - 3",
        "3*x*u[0]",
        "x/u[0]/u[1]",
        "x/(u[0]*u[1])",
        "x*u[0]/(u[1]*u[2])",
        "(x + 1)*(u[0] - 2)",
        "-x",
        "-x*u[0]",
        "-(x + u[0])",
        "-x - u[0]",
        "x/-u[0]",
        "x**2",
        "-x**2",
        "x**3 + u[0]**7",
        "(x + u[0])**64",
        "(x**3)**2",
        "x**1.5",
        "x**-0.5",
        "x**-u[0]",
        "(-x)**1.5",
        "(x*u[0])**u[1]",
        "(x**u[0])**u[1]",
        "x**u[0]**u[1]",
        "1/x**2",
        "sqrt(x)*log(W[1,2])",
        "arctan2(x, u[3]) + hypot(p, q[1])",
        "minimum(x, -u[0]*p)",
        "where(x < 1 and not u[0] >= 2, x, -x)",
        "where(x < 1 and (u[0] < 1 or u[1] != 2), 1e-14, 2.5e+20)",
        "where(not (x < 1 or x > 2), pi, 0)",
    ],
)
def test_text_comes_back_as_it_was(text: str) -> None:
    assert written(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x**0.5", "sqrt(x)"),
        ("x*x*x", "x**3"),
        ("x*2", "2*x"),
        ("x*(u[0]/u[1])", "u[0]/u[1]*x"),
        ("x + (u[0] - u[1])", "u[0] - u[1] + x"),
        ("1 + x", "x + 1"),
        ("-3 + x", "x - 3"),
        ("x + -3", "x - 3"),
        ("x = 2*u[0]", "x - 2*u[0]"),
        ("u[1] if x < u[0] < 3 else p", "where(x < u[0] and u[0] < 3, u[1], p)"),
        ("sum(u[i]**2 for i in range(3))", "u[0]**2 + u[1]**2 + u[2]**2"),
        ("prod(u)", "u[0]*u[1]*u[2]*u[3]"),
        ("x**65", "x**65"),
        ("x**64*x", "x*x**64"),
    ],
)
def test_what_the_graph_makes_of_it_is_written(text: str, expected: str) -> None:
    assert written(text) == expected


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (80, "log(x + u[0]*u[1]) - exp(sin(x)/u[2])*u[3] + p"),
        (46, "log(x + u[0]*u[1]) - exp(sin(x)/u[2])*u[3] + p"),
        (45, "log(x + u[0]*u[1]) - exp(…/u[2])*u[3] + p"),
        (30, "log(x + …) - exp(…)*u[3] + p"),
        (20, "log(…) - …*u[3] + p"),
        (12, "… + p"),
        (5, "… + p"),
        (4, "…"),
    ],
)
def test_what_is_deep_is_left_out_first(length: int, expected: str) -> None:
    assert written("log(x + u[0]*u[1]) - exp(sin(x)/u[2])*u[3] + p", length) == expected


def test_a_node_shared_a_thousand_times_over_is_cut_in_no_time() -> None:
    graph = Graph()
    a, b = graph.variable(0), graph.variable(1)
    for _ in range(300):
        a, b = graph.add(graph.apply(op.SIN, a), b), graph.multiply(a, graph.add(a, b))
    chain = graph.sum(graph.variable(place) for place in range(5000))
    names = [f"u[{place}]" for place in range(5000)]
    began = time.monotonic()
    for length in (20, 80, 2000):
        assert 0 < len(write(graph, b, names, length=length)) <= length
        assert 0 < len(write(graph, chain, names, length=length)) <= length
    assert write(graph, chain, names, length=30) == "… + u[4998] + u[4999]"
    assert time.monotonic() - began < 2.0


@given(programs(longest=10), points)
@settings(max_examples=60)
def test_what_is_written_has_the_same_value_when_parsed_again(steps: list[Step], point: list[float]) -> None:
    graph = Graph()
    run(graph, steps)
    numbers = [node for node in range(len(graph)) if is_a_number(graph, node)]
    variables = [f"x{place}" for place in range(VARIABLES)]
    parameters = [f"p{place}" for place in range(PARAMETERS)]
    texts = [write(graph, node, variables, parameters, 3000) for node in numbers]
    whole = [(node, text) for node, text in zip(numbers, texts, strict=True) if "…" not in text]
    x, p = np.split(np.array(point), [VARIABLES])
    wanted = evaluate(graph, [node for node, _ in whole], x, p)
    point_by_name = dict(zip([*variables, *parameters], point, strict=True))
    by_name = build([text for _, text in whole], *halves(point_by_name))
    instance = from_text(by_name.definition, Limits())
    got = evaluate(instance.graph, instance.equations, x, p)
    np.testing.assert_array_equal(got, wanted)


def halves(point: Mapping[str, float]) -> tuple[dict[str, float], dict[str, float]]:
    return (
        {name: value for name, value in point.items() if name.startswith("x")},
        {name: value for name, value in point.items() if name.startswith("p")},
    )


def is_a_number(graph: Graph, node: int) -> bool:
    """Whether the language can write a node: no condition stands in it for a number."""
    for inner in graph.reachable([node]):
        kind = graph.operation[inner]
        takes = kind.takes_conditions or (False,) * kind.arity
        for argument, condition in zip(graph.arguments[inner], takes, strict=True):
            if graph.operation[argument].yields_condition and not condition:
                return False
    return not graph.operation[node].yields_condition
