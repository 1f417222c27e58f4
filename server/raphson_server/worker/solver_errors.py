"""The one place where an error of `raphson_solver` becomes a gRPC code, a reason and a field of the proto.

==================  ==================  ====================================================================
raphson_solver      code                reason
==================  ==================  ====================================================================
`DefinitionError`   INVALID_ARGUMENT    INVALID_DEFINITION; metadata ``column`` (from 0), where known
`LimitError`        INVALID_ARGUMENT    LIMIT_EXCEEDED; metadata ``limit`` (the setting), ``value``, ``maximum``
`InputError`        INVALID_ARGUMENT    INVALID_INPUT
==================  ==================  ====================================================================

That a root has no sensitivities (`SingularRootError`, and any `InputError` about the root) is no error of the call:
`worker.evidence` tells it in the reply's ``evidence_note``. That there is no proof is a certificate's own reason.

Fields are paths of the request's message, with elements of ``start``, ``at``, ``bounds`` and ``parameters`` by name:

=====================  =================================================================================
solver's field         path
=====================  =================================================================================
``equations[2]``       ``system.definition.equations[2]`` (Compile: ``definition.equations[2]``);
                       ``system`` where the request names it by its id
``jacobian[0][1]``     ``system.definition.jacobian[0].entries[1]``
``start.x``            ``start[x]`` (Explain and the JacobianService: ``at[x]``; FindAll: ``bounds[x]``);
                       ``system.definition.variables[x]`` where the definition itself declares the variables
                       and is at fault
``parameters.r``       ``parameters[r]``, or ``system.definition.parameters[r]`` likewise
``bounds.x.lower``     ``bounds[x].lower``
``nominal.x``          ``nominal[x]``
``options.tolerance``  ``options.tolerance``
``limits.max_roots``   ``max_roots``
``lower``, ``upper``   the same (Follow); FindAll: ``bounds``
``v``, ``w``           ``jvp``, ``vjp``; Solve: ``w`` is ``evidence.adjoint``
``sigma``              ``evidence.parameter_covariance``
``links[1].equations`` EvaluateChain: ``links[1].system.definition.equations``, and the others likewise
``continuation``,      what needs as many equations as unknowns: ``system``, like ``equations``
``roots``
=====================  =================================================================================
"""

import re
from collections.abc import Mapping

import raphson_solver as rs
from google.rpc import code_pb2
from raphson.v1.jacobian_pb2 import (
    CheckJacobianRequest,
    EvaluateChainRequest,
    EvaluateRequest,
    TestDifferentiabilityRequest,
)
from raphson.v1.solver_pb2 import (
    ExplainRequest,
    FindAllRequest,
    FollowRequest,
    SolveBatchRequest,
    SolveRequest,
)
from raphson.v1.system_pb2 import CompileRequest, System, SystemRef

from raphson_server.configuration import SOLVER_LIMITS
from raphson_server.failures import CallError, Reason, raised_by
from raphson_server.frames import Method

_Request = (
    SolveRequest
    | EvaluateRequest
    | ExplainRequest
    | FindAllRequest
    | FollowRequest
    | SolveBatchRequest
    | CheckJacobianRequest
    | TestDifferentiabilityRequest
)
_HEAD = re.compile(r"[A-Za-z_]+")
_LINK = re.compile(r"links\[(\d+)\]\.")
_SECOND_INDEX = re.compile(r"\]\[")
_REQUESTS: Mapping[Method, type[_Request]] = {
    Method.SOLVE: SolveRequest,
    Method.SOLVE_WITH_PROGRESS: SolveRequest,
    Method.EVALUATE: EvaluateRequest,
    Method.EXPLAIN: ExplainRequest,
    Method.FIND_ALL: FindAllRequest,
    Method.FOLLOW: FollowRequest,
    Method.SOLVE_BATCH: SolveBatchRequest,
    Method.CHECK_JACOBIAN: CheckJacobianRequest,
    Method.TEST_DIFFERENTIABILITY: TestDifferentiabilityRequest,
}
_POINTS = {
    Method.SOLVE: "start",
    Method.SOLVE_WITH_PROGRESS: "start",
    Method.SOLVE_BATCH: "start",
    Method.FOLLOW: "start",
    Method.FIND_ALL: "bounds",
}


