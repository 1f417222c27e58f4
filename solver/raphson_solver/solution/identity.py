"""The id of a system: a hash of what it says, not of how it is spelled."""

from __future__ import annotations

import hashlib

import numpy as np

from raphson_solver.language import Definition, Instance

_FORMAT = "raphson system 1"


def identity(definition: Definition, instance: Instance) -> str:
    """Return SHA-256, in hexadecimal, of the names, the shapes, the fixed values and the graph as written.

    Call it before derivatives join the graph. Spaces, parentheses and the names of definitions do not count;
    the order of what is written does.
    """
    graph = instance.graph
    outputs = [*instance.equations, *(node for row in instance.jacobian or () for node in row)]
    count = max(outputs) + 1
    head = [_FORMAT]
    head += [f"variable {name} {shape}" for name, shape in definition.variables]
    for name, shape in definition.parameters:
        fixed = instance.structural.get(name)
        head.append(f"parameter {name} {shape}" if fixed is None else f"fixed {name} {shape} {fixed.tolist()}")
    head.append(f"equations {len(instance.equations)} jacobian {instance.jacobian is not None}")
    head.append(" ".join([kind.name for kind in graph.operation[:count]]))
    digest = hashlib.sha256("\n".join(head).encode())
    digest.update(np.array(outputs, "<i8").tobytes())
    digest.update(graph.columns(count).astype("<i4").tobytes())
    digest.update(np.array(graph.value[:count], "<f8").tobytes())
    return digest.hexdigest()
