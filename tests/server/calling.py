"""Requests as programs send them, and errors as they read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from raphson.v1.array_pb2 import DoubleArray, NamedArray
from raphson.v1.jacobian_pb2 import (
    ChainLink,
    CheckJacobianRequest,
    EvaluateChainRequest,
    EvaluateRequest,
    TestDifferentiabilityRequest,
)
from raphson.v1.solver_pb2 import (
    METHOD_NEWTON,
    Bounds,
    EvidenceRequest,
    ExplainRequest,
    FindAllRequest,
    FollowRequest,
    SolveBatchRequest,
    SolveOptions,
    SolveRequest,
)
from raphson.v1.system_pb2 import CompileRequest, JacobianRow, System, SystemRef, Variable


@dataclass
class Problem:
    """An RPC error, taken apart."""

    code: grpc.StatusCode
    message: str
    reason: str
    domain: str
    metadata: dict[str, str]
    field: str | None
    description: str | None
    retry_seconds: float | None
    size: int


def problem(error: grpc.RpcError) -> Problem:
    """Read an error's google.rpc details."""
    assert isinstance(error, grpc.Call)
    trailing = dict(error.trailing_metadata() or ())
    packed = trailing["grpc-status-details-bin"]
    assert isinstance(packed, bytes)
    status = Status.FromString(packed)
    assert status.code == error.code().value[0]
    assert status.message == error.details()
    info, bad, retry = ErrorInfo(), BadRequest(), RetryInfo()
    for detail in status.details:
        for message in (info, bad, retry):
            if detail.Is(message.DESCRIPTOR):
                detail.Unpack(message)
    violation = bad.field_violations[0] if bad.field_violations else None
    return Problem(
        code=error.code(),
        message=error.details() or "",
        reason=info.reason,
        domain=info.domain,
        metadata=dict(info.metadata),
        field=violation.field if violation else None,
        description=violation.description if violation else None,
        retry_seconds=retry.retry_delay.ToTimedelta().total_seconds() if retry.HasField("retry_delay") else None,
        size=len(packed),
    )


def array(value: Any) -> DoubleArray:
    """Write numbers as programs send them."""
    numbers = np.asarray(value, dtype="<f8")
    return DoubleArray(shape=numbers.shape, data=numbers.tobytes())


def named(values: Mapping[str, Any]) -> list[NamedArray]:
    """Write values by name; a DoubleArray is taken as it is."""
    return [
        NamedArray(name=name, array=value if isinstance(value, DoubleArray) else array(value))
        for name, value in values.items()
    ]


