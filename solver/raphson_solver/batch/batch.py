"""Many members of one system, each with its own start and parameters: in lanes, and alone where lanes do not do."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raphson_solver.batch.newton_lanes import LARGEST_N, RIGHT, UNHEARD, NewtonLanes, Results, TooLargeError
from raphson_solver.compiler.rental import Rental
from raphson_solver.differential.points import broadcast, points
from raphson_solver.engine import CancelFlag
from raphson_solver.engine.status import JacobianMode, Method, Status
from raphson_solver.errors import InputError
from raphson_solver.interruption import Between, aside
from raphson_solver.solution.kernels import Kernels
from raphson_solver.solution.options import SolveOptions
from raphson_solver.structure.elimination import pivot_order

if TYPE_CHECKING:
    from raphson_solver.solution.system import System

Array = NDArray[np.float64]

# Members in one call of the code: a few milliseconds, and what they need stays in the cache.
_CHUNK = 4096
# Fewer members do not fill the lanes, be there code or not.
_FEWEST = 64
# Seconds, measured: to make code for the lanes, and that and more for each node of f and J; to solve a member by the
# engine, and that and more for each node.
_MAKING, _MAKING_NODE = 0.03, 7e-4
_MEMBER, _MEMBER_NODE = 1e-5, 5e-8
# Members whose J decides the order of pivots.
_SAMPLES = 8
_MOST_STEPS = int(np.iinfo(np.int32).max)
_METHODS = {Method.AUTO, Method.NEWTON}


@dataclass(frozen=True, slots=True, eq=False)
class BatchSolution:
    """Where the iterations of a batch ended.

    Attributes
    ----------
    system : System
        What was solved.
    x : ndarray, shape (B, n)
        The returned points.
    status : ndarray of int8, shape (B,)
        The numbers of `Status`.
    residual_norm : ndarray, shape (B,)
        The largest |f| at each.
    iterations : ndarray of int32, shape (B,)
        Newton steps; 2³¹ − 1 stands for more.
    """

    system: System
    x: Array
    status: NDArray[np.int8]
    residual_norm: Array
    iterations: NDArray[np.int32]

    @property
    def converged(self) -> NDArray[np.bool_]:
        """Which members are roots, shape (B,)."""
        found: NDArray[np.bool_] = self.status == int(Status.CONVERGED)
        return found

    def __getitem__(self, name: str) -> Array:
        """Return a variable of all members, shape (B, *shape)."""
        place = 0
        for each, shape in self.system.variables:
            count = int(np.prod(shape, dtype=np.int64))
            if each == name:
                return self.x[:, place : place + count].reshape((-1, *shape))
            place += count
        raise KeyError(name)

    def __len__(self) -> int:
        return self.status.size

    def __str__(self) -> str:
        lines = [f"{len(self)} members"]
        for status in Status:
            count = int(np.count_nonzero(self.status == int(status)))
            if count:
                lines.append(f"  {count} {status.name.lower()}")
        return "\n".join(lines)


def solve_batch(
    system: System,
    start: ArrayLike | Mapping[str, Any],
    parameters: ArrayLike | Mapping[str, Any] | None,
    options: SolveOptions,
    threads: int | None,
    between: Between,
    cancel: CancelFlag | None,
) -> BatchSolution:
    """Solve many members; see `System.solve_batch`."""
    flag = CancelFlag() if cancel is None else cancel
    x, p, count = _rows(system, start, parameters)
    found = Results(np.empty((count, system.n)), np.empty(count), np.empty(count, np.int32), np.empty(count, np.int8))
    status = np.full(count, int(Status.CONVERGED), np.int8)
    lanes = _lanes(system, x, p, options, count, between)
    settings = np.array([options.tolerance, options.absolute_tolerance])

    def work(first: int) -> None:
        rows = slice(first, min(first + _CHUNK, count))
        if lanes is None or flag.is_set():
            left = np.arange(rows.start, rows.stop)
        else:
            here, given = found.part(rows), _of(p, rows)
            lanes.run(_of(x, rows), given, settings, here)
            left = first + np.flatnonzero(_is_undecided(lanes, given, options, here))
        for member in left:
            between()
            at, given = _of(x, member), _of(p, member)
            if flag.is_set() or not np.isfinite(given).all():
                found.x[member], found.norm[member], found.steps[member] = at, np.nan, 0
                status[member] = int(Status.CANCELLED if flag.is_set() else Status.DOMAIN_ERROR)
                continue
            solution = system.solve(at, given, options, flag)
            found.x[member], found.norm[member] = solution.x, solution.residual_norm
            found.steps[member] = min(solution.iterations, _MOST_STEPS)
            status[member] = int(solution.status)

    workers = min(threads or os.cpu_count() or 1, max(1, count // _CHUNK))
    starts = range(0, count, _CHUNK)
    if workers == 1:
        for first in starts:
            between()
            work(first)
    else:
        with ThreadPoolExecutor(workers) as pool:
            pending = [pool.submit(work, first) for first in starts]
            try:
                for each in pending:
                    between()
                    each.result()
            except BaseException:
                # What is under way ends too, be it one long solve.
                flag.set()
                pool.shutdown(cancel_futures=True)
                raise
    return BatchSolution(system, found.x, status, found.norm, found.steps)


def _rows(
    system: System, start: ArrayLike | Mapping[str, Any], parameters: ArrayLike | Mapping[str, Any] | None
) -> tuple[Array, Array, int]:
    """Return starts and parameters as rows, one a member or one for all, and how many members there are.

    A parameter that is not finite is a matter of its member alone.
    """
    starts = points(start, system.variables, "start")
    if isinstance(parameters, Mapping):
        system.check_structural(parameters)
        parameters = {name: value for name, value in parameters.items() if name not in system.structural}
    given = points(parameters, system.free_parameters, "parameters", finite=False)
    batch = broadcast(starts.shape[:-1], given.shape[:-1], "parameters")
    if len(batch) > 1:
        raise InputError("start", f"a batch has one dimension, its members; found {batch}")
    rows = [each.reshape(math.prod(each.shape[:-1]), each.shape[-1]) for each in (starts, given)]
    return rows[0], rows[1], batch[0] if batch else 1


def _of(rows: Array, which: slice | int | np.int64) -> Array:
    """Return some rows, or the one that holds for all."""
    if isinstance(which, slice):
        some: Array = rows if rows.shape[0] == 1 else rows[which]
        return some
    one: Array = rows[0 if rows.shape[0] == 1 else which]
    return one


def _is_undecided(lanes: NewtonLanes, p: Array, options: SolveOptions, found: Results) -> NDArray[np.bool_]:
    """Return which members the engine has to solve, shape (count,)."""
    undecided: NDArray[np.bool_] = (found.verdict != RIGHT) | (found.steps > options.max_iterations)
    unheard = np.flatnonzero(found.verdict == UNHEARD)
    if unheard.size:
        given = p if p.shape[0] == 1 else p[unheard]
        undecided[unheard] &= ~lanes.hears(found.x[unheard], given, options.tolerance)
    return undecided


def _lanes(
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
    values = np.array([kernel(_of(x, member).copy(), _of(p, member).copy())[2 * system.m :] for member in members])
    finite = np.all(np.isfinite(values), axis=1)
    order = pivot_order(pattern.rows, pattern.columns, values[finite], system.n) if finite.any() else None
    if order is None:
        raise _NoOrderError
    try:
        return NewtonLanes(system.kernels, order)
    except TooLargeError:
        return None
