"""Replies of the server in the client's terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from raphson.arrays import WIRE, Array, from_message, to_bytes
from raphson.compiled import CompiledSystem
from raphson.errors import IncompatibleServerError
from raphson.solution import Solution
from raphson.vocabulary import Method, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raphson.definition import Definition
    from raphson.v1.solver_pb2 import SolveResponse
    from raphson.v1.system_pb2 import CompileResponse

Member = TypeVar("Member")

# Members by number: looking one up costs a tenth of calling the enumeration.
STATUSES = {int(member): member for member in Status}
METHODS = {int(member): member for member in Method}


def to_solution(reply: SolveResponse) -> Solution:
    """Read a solve's reply; the arrays are views of what came in."""
    variables = reply.solution
    return Solution(
        status=_member(STATUSES, reply.status, "status"),
        message=reply.message,
        remedy=reply.remedy,
        x=np.frombuffer(b"".join([to_bytes(variable.array) for variable in variables]), dtype=WIRE),
        residual=np.frombuffer(to_bytes(reply.residual), dtype=WIRE),
        scaled_residual=np.frombuffer(to_bytes(reply.scaled_residual), dtype=WIRE),
        residual_norm=reply.residual_norm,
        iterations=reply.iterations,
        evaluations=reply.evaluations,
        jacobian_evaluations=reply.jacobian_evaluations,
        elapsed_seconds=reply.elapsed_seconds,
        system_id=reply.system_id,
        method=_member(METHODS, reply.method, "method"),
        variables=tuple([(variable.name, tuple(variable.array.shape)) for variable in variables]),
        jacobian=from_message(reply.jacobian) if reply.HasField("jacobian") else None,
    )


def to_compiled(reply: CompileResponse, definition: Definition, traced: Mapping[str, Array]) -> CompiledSystem:
    """Read a compilation's reply.

    Parameters
    ----------
    reply : CompileResponse
    definition : Definition
        What was sent.
    traced : mapping of str to ndarray
        Parameters whose values a traced function has used up.
    """
    fixed = {
        parameter.name: from_message(parameter.value) for parameter in reply.parameters if parameter.HasField("value")
    }
    rows, columns = (np.array(part, dtype=np.int64) for part in (reply.sparsity_rows, reply.sparsity_columns))
    for indices in (rows, columns):
        indices.flags.writeable = False
    return CompiledSystem(
        id=reply.system_id,
        n=reply.variable_count,
        m=reply.equation_count,
        variables=tuple((variable.name, tuple(variable.shape)) for variable in reply.variables),
        parameters=tuple((parameter.name, tuple(parameter.shape)) for parameter in reply.parameters),
        equation_names=tuple(reply.equation_names),
        sparsity=(rows, columns),
        definition=definition,
        fixed={**fixed, **traced},
    )


def _member(members: Mapping[int, Member], number: int, field: str) -> Member:
    member = members.get(number)
    if member is None:
        raise IncompatibleServerError(f"the server answered {field} {number}, which this client does not know")
    return member
