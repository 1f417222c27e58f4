"""`raphson check` and `raphson differentiable`."""

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

MODEL = """
equations = ["x**2*y", "exp(x) + y"]
jacobian = [["2*x*y", "{entry}"], ["exp(x)", "1"]]
[start]
x = 2.0
y = 0.5
"""


def model(path: Path, entry: str) -> str:
    file = path / "model.toml"
    file.write_text(MODEL.format(entry=entry))
    return str(file)


# --- check
def test_a_right_jacobian(run: Run, tmp_path: Path) -> None:
    result = run("check", model(tmp_path, "x**2"))
    assert result.exit_code == 0
    assert "agrees with the exact one" in result.output


def test_a_wrong_jacobian(run: Run, tmp_path: Path) -> None:
    result = run("check", model(tmp_path, "x**3"))
    assert result.exit_code == 1
    assert result.output.splitlines()[0] == "1 entry differs from the exact Jacobian:"
    assert result.output.splitlines()[1].split()[:4] == ["equation", "unknown", "given", "exact"]
    assert result.output.splitlines()[2].split()[:4] == ["equations[0]", "y", "8", "4"]
    content = json.loads(run("check", model(tmp_path, "x**3"), "--json").output)
    assert list(content) == ["agrees", "disagreeing", "largest_error", "worst"]
    (entry,) = content["worst"]
    assert (entry["equation"], entry["variable"], entry["given"], entry["exact"]) == ("equations[0]", "y", 8.0, 4.0)


def test_another_point(run: Run, tmp_path: Path) -> None:
    """x³ is x² at 1: agreement at one point says nothing of others."""
    assert run("check", model(tmp_path, "x**3"), "--at", "x=1").exit_code == 0


def test_a_model_without_a_jacobian(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "model.toml"
    file.write_text('equations = ["x"]\n[start]\nx = 1\n')
    result = run("check", str(file))
    assert result.exit_code == 2
    assert "has no jacobian to check; expected jacobian = [[...]]" in result.output


# --- differentiable
def test_partial_derivatives_are_not_enough(run: Run) -> None:
    origin = ["x*y/(x**2 + y**2)", "--at", "x=0", "--at", "y=0", "--value", "0"]
    result = run("differentiable", *origin)
    assert result.exit_code == 1
    assert "remainder" in result.output.splitlines()[1]
    content = json.loads(run("differentiable", *origin, "--json").output)
    assert (content["differentiable"], content["partial_derivatives_exist"]) == (False, True)
    assert len(content["steps"]) == len(content["remainders"])


@pytest.mark.parametrize("text", ["exp(x)*y", "3*x - y"])
def test_smooth_functions(run: Run, text: str) -> None:
    result = run("differentiable", text, "--at", "x=1", "--at", "y=2", "--directions", "8")
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["x"], "no unknowns"),
        (["x", "--at", "x=1", "--directions", "0"], "directions"),
        (["x", "--at", "x=1", "--value", "1,2"], "value"),
        (["x +", "--at", "x=1"], "equations[0]"),
    ],
)
def test_bad_input_is_exit_code_2(run: Run, arguments: list[str], said: str) -> None:
    result = run("differentiable", *arguments)
    assert result.exit_code == 2
    assert said in result.output


@pytest.mark.parametrize("command", ["check", "differentiable"])
def test_help_shows_an_example(command: str) -> None:
    result = CliRunner().invoke(main, [command, "--help"])
    assert result.exit_code == 0
    assert f"\n  raphson {command} " in result.output
    assert command in CliRunner().invoke(main, ["--help"]).output
