"""`raphson jacobian`."""

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

EXAMPLE = ["x**2 + y", "x*y", "--at", "x=1", "--at", "y=3"]


def test_rows_and_columns_have_names(run: Run) -> None:
    result = run("jacobian", *EXAMPLE)
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "              x  y",
        "equations[0]  2  1",
        "equations[1]  3  1",
    ]


def test_the_determinant(run: Run) -> None:
    result = run("jacobian", "-y", "x", "--at", "x=1", "--at", "y=3", "--determinant")
    assert result.exit_code == 2
    result = run("jacobian", "--at", "x=1", "--at", "y=3", "--determinant", "--", "-y", "x")
    assert result.output.splitlines()[-1] == "determinant 1 (sign 1, log|det| 0)"


def test_json_has_stable_keys(run: Run) -> None:
    content = json.loads(run("jacobian", *EXAMPLE, "--determinant", "--json").output)
    assert list(content) == ["equations", "unknowns", "jacobian", "determinant", "system_id"]
    assert content["unknowns"] == ["x", "y"]
    assert content["jacobian"] == [[2.0, 1.0], [3.0, 1.0]]
    assert content["determinant"] == pytest.approx({"sign": -1.0, "log_abs": 0.0, "value": -1.0}, abs=1e-14)


def test_a_singular_matrix_has_no_logarithm_in_json(run: Run) -> None:
    content = json.loads(
        run("jacobian", "x", "2*x+0*y", "--at", "x=1", "--at", "y=1", "--determinant", "--json").output
    )
    assert content["determinant"] == {"sign": 0.0, "log_abs": None, "value": 0.0}
    assert content["jacobian"] == [[1.0, 0.0], [2.0, 0.0]]


def test_a_wide_matrix_is_a_list_of_entries(run: Run) -> None:
    result = run("jacobian", "u[i]**2 - u[i-1] for i in range(1, 12)", "--at", "u=1x12")
    lines = result.output.splitlines()
    assert len(lines) == 22
    assert lines[0].split() == ["equations[0]", "at", "i=1", "u[0]", "-1"]
    assert lines[1].split()[-2:] == ["u[1]", "2"]


@pytest.mark.parametrize("method", ["forward", "central"])
def test_differences(run: Run, method: str) -> None:
    content = json.loads(run("jacobian", "exp(a*x)", "--at", "x=0", "-p", "a=3", "--method", method, "--json").output)
    assert content["jacobian"][0][0] == pytest.approx(3.0, rel=1e-6)


def test_a_model_files_own_jacobian(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "model.toml"
    path.write_text('equations = ["x**2"]\njacobian = [["77*x"]]\n[start]\nx = 1.0\n')
    assert "77" in run("jacobian", "--model", str(path), "--method", "analytic").output
    assert "77" not in run("jacobian", "--model", str(path)).output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["x +", "--at", "x=1"], "equations[0]"),
        (["x", "--at", "x=1", "--method", "analytic"], "--method analytic needs"),
        (["x*y", "--at", "x=1", "--at", "y=1", "--determinant"], "square"),
        (["x"], "no unknowns; expected e.g. --at x=1"),
    ],
)
def test_bad_input_is_exit_code_2(run: Run, arguments: list[str], said: str) -> None:
    result = run("jacobian", *arguments)
    assert result.exit_code == 2
    assert said in result.output


def test_help_shows_an_example() -> None:
    result = CliRunner().invoke(main, ["jacobian", "--help"])
    assert result.exit_code == 0
    assert "\n  raphson jacobian 'x**2 + y' 'x*y' --at x=1 --at y=2\n" in result.output
