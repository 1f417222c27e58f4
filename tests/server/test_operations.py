"""What an operator sees of a server: its log, its metrics."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import raphson
from click.testing import CliRunner
from google.rpc.error_details_pb2 import RequestInfo
from google.rpc.status_pb2 import Status
from raphson.v1.solver_pb2 import METHOD_NEWTON, SolveOptions
from raphson_server.cli.health import health

from tests.server.calling import by_id, by_text, chunk, endless
from tests.server.running import START_SECONDS, Server, running_server, wait_until

EASY = by_text("x**2 = 2", start={"x": 1.0})
SOLVE = "raphson.v1.SolverService/Solve"


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log") / "stderr"


@pytest.fixture(scope="module")
def watched(log: Path) -> Iterator[Server]:
    """A server that tells all there is."""
    flags = ("--metrics-address", "127.0.0.1:0", "--log-level", "INFO", "--log-format", "json")
    with log.open("w") as stderr, running_server(*flags, stderr=stderr.fileno()) as started:
        yield started


def lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def line_of(log: Path, request_id: str) -> dict[str, Any]:
    """Return the line of a call, which is written a moment after its reply."""
    found: list[dict[str, Any]] = []

    def is_there() -> bool:
        found[:] = [line for line in lines(log) if line.get("request_id") == request_id and line["event"] == "call"]
        return bool(found)

    wait_until(is_there, 5)
    (line,) = found
    return line


def trailing(call: Any) -> dict[str, Any]:
    return dict(call.trailing_metadata())


def test_a_call_is_a_line_with_the_callers_id(watched: Server, log: Path) -> None:
    reply, call = watched.solver.Solve.with_call(EASY, timeout=20, metadata=(("x-request-id", "shop/7:a"),))
    assert trailing(call) == {"x-request-id": "shop/7:a"}
    line = line_of(log, "shop/7:a")
    assert (line["method"], line["code"], line["status"]) == (SOLVE, "OK", "converged")
    assert (line["n"], line["iterations"], line["level"], line["process"]) == (1, reply.iterations, "info", "front end")
    assert re.fullmatch(r"ipv4:127\.0\.0\.1:\d+", line["caller"])
    assert 0 < line["seconds"] < 20
    assert "x**2" not in log.read_text()


@pytest.mark.parametrize("sent", ["two words", "a" * 65, "", '"quoted"', "$(reboot)"])
def test_an_id_that_is_not_well_formed_is_replaced(watched: Server, log: Path, sent: str) -> None:
    _, call = watched.solver.Solve.with_call(EASY, timeout=20, metadata=(("x-request-id", sent),))
    given = trailing(call)["x-request-id"]
    assert re.fullmatch(r"[0-9a-f]{32}", given)
    assert line_of(log, given)["code"] == "OK"


def test_an_error_has_the_id_of_its_line(watched: Server, log: Path) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        watched.solve(by_text("x = sine(x)\n\x1b[31m", start={"x": 1.0}))
    metadata = trailing(caught.value)
    info = RequestInfo()
    details = Status.FromString(metadata["grpc-status-details-bin"]).details
    assert [detail.Unpack(info) for detail in details].count(True) == 1
    assert info.request_id == metadata["x-request-id"]
    with raphson.connect(watched.address) as client, pytest.raises(raphson.InvalidRequestError) as named:
        client.solve("x = sine(x)", {"x": 1.0})
    assert line_of(log, named.value.request_id)["code"] == "INVALID_ARGUMENT"
    line = line_of(log, info.request_id)
    assert (line["code"], line["reason"]) == ("INVALID_ARGUMENT", "INVALID_DEFINITION")
    assert "sine" not in log.read_text()


def test_the_command_for_health(watched: Server) -> None:
    for arguments, code, words in (
        (["--address", watched.address], 0, "serving"),
        (["--address", watched.address, "--service", "raphson.v1.JacobianService"], 0, "serving"),
        (["--address", watched.address, "--service", "raphson.v1.JobService"], 1, "not serving"),
        (["--address", watched.address, "--service", "nobody"], 1, "there is no service 'nobody'"),
        (["--address", "127.0.0.1:1"], 1, "no answer: UNAVAILABLE"),
        (["--key", __file__], 2, "belong together"),
    ):
        result = CliRunner().invoke(health, arguments)
        assert (result.exit_code, words in result.output) == (code, True), result.output


def test_metrics_count_what_workers_say(watched: Server) -> None:
    system_id = watched.solve(EASY).system_id
    before = watched.metrics()
    watched.solve(by_id(system_id, {"x": 1.0}))
    watched.solve_batch(chunk(system_id, 5, {"x": np.linspace(1, 2, 5)}), chunk(system_id, 3, {"x": 1.0}))
    with pytest.raises(grpc.RpcError):
        watched.solve(by_id("0" * 64, {"x": 1.0}))
    one_step = SolveOptions(max_iterations=1, method=METHOD_NEWTON)
    watched.solve(by_text("exp(x) = p", start={"x": 0.0}, parameters={"p": 1e9}, options=one_step))
    counted = f"raphson_request_duration_seconds_count method={SOLVE}"
    wait_until(lambda: watched.metrics()[counted] == before[counted] + 3, 5)
    after = watched.metrics()
    grown = {name: after[name] - before.get(name, 0.0) for name in after if after[name] != before.get(name)}
    assert grown[f"raphson_requests_total code=OK method={SOLVE}"] == 2
    assert grown[f"raphson_requests_total code=NOT_FOUND method={SOLVE}"] == 1
    assert grown["raphson_request_failures_total reason=SYSTEM_NOT_CACHED"] == 1
    assert grown["raphson_requests_total code=OK method=raphson.v1.SolverService/SolveBatch"] == 1
    assert grown["raphson_solves_total status=converged"] == 1
    assert grown["raphson_solves_total status=iteration_limit"] == 1
    assert grown["raphson_batch_members_total status=converged"] == 8
    assert grown["raphson_system_cache_hits_total"] == 3
    assert grown["raphson_system_cache_misses_total"] == 1
    assert grown["raphson_compile_duration_seconds_count"] == 1
    assert grown["raphson_solve_iterations_count"] == 2


def test_metrics_tell_the_present_state(watched: Server) -> None:
    wait_until(lambda: watched.metrics()["raphson_workers state=spare"] == 1, START_SECONDS)
    idle = watched.metrics()
    assert (idle["raphson_serving"], idle["raphson_workers_configured"]) == (1, 1)
    assert idle["raphson_workers_resident_memory_bytes"] > idle["raphson_worker_resident_memory_max_bytes"] > 1e7
    assert idle["process_resident_memory_bytes"] > 1e7
    assert 0 < sum(idle[f"raphson_workers state={state}"] for state in ("busy", "idle")) == 1
    calls = [watched.solver.Solve.future(endless(), timeout=60) for _ in range(3)]
    wait_until(lambda: watched.metrics()["raphson_requests_in_flight"] == 3, 10)
    busy = watched.metrics()
    assert (busy["raphson_workers state=busy"], busy["raphson_requests_waiting"]) == (1, 2)
    for call in calls:
        call.cancel()
    cancelled = f"raphson_requests_total code=CANCELLED method={SOLVE}"
    wait_until(lambda: watched.metrics().get(cancelled) == 3, 10)
    assert watched.metrics()["raphson_worker_busy_seconds_total"] > busy["raphson_worker_busy_seconds_total"]
