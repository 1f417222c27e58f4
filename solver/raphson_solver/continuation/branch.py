"""A branch: from a root, step by step, by pseudo-arclength continuation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raphson_solver.continuation.curve import Curve, CurvePoint, OffCurveError
from raphson_solver.continuation.options import BranchOptions
from raphson_solver.continuation.points import BranchPoint, End, PointKind
from raphson_solver.continuation.segment import hides_fold, meeting, turning_point
from raphson_solver.continuation.sizes import likely_size, sizes_at
from raphson_solver.errors import InputError
from raphson_solver.sensitivity.selection import select
from raphson_solver.solution.local import vectors
from raphson_solver.solution.options import SolveOptions
from raphson_solver.solution.region import NominalLike, pack_nominal
from raphson_solver.solution.solution import Solution

if TYPE_CHECKING:
    from raphson_solver.solution.system import System

Array = NDArray[np.float64]

_REACH = 0.5
"""How far from where it was predicted a point may be, in lengths of the step."""
_GROWTH = {0: 2.0, 1: 2.0, 2: 2.0, 3: 2.0, 4: 1.2, 5: 0.8}
_COMFORTABLE = 0.6
"""Of the largest angle."""
_CAUTION = 1 / 1024
"""What part of a step is tried before a change of the determinant's sign is taken for a crossing, not for a jump."""
_TOUCHING = 1e-9
_FEW_DIGITS = 2.0**-49
_SEED = 20240229