def to_failure(error: rs.RaphsonError, method: Method, body: bytes, link: int | None = None) -> CallError:
    """Write a solver's error in the terms of the request that caused it.

    Parameters
    ----------
    error : RaphsonError
    method : Method
        Whose request it was.
    body : bytes
        The request's message, which was parsed before.
    link : int, optional
        Which link of a composition it is about, where its field does not say so.
    """
    field, description = error.field, error.message
    named = _LINK.match(field)
    if named is not None:
        link, field = int(named.group(1)), field[named.end() :]
    path = _path(field, error, method, body, link)
    if link is not None and path == "mode":
        description = f"links[{link}]: {description}"
    reason = Reason.INVALID_INPUT
    metadata: dict[str, str] = {}
    if isinstance(error, rs.DefinitionError):
        reason = Reason.INVALID_DEFINITION
        metadata = {} if error.column is None else {"column": str(error.column)}
    elif isinstance(error, rs.LimitError):
        reason = Reason.LIMIT_EXCEEDED
        setting = SOLVER_LIMITS[error.limit]
        description = description.replace(error.message, f"{error.excess}; {raised_by(setting)}")
        metadata = {"limit": setting, "value": str(error.value), "maximum": str(error.maximum)}
    return CallError(
        code_pb2.INVALID_ARGUMENT,
        reason,
        str(error).replace(error.field, path, 1).replace(error.message, description, 1),
        field=path,
        description=description,
        metadata=metadata,
    )


def _path(field: str, error: rs.RaphsonError, method: Method, body: bytes, link: int | None) -> str:
    """Translate the solver's name of a field into the proto's."""
    found = _HEAD.match(field)
    head = found.group() if found else ""
    rest = field[len(head) :]
    before = "" if link is None else f"links[{link}]."
    root, definition, by_id = _definition(method, body, link)
    at_fault = isinstance(error, rs.DefinitionError | rs.LimitError)
    match head:
        case "equations" | "jacobian" | "continuation" | "roots" if by_id:
            return f"{before}system"
        case "equations":
            return f"{before}{root}.equations{rest}"
        case "continuation" | "roots":
            return f"{root}.equations"
        case "jacobian":
            return f"{before}{root}.jacobian{_SECOND_INDEX.sub('].entries[', rest)}"
        case "start" | "at":
            if at_fault and definition.variables:
                return f"{before}{root}.variables{_by_name(rest)}"
            return f"{_POINTS.get(method, 'at')}{_by_name(rest)}"
        case "parameters":
            if at_fault and definition.parameters:
                return f"{before}{root}.parameters{_by_name(rest)}"
            return f"{before}parameters{_by_name(rest)}"
        case "bounds" | "nominal":
            return f"{head}{_by_name(rest)}"
        case "lower" | "upper" if method is Method.FIND_ALL:
            return "bounds"
        case "limits":
            return rest[1:]
        case "sigma":
            return "evidence.parameter_covariance"
        case "w" if method in {Method.SOLVE, Method.SOLVE_WITH_PROGRESS}:
            return "evidence.adjoint"
        case "v":
            return "jvp"
        case "w":
            return "vjp"
        case _:
            return field


def _definition(method: Method, body: bytes, link: int | None) -> tuple[str, System, bool]:
    """Return where the request holds its definition, the definition, and whether there is an id or a name instead."""
    if method is Method.COMPILE:
        return "definition", CompileRequest.FromString(body).definition, False
    if method is Method.EVALUATE_CHAIN:
        links = EvaluateChainRequest.FromString(body).links
        system = SystemRef() if link is None else links[link].system
    else:
        system = _REQUESTS[method].FromString(body).system
    return "system.definition", system.definition, system.WhichOneof("ref") != "definition"


def _by_name(rest: str) -> str:
    """Write ``.x`` as ``[x]``, and ``.x.lower`` as ``[x].lower``."""
    if not rest.startswith("."):
        return rest
    name, dot, part = rest[1:].partition(".")
    return f"[{name}]{dot}{part}"
