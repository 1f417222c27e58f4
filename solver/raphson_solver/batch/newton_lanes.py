"""Undamped Newton for many members at once, as one expression: a step, and whether x is right.

The test is that of the engine (`engine/convergence`), where it can be told without evaluating f elsewhere: every
equation passes beside its own terms, Newton's step is short, and every equation hears the variables. A member for which
that is not so within some steps, or whose pivots are small, is left to the engine.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from raphson_solver.compiler.emit import emit
from raphson_solver.compiler.machine import MachineCode
from raphson_solver.compiler.newton_loop import NewtonLoop
from raphson_solver.compiler.width import Width, widest
from raphson_solver.engine.cancel import CancelFlag
from raphson_solver.engine.eights_newton import RIGHT
from raphson_solver.engine.status import JacobianMode
from raphson_solver.expression import magnitudes
from raphson_solver.expression import operations as op
from raphson_solver.expression.graph import Graph
from raphson_solver.expression.relaxed import relaxed
from raphson_solver.solution.kernels import Kernels
from raphson_solver.structure.elimination import Pivot, both, eliminate

Array = NDArray[np.float64]

MOST_STEPS = 25
UNHEARD = 2
"""A verdict: x is right, if only every equation hears some variable, of which one term did not tell."""
LARGEST_N = 128
# More than this takes a second to compile.
_MOST_NODES = 8_000
# Up to here two groups of lanes go side by side: measured, a tenth to a fifth less time for twice as long a compile.
_MOST_PAIRED = 2_000
# As in the engine: `convergence.SMALL_STEP`, and `move.relative_size` but for variables on their way to zero.
_SMALL_STEP = 1e-3
_SETTINGS = 2

_CODE = ctypes.CFUNCTYPE(
    None,
    *(ctypes.c_void_p, ctypes.c_int64) * 2,
    *(ctypes.c_void_p,) * 5,
    ctypes.c_int64,
    ctypes.c_void_p,
    ctypes.c_int64,
)


class Results(NamedTuple):
    """Where results go, a row a member; all contiguous.

    Attributes
    ----------
    x : ndarray of float64, shape (count, n)
        The last points.
    norm : ndarray of float64, shape (count,)
        The largest |f| at each.
    steps : ndarray of int32, shape (count,)
        How many were taken.
    verdict : ndarray of int8, shape (count,)
        `RIGHT`, `NEAR`, `UNHEARD`, or what is left to the engine.
    """

    x: Array
    norm: Array
    steps: NDArray[np.int32]
    verdict: NDArray[np.int8]

    def part(self, rows: slice | NDArray[np.int64]) -> Results:
        """Return where the results of some members go; to be put there yet unless they lie together."""
        return Results(self.x[rows], self.norm[rows], self.steps[rows], self.verdict[rows])

    def put(self, rows: NDArray[np.int64], part: Results) -> None:
        """Put the results of some members where they go."""
        self.x[rows], self.norm[rows], self.steps[rows], self.verdict[rows] = part


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
        self._kernels = kernels
        # A graph of its own: what elimination makes is of no use to anybody else.
        graph = kernels.graph.copy()
        # Measured on a dense system of eight: a quarter less time.
        width = replace(width or widest(), fused=True)
        stages, outputs = _outputs(graph, kernels, order)
        graph, outputs = relaxed(graph, outputs, stages, without_calls=width.scales)
        needed = graph.reachable(outputs)
        if len(needed) > _MOST_NODES:
            raise TooLargeError
        used = sorted({int(graph.value[node]) for node in needed if graph.operation[node] is op.PARAMETER})
        copies = 2 if len(needed) <= _MOST_PAIRED else 1
        form = NewtonLoop(width, kernels.n, _SETTINGS, used, MOST_STEPS, copies)
        text, self._slots = emit("newton", graph, outputs, form)
        self._work_size = (copies * self._slots + form.own_size) * width.lanes
        self._code = MachineCode(text, optimize=True)
        self._call = _CODE(self._code.address("newton"))

    def run(self, x: Array, p: Array, settings: Array, results: Results, _: CancelFlag) -> None:
        """Iterate from each start.

        Parameters
        ----------
        x, p : contiguous arrays, shapes (count or 1, n) and (count or 1, k)
            Starts and parameters.
        settings : array, shape (2,)
            The tolerance and the absolute tolerance.
        results : Results
            Receives what becomes of each member. Nothing stops that: it is done in milliseconds.
        """
        work = np.empty(self._work_size)
        self._call(
            x.ctypes.data, _stride(x), p.ctypes.data, _stride(p), settings.ctypes.data,
            *(each.ctypes.data for each in results), results.x.shape[0], work.ctypes.data, self._slots,
        )  # fmt: skip

    def hears(self, x: Array, p: Array, tolerance: float) -> NDArray[np.bool_]:
        """Return at which points every equation hears the variables, all its terms together; shape (count,).

        Parameters
        ----------
        x, p : contiguous arrays, shapes (count, n) and (count or 1, k)
            Points and parameters.
        tolerance : float
            The least effect, relative to the sizes of what cancels.
        """
        kernels, n = self._kernels, self._kernels.n
        kernel = kernels.many("effects", lambda: [*kernels.effects, *magnitudes(kernels.graph, kernels.equations)])
        told = np.empty((x.shape[0], 2 * n))
        kernel(x, np.empty((1, 0)), p, told)
        heard: NDArray[np.bool_] = np.all(told[:, :n] > tolerance * told[:, n:], axis=1)
        return heard


class TooLargeError(Exception):
    """There would be too much code."""


def _outputs(graph: Graph, kernels: Kernels, order: Sequence[Pivot]) -> tuple[list[int], list[int]]:
    """Return stages on the way, and the nodes of Newton's step, of the verdict, and of the largest |f|."""
    n, f = kernels.n, kernels.equations
    pattern, entries = kernels.entries(JacobianMode.EXACT)
    rows: list[dict[int, int]] = [{} for _ in f]
    for row, column, node in zip(pattern.rows.tolist(), pattern.columns.tolist(), entries, strict=True):
        rows[row][column] = node
    sizes = magnitudes(graph, f)
    x = [graph.variable(j) for j in range(n)]
    tolerance, absolute = graph.variable(n), graph.variable(n + 1)
    eliminated = eliminate(graph, pattern.rows, pattern.columns, entries, f, order)
    right = heard = graph.apply(op.EQUAL, graph.one, graph.one)
    norm = total = graph.zero
    stages = []
    for (row, column), rest in zip(order, eliminated.rows, strict=True):
        size, own = graph.apply(op.ABS, f[row]), graph.multiply(tolerance, sizes[row])
        norm = _larger(graph, size, norm)
        right = both(graph, right, graph.apply(op.LESS_EQUAL, size, _larger(graph, own, absolute)))
        # One term is mostly enough, and the pivot's, unless it came by elimination, is none of the smallest.
        heard_by = column if column in rows[row] else next(iter(rows[row]))
        effect = graph.apply(op.ABS, graph.multiply(rows[row][heard_by], x[heard_by]))
        heard = both(graph, heard, graph.apply(op.GREATER, effect, own))
        stages += [norm, right, heard, *rest]
    extent = graph.apply(op.ABS, x[0])
    for each in x[1:]:
        extent = _larger(graph, graph.apply(op.ABS, each), extent)
    least = _larger(graph, graph.multiply(graph.constant(_SMALL_STEP * 1e-8), extent), graph.constant(1e-33))
    for j, step in enumerate(eliminated.step):
        beside = _larger(graph, graph.multiply(graph.constant(_SMALL_STEP), graph.apply(op.ABS, x[j])), least)
        right = both(graph, right, graph.apply(op.LESS_EQUAL, graph.apply(op.ABS, step), beside))
        total = graph.add(total, step)
    finite = graph.apply(op.LESS, graph.apply(op.ABS, total), graph.constant(1e300))
    sound = both(graph, finite, eliminated.sound)
    found = graph.select(heard, graph.constant(RIGHT), graph.constant(UNHEARD))
    verdict = graph.select(sound, graph.select(right, found, graph.zero), graph.constant(-1.0))
    return stages, [*eliminated.step, verdict, norm]


def _larger(graph: Graph, a: int, b: int) -> int:
    """Return the larger of two sizes; NaN need not be told, and one comparison is a fifth of `maximum`."""
    return graph.select(graph.apply(op.GREATER, a, b), a, b)


def _stride(rows: Array) -> int:
    """Return how many doubles lie between rows; none if one holds for all."""
    return 0 if rows.shape[0] == 1 else rows.shape[1]
