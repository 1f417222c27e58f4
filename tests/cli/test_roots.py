"""`raphson roots`."""

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

CIRCLE = ["x**2 + y**2 = 4", "x*y = 1", "--bounds", "x=-3:3", "--bounds", "y=-3:3"]


def test_roots_are_rows(run: Run) -> None:
    result = run("roots", "x**2 = 2", "--bounds", "x=-10:10")
    assert result.exit_code == 0
    heading, *rows, summary = result.output.splitlines()
    assert heading.split() == ["#", "x", "largest", "|f|", "certificate"]
    assert sorted(float(row.split()[1]) for row in rows) == pytest.approx([-(2**0.5), 2**0.5])
    assert all("proven: exactly one root within" in row for row in rows)
    assert summary.startswith("2 roots from ")


def test_every_line_is_an_object(run: Run) -> None:
    result = run("roots", *CIRCLE, "--prove", "--json")
    assert result.exit_code == 0
    *roots, last = map(json.loads, result.output.splitlines())
    assert [list(root) for root in roots] == [["root"]] * 4
    assert list(roots[0]["root"]) == ["solution", "residual", "certificate"]
    for root in roots:
        x, y = (root["root"]["solution"][name] for name in "xy")
        assert (x**2 + y**2, x * y) == pytest.approx((4.0, 1.0))
    assert list(last["summary"]) == [
        "roots",
        "starts",
        "complete",
        "reason",
        "undecided_lower",
        "undecided_upper",
        "system_id",
    ]
    assert (last["summary"]["roots"], last["summary"]["complete"]) == (4, True)


def test_arrays_parameters_and_limits(run: Run) -> None:
    result = run(
        "roots",
        "u[i]**2 = i + a for i in range(2)",
        "--bounds",
        "u=0x2:10x2",
        "-p",
        "a=1",
        "--max-roots",
        "1",
        "--json",
    )
    first, last = map(json.loads, result.output.splitlines())
    assert first["root"]["solution"]["u"] == pytest.approx([1.0, 2**0.5])
    assert last["summary"]["roots"] == 1


def test_a_model_files_bounds_are_the_box(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "model.toml"
    path.write_text('equations = ["x**2 = 2"]\n[bounds]\nx = [0, 10]\n')
    result = run("roots", "--model", str(path))
    assert result.exit_code == 0
    assert result.output.splitlines()[-1].startswith("1 root from ")


def test_none_found_is_exit_code_1_and_none_proven_is_0(run: Run) -> None:
    nowhere = ["x**2 = -1", "--bounds", "x=-3:3"]
    result = run("roots", *nowhere)
    assert result.exit_code == 1
    assert result.output.startswith("0 roots from ")
    assert run("roots", *nowhere, "--prove").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["x**2 = 2"], "no box; expected e.g. --bounds x=0:10"),
        (["x**2 = 2", "--bounds", "x=0:"], "bounds[x].upper: is missing"),
        (["x**2 = 2", "--bounds", "x=0:inf"], "is not finite"),
        (["x + y = 2", "--bounds", "x=0:1", "--bounds", "y=0:1"], "equations"),
        (["x**2 = 2", "--bounds", "x=0:1", "--max-starts", "0"], "max_starts"),
    ],
)
def test_bad_input_is_exit_code_2(run: Run, arguments: list[str], said: str) -> None:
    result = run("roots", *arguments)
    assert result.exit_code == 2
    assert said in result.output


def test_an_error_is_one_line_of_json(run: Run) -> None:
    result = run("roots", "x**2 = 2", "--bounds", "x=0:", "--json")
    assert result.exit_code == 2
    (line,) = result.output.splitlines()
    assert json.loads(line)["error"]["code"] == "INVALID_ARGUMENT"


def test_help_shows_an_example_and_the_exit_codes() -> None:
    result = CliRunner().invoke(main, ["roots", "--help"])
    assert result.exit_code == 0
    assert "\n  raphson roots 'x**2 = 2' --bounds x=-10:10\n" in result.output
    assert "1 no root was found" in " ".join(result.output.split())
