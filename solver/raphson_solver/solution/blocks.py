"""The blocks of a system's triangular form, each a small system of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raphson_solver.engine.status import JacobianMode
from raphson_solver.expression import operations as op
from raphson_solver.expression.graph import Graph
from raphson_solver.language import Instance
from raphson_solver.solution.kernels import Kernels
from raphson_solver.structure import Part, block_triangular

LARGEST_COUNT = 64
"""Blocks that get kernels of their own; of more, neighbours are joined, and stay triangular."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """What is solved one after another.

    Attributes
    ----------
    kernels : tuple of Kernels
        Of each block. Its variables come first; its parameters are the system's, followed by all of x.
    places : tuple of ndarray of int64
        Of each block's variables in x.
    """

    kernels: tuple[Kernels, ...]
    places: tuple[NDArray[np.int64], ...]


def find_blocks(instance: Instance, kernels: Kernels) -> Blocks | None:
    """Return the blocks of a square system; None if there is but one, or no equation of its own for some variable."""
    n, pattern = instance.n, kernels.pattern(JacobianMode.EXACT)
    if pattern.rows.size == n * n or np.unique(pattern.rows).size < n or np.unique(pattern.columns).size < n:
        return None
    try:
        parts = block_triangular(pattern.rows, pattern.columns, n)
    except ValueError:
        return None
    if len(parts) == 1:
        return None
    parts = _joined(parts)
    kernels.parts = tuple(Kernels(_instance(instance, part), compile_now=kernels.compile_now) for part in parts)
    return Blocks(
        kernels.parts,
        tuple(np.ascontiguousarray(part.variables, np.int64) for part in parts),
    )


def _joined(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    if len(parts) <= LARGEST_COUNT:
        return parts
    return tuple(
        Part(np.concatenate([parts[k].equations for k in group]), np.concatenate([parts[k].variables for k in group]))
        for group in np.array_split(np.arange(len(parts)), LARGEST_COUNT)
    )


def _instance(instance: Instance, part: Part) -> Instance:
    """Write a block out: other variables become parameters behind the system's own."""
    equations = [instance.equations[i] for i in part.equations]
    rows = None if instance.jacobian is None else [instance.jacobian[i] for i in part.equations]
    entries = [] if rows is None else [[row[j] for j in part.variables] for row in rows]
    graph, copied = _copy(
        instance.graph,
        [*equations, *(node for row in entries for node in row)],
        {int(j): place for place, j in enumerate(part.variables)},
        instance.parameter_count,
    )
    return Instance(
        graph=graph,
        equations=tuple(copied[node] for node in equations),
        equation_names=tuple(instance.equation_names[i] for i in part.equations),
        jacobian=None if rows is None else tuple(tuple(copied[node] for node in row) for row in entries),
        structural={},
        n=part.variables.size,
        parameter_count=instance.parameter_count + instance.n,
    )


def _copy(graph: Graph, outputs: list[int], own: dict[int, int], parameters: int) -> tuple[Graph, dict[int, int]]:
    """Return the outputs' nodes in a graph of their own, and which is which."""
    part, copied = Graph(), {}
    for node in graph.reachable(outputs):
        kind, value = graph.operation[node], graph.value[node]
        if kind is op.CONSTANT:
            copied[node] = part.constant(value)
        elif kind is op.PARAMETER:
            copied[node] = part.parameter(int(value))
        elif kind is op.VARIABLE:
            place = own.get(int(value))
            copied[node] = part.parameter(parameters + int(value)) if place is None else part.variable(place)
        else:
            copied[node] = part.apply(kind, *(copied[argument] for argument in graph.arguments[node]))
    return part, copied
