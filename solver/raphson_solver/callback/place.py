"""A point of a search: what is known of f there, and what follows from it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from raphson_solver.callback.convergence import (
    SMALL_STEP,
    confirms,
    is_near,
    is_stationary,
    nearby,
    passes,
    relative_size,
    scale_of,
    seen_scale,
)
from raphson_solver.callback.problem import CallbackProblem
from raphson_solver.callback.step import Step, dogleg
from raphson_solver.engine.status import Status

Array = NDArray[np.float64]

_LEAST_EXTENT = 1e-30
# How nearly solved a point must be for rounding to be what keeps it from more.
_NEARLY = 1e-8


@dataclass(slots=True, eq=False)
class Place:
    """Where a search is.

    Attributes
    ----------
    problem : CallbackProblem
    x, f : ndarray, shapes (n,) and (m,)
        The point, and f there.
    jacobian : ndarray, shape (m, n), or None
        J as asked last, corrected by the secants of the steps since.
    asked, asked_at : ndarray, shapes (m, n) and (n,), or None
        J as asked last, and where.
    sizes : ndarray, shape (n,)
        The largest norms that J's columns have had: the lengths of steps are measured by them.
    largest : ndarray, shape (n,)
        The size that each variable has had.
    is_asked_here : bool
        Whether J was asked at x.
    is_confirmed : bool
        Whether the step that led here is evidence of what J says.
    """

    problem: CallbackProblem
    x: Array
    f: Array
    largest: Array
    sizes: Array
    jacobian: Array | None = None
    asked: Array | None = None
    asked_at: Array | None = field(default=None)
    is_asked_here: bool = False
    is_confirmed: bool = False

    @classmethod
    def begin(cls, problem: CallbackProblem, x: Array, f: Array) -> Place:
        """Return a start."""
        largest = np.abs(x) if problem.nominal is None else np.maximum(np.abs(x), problem.nominal)
        return cls(problem, x, f, largest, np.zeros(x.size))

    # --- what is learnt -------------------------------------------------------------------------------------

    def take_jacobian(self, jacobian: Array) -> None:
        """Know J here."""
        self.jacobian = self.asked = jacobian
        self.asked_at = self.x
        self.is_asked_here = True
        norms = np.linalg.norm(self.weighted(jacobian), axis=0)
        self.sizes = np.maximum(self.sizes, np.where(norms > 0.0, norms, 1.0))

    def learn(self, x: Array, f: Array) -> None:
        """Correct J by the least that explains f at another point, columns by size (Broyden 1965)."""
        move = x - self.x
        along = self.sizes * self.sizes * move
        square = float(along @ move)
        if not square > 0.0:
            return
        corrected = self.J + np.outer(f - self.f - self.J @ move, along / square)
        # Beside a pole f may be so large that J would overflow.
        if np.all(np.isfinite(corrected)):
            self.jacobian = corrected

    def go(self, x: Array, f: Array) -> None:
        """Be at another point."""
        relative = relative_size(self.x, x - self.x, self.largest)
        self.is_confirmed = confirms(self.norm(self.f), self.norm(f), relative)
        self.x, self.f = x, f
        self.largest = np.maximum(self.largest, np.abs(x))
        self.is_asked_here = False

    # --- what follows ---------------------------------------------------------------------------------------

    @property
    def J(self) -> Array:
        """The Jacobian."""
        assert self.jacobian is not None
        return self.jacobian

    @property
    def scale(self) -> Array:
        """What residuals are measured against: a secant across a pole, or a J of elsewhere, may be far too large."""
        assert self.asked is not None
        return np.minimum(scale_of(self.J, self.x), scale_of(self.asked, self.x))

    @property
    def extent(self) -> float:
        """‖D x‖, to measure steps against."""
        return max(self.length(self.x), _LEAST_EXTENT)

    @property
    def has_jacobian_of_nearby(self) -> bool:
        """Whether J was asked here, or so near that the sizes of its terms are the same."""
        assert self.asked_at is not None
        return self.is_asked_here or is_near(self.x, self.asked_at)

    @property
    def is_escaping(self) -> bool:
        """Whether Newton leads far on from a point that passes, as on exp(−x) where that is next to nothing."""
        step = self.dogleg(math.inf)
        return step.regular and relative_size(self.x, step.newton, self.largest) > SMALL_STEP

    def length(self, step: Array) -> float:
        """Return ‖D step‖."""
        return float(np.linalg.norm(self.sizes * step))

    def weighted(self, rows: Array) -> Array:
        """Divide equations, of f or of J, by their nominal sizes."""
        nominal = self.problem.nominal_residual
        if nominal is None:
            return rows
        return rows / (nominal if rows.ndim == 1 else nominal[:, None])

    def norm(self, f: Array) -> float:
        """Return ‖f‖, weighted."""
        return float(np.linalg.norm(self.weighted(f)))

    def passing(self, scale: Array) -> NDArray[np.bool_]:
        """Return which equations are solved beside some scale."""
        options = self.problem.options
        return passes(self.f, scale, options.tolerance, options.absolute_tolerance)

    def passes(self, scale: Array) -> bool:
        """Return whether all are."""
        return bool(np.all(self.passing(scale)))

    def passes_beside_terms(self) -> bool:
        """Return whether every equation is solved without the absolute tolerance, beside a scale above zero."""
        scale = self.scale
        return bool(np.all(passes(self.f, scale, self.problem.options.tolerance, 0.0) & (scale > 0.0)))

    def seen_scale(self, point: Array, f: Array) -> Array:
        """Return the scale as f at a point nearby confirms it."""
        return seen_scale(f, self.f, self.J, point - self.x, self.scale)

    def nearby(self, side: float, turn: int = 0) -> Array:
        """Return two points on one side, shape (2, n), to ask whether f is there what it is beside a root."""
        return nearby(self.x, self.largest, side, turn)

    def dogleg(self, radius: float) -> Step:
        """Return the step of a radius."""
        bounds = self.problem.bounds
        sides = (None, None) if bounds is None else (bounds.lower, bounds.upper)
        return dogleg(self.weighted(self.J), self.weighted(self.f), self.sizes, radius, self.x, *sides)

    def may_be_noise(self, step: Step) -> bool:
        """Return whether rounding may be what keeps f from zero: a root is near, and f nearly solved."""
        close = step.regular and relative_size(self.x, step.newton, self.largest) <= SMALL_STEP
        return close and bool(np.all(passes(self.f, self.scale, _NEARLY, self.problem.options.absolute_tolerance)))

    def ending(self, step: Step) -> Status:
        """Return what this is if no step leads on."""
        if is_stationary(self.weighted(self.f), self.weighted(self.J), step.free):
            return Status.LEAST_SQUARES if self.f.size > self.x.size else Status.LOCAL_MINIMUM
        return Status.SINGULAR if not step.regular and self.f.size == self.x.size else Status.STALLED
