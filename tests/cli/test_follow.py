"""`raphson follow`."""

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

FOLD = ["x**2 = r", "--start", "x=1", "-p", "r=1", "--along", "r", "--from", "-1", "--to", "4", "--downwards"]


def test_points_are_rows(run: Run) -> None:
    result = run("follow", *FOLD)
    assert result.exit_code == 0
    heading, *rows, end = result.output.splitlines()
    assert heading.split() == ["r", "x", "kind"]
    assert rows[0].split() == ["1", "1", "start"]
    assert rows[-1].split() == ["4", "-2", "end"]
    (fold,) = (row for row in rows if row.endswith("turning point"))
    assert float(fold.split()[0]) == pytest.approx(0.0, abs=1e-12)
    assert end == f"{len(rows)} points, 1 turning point: the parameter reached its limit"


def test_every_line_is_an_object(run: Run) -> None:
    *points, last = map(json.loads, run("follow", *FOLD, "--json").output.splitlines())
    assert list(points[0]["point"]) == ["kind", "parameter", "solution", "arclength"]
    for point in points:
        assert point["point"]["solution"]["x"] ** 2 == pytest.approx(point["point"]["parameter"], abs=1e-12)
    assert [point["point"]["kind"] for point in points].count("turning_point") == 1
    assert list(last["end"]) == ["reason", "points", "turning_points", "system_id"]
    assert last["end"]["points"] == len(points)


def test_a_picture_is_drawn(run: Run, tmp_path: Path) -> None:
    picture = tmp_path / "branch.svg"
    assert run("follow", *FOLD, "--plot", str(picture), "--max-points", "5").exit_code == 0
    assert "<svg" in picture.read_text()


def test_no_root_at_the_start_is_exit_code_1(run: Run) -> None:
    result = run("follow", "x**2 = r", "--start", "x=1", "-p", "r=-3", "--along", "r", "--from", "-4", "--to", "4")
    assert result.exit_code == 1
    assert result.output.startswith("0 points, 0 turning points: no root was found at the start")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["x = r", "--start", "x=1", "-p", "r=1", "--from", "0", "--to", "1"], "--along"),
        ([*FOLD, "--along", "s"], "there is no free parameter 's'"),
        ([*FOLD, "--max-points", "1"], "max_points"),
        (["x = r", "-p", "r=1", "--along", "r", "--from", "0", "--to", "1"], "no unknowns"),
    ],
)
def test_bad_input_is_exit_code_2(run: Run, arguments: list[str], said: str) -> None:
    result = run("follow", *arguments)
    assert result.exit_code == 2
    assert said in result.output


def test_help_shows_an_example_and_the_exit_codes() -> None:
    result = CliRunner().invoke(main, ["follow", "--help"])
    assert result.exit_code == 0
    assert "\n  raphson follow 'x**2 = r' --start x=1 -p r=1 --along r" in result.output
    assert "1 no root was found at the start" in " ".join(result.output.split())
