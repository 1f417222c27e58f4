"""Reads what few solve requests have besides a start and options, and refuses what does not fit before any solve."""

import numpy as np
from raphson.v1.solver_pb2 import EvidenceRequest, SolveRequest

from raphson_server.failures import CallError, invalid_input
from raphson_server.worker.call import Call, check_fits, too_large
from raphson_server.worker.conversion import WIRE, Array, to_arrays, to_vector
from raphson_server.worker.kept_system import KeptSystem
from raphson_server.worker.particulars import STEP_BYTES, Evidence, Particulars
from raphson_server.worker.region import check_inside, to_bounds


def to_particulars(
    request: SolveRequest, kept: KeptSystem, x: Array, max_iterations: int, call: Call
) -> Particulars | None:
    """Read what a request has besides; None where there is nothing.

    Parameters
    ----------
    request : SolveRequest
    kept : KeptSystem
    x : ndarray, shape (n,)
        The start.
    max_iterations : int
        How many steps a trace may have.
    call : Call

    Raises
    ------
    CallError, InputError
        If something does not fit the system, or could not be sent.
    """
    has_sizes = request.nominal or request.HasField("nominal_residual")
    if not (request.bounds or has_sizes or request.HasField("evidence")):
        return None
    bounds = to_bounds(request.bounds, kept)
    if bounds is not None:
        check_inside(x, bounds, kept)
    nominal_residual = None
    if request.HasField("nominal_residual"):
        nominal_residual = to_vector(request.nominal_residual, "nominal_residual")
    evidence = _to_evidence(request.evidence, kept, max_iterations, call)
    return Particulars(bounds, to_arrays(request.nominal, "nominal"), nominal_residual, evidence)


def _to_evidence(message: EvidenceRequest, kept: KeptSystem, max_iterations: int, call: Call) -> Evidence:
    n, k = kept.system.n, kept.parameter_count
    adjoint = covariance = None
    if message.trace:
        _check_trace_fits(n, max_iterations, call.max_message_bytes)
    if message.sensitivity:
        check_fits((n, k), "dx/dp", "ask for the adjoint instead", call, "evidence.sensitivity")
    if message.HasField("adjoint"):
        adjoint = _finite(to_vector(message.adjoint, "evidence.adjoint"), "evidence.adjoint")
        if adjoint.shape != (n,):
            raise invalid_input("evidence.adjoint", f"shape {adjoint.shape}; expected ({n},), a number a variable")
    if message.HasField("parameter_covariance"):
        field = "evidence.parameter_covariance"
        covariance = _finite(to_vector(message.parameter_covariance, field), field)
        if covariance.shape not in {(k,), (k, k)}:
            raise invalid_input(
                field, f"shape {covariance.shape}; expected ({k},) or ({k}, {k}), for the {k} free parameters"
            )
        check_fits((n, n), "a covariance", "ask for the sensitivity instead", call, field)
    return Evidence(
        trace=message.trace,
        explanation=message.explanation,
        certificate=message.certificate,
        sensitivity=message.sensitivity,
        adjoint=adjoint,
        parameter_covariance=covariance,
    )


def _finite(array: Array, field: str) -> Array:
    for value in array[~np.isfinite(array)][:1]:
        raise invalid_input(field, f"{value}; expected finite numbers")
    return array


def _check_trace_fits(n: int, max_iterations: int, maximum: int) -> None:
    """Refuse a trace that may become longer than a reply: how long it is going to be nobody knows before."""
    step = WIRE.itemsize * n + STEP_BYTES
    if step * max_iterations > maximum:
        raise _too_long(n, max_iterations, step, maximum)


def _too_long(n: int, max_iterations: int, step: int, maximum: int) -> CallError:
    size, fitting = step * max_iterations, maximum // step
    what = f"a trace of {max_iterations:,} steps of {n:,} numbers takes up to {size:,} bytes"
    advice = f"set options.max_iterations to at most {fitting:,}" if fitting else "there is none for so many unknowns"
    return too_large(size, what, advice, maximum, "evidence.trace")
