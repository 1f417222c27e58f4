"""A compilation's reply in the client's terms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from raphson.arrays import from_message
from raphson.compiled import CompiledSystem

if TYPE_CHECKING:
    from raphson.problem import Problem
    from raphson.v1.system_pb2 import CompileResponse


def to_compiled(reply: CompileResponse, problem: Problem) -> CompiledSystem:
    """Read a compilation's reply.

    Parameters
    ----------
    reply : CompileResponse
    problem : Problem
        What was sent; its tables are not the caller's parameters.
    """
    parameters = [parameter for parameter in reply.parameters if parameter.name not in problem.tables]
    fixed = {parameter.name: from_message(parameter.value) for parameter in parameters if parameter.HasField("value")}
    rows, columns = (np.array(part, dtype=np.int64) for part in (reply.sparsity_rows, reply.sparsity_columns))
    for indices in (rows, columns):
        indices.flags.writeable = False
    return CompiledSystem(
        id=reply.system_id,
        n=reply.variable_count,
        m=reply.equation_count,
        variables=tuple((variable.name, tuple(variable.shape)) for variable in reply.variables),
        parameters=tuple((parameter.name, tuple(parameter.shape)) for parameter in parameters),
        equation_names=tuple(reply.equation_names),
        sparsity=(rows, columns),
        definition=problem.definition,
        fixed={**fixed, **problem.fixed},
        tables=problem.tables,
    )