def numbers(message: DoubleArray) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Read an array of a reply."""
    return np.frombuffer(message.data, "<f8").reshape(tuple(message.shape))


def by_text(
    *equations: str,
    start: Mapping[str, Any],
    parameters: Mapping[str, Any] | None = None,
    options: SolveOptions | None = None,
    **definition: Any,
) -> SolveRequest:
    """Write a request that carries its equations."""
    return SolveRequest(
        system=SystemRef(definition=System(equations=equations, **definition)),
        start=named(start),
        parameters=named(parameters or {}),
        options=options,
    )


def by_id(
    system_id: str,
    start: Mapping[str, Any],
    parameters: Mapping[str, Any] | None = None,
    options: SolveOptions | None = None,
) -> SolveRequest:
    """Write a request that names its system."""
    return SolveRequest(
        system=SystemRef(system_id=system_id),
        start=named(start),
        parameters=named(parameters or {}),
        options=options,
    )


def between(**sides: tuple[Any, Any]) -> list[Bounds]:
    """Write bounds by name; None is no bound."""
    return [
        Bounds(
            name=name,
            lower=None if lower is None else array(lower),
            upper=None if upper is None else array(upper),
        )
        for name, (lower, upper) in sides.items()
    ]


def with_evidence(request: SolveRequest, **asked: Any) -> SolveRequest:
    """Ask for evidence besides the solution."""
    request.evidence.CopyFrom(EvidenceRequest(**asked))
    return request


def to_explain(
    *equations: str,
    at: Mapping[str, Any] | None = None,
    parameters: Mapping[str, Any] | None = None,
    variables: Mapping[str, tuple[int, ...]] | None = None,
    bounds: list[Bounds] | None = None,
) -> ExplainRequest:
    """Write a request to explain equations, at a point or by their pattern."""
    unknowns = [Variable(name=name, shape=shape) for name, shape in (variables or {}).items()]
    return ExplainRequest(
        system=SystemRef(definition=System(equations=equations, variables=unknowns)),
        at=named(at or {}),
        parameters=named(parameters or {}),
        bounds=bounds,
    )


def to_follow(
    *equations: str, start: Mapping[str, Any], parameters: Mapping[str, Any], parameter: str, **more: Any
) -> FollowRequest:
    """Write a request to follow a root."""
    return FollowRequest(
        system=SystemRef(definition=System(equations=equations)),
        start=named(start),
        parameters=named(parameters),
        parameter=parameter,
        **more,
    )


def long_branch(n: int = 1, **more: Any) -> FollowRequest:
    """Write a branch that waves on for hours."""
    limits = {"lower": 0.0, "upper": 1e9, "max_points": 10**8} | more
    equation = f"x[i] - sin(r + i) = 0 for i in range({n})"
    return to_follow(equation, start={"x": np.zeros(n)}, parameters={"r": 1.0}, parameter="r", **limits)


def to_find_all(
    *equations: str, bounds: list[Bounds], parameters: Mapping[str, Any] | None = None, **more: Any
) -> FindAllRequest:
    """Write a request for all roots in a box."""
    return FindAllRequest(
        system=SystemRef(definition=System(equations=equations)),
        bounds=bounds,
        parameters=named(parameters or {}),
        **more,
    )


def chunk(
    system_id: str, members: int, start: Mapping[str, Any], parameters: Mapping[str, Any] | None = None, **more: Any
) -> SolveBatchRequest:
    """Write a chunk of members of a system that is named."""
    return SolveBatchRequest(
        system=SystemRef(system_id=system_id),
        members=members,
        start=named(start),
        parameters=named(parameters or {}),
        **more,
    )


def to_compile(*equations: str, **variables: tuple[int, ...]) -> CompileRequest:
    """Write a request to compile equations in variables of given shapes."""
    unknowns = [Variable(name=name, shape=shape) for name, shape in variables.items()]
    return CompileRequest(definition=System(equations=equations, variables=unknowns))


def to_evaluate(
    *equations: str,
    at: Mapping[str, Any],
    parameters: Mapping[str, Any] | None = None,
    jacobian: Any = (),
    **views: Any,
) -> EvaluateRequest:
    """Write a request for views of f and its differential."""
    return EvaluateRequest(
        system=SystemRef(definition=System(equations=equations, jacobian=jacobian)),
        at=named(at),
        parameters=named(parameters or {}),
        **views,
    )


def by_id_to_evaluate(
    system_id: str, at: Mapping[str, Any], parameters: Mapping[str, Any] | None = None, **views: Any
) -> EvaluateRequest:
    """Write a request for views of a system that is named."""
    return EvaluateRequest(
        system=SystemRef(system_id=system_id), at=named(at), parameters=named(parameters or {}), **views
    )


def link(*equations: str, parameters: Mapping[str, Any] | None = None, **variables: tuple[int, ...]) -> ChainLink:
    """Write a link of a composition; the first needs no variables."""
    unknowns = [Variable(name=name, shape=shape) for name, shape in variables.items()]
    definition = System(equations=equations, variables=unknowns)
    return ChainLink(system=SystemRef(definition=definition), parameters=named(parameters or {}))


def to_chain(*links: ChainLink, at: Mapping[str, Any], **views: Any) -> EvaluateChainRequest:
    """Write a request for the differential of a composition."""
    return EvaluateChainRequest(links=links, at=named(at), **views)


def to_check(
    *equations: str, at: Mapping[str, Any], rows: Any = (), parameters: Mapping[str, Any] | None = None, **more: Any
) -> CheckJacobianRequest:
    """Write a request to check rows of expressions."""
    jacobian = [JacobianRow(entries=row) for row in rows]
    return CheckJacobianRequest(
        system=SystemRef(definition=System(equations=equations, jacobian=jacobian)),
        at=named(at),
        parameters=named(parameters or {}),
        **more,
    )


def to_test(*equations: str, at: Mapping[str, Any], **more: Any) -> TestDifferentiabilityRequest:
    """Write a request to test whether equations are differentiable."""
    return TestDifferentiabilityRequest(system=SystemRef(definition=System(equations=equations)), at=named(at), **more)


def endless(timeout_seconds: float | None = None) -> SolveRequest:
    """Write a solve that never ends by itself: no real root, and a thousand million iterations allowed."""
    options = SolveOptions(method=METHOD_NEWTON, max_iterations=10**9, timeout_seconds=timeout_seconds)
    return by_text("x**2 + 1 = 0", start={"x": 0.7}, options=options)


def slow_to_compile() -> SolveRequest:
    """Write a system of thousands of equations, no two of one shape, which takes seconds before the first iteration."""
    size, terms = 2000, 11

    def term(i: int, k: int) -> str:
        sign, function = "+-"[i >> k & 1], ("sin", "exp")[i >> (k + 1) % terms & 1]
        return f"{sign}{function}(x[{(7 * i + k) % size}]/9)"

    equations = [f"x[{i}]" + "".join(term(i, k) for k in range(terms)) for i in range(size)]
    return by_text(*equations, start={"x": np.ones(size)})
