"""What else a solve returns: asked for, read and printed."""

from __future__ import annotations

import math
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import raphson
from raphson import ActiveBound, Method, Solution
from raphson.arrays import from_message
from raphson.v1 import solver_pb2
from raphson.v1.array_pb2 import DoubleArray, NamedArray
from raphson.v1.solver_pb2 import SolveResponse

if TYPE_CHECKING:
    from tests.client.conftest import ScriptedServer


def array(numbers: Any) -> DoubleArray:
    values = np.asarray(numbers, dtype=float)
    return DoubleArray(shape=values.shape, data=values.tobytes())


def solution(**changes: Any) -> Solution:
    fields: dict[str, Any] = {
        "status": "STATUS_CONVERGED",
        "method": "METHOD_NEWTON",
        "message": "the scaled residual passes at the returned point",
        "solution": [NamedArray(name="x", array=array(1.5)), NamedArray(name="u", array=array([-2.0]))],
        "residual": array([0.0, 0.0]),
        "scaled_residual": array([0.0, 0.0]),
        "iterations": 4,
        "system_id": "ab" * 32,
    }
    return Solution(SolveResponse(**fields | changes))


EXPLANATION = solver_pb2.Explanation(
    lines=["equations[0] and equations[1] change alike", "the Jacobian is singular here"],
    structural_rank=2,
    overdetermined=[solver_pb2.Part(equations=["equations[0]", "equations[1]"], variables=["x"])],
    not_finite=solver_pb2.NotFinite(
        equation="equations[0]", text="log(x)", arguments=[-0.5], value=math.inf, reason="log of -0.5"
    ),
    worst_equations=[solver_pb2.WorstEquation(equation="equations[1]", residual=-2.0, scaled_residual=0.5)],
    active_bounds=[solver_pb2.ActiveBound(element="u[0]", side="SIDE_UPPER")],
    parallel_equations=[solver_pb2.Pair(first="equations[0]", second="equations[1]", cosine=1.0)],
    parallel_variables=[solver_pb2.Pair(first="x", second="u[0]", cosine=-1.0)],
    condition=math.inf,
    rank=1,
    system_id="ab" * 32,
)


# --- asking
def test_what_is_asked_for_is_sent(scripted: ScriptedServer, talking: raphson.Client) -> None:
    talking.solve(
        ["x = a", "y = b"],
        {"x": 1.0, "y": 1.0},
        {"a": 1.5, "b": 2.5},
        max_evaluations=50,
        whole=True,
        trace=True,
        explain=True,
        certify=True,
        sensitivity=True,
        adjoint={"y": 2.0, "x": 1.0},
        parameter_covariance=[0.1, 0.2],
    )
    request = scripted.requests[0]
    assert (request.options.max_evaluations, request.options.whole) == (50, True)
    asked = request.evidence
    assert (asked.trace, asked.explanation, asked.certificate, asked.sensitivity) == (True, True, True, True)
    assert from_message(asked.adjoint).tolist() == [1.0, 2.0]
    assert from_message(asked.parameter_covariance).tolist() == [0.1, 0.2]


def test_a_number_is_a_vector_of_one(scripted: ScriptedServer, talking: raphson.Client) -> None:
    talking.solve("x = a", {"x": 1.0}, {"a": 1.5}, adjoint=1, parameter_covariance=0.1)
    asked = scripted.requests[0].evidence
    assert (list(asked.adjoint.shape), list(asked.parameter_covariance.shape)) == ([1], [1])


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"adjoint": {"y": 1.0}}, "adjoint[x]"),
        ({"adjoint": {"x": 1.0, "y": 1.0}}, "adjoint[y]"),
        ({"adjoint": "x"}, "adjoint"),
        ({"parameter_covariance": "wide"}, "parameter_covariance"),
        ({"max_evaluations": 1.5}, "options.max_evaluations"),
    ],
)
def test_what_makes_no_sense_is_refused_before_sending(
    scripted: ScriptedServer, talking: raphson.Client, arguments: Any, field: str
) -> None:
    with pytest.raises(raphson.InvalidRequestError) as caught:
        talking.solve("x = 1", {"x": 1.0}, **arguments)
    assert caught.value.fields[0].field == field
    assert scripted.requests == []


# --- reading
def test_what_is_not_there_is_none_or_empty() -> None:
    root = solution()
    assert (root.explanation, root.certificate, root.sensitivity, root.adjoint, root.covariance) == (None,) * 5
    assert root.standard_deviations is None
    assert (root.trace, root.active_bounds, root.parameter_elements, root.evidence_note) == ([], (), (), "")
    assert root.regularized_steps == 0


