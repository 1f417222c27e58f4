"""Where NaN or infinity first appears: the innermost operation that makes it of finite arguments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from raphson_solver.explanation.domain import is_steep, why_not_finite, why_steep
from raphson_solver.explanation.values import counted
from raphson_solver.explanation.writing import write
from raphson_solver.expression import operations as op
from raphson_solver.expression.graph import Graph

Derivative = tuple[Sequence[int], Sequence[int], Sequence[int]]


@dataclass(frozen=True, slots=True)
class NotFinite:
    """The operation that is not finite, or whose slope is not.

    Attributes
    ----------
    equation : int
        The first equation that is not finite, or that has a slope which is not.
    variable : int or None
        The variable whose slope is not finite; None where the equation itself is not.
    text : str
        The operation with its arguments, in the language.
    arguments : tuple of float
        Their values.
    value : float
        The value of the operation; finite where only its slope is not.
    reason : str
        Such as ``"log of -0.5: needs a positive argument"``.
    """

    equation: int
    variable: int | None
    text: str
    arguments: tuple[float, ...]
    value: float
    reason: str


def not_finite(
    graph: Graph,
    equations: Sequence[int],
    derivative: Derivative,
    values: dict[int, float],
    variables: Sequence[str],
    parameters: Sequence[str],
) -> NotFinite | None:
    """Return the first equation's fault, or else the first slope's, or None when everything is finite.

    Parameters
    ----------
    graph : Graph
        Holds the nodes.
    equations : sequence of int
        The nodes of f.
    derivative : (rows, columns, nodes)
        The entries of J.
    values : dict of int to float
        The value of every node that these need, as `node_values` gives them.
    variables, parameters : sequence of str
        The names of the elements of x and of p.
    """

    def found(node: int, equation: int, variable: int | None, reason: str) -> NotFinite:
        arguments = tuple(values[argument] for argument in graph.arguments[node])
        return NotFinite(equation, variable, write(graph, node, variables, parameters), arguments, values[node], reason)

    for equation, node in enumerate(equations):
        if not math.isfinite(values[node]):
            culprit = _culprit(graph, node, values)
            return found(culprit, equation, None, _reason(graph, culprit, values))
    for equation, variable, node in zip(*derivative, strict=True):
        if not math.isfinite(values[node]):
            culprit = _culprit(graph, node, values)
            steep = _steep(graph, equations[equation], variable, culprit, values)
            if steep is None:
                return found(culprit, equation, variable, _reason(graph, culprit, values))
            arguments = tuple(values[argument] for argument in graph.arguments[steep])
            return found(steep, equation, variable, why_steep(graph.operation[steep], arguments))
    return None


def _culprit(graph: Graph, node: int, values: dict[int, float]) -> int:
    """Follow what is not finite to where it is made; a NaN goes back to a NaN if there is one."""
    while True:
        bad = [argument for argument in counted(graph, node, values) if not math.isfinite(values[argument])]
        if not bad:
            return node
        if math.isnan(values[node]):
            bad.sort(key=lambda argument: not math.isnan(values[argument]))
        node = bad[0]


def _reason(graph: Graph, node: int, values: dict[int, float]) -> str:
    kind = graph.operation[node]
    if kind is op.VARIABLE or kind is op.PARAMETER:
        return f"the {kind.name} itself is {values[node]}"
    return why_not_finite(kind, tuple(values[argument] for argument in graph.arguments[node]))


def _steep(graph: Graph, equation: int, variable: int, culprit: int, values: dict[int, float]) -> int | None:
    """Return the operation of an equation whose slope it is that is not finite.

    It depends on the variable, and it or what it is applied to stands in the part of the slope at fault.
    """
    at_fault = set(graph.reachable([culprit]))
    depends: dict[int, bool] = {}
    for node in _taken(graph, equation, values):
        kind, arguments = graph.operation[node], graph.arguments[node]
        depends[node] = (kind is op.VARIABLE and int(graph.value[node]) == variable) or any(
            depends.get(argument, False) for argument in arguments
        )
        if (
            depends[node]
            and is_steep(kind, tuple(values[argument] for argument in arguments))
            and not at_fault.isdisjoint((node, *arguments))
        ):
            return node
    return None


def _taken(graph: Graph, node: int, values: dict[int, float]) -> list[int]:
    """Return the nodes that a node's value depends on, in the order of evaluation."""
    seen = {node}
    waiting = [node]
    while waiting:
        for argument in counted(graph, waiting.pop(), values):
            if argument not in seen:
                seen.add(argument)
                waiting.append(argument)
    return sorted(seen)
