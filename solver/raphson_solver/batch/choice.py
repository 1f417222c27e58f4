"""Whether a batch has code for the lanes, and which order of pivots that has."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from raphson_solver.batch.newton_lanes import LARGEST_N, NewtonLanes, TooLargeError
from raphson_solver.batch.rows import one_of
from raphson_solver.compiler.rental import Rental
from raphson_solver.engine.status import JacobianMode, Method
from raphson_solver.interruption import Between, aside
from raphson_solver.solution.kernels import Kernels
from raphson_solver.solution.options import SolveOptions
from raphson_solver.structure.elimination import Pivot, pivot_order

if TYPE_CHECKING:
    from raphson_solver.solution.system import System

Array = NDArray[np.float64]

# Fewer members do not fill the lanes, be there code or not.
_FEWEST = 64
# Seconds, measured: to make code for the lanes, and that and more for each node of f and J; to solve a member by the
# engine, and that and more for each node.
_MAKING, _MAKING_NODE = 0.03, 7e-4
_MEMBER, _MEMBER_NODE = 1e-5, 5e-8
# Members whose J decides the order of pivots.
_SAMPLES = 8
_METHODS = {Method.AUTO, Method.NEWTON}


class Choice:
    """What the batches of a system have in common: whether there is code for the lanes, and in which order of pivots.

    The first batch that pays for code decides, unless it was decided ahead. Threads may ask.

    Parameters
    ----------
    kernels : Kernels
        Of the system.
    """

    def __init__(self, kernels: Kernels) -> None:
        self._kernels = kernels
        self._is_possible = kernels.m == kernels.n <= LARGEST_N
        nodes = len(kernels.graph.reachable([*kernels.equations, *kernels.entries(JacobianMode.EXACT)[1]]))
        making, member = _MAKING + _MAKING_NODE * nodes, _MEMBER + _MEMBER_NODE * nodes
        self._rental = Rental(making, member, lambda: kernels.compile_now)
        self._lock = threading.Lock()
        self._is_settled = False
        self._lanes: NewtonLanes | None = None

    def lanes(self, x: Array, p: Array, options: SolveOptions, count: int, between: Between) -> NewtonLanes | None:
        """Return the code for the lanes, if so many members have it; see `rows.rows_of` for x and p."""
        is_newton = options.method in _METHODS and options.jacobian is JacobianMode.EXACT
        if not self._is_possible or not is_newton or count < _FEWEST:
            return None
        if not self._is_settled and self._rental.is_over(count):
            aside(lambda: self._settle(x, p), between)
        return self._lanes

    def settle(self, x: Array, p: Array, *, in_lanes: bool) -> None:
        """Decide now, if it is not decided; where no order of pivots suits any of the members there is no code."""
        if in_lanes and self._is_possible:
            self._settle(x, p)
        self._is_settled = True

    def _settle(self, x: Array, p: Array) -> None:
        with self._lock:
            if self._is_settled:
                return
            order = self._order(x, p)
            if order is None:
                # The engine has this batch, and the next one is looked at anew.
                return
            # Where there would be too much code there is none.
            with suppress(TooLargeError):
                self._lanes = NewtonLanes(self._kernels, order)
            self._is_settled = True

    def _order(self, x: Array, p: Array) -> list[Pivot] | None:
        """Return an order of pivots that suits some of the members; None if J is at none of them finite and regular."""
        kernels = self._kernels
        pattern, kernel = kernels.pattern(JacobianMode.EXACT), kernels.evaluate(JacobianMode.EXACT)
        members = np.linspace(0, max(x.shape[0], p.shape[0]) - 1, _SAMPLES).astype(np.int64)
        at = [(one_of(x, member).copy(), one_of(p, member).copy()) for member in members]
        values = np.array([kernel(*each)[2 * kernels.m :] for each in at])
        finite = np.all(np.isfinite(values), axis=1)
        return pivot_order(pattern.rows, pattern.columns, values[finite], kernels.n) if finite.any() else None


def choice_of(system: System) -> Choice:
    """Return what the batches of a system have in common."""
    kernels = system.kernels
    return kernels.once("batches", lambda: Choice(kernels))
