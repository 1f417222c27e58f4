"""The one place where an error of `raphson_solver` becomes a gRPC code, a reason and a field of the proto.

==================  ==================  ====================================================================
raphson_solver      code                reason
==================  ==================  ====================================================================
`DefinitionError`   INVALID_ARGUMENT    INVALID_DEFINITION; metadata ``column`` (from 0), where known
`LimitError`        INVALID_ARGUMENT    LIMIT_EXCEEDED; metadata ``limit``, ``value``, ``maximum``
`InputError`        INVALID_ARGUMENT    INVALID_INPUT
==================  ==================  ====================================================================

Fields are paths of the request's message, with elements of ``start``, ``at`` and ``parameters`` by name:

=====================  =================================================================================
solver's field         path
=====================  =================================================================================
``equations[2]``       ``system.definition.equations[2]`` (Compile: ``definition.equations[2]``);
                       ``system`` where the request names it by its id
``jacobian[0][1]``     ``system.definition.jacobian[0].entries[1]``
``start.x``            ``start[x]`` (Evaluate: ``at[x]``); ``system.definition.variables[x]`` where the
                       definition itself declares the variables and is at fault
``parameters.r``       ``parameters[r]``, or ``system.definition.parameters[r]`` likewise
``options.tolerance``  ``options.tolerance``
``v``, ``w``           ``jvp``, ``vjp``
=====================  =================================================================================
"""

import re

import raphson_solver as rs
from google.rpc import code_pb2
from raphson.v1.jacobian_pb2 import EvaluateRequest
from raphson.v1.solver_pb2 import SolveRequest
from raphson.v1.system_pb2 import CompileRequest, System

from raphson_server.failures import CallError, Reason
from raphson_server.frames import Method

_HEAD = re.compile(r"[A-Za-z_]+")
_SECOND_INDEX = re.compile(r"\]\[")


def to_failure(error: rs.RaphsonError, method: Method, body: bytes) -> CallError:
    """Write a solver's error in the terms of the request that caused it.

    Parameters
    ----------
    error : RaphsonError
    method : Method
        Whose request it was.
    body : bytes
        The request's message, which was parsed before.
    """
    path = _path(error, method, body)
    reason = Reason.INVALID_INPUT
    metadata: dict[str, str] = {}
    if isinstance(error, rs.DefinitionError):
        reason = Reason.INVALID_DEFINITION
        metadata = {} if error.column is None else {"column": str(error.column)}
    elif isinstance(error, rs.LimitError):
        reason = Reason.LIMIT_EXCEEDED
        metadata = {"limit": error.limit, "value": str(error.value), "maximum": str(error.maximum)}
    return CallError(
        code_pb2.INVALID_ARGUMENT,
        reason,
        str(error).replace(error.field, path, 1),
        field=path,
        description=error.message,
        metadata=metadata,
    )


def _path(error: rs.RaphsonError, method: Method, body: bytes) -> str:
    """Translate the solver's name of a field into the proto's."""
    found = _HEAD.match(error.field)
    head = found.group() if found else ""
    rest = error.field[len(head) :]
    root, definition, by_id = _definition(method, body)
    at_fault = isinstance(error, rs.DefinitionError | rs.LimitError)
    match head:
        case "equations" | "jacobian" if by_id:
            return "system"
        case "equations":
            return f"{root}.equations{rest}"
        case "jacobian":
            return f"{root}.jacobian{_SECOND_INDEX.sub('].entries[', rest)}"
        case "start" | "at":
            if at_fault and definition.variables:
                return f"{root}.variables{_by_name(rest)}"
            return f"{'at' if method is Method.EVALUATE else 'start'}{_by_name(rest)}"
        case "parameters":
            if at_fault and definition.parameters:
                return f"{root}.parameters{_by_name(rest)}"
            return f"parameters{_by_name(rest)}"
        case "v":
            return "jvp"
        case "w":
            return "vjp"
        case "options" if method is Method.EVALUATE:
            return "mode"
        case _:
            return error.field


def _definition(method: Method, body: bytes) -> tuple[str, System, bool]:
    """Return where the request holds its definition, the definition, and whether there is only an id instead."""
    if method is Method.COMPILE:
        return "definition", CompileRequest.FromString(body).definition, False
    message = SolveRequest if method is Method.SOLVE else EvaluateRequest
    system = message.FromString(body).system
    return "system.definition", system.definition, system.WhichOneof("ref") == "system_id"


def _by_name(rest: str) -> str:
    """Write ``.x`` as ``[x]``."""
    return f"[{rest[1:]}]" if rest.startswith(".") else rest
