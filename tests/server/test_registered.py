"""Registered functions over the wire: solved, differentiated and listed by name; what needs equations is refused."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import raphson
from raphson.v1.jacobian_pb2 import CheckJacobianRequest, EvaluateRequest
from raphson.v1.solver_pb2 import EvidenceRequest, ExplainRequest, SolveRequest
from raphson.v1.system_pb2 import ListRegisteredRequest, SystemRef

from tests.server.calling import Problem, named
from tests.server.running import CALL_SECONDS, Server, running_server

MODELS = str(Path(__file__).with_name("models.py"))
EQUATIONS = ["x**2 + y**2 = r**2", "exp(x) + y = 1"]
POINT = {"x": 1.0, "y": -1.7}


@pytest.fixture(scope="module")
def serving() -> Iterator[Server]:
    with running_server("--systems", MODELS) as server:
        yield server


@pytest.fixture(scope="module")
def client(serving: Server) -> Iterator[raphson.Client]:
    with raphson.connect(serving.address) as client:
        yield client


def test_a_name_is_solved_as_its_text_is(client: raphson.Client) -> None:
    text = client.solve(EQUATIONS, POINT, {"r": 2.0})
    plain = client.solve(system="plain", start=POINT, parameters={"r": 2.0}, trace=True)
    own = client.solve(system="circle", start={"u": [1.0, -1.7]}, parameters={"r": 2.0}, return_jacobian=True)
    for root in (plain, own):
        assert root.converged
        assert root.how == "registered"
        assert root.x == pytest.approx(text.x, rel=1e-12)
    assert plain.evaluations > own.evaluations
    assert len(plain.trace) == plain.iterations + 1
    assert own.jacobian == pytest.approx(client.jacobian(EQUATIONS, at=dict(text), parameters={"r": 2.0}), rel=1e-12)


def test_what_a_function_raises_is_a_point_outside_its_domain(client: raphson.Client) -> None:
    root = client.solve(system="plain", start={"x": -6.0, "y": 1.0}, parameters={"r": 2.0}, method="newton")
    assert root.status is raphson.Status.DOMAIN_ERROR
    # The cascade looks elsewhere.
    assert client.solve(system="plain", start={"x": -6.0, "y": 1.0}, parameters={"r": 2.0}).converged


def test_bounds_hold(client: raphson.Client) -> None:
    root = client.solve(system="plain", start={"x": 1.5, "y": 1.0}, parameters={"r": 2.0}, bounds={"x": (1.2, 3.0)})
    assert not root.converged
    assert root["x"] >= 1.2


def test_batches_go_by_name(client: raphson.Client) -> None:
    radii = np.linspace(1.5, 3.0, 200)
    batch = client.solve_batch(system="circle", start={"u": [1.0, -1.7]}, parameters={"r": radii})
    assert batch.converged.all()
    expected = client.solve_batch(EQUATIONS, POINT, {"r": radii})
    assert batch.x == pytest.approx(expected.x, rel=1e-10)


def test_derivatives_go_by_name(client: raphson.Client) -> None:
    at, given = {"x": np.linspace(0.0, 1.0, 5), "y": 0.5}, {"r": 2.0}
    exact = client.jacobian(EQUATIONS, at=at, parameters=given, batch=1)
    assert client.jacobian(system="plain", at=at, parameters=given) == pytest.approx(exact, rel=1e-8)
    own = client.systems()["circle"]
    points = {"u": np.stack([at["x"], np.full(5, 0.5)], axis=1)}
    assert client.jacobian(own, at=points, parameters=given) == pytest.approx(exact, rel=1e-14)
    assert client.jvp(own, at=points, parameters=given, v=[1.0, 2.0]) == pytest.approx(exact @ [1.0, 2.0], rel=1e-13)
    assert client.value(own, at=points, parameters=given) == pytest.approx(
        client.value(EQUATIONS, at, given, batch=1), rel=1e-14
    )


def test_what_is_registered_is_listed(client: raphson.Client, serving: Server) -> None:
    systems = client.systems()
    assert list(systems) == ["circle", "plain"]
    circle = systems["circle"]
    assert (circle.variables, circle.parameters, circle.m) == ((("u", (2,)),), (("r", ()),), 2)
    assert circle.documentation == "A circle of radius r, and an exponential."
    assert circle.has_jacobian
    assert "circle" in repr(circle)
    listed = serving.systems.ListRegistered(ListRegisteredRequest(), timeout=CALL_SECONDS)
    assert [each.name for each in listed.systems] == ["circle", "plain"]


def request_of(kind: Any, **more: Any) -> Any:
    return kind(system=SystemRef(registered="plain"), **more)


SOLVE = {"start": named(POINT), "parameters": named({"r": 2.0})}


@pytest.mark.parametrize(
    ("request_", "field", "words"),
    [
        (request_of(ExplainRequest), "system.registered", "expected equations, which this call needs"),
        (request_of(CheckJacobianRequest, at=named(POINT)), "system.registered", "expected equations"),
        (
            request_of(SolveRequest, evidence=EvidenceRequest(certificate=True), **SOLVE),
            "evidence.certificate",
            "needs equations, and the system is a registered function",
        ),
        (
            request_of(EvaluateRequest, at=named(POINT), parameters=named({"r": 2.0}), matrix=True, mode=5),
            "mode",
            "a complex step needs equations",
        ),
        (
            request_of(SolveRequest, start=named({"x": 1.0}), parameters=named({"r": 2.0})),
            "start[y]",
            "no value for 'y'",
        ),
    ],
)
def test_what_needs_equations_is_refused(serving: Server, request_: Any, field: str, words: str) -> None:
    refused: Problem = serving.refusal(request_)
    assert (refused.code, refused.field) == (grpc.StatusCode.INVALID_ARGUMENT, field)
    assert words in refused.message


def test_an_unknown_name_is_not_found(client: raphson.Client, server: Server) -> None:
    with pytest.raises(
        raphson.SystemNotFoundError, match=r"'circel' is not registered .*; registered are circle, plain"
    ):
        client.solve(system="circel", start=POINT)
    refused = server.refusal(request_of(SolveRequest, **SOLVE))
    assert (refused.code, refused.reason) == (grpc.StatusCode.NOT_FOUND, "SYSTEM_NOT_REGISTERED")
    assert "registered are none" in refused.message


def test_equations_and_a_name_are_one_too_many(client: raphson.Client) -> None:
    with pytest.raises(raphson.InvalidRequestError, match="system: both equations and the name"):
        client.solve("x = 1", POINT, system="plain")
    with pytest.raises(raphson.InvalidRequestError, match="equations: missing"):
        client.solve(start=POINT)


def test_what_cannot_be_served_stops_the_start(tmp_path: Path) -> None:
    file = tmp_path / "wrong.py"
    text = "from raphson_server.systems import register\n\n@register(variables=['x'])\ndef f(x, p):\n    return lost\n"
    file.write_text(text)
    command = [sys.executable, "-m", "raphson_server", "serve", "--address", "127.0.0.1:0", "--systems", str(file)]
    ended = subprocess.run([*command, "--workers", "1"], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert f"{file}:3: 'f' does not compile: TypingError" in ended.stderr
    assert "listens" not in ended.stdout
