"""The evidence that a solve was asked for, added to its reply; what cannot be had is told in a note."""

from typing import cast

import raphson_solver as rs
from raphson.v1.solver_pb2 import Method as WireMethod
from raphson.v1.solver_pb2 import SolveResponse, TraceStep
from raphson_solver.sensitivity import Sensitivity
from raphson_solver.solution.trace import TraceStep as Step

from raphson_server.worker.call import Call, allowed_seconds
from raphson_server.worker.certificate import LARGEST_CERTIFIED, from_certificate
from raphson_server.worker.conversion import from_array
from raphson_server.worker.explanation import from_explanation
from raphson_server.worker.kept_system import KeptSystem
from raphson_server.worker.particulars import STEP_BYTES, Evidence

# About what the proof of the largest system takes, which nothing interrupts: the root itself must not be lost by it.
_CERTIFICATE_SECONDS = 2.0
_NO_TIME = "the deadline left no time"
_WANTS_ROOT = "only a root has any, and the iteration did not converge"
# What is asked for, not what a root has, is at fault.
_ARGUMENTS = {"w", "sigma"}


def add_evidence(response: SolveResponse, solution: rs.Solution, asked: Evidence, kept: KeptSystem, call: Call) -> None:
    """Add to a reply what was asked for.

    Raises
    ------
    InputError
        If the covariance is none.
    """
    notes: list[str] = []
    if solution.trace is not None:
        _note(notes, "trace", _trace(response, solution.trace, call.max_message_bytes))
    if asked.explanation and solution.status not in {rs.Status.CONVERGED, rs.Status.LEAST_SQUARES}:
        _note(notes, "explanation", _NO_TIME if call.has_ended() else _explain(response, solution, kept))
    if asked.sensitivities:
        why_not = _why_not(solution, kept, call) or _differentiate(response, solution, asked, kept)
        _note(notes, "sensitivities", why_not)
    if asked.certificate:
        _note(notes, "certificate", _why_not(solution, kept, call) or _certify(response, solution, kept, call))
    response.evidence_note = "; ".join(notes)


def _trace(response: SolveResponse, steps: list[Step], maximum: int) -> str:
    """Add every step; return why not, if there are more than fit: each block of a system has steps of its own."""
    size = sum(STEP_BYTES + step.x.nbytes for step in steps)
    if size > maximum:
        return f"{len(steps):,} steps take {size:,} bytes, more than the {maximum:,} of a message; set options.whole"
    response.trace.extend(map(_from_step, steps))
    return ""


def _note(notes: list[str], what: str, why_not: str) -> None:
    if why_not:
        notes.append(f"{what}: {why_not}")


def _why_not(solution: rs.Solution, kept: KeptSystem, call: Call) -> str:
    """Return why nothing is to be had of a root; empty if it may be."""
    if kept.system.m != kept.system.n:
        return f"they need as many equations as unknowns; found {kept.system.m} equations in {kept.system.n} unknowns"
    if not solution.converged:
        return _WANTS_ROOT
    return _NO_TIME if call.has_ended() else ""


def _explain(response: SolveResponse, solution: rs.Solution, kept: KeptSystem) -> str:
    try:
        response.explanation.CopyFrom(from_explanation(solution.explain(), kept))
    except (rs.InputError, rs.LimitError) as error:
        return error.message
    return ""


def _differentiate(response: SolveResponse, solution: rs.Solution, asked: Evidence, kept: KeptSystem) -> str:
    """Add dx/dp, and what follows from it; return why there is none, if so."""
    if not kept.parameter_count:
        return "the system has no free parameters"
    try:
        found = Sensitivity(kept.system, solution.x, solution.p)
        if asked.sensitivity:
            response.sensitivity.CopyFrom(from_array(found.forward()))
        if asked.adjoint is not None:
            response.adjoint.CopyFrom(from_array(found.adjoint(asked.adjoint)))
        if asked.parameter_covariance is not None:
            response.covariance.CopyFrom(from_array(found.covariance(asked.parameter_covariance)))
    except rs.InputError as error:
        if error.field in _ARGUMENTS:
            raise
        return error.message
    except rs.LimitError as error:
        return error.message
    response.parameter_elements.extend(found.parameter_names)
    return ""


def _certify(response: SolveResponse, solution: rs.Solution, kept: KeptSystem, call: Call) -> str:
    n = kept.system.n
    if n > LARGEST_CERTIFIED:
        return f"{n} unknowns; up to {LARGEST_CERTIFIED} are tried"
    if allowed_seconds(call.deadline) < _CERTIFICATE_SECONDS * (n / LARGEST_CERTIFIED) ** 2:
        return _NO_TIME
    response.certificate.CopyFrom(from_certificate(solution.certify()))
    return ""


def _from_step(step: Step) -> TraceStep:
    return TraceStep(
        method=cast("WireMethod", step.method),
        x=from_array(step.x),
        residual_norm=step.residual_norm,
        scaled_residual=step.scaled_residual,
        step=step.step,
        damping=step.damping,
    )
