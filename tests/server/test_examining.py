"""JacobianService.CheckJacobian and TestDifferentiability against a real server."""

from __future__ import annotations

import math

import grpc
import numpy as np
import pytest
from raphson.v1 import jacobian_pb2
from raphson.v1.system_pb2 import SystemRef

from tests.server.calling import array, named, numbers, to_check, to_evaluate, to_test
from tests.server.running import Server

EQUATIONS = ("x**2*y", "exp(x) + y")
AT = {"x": 1.5, "y": 0.25}
RIGHT = (("2*x*y", "x**2"), ("exp(x)", "1"))
NOT_DIFFERENTIABLE = "x*y/(x**2 + y**2)"
ORIGIN = {"x": 0.0, "y": 0.0}


# --- a caller's Jacobian
def test_a_right_jacobian_agrees(server: Server) -> None:
    reply = server.check_jacobian(to_check(*EQUATIONS, at=AT, rows=RIGHT))
    assert reply.agrees
    assert (list(reply.worst), reply.disagreeing) == ([], 0)
    assert reply.largest_error < 1e-12
    assert len(reply.system_id) == 64


def test_wrong_entries_are_named_worst_first(server: Server) -> None:
    wrong = (("2*x*y", "x**3"), ("exp(x)*1.001", "1"))
    reply = server.check_jacobian(to_check(*EQUATIONS, at=AT, rows=wrong))
    assert not reply.agrees
    assert reply.disagreeing == 2
    first, second = reply.worst
    assert (first.equation, first.variable, first.row, first.column) == ("equations[0]", "y", 0, 1)
    assert (first.given, first.exact) == (1.5**3, 1.5**2)
    assert first.central == pytest.approx(1.5**2, rel=1e-8)
    assert abs(first.central - first.exact) <= first.central_error < 1e-6
    assert (second.row, second.column) == (1, 0)
    assert second.given == pytest.approx(1.001 * math.exp(1.5), rel=1e-15)
    assert reply.largest_error == pytest.approx(1 / 3, rel=0.5)


def test_as_many_entries_as_wanted(server: Server) -> None:
    rows = (("0", "0"), ("0", "0"))
    reply = server.check_jacobian(to_check(*EQUATIONS, at=AT, rows=rows, max_entries=1))
    assert (len(reply.worst), reply.disagreeing) == (1, 4)
    for most in (0, -1, 10_001):
        refused = server.refusal(to_check(*EQUATIONS, at=AT, rows=rows, max_entries=most))
        assert (refused.field, str(most) in refused.message.replace(",", "")) == ("max_entries", True)


def test_there_must_be_a_jacobian_to_check(server: Server) -> None:
    refused = server.refusal(to_check(*EQUATIONS, at=AT))
    assert (refused.code, refused.field) == (grpc.StatusCode.INVALID_ARGUMENT, "system.definition.jacobian")
    system_id = server.evaluate(to_evaluate(*EQUATIONS, at=AT, value=True)).system_id
    refused = server.refusal(jacobian_pb2.CheckJacobianRequest(system=SystemRef(system_id=system_id), at=named(AT)))
    assert (refused.code, refused.field) == (grpc.StatusCode.INVALID_ARGUMENT, "system")


def test_a_point_that_does_not_fit_is_refused(server: Server) -> None:
    refused = server.refusal(to_check(*EQUATIONS, at=AT | {"y": math.nan}, rows=RIGHT))
    assert refused.field == "at[y]"
    refused = server.refusal(to_test("x + y", at=ORIGIN | {"y": math.nan}))
    assert refused.field == "at[y]"


# --- differentiability
def test_partial_derivatives_are_not_enough(server: Server) -> None:
    reply = server.test_differentiability(to_test(NOT_DIFFERENTIABLE, at=ORIGIN, value=array([0.0])))
    assert not reply.differentiable
    assert reply.partial_derivatives_exist
    assert reply.order < 0.5
    assert reply.message
    assert len(reply.steps) == len(reply.remainders) > 3
    assert np.all(np.diff(reply.steps) < 0)
    direction = numbers(reply.worst_direction)
    assert np.linalg.norm(direction) == pytest.approx(1.0)
    assert np.all(np.abs(direction) > 0.1), "along the axes it is differentiable"


@pytest.mark.parametrize(
    ("text", "at", "affine"),
    [
        ("sin(x)*exp(y)", {"x": 0.3, "y": -1.0}, False),
        ("x*y", ORIGIN, False),
        ("3*x - 7*y + 2", {"x": 1.0, "y": 2.0}, True),
    ],
)
def test_smooth_functions_pass(server: Server, text: str, at: dict[str, float], affine: bool) -> None:
    reply = server.test_differentiability(to_test(text, at=at, directions=16))
    assert reply.differentiable
    assert reply.partial_derivatives_exist
    assert reply.affine == affine
    if affine:
        assert math.isnan(reply.order)
    else:
        assert reply.order == pytest.approx(1.0, abs=0.1)


def test_a_kink_fails(server: Server) -> None:
    reply = server.test_differentiability(to_test("abs(x - 1) + y", at={"x": 1.0, "y": 0.0}))
    assert not reply.differentiable
    assert not reply.partial_derivatives_exist


@pytest.mark.parametrize(
    ("more", "field", "words"),
    [
        ({"directions": 0}, "directions", ["0"]),
        ({"directions": -5}, "directions", ["-5"]),
        ({"value": array([0.0, 1.0])}, "value", ["(1,)", "(2,)"]),
        ({"value": array([math.nan])}, "value", ["nan"]),
    ],
)
def test_what_makes_no_sense_is_refused(server: Server, more: dict[str, object], field: str, words: list[str]) -> None:
    refused = server.refusal(to_test(NOT_DIFFERENTIABLE, at=ORIGIN, **more))
    assert (refused.code, refused.field) == (grpc.StatusCode.INVALID_ARGUMENT, field)
    for word in words:
        assert word in refused.message


def test_by_id(server: Server) -> None:
    system_id = server.evaluate(to_evaluate("x*y", at=AT, value=True)).system_id
    request = jacobian_pb2.TestDifferentiabilityRequest(system=SystemRef(system_id=system_id), at=named(AT))
    reply = server.test_differentiability(request)
    assert (reply.differentiable, reply.system_id) == (True, system_id)
