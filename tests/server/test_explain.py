"""SolverService.Explain against a real server."""

from __future__ import annotations

import math

import grpc
import numpy as np
import pytest
from raphson.v1 import solver_pb2 as wire
from raphson.v1.solver_pb2 import ExplainRequest
from raphson.v1.system_pb2 import System, SystemRef

from tests.server.calling import between, named, problem, to_compile, to_explain
from tests.server.running import Server
from tests.server.test_bad_input import check

XY = {"x": 1.0, "y": 1.0}


def test_the_pattern_alone(server: Server) -> None:
    reply = server.explain(to_explain("x = 1", "x = 2", "x + y + z = 0", variables={"x": (), "y": (), "z": ()}))
    assert reply.structural_rank == 2
    (over,), (under,) = reply.overdetermined, reply.underdetermined
    assert list(over.equations) == ["equations[0]", "equations[1]"]
    assert list(over.variables) == ["x"]
    assert list(under.equations) == ["equations[2]"]
    assert list(under.variables) == ["y", "z"]
    assert any("too many" in line for line in reply.lines)
    assert not reply.HasField("rank")
    assert reply.condition == 0
    assert not reply.HasField("not_finite")


def test_more_equations_than_unknowns(server: Server) -> None:
    reply = server.explain(to_explain("x = 1", "x + y = 2", "x - y = 3", at=XY))
    assert reply.structural_rank == 2
    assert len(reply.overdetermined[0].equations) == 3
    assert "3 equations for 2 variables" in reply.lines[0]
    assert reply.rank == 2


def test_a_sound_system(server: Server) -> None:
    request = to_explain("x*y = 2", "x = y", variables={"x": (), "y": ()})
    by_pattern = server.explain(request)
    assert "sound" in by_pattern.lines[0]
    assert not by_pattern.overdetermined
    request = ExplainRequest(system=SystemRef(system_id=by_pattern.system_id), at=named({"x": 1.0, "y": -0.0}))
    at_a_point = server.explain(request)
    assert at_a_point.system_id == by_pattern.system_id
    assert at_a_point.rank == 2
    assert 1 <= at_a_point.condition < 10
    assert [worst.equation for worst in at_a_point.worst_equations] == ["equations[0]", "equations[1]"]
    assert at_a_point.worst_equations[0].residual == -2


def test_where_it_is_not_finite(server: Server) -> None:
    reply = server.explain(to_explain("u[i] = log(u[i] - a) for i in range(3)", at={"u": [9.0, 1.5, 9.0]},
                                      parameters={"a": 2.0}))  # fmt: skip
    found = reply.not_finite
    assert found.equation == "equations[0] at i=1"
    assert found.variable == ""
    assert found.text == "log(u[1] - a)"
    assert list(found.arguments) == [-0.5]
    assert math.isnan(found.value)
    assert "positive" in found.reason
    assert math.isnan(reply.worst_equations[0].residual)
    steep = server.explain(to_explain("sqrt(x) = y", "y = 1", at={"x": 0.0, "y": 1.0}))
    assert (steep.not_finite.equation, steep.not_finite.variable) == ("equations[0]", "x")
    assert not steep.HasField("rank")
    assert steep.condition == 0


def test_what_depends_on_what(server: Server) -> None:
    reply = server.explain(to_explain("x + y = 1", "2*x + 2*y = 5", at=XY))
    assert math.isinf(reply.condition)
    assert reply.rank == 1
    (pair,) = reply.parallel_equations
    assert (pair.first, pair.second) == ("equations[0]", "equations[1]")
    assert pair.cosine == pytest.approx(1)
    (pair,) = reply.parallel_variables
    assert (pair.first, pair.second) == ("x", "y")


def test_what_stands_at_a_bound(server: Server) -> None:
    request = to_explain("u[i] = 1 for i in range(2)", at={"u": [0.0, 3.0]}, bounds=between(u=(0.0, [5.0, 3.0])))
    found = [(at.element, at.side) for at in server.explain(request).active_bounds]
    assert found == [("u[0]", wire.ActiveBound.SIDE_LOWER), ("u[1]", wire.ActiveBound.SIDE_UPPER)]


def test_what_makes_no_sense(server: Server) -> None:
    check(server.refusal(ExplainRequest()), "INVALID_INPUT", "system", "system_id")
    check(server.refusal(to_explain("x = 1")), "INVALID_INPUT", "system.definition.variables", "empty")
    check(server.refusal(to_explain("x = 1", at={"x": math.nan})), "INVALID_INPUT", "at[x]", "nan")
    check(server.refusal(to_explain("x = a", at={"x": 1.0})), "INVALID_DEFINITION", "system.definition.equations[0]")
    twice = [*between(x=(0.0, 1.0)), *between(x=(0.0, 1.0))]
    check(server.refusal(to_explain("x = 1", at={"x": 1.0}, bounds=twice)), "INVALID_INPUT", "bounds[x]", "twice")
    unknown = ExplainRequest(system=SystemRef(system_id="0" * 64))
    assert server.refusal(unknown).code == grpc.StatusCode.NOT_FOUND
    system_id = server.compile(to_compile("x = y", x=(), y=())).system_id
    missing = ExplainRequest(system=SystemRef(system_id=system_id), at=named({"x": 1.0}))
    check(server.refusal(missing), "INVALID_INPUT", "at[y]")


def test_garbage(server: Server) -> None:
    for method in ("Explain", "FindAll", "Follow"):
        with pytest.raises(grpc.RpcError) as caught:
            server.channel.unary_unary(f"/raphson.v1.SolverService/{method}")(b"\xff\xff\xff", timeout=5)
        assert problem(caught.value).reason == "MALFORMED_MESSAGE"


def test_mutated_messages(server: Server) -> None:
    """Whatever bytes come in, an explanation or a clear refusal comes out, and no worker is lost."""
    random = np.random.default_rng(20261123)
    definition = System(equations=["x**2 + log(y) = 2", "exp(x) = y"])
    request = ExplainRequest(system=SystemRef(definition=definition), at=named(XY), bounds=between(x=(0.0, 2.0)))
    original, workers = request.SerializeToString(), server.workers()
    explain = server.channel.unary_unary("/raphson.v1.SolverService/Explain")
    outcomes = set()
    for _ in range(200):
        body = bytearray(original)
        for place in random.integers(len(body), size=random.integers(1, 4)):
            body[place] = random.integers(256)
        try:
            explain(bytes(body), timeout=5)
            outcomes.add(grpc.StatusCode.OK)
        except grpc.RpcError as error:
            outcomes.add(problem(error).code)
    assert outcomes == {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT}
    assert server.workers() == workers
