"""Many members of one system, each with its own start and parameters: in lanes, and alone where lanes do not do."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raphson_solver.batch import sparse_lanes
from raphson_solver.batch.choice import choice_of
from raphson_solver.batch.newton_lanes import UNHEARD, NewtonLanes, Results
from raphson_solver.batch.rows import Which, of, one_of, rows_of
from raphson_solver.batch.solution import BatchSolution
from raphson_solver.batch.sparse_lanes import SparseLanes
from raphson_solver.batch.warm_start import rounds
from raphson_solver.engine import CancelFlag
from raphson_solver.engine.eights_newton import NEAR, RIGHT
from raphson_solver.engine.status import Status
from raphson_solver.interruption import Between, uninterrupted
from raphson_solver.shared import Shared
from raphson_solver.solution.options import SolveOptions, WarmStart

if TYPE_CHECKING:
    from raphson_solver.solution.system import System

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

# Numbers of the roots of one call of the code, and its fewest members: a few milliseconds, and what they need stays in
# the cache. Calls of 0.3 ms left a second thread idle a third of its time.
_NUMBERS, _FEWEST_MEMBERS = 65_536, 1024
# The same where members are solved one by one: each number takes longer, and a network's hundred cases share the cores.
_NUMBERS_ALONE = 8192
# How long other threads are waited for between two looks at whether somebody still waits.
_LOOK_SECONDS = 0.02
# Members that pay for whatever code there may be.
_MANY = 1 << 60
_MOST_STEPS = int(np.iinfo(np.int32).max)


def solve_batch(
    system: System,
    start: ArrayLike | Mapping[str, Any],
    parameters: ArrayLike | Mapping[str, Any] | None,
    options: SolveOptions,
    threads: int | None,
    between: Between,
    cancel: CancelFlag | None,
    warm_start: WarmStart | None,
) -> BatchSolution:
    """Solve many members; see `System.solve_batch`."""
    x, p, count = rows_of(system, start, parameters)
    flag = CancelFlag() if cancel is None else cancel
    lanes = _lanes(system, x, p, options, count, between, flag)
    members = _Members(system, x, p, count, options, lanes, between, flag)
    fewest = _FEWEST_MEMBERS if isinstance(lanes, NewtonLanes) else max(1, _NUMBERS_ALONE // system.n)
    workers = min(threads or os.cpu_count() or 1, max(1, count // fewest))
    size = max(fewest, _NUMBERS // system.n)
    # As many for each thread.
    size = -(-count // (workers * -(-count // (workers * size))))
    if isinstance(lanes, SparseLanes):
        size = -(-size // sparse_lanes.FEWEST) * sparse_lanes.FEWEST
    parts: Iterator[Iterable[tuple[Which, Integers | None]]]
    if warm_start is None:
        parts = iter([[(slice(first, min(first + size, count)), None) for first in range(0, count, size)]])
    else:
        parts = (_cut(*each, size) for each in rounds(warm_start, p, count))
    if workers == 1:
        for part in parts:
            _work_off(members, part, between)
        return members.solution()
    # This thread takes its share: another one may come a millisecond late.
    with ThreadPoolExecutor(workers - 1) as pool:
        try:
            for part in parts:
                rest = Shared(part)
                helping = [pool.submit(_work_off, members, rest, uninterrupted) for _ in range(workers - 1)]
                _work_off(members, rest, between)
                while wait(helping, _LOOK_SECONDS).not_done:
                    between()
                for each in helping:
                    each.result()
        except BaseException:
            # What is under way ends too, be it one long solve.
            members.flag.set()
            pool.shutdown(cancel_futures=True)
            raise
    return members.solution()


def _lanes(
    system: System, x: Array, p: Array, options: SolveOptions, count: int, between: Between, flag: CancelFlag
) -> NewtonLanes | SparseLanes | None:
    """Return what solves several members at once, if anything does."""
    if system.family_codes is None and system.has_equations:
        found = choice_of(system).lanes(x, p, options, count, between)
        if found is not None:
            return found
    if not system.has_equations or count < sparse_lanes.FEWEST:
        return None
    prepared = system.prepare(options)
    finite = np.flatnonzero(np.isfinite(p).all(axis=1))
    if prepared.is_sparse and not prepared.has_order and finite.size:
        # A solve chooses the order of pivots, for every one after it.
        between()
        system.solve(one_of(x, finite[0]), one_of(p, finite[0]), options, flag)
    return SparseLanes.of(prepared, options, count, between)


def settle_batches(
    system: System,
    start: ArrayLike | Mapping[str, Any],
    parameters: ArrayLike | Mapping[str, Any] | None,
    *,
    in_lanes: bool,
) -> None:
    """Decide how batches are solved; see `System.settle_batches`."""
    x, p, _ = rows_of(system, start, parameters)
    if system.family_codes is None:
        choice_of(system).settle(x, p, in_lanes=in_lanes)
    elif in_lanes:
        _lanes(system, x, p, SolveOptions(), _MANY, uninterrupted, CancelFlag())


def _cut(members: Integers, sources: Integers | None, size: int) -> list[tuple[Which, Integers | None]]:
    """Return the parts of a round."""
    parts = [slice(first, first + size) for first in range(0, members.size, size)]
    return [(members[part], None if sources is None else sources[part]) for part in parts]


def _work_off(members: _Members, parts: Iterable[tuple[Which, Integers | None]], between: Between) -> None:
    """Solve members part by part, until none is left."""
    for which, sources in parts:
        between()
        members.solve(which, sources)


class _Members:
    """The members of a batch, and what becomes of them. Threads may solve different ones."""

    def __init__(
        self,
        system: System,
        x: Array,
        p: Array,
        count: int,
        options: SolveOptions,
        lanes: NewtonLanes | SparseLanes | None,
        between: Between,
        flag: CancelFlag,
    ) -> None:
        self._system, self._x, self._p = system, x, p
        self._options, self._lanes, self._between = options, lanes, between
        self.flag = flag
        self._settings = np.array([options.tolerance, options.absolute_tolerance])
        self._found = Results(
            np.empty((count, system.n)), np.empty(count), np.empty(count, np.int32), np.empty(count, np.int8)
        )
        self._status = np.full(count, int(Status.CONVERGED), np.int8)

    def solution(self) -> BatchSolution:
        """Return what became of all."""
        return BatchSolution(self._system, self._found.x, self._status, self._found.norm, self._found.steps)

    def solve(self, which: Which, sources: Integers | None) -> None:
        """Solve some members, each from the root of its source if it has one; what that leaves, from its own start."""
        members = np.arange(which.start, which.stop) if isinstance(which, slice) else which
        starts = of(self._x, which) if sources is None else self._roots(members, sources)
        if self._lanes is not None and not self.flag.is_set():
            given = of(self._p, which)
            here = self._found.part(which)
            self._lanes.run(starts, given, self._settings, here, self.flag)
            if not isinstance(which, slice):
                self._found.put(which, here)
            members = members[_is_undecided(self._lanes, given, self._options, here)]
            near = [member for member in members if self._found.verdict[member] == NEAR and self._end(member)]
            members = np.setdiff1d(members, near)
        elif sources is not None:
            members = members[[not self._solve_alone(member, at) for member, at in zip(members, starts, strict=True)]]
        for member in members:
            self._solve_alone(member, one_of(self._x, member))

    def _roots(self, members: Integers, sources: Integers) -> Array:
        """Return where members begin: at the roots of their sources, or at their own starts where those have none."""
        has_root = (self._status[sources] == int(Status.CONVERGED))[:, None]
        return np.where(has_root, self._found.x[sources], of(self._x, members))

    def _end(self, member: int) -> bool:
        """Let the engine go on from where a member is; return whether that is a root."""
        steps = self._found.steps[member]
        is_root = self._solve_alone(member, self._found.x[member].copy())
        self._found.steps[member] += min(steps, _MOST_STEPS - self._found.steps[member])
        return is_root and self._found.steps[member] <= self._options.max_iterations

    def _solve_alone(self, member: int, start: Array) -> bool:
        """Solve a member by all that the engine has; return whether that found a root."""
        self._between()
        found, status, p = self._found, self._status, one_of(self._p, member)
        if self.flag.is_set() or not np.isfinite(p).all():
            found.x[member], found.norm[member], found.steps[member] = one_of(self._x, member), np.nan, 0
            status[member] = int(Status.CANCELLED if self.flag.is_set() else Status.DOMAIN_ERROR)
            return False
        solution = self._system.solve(start, p, self._options, self.flag)
        found.x[member], found.norm[member] = solution.x, solution.residual_norm
        found.steps[member] = min(solution.iterations, _MOST_STEPS)
        status[member] = int(solution.status)
        return solution.status is Status.CONVERGED


def _is_undecided(
    lanes: NewtonLanes | SparseLanes, p: Array, options: SolveOptions, found: Results
) -> NDArray[np.bool_]:
    """Return which members the engine has to solve, shape (count,)."""
    is_right: NDArray[np.bool_] = found.verdict == RIGHT
    unheard = np.flatnonzero(found.verdict == UNHEARD)
    if unheard.size and isinstance(lanes, NewtonLanes):
        is_right[unheard] = lanes.hears(found.x[unheard], of(p, unheard), options.tolerance)
    return ~is_right | (found.steps > options.max_iterations)
