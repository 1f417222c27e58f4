"""The id of a system: a hash of what it says, not of how it is spelled."""

from __future__ import annotations

import hashlib

import numpy as np

from raphson_solver.expression.family import Family, Places, Slot
from raphson_solver.expression.graph import Graph
from raphson_solver.language import Definition, FamilyInstance, Instance

_FORMAT = "raphson system 1"


def identity(definition: Definition, instance: Instance | FamilyInstance) -> str:
    """Return SHA-256, in hexadecimal, of the names, the shapes, the fixed values and the graph as written.

    Call it before derivatives join the graph. Spaces, parentheses and the names of definitions do not count;
    the order of what is written does.
    """
    head = [_FORMAT]
    head += [f"variable {name} {shape}" for name, shape in definition.variables]
    for name, shape in definition.parameters:
        fixed = instance.structural.get(name)
        if fixed is None:
            head.append(f"parameter {name} {shape}")
        else:
            head.append(f"fixed {name} {shape} {hashlib.sha256(fixed.astype('<i8').tobytes()).hexdigest()}")
    if isinstance(instance, FamilyInstance):
        return _of_families(head, instance)
    head.append(f"equations {len(instance.equations)} jacobian {instance.jacobian is not None}")
    outputs = [*instance.equations, *(node for row in instance.jacobian or () for node in row)]
    return _digest(head, instance.graph, outputs, [])


def _of_families(head: list[str], instance: FamilyInstance) -> str:
    families = instance.families
    parts: list[Family] = [*families.sums, *families.equations]
    leaves: list[Family | Slot] = [*parts, *families.variable_slots, *families.parameter_slots]
    head.append(f"families {len(families.sums)} {len(families.equations)} {families.sum_count}")
    tables = [table for each in leaves for table in _of(each)]
    return _digest(head, families.graph, [each.node for each in parts], tables)


def _of(each: Family | Slot) -> list[bytes]:
    """Return what a family or a slot is made of."""
    if isinstance(each, Family):
        return [f"family {each.count}".encode(), *_places(each.places)]
    if each.known is None:
        return [f"slot {each.buffer}".encode(), *_places(each.places)]
    given = b"" if each.known.given is None else each.known.given.astype("<f8").tobytes()
    return [f"numbers {each.known.count} {len(given)}".encode(), *_places(each.known.places), given]


def _places(places: Places) -> list[bytes]:
    """Return progressions as they are, and what no progression says as a table."""
    table = b"" if places.given is None else places.given.astype("<i4").tobytes()
    return [f" {places.first} {places.step} {places.axes} {len(table)} ".encode(), table]


def _digest(head: list[str], graph: Graph, outputs: list[int], rest: list[bytes]) -> str:
    count = max(outputs) + 1
    head.append(" ".join([kind.name for kind in graph.operation[:count]]))
    digest = hashlib.sha256("\n".join(head).encode())
    digest.update(np.array(outputs, "<i8").tobytes())
    digest.update(graph.columns(count).astype("<i4").tobytes())
    digest.update(np.array(graph.value[:count], "<f8").tobytes())
    for part in rest:
        digest.update(part)
    return digest.hexdigest()
