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
    found = _outputs(graph, kernels)
    if found is None or len(graph.reachable(found[1])) > _MOST_NODES:
        return None
    return emit("straight", *_in_order(graph, *found), OnePoint())


def _outputs(graph: Graph, kernels: Kernels) -> tuple[list[int], list[int]] | None:
    """Return stages on the way, and the nodes of all that is written; None where a pivot's place stays empty."""
    n, f = kernels.n, kernels.equations
    pattern, entries = kernels.entries(JacobianMode.EXACT)
    sizes = magnitudes(graph, f)
    rows: list[dict[int, int]] = [{} for _ in f]
    for row, column, node in zip(pattern.rows.tolist(), pattern.columns.tolist(), entries, strict=True):
        rows[row][column] = node
    scales = []
    for size, row in zip(sizes, rows, strict=True):
        parts = (graph.apply(op.ABS, graph.multiply(node, graph.variable(j))) for j, node in row.items())
        scales.append(graph.add(size, graph.sum(parts)))
    # Measured: where J is mostly full it pays to have f and J whole before, elsewhere as rows need them.
    stages = scales.copy() if 2 * pattern.rows.size > n * n else []
    # What is left of each row, pivot by pivot; of each column the largest size at first, and of those below its pivot.
    left: list[dict[int, int]] = []
    column_size, below = [graph.zero] * n, [graph.zero] * n
    inverses: list[int] = []
    # Row by row, so that a row is finished while it is in registers.
    for place, i in enumerate(kernels.first_order.tolist()):
        is_sized = graph.apply(op.GREATER, scales[i], graph.zero)
        inverse = graph.select(is_sized, graph.divide(graph.one, scales[i]), graph.one)
        row = {j: graph.multiply(node, inverse) for j, node in rows[i].items()}
        for j, node in row.items():
            column_size[j] = _larger(graph, node, column_size[j])
        row[_RIGHT] = graph.multiply(graph.negative(f[i]), inverse)
        for k in range(place):
            if k not in row:
                continue
            below[k] = _larger(graph, row[k], below[k])
            factor = graph.negative(graph.multiply(row.pop(k), inverses[k]))
            for j, node in left[k].items():
                if j != k:
                    row[j] = graph.apply(op.FUSED, factor, node, row.get(j, graph.zero))
        if place not in row:
            return None
        left.append(row)
        inverses.append(graph.divide(graph.one, row[place]))
        stages += [*row.values(), inverses[place]]
    step = _substitute(graph, left, inverses)
    noise, enough = graph.constant(EXACT_NOISE), graph.constant(ENOUGH)
    is_regular = graph.apply(op.LESS, graph.apply(op.ABS, graph.sum(step)), graph.constant(_VERY_LARGE))
    for k, row in enumerate(left):
        own = graph.apply(op.ABS, row[k])
        is_more = graph.apply(op.GREATER, own, graph.multiply(noise, column_size[k]))
        is_enough = graph.apply(op.LESS_EQUAL, below[k], graph.multiply(enough, own))
        is_regular = graph.apply(op.AND, is_regular, graph.apply(op.AND, is_more, is_enough))
    extent = graph.sum((*scales, *(graph.apply(op.ABS, node) for node in f)))
    is_finite = graph.apply(op.LESS, extent, graph.constant(_VERY_LARGE))
    return stages, [*f, *sizes, *scales, *step, _flag(graph, is_finite), _flag(graph, is_regular)]


def _substitute(graph: Graph, left: list[dict[int, int]], inverses: list[int]) -> list[int]:
    """Return the solution of what elimination has left."""
    n = len(left)
    step = [graph.zero] * n
    for i in reversed(range(n)):
        total = left[i][_RIGHT]
        for j in range(n - 1, i, -1):
            if j in left[i]:
                total = graph.apply(op.FUSED, graph.negative(left[i][j]), step[j], total)
        step[i] = graph.multiply(total, inverses[i])
    return step


def _larger(graph: Graph, node: int, size: int) -> int:
    """Return the larger of the size of a node and another."""
    own = graph.apply(op.ABS, node)
    return own if size == graph.zero else graph.select(graph.apply(op.GREATER, own, size), own, size)


def _flag(graph: Graph, condition: int) -> int:
    """Return 1 where a condition holds, else 0."""
    return graph.select(condition, graph.one, graph.zero)


def _in_order(graph: Graph, stages: list[int], outputs: list[int]) -> tuple[Graph, list[int]]:
    """Return a graph of what the outputs need alone: the stages, each node just before the first that needs it."""
    needed = set(graph.reachable(outputs))
    made, copied = Graph(), {}
    for node in graph.when_needed([*(stage for stage in stages if stage in needed), *outputs]):
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
