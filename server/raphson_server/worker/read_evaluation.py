"""Reads which views a request asks for, and refuses what does not fit before anything is computed."""

import math
from collections.abc import Sequence

import numpy as np
import raphson_solver as rs
from raphson.v1.array_pb2 import DoubleArray
from raphson.v1.jacobian_pb2 import EvaluateRequest
from raphson_solver.differential.covariance import covariance_root, standard_deviations

from raphson_server.failures import invalid_input
from raphson_server.worker.batch import Batched, rows
from raphson_server.worker.call import Call, find_system, parsed
from raphson_server.worker.conversion import Array, Shape, to_array, to_arrays, to_mode, to_vector
from raphson_server.worker.evaluate_question import EvaluateQuestion
from raphson_server.worker.kept_system import KeptSystem
from raphson_server.worker.region import to_bounds
from raphson_server.worker.views import ASKED, plan

_DIFFERENCES = {rs.JacobianMode.FORWARD, rs.JacobianMode.CENTRAL}


def read_evaluation(body: bytes, call: Call) -> tuple[EvaluateQuestion, Sequence[KeptSystem]]:
    """Read a request field by field; return what it asks, and its system if it came by text.

    Raises
    ------
    CallError, InputError
        If something does not fit the system, or could not be sent.
    """
    request = parsed(EvaluateRequest, body)
    mode = to_mode(request.mode, "mode")
    views = _views(request)
    at = _batched(request, "at")
    parameters = _batched(request, "parameters")
    kept, learnt = find_system(request.system, call, at.of_one_point, parameters.of_one_point, by_name=True)
    mode = kept.system.derivative_mode(mode)
    _check_applies(views, mode, kept.system)
    x, p = _points(at, kept), _parameters(parameters, kept)
    batch = _broadcast(x.shape[:-1], p.shape[:-1], "batched_parameters", "the points")
    bounds = to_bounds(request.bounds, kept)
    question = EvaluateQuestion(
        kept=kept,
        differential=kept.differential(mode, bounds, call.is_to_stop),
        views=views,
        batch=batch,
        x=rows(x, batch),
        p=rows(p, batch) if p.shape[-1] else None,
    )
    for field, width, what in (("jvp", kept.system.n, "variable"), ("vjp", kept.system.m, "equation"),
                               ("hessian_vector", kept.system.n, "variable")):  # fmt: skip
        if field in views:
            vectors = to_vector(getattr(request, field), field)
            question.leads[field], seeds = _seeds(vectors, width, batch, field, what)
            setattr(question, field, seeds)
    if "log_density" in views:
        question.log_density = _log_density(request.log_density, batch)
    if "covariance" in views:
        question.deviations, question.root = _covariance(request.covariance, kept.system.n)
    plan(question, call)
    return question, learnt


def _views(request: EvaluateRequest) -> frozenset[str]:
    flags = {
        descriptor.name for descriptor, value in request.ListFields() if value is True or isinstance(value, DoubleArray)
    }
    views = flags.intersection(ASKED)
    if not views:
        raise invalid_input("value", f"no view is asked for; expected at least one of {', '.join(ASKED)}")
    return frozenset(views)


def _check_applies(views: frozenset[str], mode: rs.JacobianMode, system: rs.System) -> None:
    """Refuse views that a system of this shape, or this mode, does not have."""
    m, n = system.m, system.n
    if m != n:
        for field in ("determinant", "log_density"):
            if field in views:
                raise rs.InputError(field, f"a determinant needs a square Jacobian; this one is {m}×{n}")
    if m != 1:
        for field in ("gradient", "hessian_vector"):
            if field in views:
                raise rs.InputError(field, f"needs a scalar function, one equation; this Jacobian is {m}×{n}")
    if "error_estimate" in views and mode not in _DIFFERENCES:
        raise invalid_input(
            "error_estimate",
            f"only differences have one; expected JACOBIAN_MODE_FORWARD or JACOBIAN_MODE_CENTRAL as the mode, "
            f"found JACOBIAN_MODE_{mode.name}",
        )


