"""What a solve takes besides a start, and returns besides a root."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from raphson.v1 import solver_pb2 as wire
from raphson.v1.array_pb2 import DoubleArray
from raphson.v1.solver_pb2 import SolveOptions, SolveRequest

from tests.server.calling import array, between, by_id, by_text, named, numbers, with_evidence
from tests.server.running import Server
from tests.server.test_bad_input import check

ROOTS = ("x**2 = r", "y = x*r")
XY = {"x": 1.0, "y": 1.0}
R = {"r": 4.0}


def roots(**more: Any) -> SolveRequest:
    request = by_text(*ROOTS, start=XY, parameters=R)
    request.MergeFrom(SolveRequest(**more))
    return request


# --- bounds and sizes ---------------------------------------------------------------------------------------


def test_bounds_choose_the_root(server: Server) -> None:
    for start, sides, root in ((1.0, (0.5, None), 2.0), (-0.1, (None, 0.0), -2.0), (0.5, (0.5, math.inf), 2.0)):
        request = by_text("x**2 = 4", start={"x": start})
        request.bounds.extend(between(x=sides))
        reply = server.solve(request)
        assert reply.status == wire.STATUS_CONVERGED
        assert numbers(reply.solution[0].array) == pytest.approx(root)
        assert not reply.active_bounds


def test_what_stands_at_a_bound_is_named(server: Server) -> None:
    request = by_text("u[i]**2 = i + 4 for i in range(3)", start={"u": np.ones(3)}, options=SolveOptions(whole=True))
    request.bounds.extend(between(u=(-1.0, [9.0, 1.5, 9.0])))
    reply = server.solve(request)
    assert reply.status != wire.STATUS_CONVERGED
    (at,) = reply.active_bounds
    assert (at.element, at.side) == ("u[1]", wire.ActiveBound.SIDE_UPPER)
    # The reply is not left to the next one, who asks for nothing.
    plain = by_id(reply.system_id, {"u": np.ones(3)})
    assert not server.solve(plain).active_bounds


def test_bounded_requests_have_no_short_way(server: Server) -> None:
    """The bytes of a bound are no part of the form of a request."""
    system_id = server.solve(by_text("x**2 = 4", start={"x": 1.0})).system_id
    for lower, upper in ((0.0, 9.0), (-9.0, 0.0)) * 3:
        request = by_id(system_id, {"x": 0.5 * (lower + upper)})
        request.bounds.extend(between(x=(lower, upper)))
        assert lower <= numbers(server.solve(request).solution[0].array) <= upper
    assert numbers(server.solve(by_id(system_id, {"x": -1.0})).solution[0].array) == pytest.approx(-2.0)


@pytest.mark.parametrize(
    ("bounds", "field", "words"),
    [
        ([*between(x=(0.0, 1.0)), *between(x=(0.0, 1.0))], "bounds[x]", ["twice"]),
        (between(z=(0.0, 1.0)), "bounds[z]", ["z"]),
        (between(x=([0.0, 0.0], 1.0)), "bounds[x].lower", ["(2,)"]),
        (between(y=(0.0, math.nan)), "bounds[y]", ["nan"]),
        (between(y=(2.0, 1.0)), "bounds[y]", ["[2.0, 1.0]"]),
        (between(y=(math.inf, math.inf)), "bounds[y]", ["inf"]),
        (between(x=(0.0, 9.0), y=(2.0, 9.0)), "start[y]", ["1.0", "outside", "2.0"]),
        ([wire.Bounds(name="x", lower=DoubleArray())], "bounds[x].lower", ["neither"]),
    ],
)
def test_bounds_that_do_not_fit(server: Server, bounds: list[wire.Bounds], field: str, words: list[str]) -> None:
    check(server.refusal(roots(bounds=bounds)), "INVALID_INPUT", field, *words)


@pytest.mark.parametrize(
    ("more", "field", "words"),
    [
        ({"nominal": named({"x": 0.0})}, "nominal[x]", ["0"]),
        ({"nominal": named({"x": math.nan})}, "nominal[x]", ["nan"]),
        ({"nominal": named({"x": [1.0, 2.0]})}, "nominal[x]", ["(2,)"]),
        ({"nominal": named({"q": 1.0})}, "nominal[q]", ["q"]),
        ({"nominal": [*named({"x": 1.0}), *named({"x": 1.0})]}, "nominal[x]", ["twice"]),
        ({"nominal_residual": array([1.0])}, "nominal_residual", ["(2,)"]),
        ({"nominal_residual": array([1.0, -1.0])}, "nominal_residual", ["-1"]),
    ],
)
def test_sizes_that_do_not_fit(server: Server, more: dict[str, Any], field: str, words: list[str]) -> None:
    check(server.refusal(roots(**more)), "INVALID_INPUT", field, *words)


def test_sizes_choose_the_least_squares_point(server: Server) -> None:
    """More equations than unknowns: what weighs more is met better."""
    request = by_text("x = 1", "x = 3", start={"x": 0.0})
    middle = server.solve(request)
    assert middle.status == wire.STATUS_LEAST_SQUARES
    assert numbers(middle.solution[0].array) == pytest.approx(2.0)
    assert numbers(middle.residual) == pytest.approx([1.0, -1.0])
    request.nominal_residual.CopyFrom(array([0.001, 1.0]))
    request.nominal.extend(named({"x": 1.0}))
    assert numbers(server.solve(request).solution[0].array) == pytest.approx(1.0, abs=1e-5)


def test_fewer_equations_than_unknowns(server: Server) -> None:
    reply = server.solve(by_text("x + y = 1", start=XY))
    assert reply.status == wire.STATUS_CONVERGED
    assert numbers(reply.residual).shape == (1,)
    assert len(reply.solution) == 2


def test_evaluations_are_limited(server: Server) -> None:
    options = SolveOptions(max_evaluations=2)
    assert server.solve(by_text("exp(x) = 1e9", start={"x": 0.0}, options=options)).status == (
        wire.STATUS_EVALUATION_LIMIT
    )
    options = SolveOptions(max_evaluations=0)
    refused = server.refusal(by_text("x = 1", start={"x": 0.0}, options=options))
    check(refused, "INVALID_INPUT", "options.max_evaluations", "0")


def test_regularized_steps_are_counted(server: Server) -> None:
    assert server.solve(by_text("x**2 = 2", start={"x": 1.0})).regularized_steps == 0
    singular = by_text("x + y = 2", "2*x + 2*y = 4", start={"x": 0.5, "y": 0.1}, options=SolveOptions(whole=True))
    assert server.solve(singular).regularized_steps > 0


# --- evidence -----------------------------------------------------------------------------------------------


def test_all_evidence_of_a_root(server: Server) -> None:
    request = with_evidence(
        roots(), trace=True, explanation=True, certificate=True, sensitivity=True,
        adjoint=array([0.0, 1.0]), parameter_covariance=array([0.1]),
    )  # fmt: skip
    reply = server.solve(request)
    assert reply.status == wire.STATUS_CONVERGED
    assert reply.evidence_note == ""
    assert not reply.HasField("explanation")
    # x = √r, y = r√r: dx/dr = 1/4, dy/dr = 3.
    np.testing.assert_allclose(numbers(reply.sensitivity), [[0.25], [3.0]], rtol=1e-12)
    np.testing.assert_allclose(numbers(reply.adjoint), [3.0], rtol=1e-12)
    slopes = np.array([0.25, 3.0])
    np.testing.assert_allclose(numbers(reply.covariance), 0.01 * np.outer(slopes, slopes), rtol=1e-12)
    assert list(reply.parameter_elements) == ["r"]
    proof = reply.certificate
    assert proof.proven
    assert proof.reason == ""
    assert np.all(numbers(proof.lower) <= [2.0, 8.0])
    assert np.all(numbers(proof.upper) >= [2.0, 8.0])
    assert np.all(numbers(proof.radius) < 1e-12)
    assert np.all(numbers(proof.unique_radius) > 0.1)
    assert numbers(reply.trace[0].x).tolist() == [1.0, 1.0]
    assert math.isnan(reply.trace[0].step)
    assert reply.trace[0].residual_norm == 3.0
    assert len(reply.trace) > 3
    # Nothing of it is left to the next one.
    plain = server.solve(by_id(reply.system_id, XY, R))
    assert plain.ByteSize() < 400


def test_elements_of_parameters_are_named(server: Server) -> None:
    request = by_text("x = sum(W[i,j] for i in range(2) for j in range(2)) + s", start={"x": 0.0},
                      parameters={"W": np.ones((2, 2)), "s": 1.0})  # fmt: skip
    covariance = np.diag([1.0, 4.0, 9.0, 16.0, 25.0])
    reply = server.solve(with_evidence(request, sensitivity=True, parameter_covariance=array(covariance)))
    assert list(reply.parameter_elements) == ["W[0,0]", "W[0,1]", "W[1,0]", "W[1,1]", "s"]
    np.testing.assert_allclose(numbers(reply.sensitivity), np.ones((1, 5)))
    np.testing.assert_allclose(numbers(reply.covariance), [[55.0]])


@pytest.mark.parametrize(
    ("asked", "field", "words"),
    [
        ({"adjoint": array([1.0])}, "evidence.adjoint", ["(2,)"]),
        ({"adjoint": array([1.0, math.nan])}, "evidence.adjoint", ["nan"]),
        ({"adjoint": DoubleArray()}, "evidence.adjoint", ["neither"]),
        ({"parameter_covariance": array([1.0, 2.0])}, "evidence.parameter_covariance", ["(1,)", "(1, 1)"]),
        ({"parameter_covariance": array([[math.inf]])}, "evidence.parameter_covariance", ["inf"]),
        ({"parameter_covariance": array([-1.0])}, "evidence.parameter_covariance", ["-1"]),
        ({"parameter_covariance": array([[-1.0]])}, "evidence.parameter_covariance", ["-1"]),
    ],
)
def test_evidence_that_cannot_be_meant(server: Server, asked: dict[str, Any], field: str, words: list[str]) -> None:
    check(server.refusal(with_evidence(roots(), **asked)), "INVALID_INPUT", field, *words)


def test_a_double_root_has_no_proof_and_no_slope(server: Server) -> None:
    request = by_text("(x - 1)**2 = r", start={"x": 3.0}, parameters={"r": 0.0})
    reply = server.solve(with_evidence(request, certificate=True, sensitivity=True))
    assert reply.status == wire.STATUS_CONVERGED
    assert not reply.certificate.proven
    assert reply.certificate.reason
    assert not reply.HasField("sensitivity")
    assert reply.evidence_note.startswith("sensitivities: ")
    assert "singular" in reply.evidence_note


def test_evidence_of_no_root(server: Server) -> None:
    request = by_text("x**2 + 1 = r", "y = 2", start=XY, parameters={"r": 0.0})
    asked = {"explanation": True, "certificate": True, "sensitivity": True}
    reply = server.solve(with_evidence(request, **asked))
    assert reply.status not in {wire.STATUS_CONVERGED, wire.STATUS_LEAST_SQUARES}
    assert reply.explanation.lines
    assert reply.explanation.worst_equations[0].equation == "equations[0]"
    assert not reply.HasField("certificate")
    assert not reply.HasField("sensitivity")
    assert reply.evidence_note.count("did not converge") == 2


def test_evidence_of_a_least_squares_point(server: Server) -> None:
    request = by_text("x = 1", "x = r", start={"x": 0.0}, parameters={"r": 3.0})
    reply = server.solve(with_evidence(request, explanation=True, certificate=True, adjoint=array([1.0])))
    assert reply.status == wire.STATUS_LEAST_SQUARES
    assert not reply.HasField("explanation")
    assert not reply.HasField("adjoint")
    assert "2 equations in 1 unknowns" in reply.evidence_note


def test_no_parameters_no_sensitivities(server: Server) -> None:
    reply = server.solve(with_evidence(by_text("x = 1", start={"x": 0.0}), sensitivity=True))
    assert reply.status == wire.STATUS_CONVERGED
    assert "no free parameters" in reply.evidence_note


def test_certificates_of_large_systems_are_not_tried(server: Server) -> None:
    request = by_text("u[i]**2 = 2 for i in range(201)", start={"u": np.ones(201)})
    reply = server.solve(with_evidence(request, certificate=True))
    assert reply.status == wire.STATUS_CONVERGED
    assert not reply.HasField("certificate")
    assert "201 unknowns" in reply.evidence_note


def test_a_certificate_does_not_cost_the_root(server: Server) -> None:
    """A proof that would outlast the deadline is not begun."""
    request = by_text("u[i]**2 = i + 2 for i in range(190)", start={"u": np.ones(190)})
    server.solve(request)
    reply = server.solve(with_evidence(request, certificate=True), timeout=1.0)
    assert reply.status == wire.STATUS_CONVERGED
    assert reply.evidence_note == "certificate: the deadline left no time"


def test_a_trace_that_may_not_fit_is_refused(server: Server) -> None:
    options = SolveOptions(max_iterations=10**9)
    request = with_evidence(by_text("x = 1", start={"x": 0.0}, options=options), trace=True)
    refused = server.refusal(request)
    check(refused, "LIMIT_EXCEEDED", "evidence.trace", "1,000,000,000 steps", "options.max_iterations")
    assert int(refused.metadata["value"]) > int(refused.metadata["maximum"])
    wide = by_text("u[i] = i for i in range(3000)", start={"u": np.zeros(3000)},
                   options=SolveOptions(whole=True, max_iterations=1000))  # fmt: skip
    check(server.refusal(with_evidence(wide, trace=True)), "LIMIT_EXCEEDED", "evidence.trace", "24,064,000")
    wide = by_text("u[i] = i for i in range(3000)", start={"u": np.zeros(3000)},
                   options=SolveOptions(whole=True, max_iterations=50))  # fmt: skip
    assert 2 <= len(server.solve(with_evidence(wide, trace=True)).trace) <= 3


def test_matrices_that_do_not_fit_are_refused(server: Server) -> None:
    u = {"u": np.ones(1500)}
    request = by_text("u[i]**2 = a[i] for i in range(1500)", start=u, parameters={"a": np.ones(1500)})
    refused = server.refusal(with_evidence(request, sensitivity=True))
    check(refused, "LIMIT_EXCEEDED", "evidence.sensitivity", "18,000,000", "adjoint")
    refused = server.refusal(with_evidence(request, parameter_covariance=array(np.ones(1500))))
    check(refused, "LIMIT_EXCEEDED", "evidence.parameter_covariance", "18,000,000")


@pytest.mark.alone
def test_a_deadline_leaves_time_for_the_explanation(server: Server) -> None:
    options = SolveOptions(method=wire.METHOD_NEWTON, max_iterations=10**9)
    request = by_text("x**2 + 1 = 0", start={"x": 0.7}, options=options)
    reply = server.solve(with_evidence(request, explanation=True), timeout=2.0)
    assert reply.status == wire.STATUS_TIME_LIMIT
    assert reply.explanation.lines
