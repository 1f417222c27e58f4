"""The id of a system: a hash of what it says, not of how it is spelled."""

from __future__ import annotations

import hashlib

from raphson_solver.expression import operations as op
from raphson_solver.language import Definition, Instance

_FORMAT = "raphson system 1"


def identity(definition: Definition, instance: Instance) -> str:
    """Return SHA-256, in hexadecimal, of the graph that the outputs need, the names, shapes and fixed values."""
    graph = instance.graph
    outputs = list(instance.equations)
    rows = instance.jacobian or ()
    for row in rows:
        outputs.extend(row)
    order = graph.reachable(outputs)
    number = {node: place for place, node in enumerate(order)}
    lines = [_FORMAT]
    lines += [f"variable {name} {shape}" for name, shape in definition.variables]
    for name, shape in definition.parameters:
        fixed = instance.structural.get(name)
        lines.append(f"parameter {name} {shape}" if fixed is None else f"fixed {name} {shape} {fixed.tolist()}")
    for node in order:
        kind = graph.operation[node]
        if kind is op.CONSTANT:
            lines.append(float(graph.value[node]).hex())
        elif kind is op.VARIABLE or kind is op.PARAMETER:
            lines.append(f"{kind.name} {int(graph.value[node])}")
        else:
            lines.append(f"{kind.name} {' '.join([str(number[argument]) for argument in graph.arguments[node]])}")
    lines.append(f"outputs {len(instance.equations)} {[number[node] for node in outputs]}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
