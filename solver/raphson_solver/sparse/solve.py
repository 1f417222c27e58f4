"""Newton's iteration for systems that stay in families: undamped, then with a line search."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from raphson_solver.differential.family_source import FamilySource
from raphson_solver.engine import layout
from raphson_solver.engine.status import JacobianMode, Method, Status
from raphson_solver.errors import InputError
from raphson_solver.solution.options import SolveOptions
from raphson_solver.solution.progress import Reporter
from raphson_solver.solution.region import Bounds
from raphson_solver.solution.solution import Solution
from raphson_solver.solution.trace import TraceStep
from raphson_solver.sparse.factors import SparseFactors
from raphson_solver.sparse.point import (
    LINEAR,
    ROUNDING_STEP,
    SMALL_STEP,
    Place,
    Tangent,
    is_deaf,
    passes,
    relative_size,
    scale,
)

if TYPE_CHECKING:
    from raphson_solver.engine import CancelFlag
    from raphson_solver.solution.system import System

Array = NDArray[np.float64]

_METHODS = {
    Method.AUTO: (Method.NEWTON, Method.LINE_SEARCH),
    Method.NEWTON: (Method.NEWTON,),
    Method.LINE_SEARCH: (Method.LINE_SEARCH,),
}
# Of the iterations, for undamped Newton when a line search follows.
_SHARE = 0.2
_SHORTEST = 1e-9
_ENOUGH = 1e-4
_STATIONARY = 1e-8
_HALVINGS = 60


class _StoppedError(Exception):
    """Somebody, or a limit, ends the solve."""

    def __init__(self, status: Status) -> None:
        super().__init__()
        self.status = status


@dataclass(slots=True)
class _Run:
    """A solve under way."""

    system: System
    p: Array
    options: SolveOptions
    cancel: CancelFlag | None
    region: Bounds | None
    deadline: float
    trace: list[TraceStep] | None
    reporter: Reporter | None
    source: FamilySource = field(init=False)
    factors: SparseFactors = field(init=False)
    iterations: int = 0
    evaluations: int = 0
    jacobians: int = 0
    best: tuple[float, Place, Method] | None = None

    def __post_init__(self) -> None:
        codes = self.system.family_codes
        assert codes is not None
        self.source = FamilySource(codes, self.system.limits.dense_entries, self.check)
        if self.reporter is not None:
            self.reporter.linear_seconds, self.reporter.linear_solver = 0.0, "sparse LU"
        self.factors = codes.once("factors", lambda: SparseFactors(*self.pattern, self.system.n))

    @property
    def pattern(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return self.source.pattern(JacobianMode.EXACT)

    def check(self) -> None:
        """Raise `_StoppedError` if the solve is to end; asked every few milliseconds of evaluation."""
        if self.cancel is not None and self.cancel.is_set():
            raise _StoppedError(Status.CANCELLED)
        if time.monotonic() > self.deadline:
            raise _StoppedError(Status.TIME_LIMIT)

    def place(self, x: Array) -> Place:
        limit = self.options.max_evaluations
        if limit is not None and self.evaluations >= limit:
            raise _StoppedError(Status.EVALUATION_LIMIT)
        self.evaluations += 1
        return Place(x, *self.source.value_and_sizes(x, self.p))

    def tangent(self, place: Place) -> Tangent:
        self.jacobians += 1
        entries = self.source.entries(place.x[None], self.p[None], 1, JacobianMode.EXACT)[0]
        return Tangent.at(place.x, *self.pattern, entries)

    def inside(self, x: Array) -> Array:
        """Return the nearest point within bounds."""
        return x if self.region is None else np.clip(x, self.region.lower, self.region.upper)

    def remember(self, place: Place, beside: Array, method: Method) -> None:
        """Keep the best point of all attempts, by the sizes at the start."""
        with np.errstate(all="ignore"):
            merit = float(np.max(np.abs(place.f) / beside))
        if math.isfinite(merit) and (self.best is None or merit < self.best[0]):
            self.best = (merit, place, method)

    def note(self, place: Place, beside: Array, method: Method, step: float, length: float) -> None:
        """Add a step to the trace, if it is wanted."""
        if self.trace is None:
            return
        size = np.abs(place.f)
        scaled = float(np.max(size / np.where(beside > 0.0, beside, 1.0)))
        self.trace.append(TraceStep(method, place.x.copy(), float(np.max(size)), scaled, step, length))

    def report(self, place: Place, beside: Array, method: Method) -> None:
        """Say where the solve stands, if somebody listens."""
        if self.reporter is None:
            return

        def residuals() -> tuple[float, float]:
            with np.errstate(all="ignore"):
                size = np.abs(place.f)
                return float(np.max(size)), float(np.max(size / np.where(beside > 0.0, beside, 1.0)))

        self.reporter.tell(self.iterations, method, residuals)

    def step(self, tangent: Tangent, place: Place) -> Array | None:
        """Return Newton's step, None where J is singular or nearly so."""
        began = time.monotonic()
        step = self.factors.solve(tangent.entries, -place.f)
        if self.reporter is not None:
            self.reporter.linear_seconds += time.monotonic() - began
        return step


