"""Whether a batch has code for the lanes, and which order of pivots that has."""

from __future__ import annotations

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
from raphson_solver.structure.elimination import pivot_order

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


def lanes_for(
    system: System, x: Array, p: Array, options: SolveOptions, count: int, between: Between
) -> NewtonLanes | None:
    """Return the code for the lanes, if the system has one and so many members pay for it, or earlier ones did."""
    if options.method not in _METHODS or options.jacobian is not JacobianMode.EXACT:
        return None
    if system.m != system.n or system.n > LARGEST_N:
        return None
    kernels = system.kernels
    rental = kernels.once("newton rental", lambda: _rental(kernels))
    if count < _FEWEST or not rental.is_over(count):
        return None

    def make() -> NewtonLanes | None:
        return kernels.once("newton lanes", lambda: _made(system, x, p))

    try:
        return make() if kernels.has("newton lanes") else aside(make, between)
    except _NoOrderError:
        return None


def _rental(kernels: Kernels) -> Rental:
    """Return what code for the lanes costs, and what a member costs without."""
    nodes = len(kernels.graph.reachable([*kernels.equations, *kernels.entries(JacobianMode.EXACT)[1]]))
    making, member = _MAKING + _MAKING_NODE * nodes, _MEMBER + _MEMBER_NODE * nodes
    return Rental(making, member, lambda: kernels.compile_now)


class _NoOrderError(Exception):
    """J is nowhere finite and regular: the engine has this batch, and the next is looked at anew."""


def _made(system: System, x: Array, p: Array) -> NewtonLanes | None:
    """Return code with an order of pivots that suits some of the members; None where there would be too much of it."""
    pattern = system.kernels.pattern(JacobianMode.EXACT)
    kernel = system.kernels.evaluate(JacobianMode.EXACT)
    members = np.linspace(0, max(x.shape[0], p.shape[0]) - 1, _SAMPLES).astype(np.int64)
    values = np.array(
        [kernel(one_of(x, member).copy(), one_of(p, member).copy())[2 * system.m :] for member in members]
    )
    finite = np.all(np.isfinite(values), axis=1)
    order = pivot_order(pattern.rows, pattern.columns, values[finite], system.n) if finite.any() else None
    if order is None:
        raise _NoOrderError
    try:
        return NewtonLanes(system.kernels, order)
    except TooLargeError:
        return None