# --- points -------------------------------------------------------------------------------------------------


def _batched(request: EvaluateRequest, field: str) -> Batched:
    """Read arrays of which some, or all, have the batch's dimensions."""
    dimensions = request.batch_dimensions
    if dimensions < 0:
        raise invalid_input("batch_dimensions", f"{dimensions}; expected 0 for one point, or more")
    if field == "at":
        arrays = to_arrays(request.at, field)
        return Batched(arrays, dimensions, arrays, field)
    arrays = to_arrays(request.parameters, field)
    for name in request.batched_parameters:
        if name not in arrays:
            raise invalid_input("batched_parameters", f"{name!r} is not among the request's parameters")
    return Batched(arrays, dimensions, frozenset(request.batched_parameters), field)


def _points(at: Batched, kept: KeptSystem) -> Array:
    """Return the points, shape (…, n), with exactly the batch's dimensions."""
    kept.system.pack_start(at.of_one_point())
    return at.flat(kept.system.variables)


def _parameters(parameters: Batched, kept: KeptSystem) -> Array:
    """Return the free parameters, shape (…, k)."""
    system = kept.system
    for name in parameters.batched:
        if name in system.structural:
            raise invalid_input(
                "batched_parameters",
                f"{name!r} is used in a range or as an index, so its value belongs to the system; expected one value",
            )
    system.pack_parameters(parameters.of_one_point())
    return parameters.flat(system.free_parameters)


def _broadcast(first: Shape, second: Shape, field: str, what: str) -> Shape:
    try:
        return np.broadcast_shapes(first, second)
    except ValueError:
        raise invalid_input(field, f"batch {second} does not broadcast with {first}, that of {what}") from None


# --- vectors ------------------------------------------------------------------------------------------------


def _seeds(vectors: Array, width: int, batch: Shape, field: str, what: str) -> tuple[Shape, Array]:
    """Return the dimensions before the batch's, and the vectors, shape (k, points or 1, width)."""
    own = max(vectors.ndim - 1 - len(batch), 0)
    lead, rest = vectors.shape[:own], vectors.shape[own:-1]
    fits = vectors.shape[-1] == width and all(
        here in {1, there} for here, there in zip(reversed(rest), reversed(batch), strict=False)
    )
    if not fits:
        points = f", for the batch {batch}" if batch else ""
        own_shapes = " or ".join(dict.fromkeys((f"({width},)", _written(batch, width))))
        raise invalid_input(
            field,
            f"shape {vectors.shape}; expected {own_shapes}, a number for each {what}, or "
            f"several of them, {_written(('k', *batch), width)}{points}",
        )
    for value in vectors[~np.isfinite(vectors)][:1]:
        raise invalid_input(field, f"{value}; expected finite numbers")
    if math.prod(rest) == 1:
        return lead, vectors.reshape(-1, 1, width)
    return lead, np.broadcast_to(vectors, (*lead, *batch, width)).reshape(math.prod(lead), -1, width)


def _written(batch: Sequence[object], width: int) -> str:
    return f"({', '.join(map(str, (*batch, width)))}{',' if not batch else ''})"


def _log_density(message: DoubleArray, batch: Shape) -> Array:
    given = to_array(message, "log_density")
    if batch and given.ndim == 0:
        given = given.reshape((1,) * len(batch))
    if given.shape != batch and not (not batch and given.size == 1):
        raise invalid_input("log_density", f"shape {given.shape}; expected {batch}, a number for each point")
    return given.reshape(-1)


def _covariance(message: DoubleArray, n: int) -> tuple[Array | None, Array | None]:
    """Return standard deviations, or a factor of the covariance."""
    given = to_vector(message, "covariance")
    if given.shape == (n,):
        return standard_deviations(given, "covariance"), None
    if given.shape == (n, n):
        return None, covariance_root(given, "covariance")
    raise invalid_input("covariance", f"shape {given.shape}; expected ({n},) or ({n}, {n}), for the {n} variables")