def follow(
    system: System,
    x: ArrayLike | Mapping[str, Any],
    parameter: str,
    p: ArrayLike | Mapping[str, Any] | None = None,
    *,
    lower: float = -math.inf,
    upper: float = math.inf,
    options: BranchOptions | None = None,
    solve_options: SolveOptions | None = None,
    nominal: NominalLike | None = None,
    nominal_parameter: float | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Branch:
    """Follow a root as one parameter λ changes, around folds.

    Parameters
    ----------
    system : System
        With as many equations as variables.
    x : array of shape (n,), or mapping of names to values
        Where to look for the first root, at the λ in p.
    parameter : str
        The name of λ: a free parameter that is one number, or one element of an array, such as ``"k[2]"``.
    p : array of shape (k,), or mapping of names to values
        All parameters; λ with its first value.
    lower, upper : float
        Where λ ends; met exactly.
    options : BranchOptions, optional
        How.
    solve_options : SolveOptions, optional
        How the first root is solved for; its tolerances hold for every point. Points after the first always use
        exact derivatives.
    nominal : mapping of names to sizes, or array of shape (n,), optional
        How large each variable is, about, in its unit; else its size at the start counts, or how fast it changes.
    nominal_parameter : float, optional
        What change of λ is large; else the smaller of its value at the start and its range.
    should_stop : callable, optional
        Asked before every step.

    Returns
    -------
    Branch
        An iterator of points, which computes each when it is asked for.

    Raises
    ------
    InputError
        When an argument does not fit, or λ begins outside its limits.
    """
    chosen = options or BranchOptions()
    if system.m != system.n:
        raise InputError("continuation", f"it needs as many equations as variables; found {system.m}×{system.n}")
    found = select(parameter, system.free_parameters, "parameter")
    if found.places.size != 1:
        raise InputError("parameter", f"'{parameter}' is {found.places.size} numbers; name one, such as {parameter}[0]")
    place = int(found.places[0])
    at, given = vectors(system, x, p)
    if not lower <= given[place] <= upper:
        raise InputError("parameter", f"'{parameter}' begins at {given[place]}, outside [{lower}, {upper}]")
    nominals = None if nominal is None else pack_nominal(nominal, system.variables, system.n)
    start = system.solve(at, given, solve_options or SolveOptions(), nominal=nominals)
    if nominal_parameter is None:
        nominal_parameter = likely_size(given[place], lower, upper)
    elif not 0.0 < nominal_parameter < math.inf:
        raise InputError("nominal_parameter", f"expected a number above 0, found {nominal_parameter!r}")
    sizes = sizes_at(system, start.x, given, place, nominal_parameter, nominals)
    curve = Curve(system, given, place, sizes, solve_options or SolveOptions())
    z = np.append(start.x, given[place]) / sizes
    limits = (lower / sizes[-1], upper / sizes[-1])
    return Branch(start, _Walk(curve, z, limits, chosen, should_stop or (lambda: False)))


class Branch(Iterator[BranchPoint]):
    """The points of a branch, computed as they are asked for. The first is the start, the last one the end.

    Attributes
    ----------
    start : Solution
        The solve at the first λ.
    reason : End or None
        Why the branch ended; None until all its points are out.
    """

    def __init__(self, start: Solution, walk: _Walk) -> None:
        self.start = start
        self.reason: End | None = None
        self._walk = walk
        self._points = self._stream()

    def __next__(self) -> BranchPoint:
        return next(self._points)

    def _stream(self) -> Iterator[BranchPoint]:
        """Yield each point when the next one is known, so that the last can be marked."""
        if not self.start.converged:
            self.reason = End.START
            return
        reason, waiting = End.MAX_POINTS, None
        try:
            for point in islice(self._walk.points(), self._walk.options.max_points):
                if waiting is not None:
                    yield waiting
                waiting = point
        except _EndedError as ended:
            reason = ended.reason
        if waiting is not None:
            yield waiting if waiting.kind is PointKind.START else replace(waiting, kind=PointKind.END)
        self.reason = reason


class _EndedError(Exception):
    def __init__(self, reason: End) -> None:
        super().__init__()
        self.reason = reason


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """One step that led somewhere: perhaps a turning point on the way, the point, and why the branch ends there."""

    point: CurvePoint
    turning: CurvePoint | None = None
    ends: End | None = None


class _Walk:
    def __init__(
        self,
        curve: Curve,
        z: Array,
        limits: tuple[float, float],
        options: BranchOptions,
        should_stop: Callable[[], bool],
    ) -> None:
        self.options = options
        self._curve = curve
        self._z = z
        self._limits = limits
        self._should_stop = should_stop
        self._crosses_below = 0.0

    def points(self) -> Iterator[BranchPoint]:
        """Yield points until `_EndedError` says why there are no more."""
        here = self._start = self._first()
        arclength, step, first_size = 0.0, self.options.first_step, max(1.0, float(np.max(np.abs(here.z))))
        yield self._told(PointKind.START, here, arclength)
        if self._limit_ahead(here, 0.0) is not None:
            raise _EndedError(End.LIMIT)
        while True:
            if self._should_stop():
                raise _EndedError(End.STOPPED)
            taken, step = self._advance(here, step)
            if taken.turning is not None:
                arclength += float(np.linalg.norm(taken.turning.z - here.z))
                yield self._told(PointKind.TURNING_POINT, taken.turning, arclength)
            last = taken.turning or here
            arclength += float(np.linalg.norm(taken.point.z - last.z))
            crosses = taken.point.sign != here.sign
            here = taken.point
            yield self._told(PointKind.CROSSING if crosses else PointKind.REGULAR, here, arclength)
            if taken.ends is not None:
                raise _EndedError(taken.ends)
            if not np.max(np.abs(here.z)) < self.options.largest_size * first_size:
                raise _EndedError(End.FAR)

    def _told(self, kind: PointKind, point: CurvePoint, arclength: float) -> BranchPoint:
        x, parameter = self._curve.unscaled(point.z)
        slope = float(point.tangent[-1])
        return BranchPoint(kind, parameter, x, arclength, slope, point.iterations, point.scaled_residual)

    def _first(self) -> CurvePoint:
        """Return the start with its tangent in the direction asked for."""
        any_way = np.random.default_rng(_SEED).normal(size=self._z.size)
        try:
            tangent = self._curve.point(self._z, any_way).tangent
            ahead = tangent[-1] * self.options.direction
            return self._curve.point(self._z, -tangent if ahead < 0.0 else tangent)
        except OffCurveError as error:
            raise _EndedError(End.DOMAIN if error.left_domain else End.SINGULAR) from None

    def _advance(self, here: CurvePoint, step: float) -> tuple[_Step, float]:
        """Return the next step that holds, and how long the one after it may be."""
        size = max(1.0, float(np.linalg.norm(here.z)))
        step = min(step, self.options.largest_step * size)
        left_domain = False
        while step >= self.options.smallest_step * size:
            try:
                taken = self._try(here, step)
            except OffCurveError as error:
                left_domain = left_domain or error.left_domain
                step *= 0.5
                continue
            angle = _angle(here.tangent, taken.point.tangent)
            if angle > self.options.largest_angle:
                step *= max(0.1, 0.7 * self.options.largest_angle / angle)
            elif taken.point.sign != here.sign and not 0.0 < step <= self._crosses_below:
                self._crosses_below = self._crosses_below or _CAUTION * step
                step *= 0.5
            else:
                if taken.point.sign != here.sign or step >= self._crosses_below / _CAUTION:
                    self._crosses_below = 0.0
                growth = _GROWTH.get(taken.point.iterations, 0.5)
                comfortable = _COMFORTABLE * self.options.largest_angle / max(angle, 1e-3)
                return taken, step * min(growth, max(comfortable, 0.5))
        # By a few last digits: an argument of a logarithm may be as near 0 as numbers are.
        beyond = here.z + np.sign(here.tangent) * _FEW_DIGITS * np.abs(here.z)
        raise _EndedError(End.DOMAIN if left_domain or not self._curve.is_defined(beyond) else End.STEP)

    def _try(self, here: CurvePoint, step: float) -> _Step:
        """Return where one step leads, without what is on the way if it turns too far.

        Raises
        ------
        OffCurveError
            Where it leads nowhere, beyond a limit, or past what a shorter step is needed to see.
        """
        limit = self._limit_ahead(here, step)
        if limit is not None:
            return self._try_limit(here, limit)
        base = float(here.tangent @ here.z)
        ahead = here.z + step * here.tangent
        there = self._curve.back(ahead, here.tangent, base + step, here.tangent, _REACH * step)
        if _angle(here.tangent, there.tangent) > self.options.largest_angle:
            return _Step(there)
        closed = meeting(self._curve, here, there, self._start) if here is not self._start else None
        there = closed or there
        turning = None
        if here.tangent[-1] * there.tangent[-1] < 0.0:
            turning = turning_point(self._curve, here, there)
            touched = self._touched(turning)
            if touched is not None:
                return _Step(touched, ends=End.LIMIT)
        elif hides_fold(here, there):
            raise OffCurveError(left_domain=False)
        if not all(self._is_inside(point) for point in (there, turning) if point is not None):
            raise OffCurveError(left_domain=False)
        return _Step(there, turning, End.CLOSED if closed else None)

    def _try_limit(self, here: CurvePoint, limit: float) -> _Step:
        """Return the step that ends where λ is at its limit, if no fold is before."""
        length = (limit - here.z[-1]) / here.tangent[-1]
        ahead = here.z + length * here.tangent
        ahead[-1] = limit
        reach = _REACH * max(length, self.options.smallest_step)
        there = self._curve.back(ahead, self._curve.only_parameter, limit, here.tangent, reach)
        if here.tangent[-1] * there.tangent[-1] < 0.0 or hides_fold(here, there):
            raise OffCurveError(left_domain=False)
        return _Step(there, ends=End.LIMIT)

    def _limit_ahead(self, here: CurvePoint, step: float) -> float | None:
        """Return the limit that a step along the tangent would reach."""
        low, high = self._limits
        slope, parameter = float(here.tangent[-1]), float(here.z[-1])
        if slope > 0.0 and parameter + step * slope >= high:
            return high
        if slope < 0.0 and parameter + step * slope <= low:
            return low
        return None

    def _is_inside(self, point: CurvePoint) -> bool:
        return bool(self._limits[0] <= point.z[-1] <= self._limits[1])

    def _touched(self, turning: CurvePoint) -> CurvePoint | None:
        """Return the turning point moved onto a limit, if it is there but for rounding."""
        for limit in self._limits:
            if abs(turning.z[-1] - limit) <= _TOUCHING * max(1.0, abs(limit)):
                try:
                    return self._curve.point(np.append(turning.z[:-1], limit), turning.tangent)
                except OffCurveError:
                    continue
        return None


def _angle(first: Array, second: Array) -> float:
    """Return the angle between two vectors of length 1, in radians."""
    return 2.0 * math.asin(min(1.0, 0.5 * float(np.linalg.norm(first - second))))
