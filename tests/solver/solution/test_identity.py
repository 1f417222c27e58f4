"""The id: the same for the same system however it is spelled, another for any other system."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import raphson_solver as rs

from tests.solver.building import build

TEXT = "x**2 + sin(y)*r = 3"


def id_of(texts: Any = TEXT, start: Any = ("x", "y"), parameters: Any = ("r",), jacobian: Any = None) -> str:
    return build(texts, start, parameters, jacobian).id


def test_it_is_sixty_four_hexadecimal_digits() -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", id_of())


@pytest.mark.parametrize(
    "text",
    [
        "x**2+sin(y)*r=3",
        "  x ** 2\t+ sin( y )*r =\n3 ",
        "(x**2) + (sin(y)*r) = (3)",
        "((x)**(2)) + sin((y))*r = 3",
        "x^2 + sin(y)*r = 3",
        "x**2 + sin(y)*r = 3.0",
        "x**2 + sin(y)*r = 3e0",
        "x**2.0 + sin(y)*r = 30e-1",
        "+x**2 + sin(y)*r = 3",
    ],
)
def test_spelling_does_not_count(text: str) -> None:
    assert id_of(text) == id_of()


def test_names_of_definitions_and_indices_do_not_count() -> None:
    assert id_of(["s := x*y", "s + s**2 = r"]) == id_of(["product := x*y", "product + product**2 = r"])
    array = {"u": np.zeros(3)}
    assert id_of("u[i] - i for i in range(3)", array) == id_of("u[k] - k for k in range(3)", array)
    assert id_of("sum(u[i] for i in range(3))", array) == id_of("sum(u)", array)


OTHERS: list[dict[str, Any]] = [
    {"texts": "x**2 + sin(y)*r = 4"},
    {"texts": "x**2 + sin(y)*r = -3"},
    {"texts": "x**2 + cos(y)*r = 3"},
    {"texts": "y**2 + sin(x)*r = 3"},
    {"texts": "x**3 + sin(y)*r = 3"},
    {"texts": "x**2 - sin(y)*r = 3"},
    {"texts": "x**2 + sin(y)/r = 3"},
    {"texts": [TEXT, "x"]},
    {"texts": ["x", TEXT]},
    {"texts": [TEXT, TEXT]},
    {"start": ("y", "x")},
    {"start": ("x", "y", "z")},
    {"texts": TEXT.replace("x", "z"), "start": ("z", "y")},
    {"texts": TEXT.replace("r", "q"), "parameters": ("q",)},
    {"parameters": ("r", "q")},
    {"parameters": ("q", "r")},
    {"start": ("x", "y", "r"), "parameters": ()},
    {"jacobian": [["2*x", "r*cos(y)"]]},
    {"jacobian": [["2*x", "0"]]},
]


def test_any_other_system_has_another_id() -> None:
    ids = [id_of(), *(id_of(**other) for other in OTHERS)]
    assert len(set(ids)) == len(ids)


def test_the_sign_of_zero_counts() -> None:
    assert id_of("arctan2(0.0, x)") != id_of("arctan2(-0.0, x)")


def test_shapes_count() -> None:
    ids = {id_of("sum(u)", {"u": np.zeros(shape)}) for shape in ((6,), (2, 3), (3, 2), (1, 6), (6, 1), (1, 1, 6))}
    assert len(ids) == 6
    assert id_of("x", {"x": 1.0}, {"p": np.zeros(2)}) != id_of("x", {"x": 1.0}, {"p": np.zeros(3)})


def test_values_that_are_part_of_the_system_count_and_others_do_not() -> None:
    start = {"u": np.zeros(4)}
    assert id_of("u[k] - r", start, {"k": 1, "r": 5}) != id_of("u[k] - r", start, {"k": 2, "r": 5})
    assert id_of("u[k] - r", start, {"k": 1, "r": 5}) == id_of("u[k] - r", start, {"k": 1, "r": 6})
    tables = [{"t": np.array(table)} for table in ([0, 1], [1, 0], [[0, 1]])]
    texts = ["u[t[0]] + u[t[1]]", "u[t[0]] + u[t[1]]", "u[t[0,0]] + u[t[0,1]]"]
    assert len({id_of(text, start, table) for text, table in zip(texts, tables, strict=True)}) == 3


def test_limits_and_derivatives_do_not_count() -> None:
    system = build(TEXT, ["x", "y"], ["r"])
    before = system.id
    system.jacobian([1.0, 2.0], [3.0])
    assert system.id == before == build(TEXT, ["x", "y"], ["r"], limits=rs.Limits(depth=9)).id


def test_another_process_computes_the_same_id() -> None:
    code = f"import raphson_solver as rs; print(rs.compile({TEXT!r}, ['x', 'y'], ['r']).id)"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert child.stdout.strip() == id_of()
