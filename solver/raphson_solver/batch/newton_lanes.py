"""Undamped Newton for many members at once, as one expression: a step, and whether x is right.

The test is that of the engine (`engine/convergence`), where it can be told without evaluating f elsewhere: every
equation passes beside its own terms, Newton's step is short, and every equation hears the variables. A member for which
that is not so within some steps, or whose pivots are small, is left to the engine.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from raphson_solver.compiler.emit import emit
from raphson_solver.compiler.machine import MachineCode
from raphson_solver.compiler.newton_loop import EXTRA, NewtonLoop
from raphson_solver.compiler.width import Width, widest
from raphson_solver.engine.status import JacobianMode
from raphson_solver.expression import magnitudes
from raphson_solver.expression import operations as op
from raphson_solver.expression.graph import Graph
from raphson_solver.expression.relaxed import relaxed
from raphson_solver.solution.kernels import Kernels
from raphson_solver.structure.elimination import Pivot, eliminate

Array = NDArray[np.float64]

MOST_STEPS = 25
LARGEST_N = 128
# More than this takes a second to compile.
_MOST_NODES = 8_000
# As in the engine: `convergence.SMALL_STEP`, `move.ROOT_AT_ZERO`.
_SMALL_STEP, _ROOT_AT_ZERO = 1e-3, 1e-5
_SETTINGS = 2

_CODE = ctypes.CFUNCTYPE(None, *(ctypes.c_void_p, ctypes.c_int64) * 4, ctypes.c_int64, ctypes.c_void_p)


class NewtonLanes:
    """The iteration of one system, with one order of pivots.

    Parameters
    ----------
    kernels : Kernels
        Of the system.
    order : sequence of (row, column)
        Of the pivots.
    width : Width, optional
        The widest that this processor has by default.

    Raises
    ------
    TooLargeError
        When there would be too much code.
    """

    def __init__(self, kernels: Kernels, order: Sequence[Pivot], width: Width | None = None) -> None:
        self._n = kernels.n
        # A graph of its own: what elimination makes is of no use to anybody else.
        graph = kernels.graph.copy()
        graph, outputs = relaxed(graph, _outputs(graph, kernels, order))
        needed = graph.reachable(outputs)
        if len(needed) > _MOST_NODES:
            raise TooLargeError
        # Measured on a dense system of eight: a quarter less time.
        width = replace(width or widest(), fused=True)
        used = sorted({int(graph.value[node]) for node in needed if graph.operation[node] is op.PARAMETER})
        form = NewtonLoop(width, kernels.n, _SETTINGS, used, MOST_STEPS)
        text, slots = emit("newton", graph, outputs, form)
        self._work_size = (slots + form.own_size) * width.lanes
        self._code = MachineCode(text, optimize=True)
        self._call = _CODE(self._code.address("newton"))

    def run(self, x: Array, p: Array, settings: Array, out: Array) -> None:
        """Iterate from each start.

        Parameters
        ----------
        x, p : contiguous arrays, shapes (count or 1, n) and (count or 1, k)
            Starts and parameters.
        settings : array, shape (2,)
            The tolerance and the absolute tolerance.
        out : contiguous array, shape (count, n + EXTRA)
            Receives x, the verdict, the largest |f|, and the steps taken.
        """
        work = np.empty(self._work_size)
        self._call(
            x.ctypes.data, _stride(x), settings.ctypes.data, 0, p.ctypes.data, _stride(p),
            out.ctypes.data, self._n + EXTRA, out.shape[0], work.ctypes.data,
        )  # fmt: skip


class TooLargeError(Exception):
    """There would be too much code."""


def _outputs(graph: Graph, kernels: Kernels, order: Sequence[Pivot]) -> list[int]:
    """Return the nodes of Newton's step, of the verdict, and of the largest |f|."""
    n, f = kernels.n, kernels.equations
    pattern, entries = kernels.entries(JacobianMode.EXACT)
    sizes = magnitudes(graph, f)
    x, largest = [graph.variable(j) for j in range(n)], [graph.variable(n + j) for j in range(n)]
    tolerance, absolute = graph.variable(2 * n), graph.variable(2 * n + 1)
    eliminated = eliminate(graph, pattern.rows, pattern.columns, entries, f, order)
    right = graph.apply(op.EQUAL, graph.one, graph.one)
    norm = graph.zero
    effects = [graph.zero] * n
    for row, column, node in zip(pattern.rows.tolist(), pattern.columns.tolist(), entries, strict=True):
        effects[row] = graph.add(effects[row], graph.apply(op.ABS, graph.multiply(node, x[column])))
    for i in range(n):
        size, own = graph.apply(op.ABS, f[i]), graph.multiply(tolerance, sizes[i])
        norm = _larger(graph, size, norm)
        solved = graph.apply(op.OR, graph.apply(op.LESS_EQUAL, size, own), graph.apply(op.LESS_EQUAL, size, absolute))
        right = graph.apply(op.AND, right, graph.apply(op.AND, solved, graph.apply(op.GREATER, effects[i], own)))
    for j in range(n):
        right = graph.apply(op.AND, right, _is_short(graph, eliminated.step[j], x, largest[j], j))
    total = norm
    for step in eliminated.step:
        total = graph.add(total, graph.apply(op.ABS, step))
    finite = graph.apply(op.LESS, total, graph.constant(1e300))
    sound = graph.apply(op.AND, finite, eliminated.sound)
    verdict = graph.select(sound, graph.select(right, graph.one, graph.zero), graph.constant(-1.0))
    return [*eliminated.step, verdict, norm]


def _is_short(graph: Graph, step: int, x: Sequence[int], largest: int, j: int) -> int:
    """Return the condition that a step is short beside x_j; see `engine.move.relative_size`."""
    extent = graph.apply(op.ABS, x[0])
    for each in x[1:]:
        extent = _larger(graph, graph.apply(op.ABS, each), extent)
    size = graph.apply(op.ABS, x[j])
    least = _larger(graph, graph.multiply(graph.constant(1e-8), extent), graph.constant(1e-30))
    usual = _larger(graph, size, least)
    inwards = graph.apply(op.LESS_EQUAL, graph.apply(op.ABS, graph.add(x[j], step)), size)
    been = _larger(graph, usual, graph.multiply(graph.constant(_ROOT_AT_ZERO), largest))
    beside = graph.select(inwards, been, usual)
    return graph.apply(op.LESS_EQUAL, graph.apply(op.ABS, step), graph.multiply(graph.constant(_SMALL_STEP), beside))


def _larger(graph: Graph, a: int, b: int) -> int:
    """Return the larger of two sizes; NaN need not be told, and one comparison is a fifth of `maximum`."""
    return graph.select(graph.apply(op.GREATER, a, b), a, b)


def _stride(rows: Array) -> int:
    """Return how many doubles lie between rows; none if one holds for all."""
    return 0 if rows.shape[0] == 1 else rows.shape[1]
