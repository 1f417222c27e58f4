"""A kernel at many points: point by point at first, in the lanes of vector registers when that pays."""

from __future__ import annotations

import ctypes
import functools
import threading
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from raphson_solver.compiler.emit import emit
from raphson_solver.compiler.interpret import each_point_address
from raphson_solver.compiler.kernel import LARGEST_OPTIMIZED, Kernel
from raphson_solver.compiler.machine import MachineCode
from raphson_solver.compiler.many_points import ManyPoints
from raphson_solver.compiler.rental import Rental
from raphson_solver.compiler.width import Width, widest
from raphson_solver.expression.graph import Graph
from raphson_solver.interruption import Between, aside, uninterrupted

Array = NDArray[np.float64]

# Seconds, measured: to make code for the lanes, and that and more for each node; to interpret a point, and each node.
_MAKING, _MAKING_NODE = 1e-2, 1.5e-4
_POINT, _POINT_NODE = 2e-8, 5e-9
# Nodes times points between two looks at whether somebody still waits, in the lanes and interpreted: some milliseconds.
_SLICE, _SLOW_SLICE = 4_000_000, 1_000_000

_EACH = ctypes.CFUNCTYPE(
    None, *(ctypes.c_void_p, ctypes.c_void_p), *(ctypes.c_void_p, ctypes.c_int64) * 3, ctypes.c_int64, ctypes.c_void_p
)
_LANES = ctypes.CFUNCTYPE(None, *(ctypes.c_void_p, ctypes.c_int64) * 4, ctypes.c_int64, ctypes.c_void_p)


class ManyKernel:
    """Outputs of a graph at any number of points.

    The first points are interpreted, until code for the lanes would have paid, which is remembered from call to call.
    In the lanes functions such as exp are the vector ones of the C library, which differ from the plain ones by up to 4
    units in the last place. What a point gives does not depend on which others stand beside it.

    Parameters
    ----------
    graph : Graph
        Holds the nodes.
    outputs : sequence of int
        Which nodes.
    variables, seeds : int
        How long x is, and the vector whose numbers are the variables after it.
    width : Width, optional
        Of the code for the lanes; the widest that this processor has by default.
    is_in_use : callable
        Tells whether the system is known to be used a lot; its first batch then makes code, if that is soon done.
    """

    def __init__(
        self,
        graph: Graph,
        outputs: Sequence[int],
        variables: int,
        seeds: int = 0,
        width: Width | None = None,
        is_in_use: Callable[[], bool] = bool,
    ) -> None:
        self._graph = graph
        self._outputs = tuple(outputs)
        self._variables, self._seeds = variables, seeds
        self._width = width or widest()
        self._single = Kernel(graph, outputs, variables + seeds)
        self._nodes = len(graph.reachable(outputs)) + len(self._outputs)
        self._rental = Rental(_MAKING + _MAKING_NODE * self._nodes, _POINT + _POINT_NODE * self._nodes, is_in_use)
        self._lock = threading.Lock()
        self._code: MachineCode | None = None
        self._lanes = _LANES()
        self._work_size = 0

    @property
    def is_compiled(self) -> bool:
        """Whether the next call goes through the lanes."""
        return self._code is not None

    def compile(self) -> None:
        """Make code for the lanes now, unless there is too much of it. Threads may call: one compiles, others wait."""
        with self._lock:
            if self._code is None and self._nodes <= LARGEST_OPTIMIZED:
                form = ManyPoints(self._width, self._variables, len(self._outputs))
                text, slots = emit("kernel", self._graph, self._outputs, form)
                self._work_size = slots * self._width.lanes
                code = MachineCode(text, optimize=True)
                self._lanes = _LANES(code.address("kernel"))
                self._code = code

    def __call__(self, x: Array, seeds: Array, p: Array, out: Array, between: Between = uninterrupted) -> None:
        """Write the outputs at each point.

        Parameters
        ----------
        x, seeds, p : contiguous arrays of float64, shapes (count or 1, …)
            A row a point, or one for all.
        out : contiguous array of float64, shape (count, outputs)
            Receives a row a point.
        between : callable, optional
            Called every few milliseconds; what it raises ends the work.
        """
        self.chosen(out.shape[0], between)(x, seeds, p, out)

    def chosen(self, count: int, between: Between = uninterrupted) -> Callable[[Array, Array, Array, Array], None]:
        """Return what a call with so many points does, to be called with any: by the same code every time.

        What a point gives must not depend on its place, nor on when a thread has finished, so one point alone goes by
        code whose bits the compiler keeps. The lanes would take as long for it as for a whole group.
        """
        if count > 1 and self._code is None and self._rental.is_over(count):
            aside(self.compile, between)
        if count == 1 or self._code is None:
            return functools.partial(self._in_slices, self._one_by_one, _SLOW_SLICE, between)
        return functools.partial(self._in_slices, self._in_lanes, _SLICE, between)

    def _in_slices(
        self,
        run: Callable[[Array, Array, Array, Array], None],
        work: int,
        between: Between,
        x: Array,
        seeds: Array,
        p: Array,
        out: Array,
    ) -> None:
        size = max(self._width.lanes, work // self._nodes)
        count = out.shape[0]
        for first in range(0, count, size):
            between()
            rows = slice(first, min(first + size, count))
            some = [each if each.shape[0] == 1 else each[rows] for each in (x, seeds, p)]
            run(some[0], some[1], some[2], out[rows])

    def _in_lanes(self, x: Array, seeds: Array, p: Array, out: Array) -> None:
        assert self._code is not None
        work = np.empty(self._work_size)
        self._lanes(
            x.ctypes.data, _stride(x), seeds.ctypes.data, _stride(seeds), p.ctypes.data, _stride(p),
            out.ctypes.data, out.shape[1], out.shape[0], work.ctypes.data,
        )  # fmt: skip

    def _one_by_one(self, x: Array, seeds: Array, p: Array, out: Array) -> None:
        if self._seeds:
            rows = max(x.shape[0], seeds.shape[0])
            joined = np.empty((rows, self._variables + self._seeds))
            joined[:, : self._variables], joined[:, self._variables :] = x, seeds
            x = joined
        kernel = self._single
        work = np.empty(kernel.work_size)
        _each_point()(
            kernel.address, kernel.program, x.ctypes.data, _stride(x), p.ctypes.data, _stride(p),
            out.ctypes.data, out.shape[1], out.shape[0], work.ctypes.data,
        )  # fmt: skip


@functools.cache
def _each_point() -> Callable[..., None]:
    """Return the loop that calls a kernel point by point."""
    function: Callable[..., None] = _EACH(each_point_address())
    return function


def _stride(rows: Array) -> int:
    """Return how many doubles lie between rows; none if one holds for all."""
    return 0 if rows.shape[0] == 1 else rows.shape[1]