def solve(
    system: System,
    x: Array,
    p: Array,
    options: SolveOptions,
    cancel: CancelFlag | None,
    region: Bounds | None,
    reporter: Reporter | None = None,
    *,
    trace: bool,
) -> Solution:
    """Solve a large square system from x, shape (n,), with p, shape (k,), both finite; see `System.solve`.

    Raises
    ------
    InputError
        For what only smaller systems have.
    """
    _check(system, options)
    if region is not None:
        region.check_start(x)
    began = time.monotonic()
    deadline = math.inf if options.timeout_seconds is None else began + options.timeout_seconds
    run = _Run(system, p, options, cancel, region, deadline, [] if trace else None, reporter)
    unknown = np.full(system.n, np.nan)
    status, place, method = Status.DOMAIN_ERROR, Place(x, unknown, unknown), Method.NEWTON
    try:
        place = run.place(x)
        if place.is_finite:
            status, place, method = _attempts(run, place)
    except _StoppedError as stopped:
        status = stopped.status
        if run.best is not None:
            _, place, method = run.best
    return _solution(run, place, status, method, time.monotonic() - began)


def _check(system: System, options: SolveOptions) -> None:
    if system.m != system.n:
        raise InputError(
            "options.method",
            f"a system of this size needs as many equations as variables; found {system.m} equations for {system.n}",
        )
    if options.method not in _METHODS:
        known = ", ".join(method.name.lower() for method in _METHODS)
        raise InputError(
            "options.method", f"{options.method.name.lower()} is not for systems of this size; expected one of {known}"
        )
    if options.jacobian is not JacobianMode.EXACT:
        found = options.jacobian.name.lower()
        raise InputError("options.jacobian", f"{found} is not for systems of this size; expected exact")


def _attempts(run: _Run, first: Place) -> tuple[Status, Place, Method]:
    """Go through the methods, and return the first success, else the best point."""
    methods = _METHODS[run.options.method]
    most = run.options.max_iterations
    beside = _usual(first)
    least, chosen = math.inf, (Status.DOMAIN_ERROR, first, methods[0])
    for number, method in enumerate(methods):
        limit = most if number == len(methods) - 1 else max(1, math.ceil(_SHARE * most))
        status, place = _iterate(run, method, first, beside, limit)
        if status is Status.CONVERGED:
            return status, place, method
        # The attempt that came nearest, with what ended it.
        if run.best is not None and run.best[0] < least:
            least, place, _ = run.best
            chosen = (status, place, method)
    return chosen


def _usual(place: Place) -> Array:
    """Return sizes of the equations to compare points by."""
    return np.where(place.size > 0.0, place.size, 1.0)


def _iterate(run: _Run, method: Method, place: Place, beside: Array, limit: int) -> tuple[Status, Place]:
    """Take steps by one method until a point earns a status."""
    options = run.options
    tolerance, absolute = options.tolerance, options.absolute_tolerance
    largest = np.abs(place.x)
    escaping, relative, length = False, math.nan, math.nan
    while True:
        run.check()
        tangent = run.tangent(place)
        here = place.scale = scale(place, tangent)
        run.remember(place, beside, method)
        run.note(place, here, method, relative, length)
        run.report(place, here, method)
        if not tangent.is_finite:
            return Status.DOMAIN_ERROR, place
        solved = passes(place, here, tolerance, absolute)
        step = run.step(tangent, place)
        if step is None:
            zero = bool(np.all(np.abs(place.f) <= absolute))
            return (Status.CONVERGED if zero and not escaping else Status.SINGULAR), place
        relative = relative_size(place.x, step, largest)
        if solved:
            by_terms = passes(place, place.size, tolerance, absolute)
            deaf = is_deaf(place, tangent, largest, tolerance, -1.0 if escaping else absolute)
            if not deaf and _earned(run, place, tangent, here, step, relative=relative, by_terms=by_terms):
                return Status.CONVERGED, place
            escaping = escaping or by_terms or relative > SMALL_STEP
        if run.iterations >= limit:
            return Status.ITERATION_LIMIT, place
        step = run.inside(place.x + step) - place.x
        if not np.any(step):
            return _ending(place, tangent, here), place
        run.iterations += 1
        moved = _undamped(run, place, step) if method is Method.NEWTON else _searched(run, place, tangent, here, step)
        if moved is None:
            return _ending(place, tangent, here), place
        place, length = moved
        largest = np.maximum(largest, np.abs(place.x))


