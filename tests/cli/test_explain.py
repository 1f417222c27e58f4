"""`raphson explain`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from raphson_server.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

Run = Callable[..., "Result"]

PARALLEL = ["x + y = 3", "2*x + 2*y = 5", "--start", "x=1", "--start", "y=1"]


def test_the_pattern_alone_needs_no_start(run: Run) -> None:
    result = run("explain", "x + y = 3", "x - y = 1", "x = 2*y")
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert "3 equations for 2 variables" in lines[0]
    assert lines[-1] == "structural rank 2"


def test_at_a_point_equations_that_say_the_same_are_named(run: Run) -> None:
    result = run("explain", *PARALLEL)
    assert result.exit_code == 0
    assert result.output.startswith("- equations[0] and equations[1] change alike")
    assert "; rank 1; " in result.output.splitlines()[-1]


def test_json_has_stable_keys(run: Run) -> None:
    content = json.loads(run("explain", *PARALLEL, "--json").output)
    assert content["structural_rank"] == 2
    assert content["rank"] == 1
    assert content["worst_equations"][0]["equation"] == "equations[0]"
    assert content["system_id"]


def test_where_nan_comes_from(run: Run) -> None:
    content = json.loads(run("explain", "log(x - 2) = 1", "--start", "x=1", "--json").output)
    assert content["not_finite"]["text"] == "log(x - 2)"
    assert content["not_finite"]["arguments"] == [-1.0]


def test_arrays_are_declared(run: Run) -> None:
    result = run("explain", "sum(u[i] for i in range(3)) = a", "--unknown", "u=3", "-p", "a=1")
    assert result.exit_code == 0
    assert "3 variables" in result.output


def test_a_model_file_at_its_start_or_by_its_pattern(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "model.toml"
    path.write_text('equations = ["x + y = 3", "2*x + 2*y = 5"]\n[start]\nx = 1.0\ny = 1.0\n')
    assert "; rank 1; " in run("explain", "--model", str(path)).output
    assert run("explain", "--model", str(path), "--pattern").output.splitlines()[-1] == "structural rank 2"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no equations"),
        (["u[0] = 1"], "u is an array; expected its shape"),
        (["u[0] = 1", "--unknown", "u=wide"], "expected NAME or NAME=SHAPE"),
        (["x = 1", "--unknown", "x", "--start", "x=1"], "expected one of them"),
        (["sine(x) = 1", "--start", "x=1"], "unknown function 'sine'"),
    ],
)
def test_bad_input_is_exit_code_2(run: Run, arguments: list[str], said: str) -> None:
    result = run("explain", *arguments)
    assert result.exit_code == 2
    assert said in result.output


def test_help_shows_an_example() -> None:
    result = CliRunner().invoke(main, ["explain", "--help"])
    assert result.exit_code == 0
    assert "\n  raphson explain 'x + y = 3' 'x - y = 1' 'x = 2*y'\n" in result.output
