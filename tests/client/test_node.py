"""`examples/node` against a real server, beside Python's client: the same bits, and errors by their names."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest
import raphson
import trustme
from click.testing import CliRunner
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from raphson_server.cli import main

from tests.server.running import running_server

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.client.conftest import ScriptedServer

EXAMPLE = Path(__file__).parents[2] / "examples" / "node"
EQUATIONS = ["x**2 + y**2 = r**2", "exp(x) + y = 1"]
START = {"x": 1.0, "y": -1.7}

MISSING = [program for program in ("node", "npm") if shutil.which(program) is None]

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"needs the commands node and npm; missing: {MISSING}")


@pytest.fixture(scope="session")
def installed() -> Path:
    """The example with what its lock file says."""
    done = subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund"], cwd=EXAMPLE, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return EXAMPLE


def run(
    folder: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["node", "example.mjs", *arguments],
        cwd=folder,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def said(folder: Path, address: str, step: str) -> list[str]:
    """Run a step; return its lines."""
    done = run(folder, address, step)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert all(line.startswith(f"{step}: ") for line in lines)
    return [line.removeprefix(f"{step}: ") for line in lines]


def numbers(line: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+\.?\d*(?:e[-+]?\d+)?", line)]


def test_all_steps_in_one_go(installed: Path, client: raphson.Client) -> None:
    done = run(installed, client.address)
    assert (done.returncode, done.stderr) == (0, "")
    steps = [line.partition(":")[0] for line in done.stdout.splitlines()]
    assert list(dict.fromkeys(steps)) == [
        "compile", "solve", "jacobian", "status", "errors", "deadline", "cancel", "callback",
    ]  # fmt: skip


def test_a_compiled_system_is_what_python_sees(installed: Path, client: raphson.Client) -> None:
    system = client.compile(EQUATIONS, START, ["r"])
    sizes, pattern = said(installed, client.address, "compile")
    assert sizes == f"{system.m} equations, {system.n} variables"
    places = zip(*system.sparsity, strict=True)
    assert pattern == ", ".join(system.equation_names) + " " + " ".join(f"({row},{column})" for row, column in places)


def test_a_root_is_pythons_to_the_last_bit(installed: Path, client: raphson.Client) -> None:
    root = client.solve(EQUATIONS, START, {"r": 2.0})
    (line,) = said(installed, client.address, "solve")
    assert line.startswith("STATUS_CONVERGED ")
    assert numbers(line) == [root["x"], root["y"]]


def test_a_jacobian_is_pythons_to_the_last_bit(installed: Path, client: raphson.Client) -> None:
    lines = said(installed, client.address, "jacobian")
    assert [numbers(line) for line in lines] == client.jacobian(EQUATIONS, START, {"r": 2.0}).tolist()


def test_no_root_is_told_with_its_remedy(installed: Path, client: raphson.Client) -> None:
    root = client.solve("x**2 + 1", {"x": 1.0})
    assert said(installed, client.address, "status") == [f"STATUS_{root.status.name}", root.message, root.remedy]


def test_an_error_has_its_reason_its_field_and_its_id(installed: Path, client: raphson.Client) -> None:
    head, field = said(installed, client.address, "errors")
    assert head == "INVALID_ARGUMENT INVALID_DEFINITION node-1"
    assert field == "system.definition.equations[0] – unknown function 'siin'; did you mean 'sin'?"


def test_deadlines_and_cancelling_end_what_never_ends(installed: Path, client: raphson.Client) -> None:
    result, failure = said(installed, client.address, "deadline")
    assert result.startswith("STATUS_TIME_LIMIT after ")
    assert failure == "DEADLINE_EXCEEDED"
    assert said(installed, client.address, "cancel") == ["CANCELLED"]
    assert client.solve("x**2 = 4", {"x": 2.0}).converged


def test_a_function_that_runs_in_node_is_solved(installed: Path, client: raphson.Client) -> None:
    def f(x: list[float]) -> list[float]:
        return [x[0] ** 2 + x[1] ** 2 - 4, math.exp(x[0]) + x[1] - 1]

    root = client.solve(f, [1.0, -1.7], callback=True)
    line, count, broken = said(installed, client.address, "callback")
    assert line.startswith("STATUS_CONVERGED ")
    assert numbers(line) == pytest.approx(root.x.tolist(), rel=1e-12)
    evaluations = root.evaluations
    assert count == f"{evaluations} evaluations here, {evaluations} counted there"
    assert broken == "RangeError: no entry for 1"


def test_a_lost_worker_is_not_noticed(installed: Path, scripted: ScriptedServer) -> None:
    """By the service config alone."""
    scripted.fail(grpc.StatusCode.UNAVAILABLE, "the worker died")
    scripted.fail(grpc.StatusCode.UNAVAILABLE, "the next one too")
    (line,) = said(installed, scripted.address, "jacobian")
    assert numbers(line) == [0.0]
    assert len(scripted.requests) == 3


def test_a_full_server_is_left_alone(installed: Path, scripted: ScriptedServer) -> None:
    details = (ErrorInfo(reason="OVERLOADED"), RetryInfo(retry_delay=Duration(seconds=1)))
    scripted.fail(grpc.StatusCode.RESOURCE_EXHAUSTED, "64 requests in flight", *details)
    done = run(installed, scripted.address, "jacobian")
    assert (done.returncode, done.stderr) == (1, "RESOURCE_EXHAUSTED (OVERLOADED): 64 requests in flight\n")
    assert len(scripted.requests) == 1


def test_tls_and_a_token(installed: Path, tmp_path: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    issued.private_key_pem.write_to_path(tmp_path / "tls.key")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "tls.crt")
    made = CliRunner().invoke(
        main, ["token", "create", "--name", "node", "--scope", "solve", "--store", str(tmp_path / "tokens.toml")]
    )
    assert made.exit_code == 0, made.output
    flags = ("--tls-certificate", tmp_path / "tls.crt", "--tls-key", tmp_path / "tls.key")
    access = {"RAPHSON_CA": str(tmp_path / "ca.pem"), "RAPHSON_TOKEN": made.stdout.strip()}
    with running_server(
        *map(str, flags), "--tokens", str(tmp_path / "tokens.toml"), stderr=subprocess.DEVNULL
    ) as server:
        address = f"localhost:{server.address.rpartition(':')[2]}"
        done = run(installed, address, "solve", environment=access)
        assert (done.returncode, done.stderr) == (0, "")
        for environment, told in [
            ({"RAPHSON_CA": access["RAPHSON_CA"]}, "UNAUTHENTICATED (UNAUTHENTICATED)"),
            ({"RAPHSON_TOKEN": access["RAPHSON_TOKEN"]}, "Error: a token would be sent in the clear"),
        ]:
            refused = run(installed, address, "solve", environment=environment)
            assert refused.returncode == 1
            assert told in refused.stderr


def test_its_packages_are_pinned_and_said_to_come_from_nowhere() -> None:
    wanted = json.loads((EXAMPLE / "package.json").read_text())["dependencies"]
    locked = json.loads((EXAMPLE / "package-lock.json").read_text())["packages"]
    for name, version in wanted.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
        assert locked[f"node_modules/{name}"]["version"] == version
    for name, package in locked.items():
        assert "resolved" not in package
        assert "integrity" in package or not name