def test_numbers_are_arrays() -> None:
    root = solution(
        sensitivity=array([[1.0, 2.0], [3.0, 4.0]]),
        parameter_elements=["r", "W[1,2]"],
        adjoint=array([5.0, 6.0]),
        covariance=array([[4.0, 1.0], [1.0, -1e-30]]),
        active_bounds=[
            solver_pb2.ActiveBound(element="x", side="SIDE_LOWER"),
            solver_pb2.ActiveBound(element="u[0]", side="SIDE_UPPER"),
        ],
        regularized_steps=2,
    )
    assert root.sensitivity is not None
    assert root.sensitivity.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert root.parameter_elements == ("r", "W[1,2]")
    assert root.adjoint is not None
    assert root.adjoint.tolist() == [5.0, 6.0]
    assert root.standard_deviations is not None
    assert root.standard_deviations.tolist() == [2.0, 0.0]
    assert root.active_bounds == (ActiveBound("x", "lower"), ActiveBound("u[0]", "upper"))
    assert root.regularized_steps == 2
    assert root.unknown_names == ("x", "u[0]")


def test_a_trace_is_read() -> None:
    steps = [
        solver_pb2.TraceStep(method="METHOD_NEWTON", x=array([1.0, 2.0]), step=math.nan, damping=math.nan),
        solver_pb2.TraceStep(
            method="METHOD_TRUST_REGION",
            x=array([3.0, 4.0]),
            residual_norm=7.0,
            scaled_residual=0.25,
            step=0.5,
            damping=2.0,
        ),
    ]
    first, second = solution(trace=steps).trace
    assert first.is_start
    assert first.method is Method.NEWTON
    assert not second.is_start
    assert second.x.tolist() == [3.0, 4.0]
    assert (second.residual_norm, second.scaled_residual, second.step, second.damping) == (7.0, 0.25, 0.5, 2.0)


def test_a_step_of_another_version_is_told() -> None:
    root = solution(trace=[solver_pb2.TraceStep(method=99)])  # type: ignore[arg-type]
    with pytest.raises(raphson.IncompatibleServerError, match="method 99"):
        _ = root.trace


def test_an_explanation_is_read() -> None:
    found = solution(status="STATUS_SINGULAR", explanation=EXPLANATION).explanation
    assert found is not None
    assert found.lines[1] == "the Jacobian is singular here"
    assert found.overdetermined == ((("equations[0]", "equations[1]"), ("x",)),)
    assert found.underdetermined == ()
    assert found.not_finite is not None
    assert found.not_finite.arguments == (-0.5,)
    assert found.worst_equations[0].residual == -2.0
    assert found.active_bounds == (("u[0]", "upper"),)
    assert found.parallel_equations[0].second == "equations[1]"
    assert found.parallel_variables[0].cosine == -1.0
    assert (found.structural_rank, found.rank, found.condition) == (2, 1, math.inf)
    assert str(found).splitlines() == [
        "- equations[0] and equations[1] change alike",
        "- the Jacobian is singular here",
    ]
    assert repr(found).startswith("Explanation\n- ")


def test_what_was_not_computed_is_none() -> None:
    found = solution(explanation=solver_pb2.Explanation(lines=["x"])).explanation
    assert found is not None
    assert (found.rank, found.condition, found.not_finite) == (None, None, None)


def test_evidence_can_be_pickled() -> None:
    root = pickle.loads(pickle.dumps(solution(status="STATUS_SINGULAR", explanation=EXPLANATION)))
    assert pickle.loads(pickle.dumps(root.explanation)) == root.explanation


# --- printing
PROVEN = solver_pb2.Certificate(
    proven=True,
    lower=array([1.0, 1.0]),
    upper=array([2.0, 2.0]),
    radius=array([2.9e-16, 1e-17]),
    unique_radius=array([0.1, 0.1]),
)


def test_a_proof_is_a_line() -> None:
    root = solution(certificate=PROVEN)
    assert root.certificate is not None
    assert root.certificate.proven
    assert root.certificate.radius.tolist() == [2.9e-16, 1e-17]
    assert "  certificate  proven: exactly one root within 3e-16" in repr(root).splitlines()


def test_a_missing_proof_says_why() -> None:
    root = solution(certificate=solver_pb2.Certificate(reason="the Jacobian is singular"))
    assert "  certificate  not proven: the Jacobian is singular" in repr(root).splitlines()
    root = solution(evidence_note="a certificate needs m = n")
    assert "  note        a certificate needs m = n" in repr(root).splitlines()


def test_bounds_and_reasons_are_lines() -> None:
    bounds = [solver_pb2.ActiveBound(element=f"u[{i}]", side="SIDE_LOWER") for i in range(8)]
    lines = repr(
        solution(
            status="STATUS_SINGULAR",
            message="no direction",
            remedy="try another start",
            active_bounds=bounds,
            explanation=EXPLANATION,
            regularized_steps=3,
        )
    ).splitlines()
    assert "  bounds      u[0] at its lower bound, u[1] at its lower bound" in lines[4]
    assert lines[4].endswith("u[5] at its lower bound and 2 more")
    assert "              J was singular at 3 of them" in lines
    assert lines[-4:] == [
        "  message     no direction",
        "  remedy      try another start",
        "  why         equations[0] and equations[1] change alike",
        "              the Jacobian is singular here",
    ]
