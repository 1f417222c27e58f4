"""Newton's step of one small system as straight-line code: f, J, scales, elimination and substitution, with no loops.

Every operation is one that the engine does too (`engine/point`, `engine/step`, `engine/linear`), in the same order, so
that both come to the same bits, and an answer does not tell whether there was code yet. What is left out does nothing
there: zeros of the pattern. What stays out is the search for pivots: rows are eliminated in the order in which the
engine begins, and where it would leave that order, or call J singular, the code says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from raphson_solver.compiler.emit import emit
from raphson_solver.compiler.machine import MachineCode
from raphson_solver.compiler.one_point import OnePoint
from raphson_solver.engine.linear import ENOUGH
from raphson_solver.engine.point import EXACT_NOISE
from raphson_solver.engine.status import JacobianMode
from raphson_solver.expression import magnitudes
from raphson_solver.expression import operations as op
from raphson_solver.expression.graph import Graph

if TYPE_CHECKING:
    from raphson_solver.solution.kernels import Kernels

LARGEST_N = 16
_MOST_NODES = 4_000
# Beyond this sums of sizes may overflow, though no size does.
_VERY_LARGE = 1e300
# Of a row: the column of its right side.
_RIGHT = -1


class Straight:
    """The code for a system, or for a block.

    Parameters
    ----------
    text : str
        From `straight_text`.
    work_size : int
        Doubles of scratch that it needs.

    Attributes
    ----------
    address : int
        A kernel that writes f, the size of its terms, the scale of each equation, Newton's step, whether all that but
        the step is finite, and whether J is regular, and the step finite, with the pivots in order.
    work_size : int
        As given.
    """

    def __init__(self, text: str, work_size: int) -> None:
        self.work_size = work_size
        self._code = MachineCode(text, optimize=True)
        self.address = self._code.address("straight")


def straight_text(kernels: Kernels) -> tuple[str, int] | None:
    """Return the code as LLVM reads it, and its scratch; None where that is too much, or a column has no pivot."""
    if not kernels.m == kernels.n <= LARGEST_N:
        return None
    kernels.entries(JacobianMode.EXACT)
    # A graph of its own: what elimination makes is of no use to anybody else.
    graph = kernels.graph.copy()
    outputs = _outputs(graph, kernels)
    if outputs is None or len(graph.reachable(outputs)) > _MOST_NODES:
        return None
    return emit("straight", *_in_order(graph, outputs), OnePoint())


def _outputs(graph: Graph, kernels: Kernels) -> list[int] | None:
    """Return the nodes of all that the code writes; None where a place on the diagonal stays empty."""
    f = kernels.equations
    pattern, entries = kernels.entries(JacobianMode.EXACT)
    sizes = magnitudes(graph, f)
    rows: list[dict[int, int]] = [{} for _ in f]
    for row, column, node in zip(pattern.rows.tolist(), pattern.columns.tolist(), entries, strict=True):
        rows[row][column] = node
    scales = []
    for size, row in zip(sizes, rows, strict=True):
        parts = (graph.apply(op.ABS, graph.multiply(node, graph.variable(column))) for column, node in row.items())
        scales.append(graph.add(size, graph.sum(parts)))
    matrix = []
    for i in kernels.first_order.tolist():
        is_sized = graph.apply(op.GREATER, scales[i], graph.zero)
        inverse = graph.select(is_sized, graph.divide(graph.one, scales[i]), graph.one)
        row = {column: graph.multiply(node, inverse) for column, node in rows[i].items()}
        matrix.append(row | {_RIGHT: graph.multiply(graph.negative(f[i]), inverse)})
    solved = _solve(graph, matrix)
    if solved is None:
        return None
    step, is_regular = solved
    extent = graph.sum((*scales, *(graph.apply(op.ABS, node) for node in f)))
    is_finite = graph.apply(op.LESS, extent, graph.constant(_VERY_LARGE))
    return [*f, *sizes, *scales, *step, _flag(graph, is_finite), _flag(graph, is_regular)]


def _solve(graph: Graph, matrix: list[dict[int, int]]) -> tuple[list[int], int] | None:
    """Return the solution, and the condition that every pivot is as `linear.eliminate` wants it where it stands."""
    n = len(matrix)
    conditions = []
    noise, enough = graph.constant(EXACT_NOISE), graph.constant(ENOUGH)
    columns = [_largest(graph, [row[k] for row in matrix if k in row]) for k in range(n)]
    inverses = []
    for k, top in enumerate(matrix):
        if k not in top:
            return None
        own = graph.apply(op.ABS, top[k])
        conditions.append(graph.apply(op.GREATER, own, graph.multiply(noise, columns[k])))
        below = [row for row in matrix[k + 1 :] if k in row]
        if below:
            largest = _largest(graph, [row[k] for row in below])
            conditions.append(graph.apply(op.LESS_EQUAL, largest, graph.multiply(enough, own)))
        inverses.append(graph.divide(graph.one, top[k]))
        for row in below:
            factor = graph.negative(graph.multiply(row.pop(k), inverses[k]))
            for column, node in top.items():
                if column != k:
                    row[column] = graph.apply(op.FUSED, factor, node, row.get(column, graph.zero))
    step: dict[int, int] = {}
    for i in reversed(range(n)):
        total = matrix[i][_RIGHT]
        for j in range(n - 1, i, -1):
            if j in matrix[i]:
                total = graph.apply(op.FUSED, graph.negative(matrix[i][j]), step[j], total)
        step[i] = graph.multiply(total, inverses[i])
    found = [step[j] for j in range(n)]
    extent = graph.apply(op.ABS, graph.sum(found))
    is_regular = graph.apply(op.LESS, extent, graph.constant(_VERY_LARGE))
    for condition in conditions:
        is_regular = graph.apply(op.AND, is_regular, condition)
    return found, is_regular


def _largest(graph: Graph, nodes: list[int]) -> int:
    """Return the largest size."""
    first, *rest = (graph.apply(op.ABS, node) for node in nodes)
    for size in rest:
        first = graph.select(graph.apply(op.GREATER, size, first), size, first)
    return first


def _flag(graph: Graph, condition: int) -> int:
    """Return 1 where a condition holds, else 0."""
    return graph.select(condition, graph.one, graph.zero)


def _in_order(graph: Graph, outputs: list[int]) -> tuple[Graph, list[int]]:
    """Return a graph of what the outputs need alone, each node just before the first that needs it."""
    made, copied = Graph(), {}
    for node in graph.when_needed(outputs):
        kind, value = graph.operation[node], graph.value[node]
        if kind is op.CONSTANT:
            copied[node] = made.constant(value)
        elif kind is op.VARIABLE:
            copied[node] = made.variable(int(value))
        elif kind is op.PARAMETER:
            copied[node] = made.parameter(int(value))
        else:
            copied[node] = made.apply(kind, *(copied[argument] for argument in graph.arguments[node]))
    return made, [copied[node] for node in outputs]
