"""Each limit of a request once: the error names the setting, the value, the maximum, and how to raise it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import grpc
import numpy as np
import pytest
from google.rpc.code_pb2 import DEADLINE_EXCEEDED
from raphson.v1 import solver_pb2 as wire
from raphson.v1.jacobian_pb2 import EvaluateRequest
from raphson.v1.solver_pb2 import Bounds, FindAllRequest, SolveBatchRequest, SolveOptions
from raphson.v1.system_pb2 import System, SystemRef, Variable
from raphson_server.configuration import ServerConfig
from raphson_server.front_end.forwarding import Forwarder
from raphson_server.front_end.refusals import passed

from tests.server.calling import Problem, array, by_text, endless, named, problem, slow_to_compile
from tests.server.running import Server, running_server, wait_until

LIMITS = {
    "max_message_bytes": 1 << 20,
    "max_text_length": 400_000,
    "max_depth": 20,
    "max_variables": 50_000,
    "max_parameters": 100,
    "max_written_equations": 5_000,
    "max_nodes": 150_000,
    "max_dense_entries": 16_000_000,
    "max_family_members": 40_000,
    "max_jacobian_entries": 1_000_000,
    "max_families": 3,
    "default_deadline_seconds": 0.5,
    "max_deadline_seconds": 60.0,
    "max_cpu_seconds": 0.7,
    "worker_memory_bytes": 900 << 20,
    "cancel_grace_seconds": 0.1,
}
X = {"x": 1.0}
EASY = by_text("x**2 = 2", start=X)
WIDE = {"u": np.ones(50_000)}


@pytest.fixture(scope="module")
def bounded() -> Iterator[Server]:
    """A server with low limits."""
    flags = [part for name, value in LIMITS.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    with running_server(*flags) as started:
        yield started


def check(refused: Problem, limit: str, code: str = "INVALID_ARGUMENT", reason: str = "LIMIT_EXCEEDED") -> None:
    assert (refused.code.name, refused.reason, refused.metadata["limit"]) == (code, reason, limit), refused.message
    assert float(refused.metadata.get("maximum", LIMITS[limit])) == LIMITS[limit]
    assert refused.message.count(f"raphson serve --{limit.replace('_', '-')}") == 1
    assert "`Limits." not in refused.message


@pytest.mark.parametrize(
    ("limit", "equations", "start"),
    [
        ("max_text_length", ["x + " * 110_000 + "x"], X),
        ("max_depth", ["(" * 30 + "x" + ")" * 30 + " = 1"], X),
        ("max_variables", ["u[i] = 1 for i in range(60000)"], {"u": np.ones(60_000)}),
        ("max_nodes", ["sum(x**i for i in range(1000000)) = 1"], X),
        ("max_family_members", ["u[i] + i*u[0] = 1 for i in range(50000)"], WIDE),
        ("max_families", [f"u[i]**{p} = 1 for i in range({p}, 50000, 5)" for p in range(5)], WIDE),
    ],
)
def test_definitions(bounded: Server, limit: str, equations: list[str], start: dict[str, Any]) -> None:
    refused = bounded.refusal(by_text(*equations, start=start))
    check(refused, limit)
    assert float(refused.metadata["value"]) > LIMITS[limit]
    assert f"{int(refused.metadata['value']):,}" in refused.message


def test_parameters(bounded: Server) -> None:
    check(bounded.refusal(by_text("x = p[0]", start=X, parameters={"p": np.ones(101)})), "max_parameters")


def test_a_matrix_too_large_to_be_dense(bounded: Server) -> None:
    start = {"u": np.ones(30_000)}
    system = SystemRef(definition=System(equations=["u[i]**2 = 2 for i in range(30000)"]))
    check(bounded.refusal(EvaluateRequest(system=system, at=named(start), determinant=True)), "max_dense_entries")
    check(bounded.refusal(EvaluateRequest(system=system, at=named(start), matrix=True)), "max_message_bytes")


def test_a_batch_of_a_billion_members(bounded: Server) -> None:
    definition = System(equations=["x**2 = 2"], variables=[Variable(name="x")])
    chunk = SolveBatchRequest(system=SystemRef(definition=definition), start=named(X), members=10**9)
    refused = bounded.refusal(chunk)
    check(refused, "max_message_bytes")
    assert refused.field == "members"


def test_a_solve_that_would_not_fit_is_refused_before_it_allocates(bounded: Server) -> None:
    """4000 equations have dense matrices of 512 MB, if these are asked for; the same worker goes on."""
    before = bounded.workers()
    dense = SolveOptions(linear_solver=wire.LINEAR_SOLVER_DENSE)
    refused = bounded.refusal(by_text("u[i]**2 = 2 for i in range(4000)", start={"u": np.ones(4000)}, options=dense))
    check(refused, "worker_memory_bytes", "RESOURCE_EXHAUSTED", "OUT_OF_MEMORY")
    assert (refused.field, "takes at least 512,0" in refused.message) == ("system", True)
    assert bounded.solve(EASY).status == wire.STATUS_CONVERGED
    assert bounded.workers() == before


def test_a_call_without_a_deadline_has_that_of_the_server(bounded: Server) -> None:
    """The iteration itself is stopped, and what was found so far is returned; what is no result is an error."""
    assert bounded.solver.Solve(endless()).status == wire.STATUS_TIME_LIMIT
    with pytest.raises(grpc.RpcError) as caught:
        list(bounded.solver.FindAll(search()))
    check(problem(caught.value), "default_deadline_seconds", "DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED")


def test_a_deadline_that_is_too_far_is_brought_forward() -> None:
    """As the call's deadline is told to the worker, and by the same clock as where there is none."""
    config = ServerConfig(max_deadline_seconds=60)
    forwarder = Forwarder(Mock(), Mock(), config)
    tickets = [forwarder.ticket(Mock(time_remaining=lambda left=left: left)) for left in (59, 61, None)]
    assert [ticket.due_by for ticket in tickets] == ["", "max_deadline_seconds", "default_deadline_seconds"]
    assert tickets[1].due - time.monotonic() == pytest.approx(60, abs=5)
    refused = passed("max_deadline_seconds", config)
    assert (refused.code, refused.metadata) == (DEADLINE_EXCEEDED, {"limit": "max_deadline_seconds", "maximum": "60"})


def test_a_batch_that_sends_nothing_ends_all_the_same(bounded: Server) -> None:
    silent = threading.Event()
    with pytest.raises(grpc.RpcError) as caught:
        list(bounded.solver.SolveBatch(silence(silent)))
    silent.set()
    check(problem(caught.value), "default_deadline_seconds", "DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED")


def test_processor_time_is_limited_even_where_nothing_looks_at_the_clock(bounded: Server) -> None:
    refused = bounded.refusal(slow_to_compile())
    check(refused, "max_cpu_seconds", "RESOURCE_EXHAUSTED")
    assert bounded.solve(EASY).status == wire.STATUS_CONVERGED
    # It was killed, or, where it came to look within the grace, stopped: nobody works on it any more.
    wait_until(lambda: not bounded.busy_workers(), 10)


def search() -> FindAllRequest:
    """Write a search that never ends by itself."""
    options = SolveOptions(max_iterations=10**9, method=wire.METHOD_NEWTON)
    bounds = [Bounds(name="x", lower=array(-2.0), upper=array(2.0))]
    system = SystemRef(definition=System(equations=["x**2 + 1 = 0"]))
    return FindAllRequest(system=system, bounds=bounds, options=options)


def silence(over: threading.Event) -> Iterator[SolveBatchRequest]:
    """Send nothing, and do not end."""
    over.wait(10)
    yield from ()
