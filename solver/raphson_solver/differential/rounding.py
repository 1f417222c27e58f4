"""How much rounding may have changed each value: an error analysis that runs along with the evaluation.

An operation's result carries the errors of its arguments times its slopes, and one rounding of its own: to first order

    e(g(a, b)) = |∂g/∂a|·e(a) + |∂g/∂b|·e(b) + u·|g|

with u = 2⁻⁵³ for what IEEE 754 rounds correctly, 2⁻⁵⁰ for the functions of libraries, whose vector forms are wrong by
up to 4 units in the last place, and 0 for what is exact. x, p and constants count as exact. Source: N. J. Higham,
Accuracy and Stability of Numerical Algorithms, 2nd ed. (2002), section 3.3.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raphson_solver.expression import evaluate
from raphson_solver.expression import operations as op
from raphson_solver.expression.graph import Graph
from raphson_solver.expression.operations import Operation
from raphson_solver.interruption import Between, uninterrupted

Array = NDArray[np.float64]

_ROUNDED, _COMPUTED = 2.0**-53, 2.0**-50
_LEAVES = frozenset({op.CONSTANT, op.VARIABLE, op.PARAMETER})
_SUMS = frozenset({op.ADD, op.SUBTRACT, op.NEGATIVE})
_CORRECTLY_ROUNDED = frozenset({op.ADD, op.SUBTRACT, op.MULTIPLY, op.DIVIDE, op.SQRT})
_EXACT = frozenset({op.NEGATIVE, op.SELECT, op.ABS, op.SIGN, op.FLOOR, op.CEIL, op.MINIMUM, op.MAXIMUM, op.REMAINDER})
# Nodes between two looks at whether somebody still waits.
_LOOK = 1024
_CHUNK = 2**26
"""Bytes that the values of nodes may take at once."""


def rounding_errors(
    graph: Graph, outputs: Sequence[int], x: Array, p: Array, between: Between = uninterrupted
) -> tuple[Array, Array]:
    """Return values at many points, and bounds, to first order, of what rounding did to them.

    Parameters
    ----------
    graph : Graph
        Holds the nodes.
    outputs : sequence of int, length m
        Which nodes.
    x : array, shape (count, n)
        The points.
    p : array, shape (k,)
        The parameters.
    between : callable, optional
        Called now and then; what it raises ends the work.

    Returns
    -------
    values, errors : arrays, shape (count, m)
        NaN or infinite where a value is.
    """
    order = graph.reachable(outputs)
    ends, most = _ends(graph, order)
    values, errors = np.empty((x.shape[0], len(outputs))), np.empty((x.shape[0], len(outputs)))
    size = max(1, _CHUNK // (16 * max(most, 1)))
    for first in range(0, x.shape[0], size):
        part = slice(first, first + size)
        _walk(graph, ends, outputs, x[part].T, p, between, values[part], errors[part])
    return values, errors


def _ends(graph: Graph, order: list[int]) -> tuple[list[tuple[int, list[int]]], int]:
    """Return each node with those that are needed no more after it, and how many computed ones are needed at once."""
    last = {node: node for node in order}
    for node in order:
        for argument in graph.arguments[node]:
            last[argument] = node
    ending: dict[int, list[int]] = {}
    for node, user in last.items():
        ending.setdefault(user, []).append(node)
    alive = most = 0
    for node in order:
        alive += graph.operation[node] not in _LEAVES
        most = max(most, alive)
        alive -= sum(graph.operation[ended] not in _LEAVES for ended in ending.get(node, ()))
    return [(node, ending.get(node, [])) for node in order], most


def _walk(
    graph: Graph,
    ends: list[tuple[int, list[int]]],
    outputs: Sequence[int],
    x: Array,
    p: Array,
    between: Between,
    values_out: Array,
    errors_out: Array,
) -> None:
    places: dict[int, list[int]] = {}
    for place, node in enumerate(outputs):
        places.setdefault(node, []).append(place)
    values: dict[int, Any] = {}
    # None for what is exact.
    errors: dict[int, Any] = {}
    with np.errstate(all="ignore"):
        for number, (node, ending) in enumerate(ends):
            if not number % _LOOK:
                between()
            kind, arguments = graph.operation[node], graph.arguments[node]
            errors[node] = None
            if kind is op.CONSTANT:
                values[node] = graph.value[node]
            elif kind is op.VARIABLE:
                values[node] = x[int(graph.value[node])]
            elif kind is op.PARAMETER:
                values[node] = p[int(graph.value[node])]
            else:
                given = [values[argument] for argument in arguments]
                values[node] = kind.value(*given)
                if not kind.yields_condition:
                    carried = _carried(kind, given, [errors[argument] for argument in arguments])
                    errors[node] = carried + _unit(kind) * np.abs(values[node])
            for place in places.get(node, ()):
                values_out[:, place] = values[node]
                errors_out[:, place] = 0.0 if errors[node] is None else errors[node]
            for ended in ending:
                del values[ended], errors[ended]


def _unit(kind: Operation) -> float:
    if kind in _EXACT:
        return 0.0
    return _ROUNDED if kind in _CORRECTLY_ROUNDED else _COMPUTED


def _carried(kind: Operation, given: list[Any], errors: list[Any]) -> Any:
    """Return Σ |slope|·error over the arguments: 0 for one without error, however steep, and for one not taken."""
    if all(error is None for error in errors):
        return 0.0
    if kind in _SUMS:
        return sum(error for error in errors if error is not None)
    graph, nodes = _slopes(kind)
    slopes = evaluate(graph, nodes, np.array(np.broadcast_arrays(*given), dtype=np.float64))
    total: Any = 0.0
    for slope, error in zip(slopes, errors, strict=True):
        if error is not None:
            silent = np.equal(error, 0.0) | np.equal(slope, 0.0)
            total = total + np.where(silent, 0.0, np.abs(slope) * error)
    return total


@functools.cache
def _slopes(kind: Operation) -> tuple[Graph, tuple[int, ...]]:
    """Return a graph whose variables are an operation's arguments, and its nodes of the slopes in them."""
    graph = Graph()
    arguments = [graph.variable(place) for place in range(kind.arity)]
    node = graph.apply(kind, *arguments)
    return graph, tuple(partial(graph, node, *arguments) for partial in kind.partials)