def _earned(
    run: _Run,
    place: Place,
    tangent: Tangent,
    here: Array,
    step: Array,
    *,
    relative: float,
    by_terms: bool,
) -> bool:
    """Return whether a point that passes is a root; see the engine's `earned`."""
    if by_terms:
        return relative <= SMALL_STEP
    with np.errstate(all="ignore"):
        share = float(np.max(np.where(place.f == 0.0, 0.0, np.abs(place.f) / here)))
    right = relative_size(place.x, step, np.abs(place.x), 0.0) <= ROUNDING_STEP or share <= ROUNDING_STEP
    return right and _is_linear_nearby(run, place, tangent, step)


def _is_linear_nearby(run: _Run, place: Place, tangent: Tangent, step: Array) -> bool:
    """Return whether f changes as J says when each x_j moves by 64 of its last digits, the way of a step and back."""
    for way in (1.0, -1.0):
        x = run.inside(place.x + way * np.where(step >= 0.0, 1.0, -1.0) * ROUNDING_STEP * np.abs(place.x))
        parts = tangent.entries * (x - place.x)[tangent.columns]
        change = np.bincount(tangent.rows, parts, place.f.size)
        size = np.bincount(tangent.rows, np.abs(parts), place.f.size)
        if not np.all(np.abs(run.place(x).f - place.f - change) <= LINEAR * size):
            return False
    return True


def _undamped(run: _Run, place: Place, step: Array) -> tuple[Place, float] | None:
    """Return where the whole step leads, or as much of it as f is finite for."""
    length = 1.0
    for _ in range(_HALVINGS):
        moved = run.place(run.inside(place.x + length * step))
        if moved.is_finite:
            return moved, length
        length *= 0.5
    return None


def _searched(run: _Run, place: Place, tangent: Tangent, here: Array, step: Array) -> tuple[Place, float] | None:
    """Return a point along the step at which Σ(f/scale)² is enough below what it is, found by parabolas."""
    weight = 1.0 / np.where(here > 0.0, here, 1.0)
    merit = float(np.sum((place.f * weight) ** 2))
    along = np.bincount(tangent.rows, tangent.entries * step[tangent.columns], place.f.size)
    slope = -float(np.sum(weight * place.f * (weight * along)))
    if not slope > 0.0:
        return None
    length = 1.0
    while length >= _SHORTEST:
        moved = run.place(run.inside(place.x + length * step))
        with np.errstate(all="ignore"):
            new = float(np.sum((moved.f * weight) ** 2))
        if math.isfinite(new) and new <= merit - 2.0 * _ENOUGH * length * slope:
            return moved, length
        if math.isfinite(new):
            shorter = length * length * slope / (new - merit + 2.0 * length * slope)
            length = min(max(shorter, 0.1 * length), 0.5 * length)
        else:
            length *= 0.5
    return None


def _ending(place: Place, tangent: Tangent, here: Array) -> Status:
    """Return the status of a point from which no step leads on."""
    weight = 1.0 / np.where(here > 0.0, here, 1.0)
    parts = weight[tangent.rows] * tangent.entries * (weight * place.f)[tangent.rows]
    total = np.bincount(tangent.columns, parts, place.x.size)
    size = np.bincount(tangent.columns, np.abs(parts), place.x.size)
    return Status.LOCAL_MINIMUM if np.all(np.abs(total) <= _STATIONARY * size) else Status.STALLED


def _solution(run: _Run, place: Place, status: Status, method: Method, seconds: float) -> Solution:
    m, n = run.system.m, run.system.n
    answer = np.empty(layout.ANSWER_HEADER + m + n + m)
    norm = float(np.max(np.abs(place.f)))
    answer[layout.ANSWER_ITERATIONS] = run.iterations
    answer[layout.ANSWER_EVALUATIONS] = run.evaluations
    answer[layout.ANSWER_JACOBIANS] = run.jacobians
    answer[layout.ANSWER_METHOD] = method
    answer[layout.ANSWER_NORM] = norm
    answer[layout.ANSWER_REGULARIZED] = 0.0
    first = layout.ANSWER_HEADER
    beside = place.size if place.scale is None else place.scale
    with np.errstate(all="ignore"):
        answer[first : first + m] = np.abs(place.f) / np.where(beside > 0.0, beside, 1.0)
    answer[first + m : first + m + n] = place.x
    answer[first + m + n :] = place.f
    return Solution(run.system, answer, status, seconds, run.p.copy(), run.region, run.trace)
