"""`raphson jacobian`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
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
    assert list(content) == [
        "equations",
        "unknowns",
        "jacobian",
        "error",
        "evaluations",
        "sparse",
        "jvp",
        "vjp",
        "determinant",
        "spectrum",
        "covariance",
        "system_id",
    ]
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


@pytest.mark.parametrize("method", ["forward", "central", "complex_step"])
def test_differences(run: Run, method: str) -> None:
    content = json.loads(run("jacobian", "exp(a*x)", "--at", "x=0", "-p", "a=3", "--method", method, "--json").output)
    assert content["jacobian"][0][0] == pytest.approx(3.0, rel=1e-6)


def test_sparse_entries(run: Run) -> None:
    result = run("jacobian", *EXAMPLE, "--sparse")
    assert [line.split() for line in result.output.splitlines()] == [
        ["equations[0]", "x", "2"],
        ["equations[0]", "y", "1"],
        ["equations[1]", "x", "3"],
        ["equations[1]", "y", "1"],
    ]
    content = json.loads(run("jacobian", "x**2", "x*y", "--at", "x=1", "--at", "y=3", "--sparse", "--json").output)
    assert content["sparse"] == {
        "rows": [0, 1, 1],
        "columns": [0, 0, 1],
        "values": [2.0, 3.0, 1.0],
        "shape": [2, 2],
    }
    assert content["jacobian"] is None


def test_products(run: Run) -> None:
    result = run("jacobian", *EXAMPLE, "--jvp", "1,-1", "--vjp", "[2, 0]")
    assert [line.split() for line in result.output.splitlines()] == [
        ["J·v"],
        ["equations[0]", "1"],
        ["equations[1]", "2"],
        ["wᵀ·J"],
        ["x", "4"],
        ["y", "2"],
    ]
    content = json.loads(run("jacobian", *EXAMPLE, "--jvp", "1,-1", "--json").output)
    assert (content["jvp"], content["vjp"], content["jacobian"]) == ([1.0, 2.0], None, None)


def test_the_spectrum(run: Run) -> None:
    result = run("jacobian", "3*x", "4*y", "--at", "x=1", "--at", "y=1", "--spectrum")
    assert result.output.splitlines()[-2:] == ["rank 2 of 2, condition 1.33333", "singular values 4, 3"]
    content = json.loads(run("jacobian", "3*x", "4*y", "--at", "x=1", "--at", "y=1", "--spectrum", "--json").output)
    assert content["spectrum"]["singular_values"] == [4.0, 3.0]
    assert content["spectrum"]["rank"] == 2


def test_the_error_of_differences(run: Run) -> None:
    result = run("jacobian", *EXAMPLE, "--mode", "central", "--error")
    lines = result.output.splitlines()
    assert lines[0].split() == ["x", "y"]
    assert lines[3].startswith("error, estimated, by ")
    assert len(lines) == 7
    content = json.loads(run("jacobian", *EXAMPLE, "--mode", "central", "--error", "--json").output)
    assert content["evaluations"] > 4
    error = np.array(content["error"])
    assert np.all(np.abs(np.array(content["jacobian"]) - [[2, 1], [3, 1]]) <= error)
    assert np.all(error < 1e-6)


def test_uncertainty(run: Run) -> None:
    result = run("jacobian", "x*y", "--at", "x=3", "--at", "y=4", "--covariance", "0.3,0.1")
    assert result.output.splitlines()[-2:] == ["standard deviations", "  equations[0]  1.23693168769"]
    full = run("jacobian", "x*y", "--at", "x=3", "--at", "y=4", "--covariance", "[[0.09,0],[0,0.01]]", "--json")
    assert json.loads(full.output)["covariance"]["covariance"][0][0] == pytest.approx(1.53)


def test_differences_within_bounds(run: Run) -> None:
    result = run("jacobian", "x*sqrt(x)", "--at", "x=0", "--mode", "central", "--bounds", "x=0:", "--json")
    assert abs(json.loads(result.output)["jacobian"][0][0]) < 1e-2


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
        (["x*y", "--at", "x=1", "--at", "y=1", "--jvp", "1"], "expected (2,)"),
        (["x", "--at", "x=1", "--error"], "--error is for differences"),
        (["abs(x)", "--at", "x=1", "--mode", "complex_step"], "abs"),
        (["x*y", "--at", "x=1", "--at", "y=1", "--covariance", "[[1,2],[2,1]]"], "positive semidefinite"),
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
