"""Reverse mode: one sweep against the order of evaluation gives wᵀ·J; with w a unit vector, a row of J."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence

from raphson_solver.derivative.choice import is_choice, times, unless_zero
from raphson_solver.expression import operations as op
from raphson_solver.expression.graph import Graph
from raphson_solver.expression.operations import Operation


def jacobian_rows(
    graph: Graph, outputs: Sequence[int], leaf: Operation = op.VARIABLE
) -> tuple[list[int], list[int], list[int]]:
    """Return rows, columns and nodes of the entries of J that are not identically zero, row by row.

    With parameters as the leaf, columns are places in p, and the entries are those of ∂f/∂p.
    """
    depends = graph.dependent(leaf)
    rows: list[int] = []
    columns: list[int] = []
    nodes: list[int] = []
    for row, output in enumerate(outputs):
        gradient = sweep(graph, {output: graph.one}, depends, leaf)
        for column in sorted(gradient):
            rows.append(row)
            columns.append(column)
            nodes.append(gradient[column])
    return rows, columns, nodes


def pullback(graph: Graph, outputs: Sequence[int], seeds: Sequence[int], n: int) -> list[int]:
    """Return the n nodes of wᵀ·J, where `seeds` are the m nodes of w."""
    adjoints: dict[int, int] = {}
    for output, seed in zip(outputs, seeds, strict=True):
        adjoints[output] = graph.add(adjoints[output], seed) if output in adjoints else seed
    gradient = sweep(graph, adjoints, graph.dependent(), op.VARIABLE)
    return [gradient.get(column, graph.zero) for column in range(n)]


def sweep(graph: Graph, adjoints: Mapping[int, int], depends: bytearray, leaf: Operation) -> dict[int, int]:
    """Return the adjoint of every leaf of a kind that is reached: place → node, identically zero ones left out."""
    adjoint = {node: seed for node, seed in adjoints.items() if depends[node]}
    waiting = [-node for node in adjoint]
    heapq.heapify(waiting)
    gradient: dict[int, int] = {}
    # Nodes below a choice: their adjoint is 0 where the other branch is taken, whatever their slopes are there.
    guarded: set[int] = set()
    while waiting:
        node = -heapq.heappop(waiting)
        bar = adjoint.pop(node)
        if bar == graph.zero:
            continue
        kind, arguments = graph.operation[node], graph.arguments[node]
        if kind is leaf:
            gradient[int(graph.value[node])] = bar
            continue
        for partial, argument in zip(kind.partials, arguments, strict=False):
            if not depends[argument]:
                continue
            slope = partial(graph, node, *arguments)
            part = times(graph, slope, bar)
            if is_choice(graph, slope):
                guarded.add(argument)
            elif node in guarded:
                guarded.add(argument)
                if slope != graph.one:
                    part = unless_zero(graph, bar, part)
            if argument in adjoint:
                adjoint[argument] = graph.add(adjoint[argument], part)
            else:
                adjoint[argument] = part
                heapq.heappush(waiting, -argument)
    return gradient
