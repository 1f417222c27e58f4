"""How values and model files are read, without any server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import numpy as np
import pytest
from raphson_server.cli.answer import to_json
from raphson_server.cli.problem import read_model, read_problem
from raphson_server.cli.region import read_bounds
from raphson_server.cli.unknown_names import names_in
from raphson_server.cli.values import read_assignments, read_value

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2.5", 2.5),
        (" -1e-3 ", -1e-3),
        ("1,2,3", [1.0, 2.0, 3.0]),
        ("1,", [1.0]),
        ("1x3", [1.0, 1.0, 1.0]),
        ("-0.5x1", [-0.5]),
        ("0x2x3", [[0.0] * 3] * 2),
        ("[[1, 2], [3, 4]]", [[1.0, 2.0], [3.0, 4.0]]),
        ("[1]", [1.0]),
    ],
)
def test_values(text: str, value: Any) -> None:
    read = read_value(text, "--start u")
    assert np.shape(read) == np.shape(value)
    assert np.array_equal(read, value)


@pytest.mark.parametrize("text", ["", "one", "1,two", "1xn", "1x-2", "[[1],[1,2]]", "[1", '["a"]', "1:10"])
def test_what_is_no_value_is_told_what_is(text: str) -> None:
    with pytest.raises(click.UsageError) as caught:
        read_value(text, "--start u")
    assert "--start u" in caught.value.message
    assert "expected" in caught.value.message or "1x10 for ten ones" in caught.value.message
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["x"], "--start x: expected NAME=VALUE"),
        (["=3"], "expected NAME=VALUE"),
        (["x=1", "x=2"], "--start x is given twice"),
    ],
)
def test_assignments_that_are_none(texts: list[str], said: str) -> None:
    with pytest.raises(click.UsageError, match=said) as caught:
        read_assignments(texts, "start")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "lower", "upper"),
    [
        ("x=0:10", 0.0, 10.0),
        ("x=:10", None, 10.0),
        (" x = -1e3 : ", -1e3, None),
        ("x=-inf:2", -np.inf, 2.0),
        ("x=0,1:2,3", [0.0, 1.0], [2.0, 3.0]),
        ("x=0x2:[3, 4]", [0.0, 0.0], [3.0, 4.0]),
    ],
)
def test_bounds(text: str, lower: Any, upper: Any) -> None:
    read = read_bounds([text])["x"]
    for found, expected in zip(read, (lower, upper), strict=True):
        assert (found is None) if expected is None else np.array_equal(found, expected)


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["x"], "--bounds x: expected NAME=LOWER:UPPER"),
        (["x=3"], "expected NAME=LOWER:UPPER, e.g. x=0:10"),
        (["=0:1"], "expected NAME=LOWER:UPPER"),
        (["x=a:1"], "--bounds x=a: not a value"),
        (["x=0:1", "x=2:3"], "--bounds x is given twice"),
    ],
)
def test_bounds_that_are_none(texts: list[str], said: str) -> None:
    with pytest.raises(click.UsageError, match=said) as caught:
        read_bounds(texts)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("equations", "parameters", "names"),
    [
        (["x + y = 3", "x - y = 1"], {}, ["x", "y"]),
        (["w := x + e", "w*z = sin(a) + pi"], {"a"}, ["x", "z"]),
        (["z*i = 1 for i in range(n)"], {"n"}, ["z"]),
        (["1 if x > 0 and y < 1 else -1"], {}, ["x", "y"]),
    ],
)
def test_names_that_nothing_explains_are_unknowns(equations: Any, parameters: Any, names: list[str]) -> None:
    assert names_in(equations, parameters) == names


@pytest.mark.parametrize(
    ("equations", "said"),
    [
        (["u[0] = 1"], "u is an array; expected its shape, e.g. --unknown u=10"),
        (["1 = 2"], "no unknowns"),
        (["x ? 1"], "equations\\[0\\]"),
    ],
)
def test_unknowns_that_cannot_be_told(equations: Any, said: str) -> None:
    with pytest.raises(click.UsageError, match=said):
        names_in(equations, {})


@pytest.fixture
def model(tmp_path: Path) -> Any:
    def write(text: str) -> Path:
        path = tmp_path / "model.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


MODEL = """
equations = ["x**2 = r", "u[i] = x for i in range(2)"]
jacobian = [["2*x", 0, 0], ["-1", 1, 0], ["-1", "0", 1.0]]
[start]
x = 1
u = [0.5, 0.25]
[parameters]
r = 2
[bounds]
x = [0, inf]
u = [[0, 0], [1, 2.5]]
[nominal]
x = 1e5
[options]
method = "newton"
max_iterations = 9
"""


def test_a_model_file(model: Any) -> None:
    problem = read_problem([], [], [], model(MODEL), "start")
    assert problem.equations == ["x**2 = r", "u[i] = x for i in range(2)"]
    assert problem.point["x"] == 1.0
    assert np.array_equal(problem.point["u"], [0.5, 0.25])
    assert problem.parameters == {"r": 2.0}
    assert problem.jacobian == [["2*x", "0.0", "0.0"], ["-1", "1.0", "0.0"], ["-1", "0", "1.0"]]
    assert problem.bounds["x"] == (0.0, float("inf"))
    assert [np.asarray(side).tolist() for side in problem.bounds["u"]] == [[0.0, 0.0], [1.0, 2.5]]
    assert problem.nominal == {"x": 1e5}
    assert problem.options == {"method": "newton", "max_iterations": 9}


def test_arguments_go_before_the_model_file(model: Any) -> None:
    problem = read_problem(
        [], ["x=5"], ["r=7", "s=1"], model(MODEL), "start", bounds=["x=1:2", "y=:3"], nominal=["y=2"]
    )
    assert problem.point["x"] == 5.0
    assert np.array_equal(problem.point["u"], [0.5, 0.25])
    assert problem.parameters == {"r": 7.0, "s": 1.0}
    assert (problem.bounds["x"], problem.bounds["y"]) == ((1.0, 2.0), (None, 3.0))
    assert list(problem.bounds) == ["x", "u", "y"]
    assert problem.nominal == {"x": 1e5, "y": 2.0}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("equations = [", "is not TOML"),
        ("equation = ['x']", "unknown key 'equation'; .* did you mean 'equations'?"),
        ("equations = 3", "equations is 3; expected a list of strings"),
        ("equations = ['x', 2]", "expected a list of strings"),
        ("start = 3", r"start is 3; expected a table, \[start\]"),
        ("[start]\nx = 'one'", "start.x is 'one'; expected a number"),
        ("[start]\nx = [[1], [1, 2]]", "start.x is .*; expected a number or a full array"),
        ("[start]\nx = true", "start.x is True"),
        ("[parameters]\nr = {}", "parameters.r is {}"),
        ("jacobian = ['x']", "expected rows of expressions"),
        ("jacobian = [[true]]", r"jacobian\[0\]\[0\] is True; expected an expression"),
        ("[bounds]\nx = 3", r"bounds.x is 3; expected \[lower, upper\]"),
        ("[bounds]\nx = [0, 'big']", r"bounds.x\[1\] is 'big'; expected a number"),
        ("[nominal]\nx = 'big'", "nominal.x is 'big'"),
        ("bounds = 3", r"bounds is 3; expected a table, \[bounds\]"),
        ("[options]\ntolerence = 1", "unknown key 'tolerence'; .* did you mean 'tolerance'?"),
    ],
)
def test_a_model_file_that_makes_no_sense(model: Any, text: str, said: str) -> None:
    with pytest.raises(click.UsageError, match=said) as caught:
        read_model(model(text))
    assert "model.toml" in caught.value.message
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (([], ["x=1"], [], None, "start"), "no equations; expected e.g."),
        ((["x"], [], [], None, "at"), "no unknowns; expected e.g. --at x=1"),
    ],
)
def test_what_is_missing_is_told(arguments: Any, said: str) -> None:
    with pytest.raises(click.UsageError, match=said):
        read_problem(*arguments)


def test_equations_are_given_once(model: Any) -> None:
    with pytest.raises(click.UsageError, match="both as arguments and in"):
        read_problem(["x"], [], [], model(MODEL), "start")


def test_json_has_no_number_that_json_does_not_know() -> None:
    written = to_json({"a": np.array([1.0, np.nan]), "b": (np.inf, 2), "c": None, "d": "x"})
    assert written == {"a": [1.0, None], "b": [None, 2], "c": None, "d": "x"}
