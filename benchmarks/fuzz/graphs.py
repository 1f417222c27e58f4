"""Graphs → derivatives → interpreter: every node is worth what NumPy says of its arguments, and J what it must be.

Nodes are compared one by one, from the interpreter's own arguments: a difference of rounding can then neither grow nor
turn a branch, and what remains is how the two compute one operation.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from raphson_solver.compiler import Kernel
from raphson_solver.derivative import jacobian_rows, pullback, pushforward
from raphson_solver.expression import Graph, evaluate
from raphson_solver.expression import operations as op

from benchmarks.fuzz.target import Wrong
from tests.solver.programs import ARITHMETIC, CHOICES, KINKED, PARAMETERS, SMOOTH, VARIABLES, run

if TYPE_CHECKING:
    from random import Random

FUNCTIONS = {each.name: each for each in (*SMOOTH, *KINKED, op.ERF, op.ERFC, op.REMAINDER)}
PLACES = (0, 0, 0, 1, 1, 2, 3, 5, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17)
FRIENDLY = (0.0, 1.0, -1.0, 0.5, -0.5, 0.3, 2.0, -2.7, 1.25, 3.1, -0.9)
EXTREME = (1e308, -1e308, 5e-324, 1e-308, -0.0, 1e16, -1e-16, 710.0, -745.0, 1e5, 2**53.0)
# The C library and NumPy's vectors are each within a few of the right number; SciPy's erfc, far out, is not.
MOST_ULPS, MOST_ULPS_OF_SCIPY = 12.0, 1e4
_OF_SCIPY = frozenset({op.ERF, op.ERFC})
# One in so many is also compiled, which takes as long as all the others.
COMPILED_EVERY = 256
DERIVED_EVERY = 4


class Graphs:
    """Programs of the table's operations, and a point."""

    def make(self, random: Random) -> bytes:
        """Return a program and a point, as JSON."""
        smooth = random.random() < 0.4
        kinds: list[tuple[str, ...]] = [ARITHMETIC, ARITHMETIC, tuple(FUNCTIONS)]
        kinds += [tuple(each.name for each in SMOOTH)] if smooth else [CHOICES]
        steps = [
            (random.choice(random.choice(kinds)), *(random.choice(PLACES) for _ in range(3)))
            for _ in range(random.randrange(3, 26))
        ]
        values = FRIENDLY if random.random() < 0.7 else FRIENDLY + EXTREME
        point = [
            random.choice(values) if random.random() < 0.6 else random.gauss(0, 3)
            for _ in range(VARIABLES + PARAMETERS)
        ]
        return json.dumps([random.getrandbits(16), steps, point]).encode()

    def run(self, data: bytes) -> str:
        """Build the graph and its derivatives, and compare."""
        number, steps, point = json.loads(data)
        graph = Graph()
        outputs = run(graph, [(FUNCTIONS.get(name, name), a, b, c) for name, a, b, c in steps])[:4]
        rows, columns, slopes = jacobian_rows(graph, outputs)
        nodes = [*outputs, *slopes]
        if number % DERIVED_EVERY == 0:
            w = [graph.constant(0.5 + 0.25 * i) for i in range(len(outputs))]
            nodes += pullback(graph, outputs, w, VARIABLES)
        x, p = np.split(np.array(point), [VARIABLES])
        inner = [node for node in graph.reachable(nodes) if graph.arguments[node]]
        if not inner:
            return "constant"
        kernel = Kernel(graph, inner + nodes, VARIABLES)
        values = kernel(x, p)
        _check_nodes(graph, inner, values, x, p)
        if number % COMPILED_EVERY == 0:
            # Conditions are no outputs of machine code.
            kernel = Kernel(graph, nodes, VARIABLES)
            kernel.compile()
            if not np.array_equal(kernel(x, p), values[len(inner) :], equal_nan=True):
                raise Wrong("wrong", "machine code and interpreter differ in their bits")
            return "compiled"
        # SciPy computes with no more digits.
        if number % DERIVED_EVERY == 0 and _OF_SCIPY.isdisjoint(graph.operation):
            _check_slopes(graph, outputs, (rows, columns, slopes), x, p)
        return "agrees"


def _check_nodes(graph: Graph, inner: list[int], values: Any, x: Any, p: Any) -> None:
    """Compute each node once more by NumPy, from the interpreter's arguments."""
    worth = dict(zip(inner, values.tolist(), strict=False))

    def argument(node: int) -> float:
        kind = graph.operation[node]
        if kind is op.CONSTANT:
            return graph.value[node]
        if kind is op.VARIABLE:
            return float(x[int(graph.value[node])])
        return float(p[int(graph.value[node])]) if kind is op.PARAMETER else worth[node]

    with np.errstate(all="ignore"):
        for node in inner:
            kind = graph.operation[node]
            given = [argument(each) for each in graph.arguments[node]]
            truth = kind.takes_conditions or (False,) * kind.arity
            expected = float(kind.value(*(bool(a) if t else np.float64(a) for a, t in zip(given, truth, strict=True))))
            if not _close(worth[node], expected, MOST_ULPS_OF_SCIPY if kind in _OF_SCIPY else MOST_ULPS):
                raise Wrong("wrong", f"{kind.name}{tuple(given)} is {worth[node]!r} here and {expected!r} by NumPy")


def _close(a: float, b: float, most_ulps: float) -> bool:
    if a == b or (a != a and b != b):  # noqa: PLR0124 (NaN)
        return True
    return bool(abs(a - b) <= most_ulps * np.spacing(max(abs(a), abs(b), np.finfo(float).tiny)))


def _check_slopes(graph: Graph, outputs: list[int], jacobian: Any, x: Any, p: Any) -> None:
    """Compare J by rows, in reverse, with J by columns, forward, as far as rounding lets them."""
    rows, columns, slopes = jacobian
    forward = [pushforward(graph, outputs, [graph.constant(value) for value in unit]) for unit in np.eye(VARIABLES)]
    nodes = [*slopes, *(forward[column][row] for row, column in zip(rows, columns, strict=True))]
    if not nodes:
        return
    values = evaluate(graph, nodes, x, p)
    precise = evaluate(graph, nodes, x.astype(np.longdouble), p.astype(np.longdouble))
    (a, b), (c, d) = np.split(values, 2), np.split(precise, 2)
    with np.errstate(all="ignore"):
        finite = np.isfinite(a) & np.isfinite(b) & np.isfinite(c) & np.isfinite(d)
        # How much rounding is amplified shows in the difference from more digits.
        noise = 1e6 * (np.abs(a - c) + np.abs(b - d)) + 1e-9 * (np.abs(c) + np.abs(d)) + 1e-280
        wrong = finite & (np.abs(c - d) > noise)
    if np.any(wrong):
        place = int(np.argmax(wrong))
        raise Wrong("wrong", f"∂f{rows[place]}/∂x{columns[place]} is {c[place]} in reverse and {d[place]} forward")
