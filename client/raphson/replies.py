"""A compilation's reply in the client's terms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from raphson.arrays import from_message
from raphson.compiled import CompiledSystem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raphson.arrays import Array
    from raphson.definition import Definition
    from raphson.v1.system_pb2 import CompileResponse


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
