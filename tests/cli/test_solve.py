"""`raphson solve`."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import termios
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from raphson.embedded import added_search_path
from raphson_server.cli import main

from tests.server.running import Server

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

Run = Callable[..., "Result"]

EXAMPLE = ["x**2 + y**2 = r**2", "exp(x) + y = 1", "--start", "x=1", "--start", "y=-1.7", "--parameter", "r=2"]
KEYS = [
    "converged",
    "status",
    "message",
    "remedy",
    "solution",
    "residual",
    "scaled_residual",
    "residual_norm",
    "iterations",
    "evaluations",
    "jacobian_evaluations",
    "elapsed_seconds",
    "method",
    "jacobian",
    "system_id",
    "active_bounds",
    "regularized_steps",
    "trace",
    "explanation",
    "certificate",
    "sensitivity",
    "parameter_elements",
    "evidence_note",
]


def test_a_root_is_printed(run: Run) -> None:
    result = run("solve", *EXAMPLE)
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0] == "Solution"
    assert lines[1].startswith("  status      converged")
    assert lines[2].startswith("  x           1.00416873847")


def test_json_has_stable_keys(run: Run) -> None:
    result = run("solve", *EXAMPLE, "--json", "--return-jacobian")
    assert result.exit_code == 0
    content = json.loads(result.output)
    assert list(content) == KEYS
    assert content["converged"] is True
    assert content["status"] == "converged"
    assert content["solution"]["x"] == pytest.approx(1.0041687384746592)
    assert content["jacobian"][1][1] == 1.0


def test_arrays(run: Run) -> None:
    result = run("solve", "u[i]**2 = i + a for i in range(3)", "--start", "u=1x3", "-p", "a=1", "--json")
    assert json.loads(result.output)["solution"]["u"] == pytest.approx([1.0, 2**0.5, 3**0.5])


def test_not_converging_is_exit_code_1(run: Run) -> None:
    result = run("solve", "x**2 = -1", "--start", "x=1.5")
    assert result.exit_code == 1
    assert "  remedy " in result.output


def test_progress_is_told_on_standard_error(run: Run) -> None:
    told = run("solve", *EXAMPLE, "--progress", "--json")
    assert json.loads(told.stdout)["converged"] is True
    assert told.stderr.startswith("newton, 0 iterations: largest |f| 0.11, scaled ")
    # What is done within a second is not worth a word, and a pipe is no terminal.
    for silent in ((), ("--no-progress",)):
        assert run("solve", *EXAMPLE, *silent).stderr == ""


def test_a_terminal_is_shown_one_line_of_a_long_solve(address: str) -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    process = raphson_command(
        "solve", "x**2 = -1", "--start", "x=1.2345", "--method", "newton", "--max-iterations", "1" + 15 * "0",
        "--timeout", "1.5", "--no-explain", "--address", address, stderr=theirs,
    )  # fmt: skip
    output, _ = process.communicate(timeout=60)
    os.close(theirs)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert process.returncode == 1
    assert "time limit" in output
    assert shown.count("\n") == 1
    lines = [line for line in shown.split("\r") if line.startswith("newton, ")]
    assert len(lines) >= 3
    assert float(lines[0].partition("; ")[2].partition(" s ")[0]) >= 1.0


def test_numbers_that_json_does_not_know_are_null(run: Run) -> None:
    result = run("solve", "log(-1 - x**2) = 1", "--start", "x=-1", "--json")
    assert result.exit_code == 1
    content = json.loads(result.output, parse_constant=pytest.fail)
    assert content["status"] == "domain_error"
    assert content["residual"] == [None]


def test_options_reach_the_solver(run: Run) -> None:
    result = run("solve", "x**2 = 2", "--start", "x=100", "--method", "line-search", "--max-iterations", "2", "--json")
    content = json.loads(result.output)
    assert result.exit_code == 1
    assert content["method"] == "line_search"
    assert content["iterations"] <= 2
    result = run("solve", "x**2 = 2", "--start", "x=1", "--tolerance", "3", "--timeout", "1")
    assert result.exit_code == 2
    assert "options.tolerance" in result.output


def test_bounds_are_kept_and_named(run: Run) -> None:
    result = run("solve", "x**2 = 2", "--start", "x=5", "--bounds", "x=3:9")
    assert result.exit_code == 1
    assert "  bounds      x at its lower bound\n" in result.output
    assert "  why         x is at its lower bound 3\n" in result.output
    result = run("solve", "x**2 = 2", "--start", "x=-1", "--bounds", "x=:0", "--nominal", "x=1", "--json")
    assert json.loads(result.output)["solution"]["x"] == pytest.approx(-(2**0.5))
    result = run("solve", "x**2 = 2", "--start", "x=1", "--bounds", "x=3:")
    assert result.exit_code == 2
    assert "outside" in result.output


def test_a_failure_is_explained_unless_told_not_to(run: Run) -> None:
    box = ["--bounds", "x=-9:9", "--bounds", "y=-9:9"]
    parallel = ["x + y = 3", "2*x + 2*y = 5", "--start", "x=1", "--start", "y=1", *box, "--json"]
    result = run("solve", *parallel)
    assert result.exit_code == 1
    explanation = json.loads(result.output)["explanation"]
    assert list(explanation) == [
        "lines",
        "structural_rank",
        "overdetermined",
        "underdetermined",
        "not_finite",
        "worst_equations",
        "active_bounds",
        "parallel_equations",
        "parallel_variables",
        "condition",
        "rank",
        "system_id",
    ]
    assert explanation["rank"] == 1
    assert explanation["parallel_equations"][0] == pytest.approx(
        {"first": "equations[0]", "second": "equations[1]", "cosine": 1.0}
    )
    assert json.loads(run("solve", *parallel, "--no-explain").output)["explanation"] is None
    assert "change alike with every variable" in run("solve", *parallel[:-1]).output


def test_a_proof_the_slopes_and_the_steps_are_printed(run: Run) -> None:
    result = run("solve", *EXAMPLE, "--certify", "--sensitivity", "--trace")
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert "  certificate  proven: exactly one root within " in result.output
    slopes = lines.index("  Sensitivity")
    assert lines[slopes + 1].split() == ["d/d", "r"]
    assert lines[slopes + 2].split() == ["x", "0.34931745"]
    trace = lines.index("  Trace")
    assert lines[trace + 1].split() == ["method", "step", "|f|", "scaled", "|f|", "relative", "step", "damping"]
    assert lines[trace + 2].split()[-2:] == ["–", "–"]
    assert len(lines) > trace + 3
    content = json.loads(run("solve", *EXAMPLE, "--certify", "--sensitivity", "--trace", "--json").output)
    assert content["certificate"]["proven"] is True
    assert list(content["certificate"]) == ["proven", "lower", "upper", "radius", "unique_radius", "reason"]
    assert content["parameter_elements"] == ["r"]
    assert list(content["trace"][0]) == ["method", "x", "residual_norm", "scaled_residual", "step", "damping"]
    assert content["trace"][0]["step"] is None


def test_more_equations_than_unknowns_end_with_least_squares(run: Run) -> None:
    result = run("solve", "x = 1", "x = 2", "--start", "x=1", "--json")
    assert result.exit_code == 0
    content = json.loads(result.output)
    assert (content["status"], content["converged"]) == ("least_squares", False)
    assert content["solution"]["x"] == pytest.approx(1.5)


def test_a_picture_is_drawn(run: Run, tmp_path: Path) -> None:
    picture = tmp_path / "steps.png"
    assert run("solve", *EXAMPLE, "--plot", str(picture)).exit_code == 0
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_evaluations_are_limited(run: Run) -> None:
    result = run("solve", "x**2 = 2", "--start", "x=1e9", "--max-evaluations", "3", "--json")
    assert result.exit_code == 1
    assert json.loads(result.output)["status"] == "evaluation_limit"


def test_a_model_file_with_bounds(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "model.toml"
    path.write_text(
        'equations = ["x**2 = 2"]\n[start]\nx = -1.0\n[bounds]\nx = [-inf, 0]\n[nominal]\nx = 1.0\n'
        "[options]\nmax_evaluations = 500\nwhole = true\n"
    )
    result = run("solve", "--model", str(path), "--json")
    assert json.loads(result.output)["solution"]["x"] == pytest.approx(-(2**0.5))
    # What is said on the command line goes first.
    assert "x=1" not in run("solve", "--model", str(path), "--bounds", "x=-9:9").output


def test_a_model_file_with_its_own_jacobian(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "model.toml"
    path.write_text(
        'equations = ["x**2 = r"]\njacobian = [["2*x"]]\n[start]\nx = 1.0\n[parameters]\nr = 2.0\n'
        '[options]\nmethod = "newton"\nmax_iterations = 20\n'
    )
    result = run("solve", "--model", str(path), "--json")
    assert result.exit_code == 0
    assert json.loads(result.output)["method"] == "newton"
    # A wrong Jacobian shows that it is the one that is used.
    path.write_text(path.read_text().replace("2*x", "77*x"))
    assert run("solve", "--model", str(path)).exit_code == 1
    assert run("solve", "--model", str(path), "--jacobian", "exact").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sine(x)", "--start", "x=1"], "equations[0]: unknown function 'sine'; did you mean 'sin'?"),
        (["x", "--start", "x=nan"], "start[x]"),
        (["x", "--start", "x=one"], "--start x=one: not a value"),
        (["x"], "no unknowns"),
        (["--start", "x=1"], "no equations"),
        (["x", "--start", "x=1", "--method", "secant"], "'secant' is not one of"),
        (["x", "--start", "x=1", "--jacobian", "analytic"], "needs the model file's jacobian"),
        (["x", "--start", "x=1", "--model", "nowhere.toml"], "does not exist"),
        (["x", "--start", "x=1", "--bounds", "x=3"], "expected NAME=LOWER:UPPER"),
        (["x", "--start", "x=1", "--bounds", "y=3:4"], "bounds[y]"),
        (["x", "--start", "x=1", "--nominal", "x=-1"], "nominal[x]"),
        (["x", "--start", "x=1", "--plot", "steps.xyz"], "does not end in .png, .svg or .pdf"),
        (["x", "--start", "x=1", "--plot", "/nowhere/steps.png"], "/nowhere/steps.png"),
    ],
)
def test_bad_input_is_exit_code_2(run: Run, arguments: list[str], said: str) -> None:
    result = run("solve", *arguments)
    assert result.exit_code == 2
    assert said in result.output


def test_bad_input_in_json(run: Run) -> None:
    result = run("solve", "sine(x)", "--start", "x=1", "--json")
    assert result.exit_code == 2
    error = json.loads(result.output)["error"]
    assert list(error) == ["code", "reason", "message", "fields"]
    assert error["code"] == "INVALID_ARGUMENT"
    assert error["fields"][0]["field"] == "equations[0]"


def test_no_server_is_exit_code_3() -> None:
    result = CliRunner().invoke(main, ["solve", "x", "--start", "x=1", "--address", "127.0.0.1:1"])
    assert result.exit_code == 3
    assert "no server answers at 127.0.0.1:1" in result.output


def test_help_shows_an_example_and_the_exit_codes() -> None:
    result = CliRunner().invoke(main, ["solve", "--help"])
    assert result.exit_code == 0
    assert "\n  raphson solve 'x**2 + y**2 = r**2' 'exp(x) + y = 1' --start x=1" in result.output
    assert "130 interrupted" in result.output
    assert "0 converged, or, with more equations than unknowns, at a least-" in " ".join(result.output.split())


def raphson_command(*arguments: str, stderr: int = subprocess.PIPE) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "raphson_server", *arguments],
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(added_search_path())},
    )


def test_without_an_address_a_server_is_started() -> None:
    process = raphson_command("solve", "x**2 = 2", "--start", "x=1")
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert "converged" in output
    assert errors == ""


def test_ctrl_c_is_exit_code_130(server: Server) -> None:
    process = raphson_command(
        "solve", "x**2 = -1", "--start", "x=1.2345", "--method", "newton", "--max-iterations", "1" + 15 * "0",
        "--address", server.address,
    )  # fmt: skip
    server.wait_for_busy_workers(1)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=10)
    assert process.returncode == 130
    assert output == ""
    assert errors == "raphson: interrupted\n"
