"""Values of nodes to 200 digits by mpmath, and None where there is none: nothing here is shared with the proofs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flint import arb
from mpmath import mp, mpc, mpf
from raphson_solver.expression import operations as op

from tests.solver.derivative.digits import FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from raphson_solver.expression import Graph
    from raphson_solver.expression.operations import Operation

DIGITS = 200

CHOICES: dict[str, Callable[..., Any]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "and": lambda a, b: bool(a) and bool(b),
    "or": lambda a, b: bool(a) or bool(b),
    "not": lambda a: not a,
}


def apply(operation: Operation, *arguments: Any) -> Any:
    """Return the operation's value, None outside its domain."""
    if operation is op.SELECT:
        condition, a, b = arguments
        return None if condition is None else (a if condition else b)
    if any(argument is None for argument in arguments):
        return None
    if operation.name in CHOICES:
        return CHOICES[operation.name](*arguments)
    try:
        value = FUNCTIONS[operation.name](*arguments)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    return None if isinstance(value, mpc) or not mp.isfinite(value) else mpf(value)


def values(graph: Graph, nodes: Sequence[int], x: Sequence[float], p: Sequence[float] = ()) -> list[Any]:
    """Return what the nodes are worth at a point."""
    known: dict[int, Any] = {}
    with mp.workdps(DIGITS):
        for node in graph.reachable(nodes):
            kind = graph.operation[node]
            if kind is op.CONSTANT:
                known[node] = mpf(graph.value[node])
            elif kind is op.VARIABLE:
                known[node] = mpf(float(x[int(graph.value[node])]))
            elif kind is op.PARAMETER:
                known[node] = mpf(float(p[int(graph.value[node])]))
            else:
                known[node] = apply(kind, *(known[argument] for argument in graph.arguments[node]))
    return [known[node] for node in nodes]


def ball(value: Any) -> arb:
    """Return a ball that holds the number of which mpmath's value is an approximation."""
    return arb(value) + arb(0, 1e-60) * (abs(arb(value)) + 1)
