"""What remainders along the axes and in other directions say of f: whether it is differentiable, and why not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from raphson_solver.differential.neighbourhood import STEPS, Neighbourhood, Remainders, Slopes
from raphson_solver.differential.shrinking import shrinking
from raphson_solver.explanation.elements import element_names
from raphson_solver.solution.system import System

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Places = NDArray[np.int64]

# f is taken to be finite near x, or not, by so many of the shortest steps.
_LAST = 5
# Directions of more numbers do not go into a sentence.
_MOST_NUMBERS = 6


class Verdict:
    """The test of one point.

    Parameters
    ----------
    system : System
        Whose names are used.
    near : Neighbourhood
        f around the point.
    exact : array, shape (entries,)
        The slopes that the formulas give; NaN where they give none.
    directions : int
        How many to try besides the axes.

    Attributes
    ----------
    differentiable, affine, partial_derivatives_exist : bool
        As in `Differentiability`.
    order : float
        Of the equation that is slowest.
    remainders : array, shape (steps,)
        The largest at each step.
    worst_direction : array, shape (n,)
        Of length 1.
    message : str
        In a sentence.
    """

    def __init__(self, system: System, near: Neighbourhood, exact: Array, directions: int) -> None:
        self._system, self._near, self._exact = system, near, exact
        slopes = Slopes(exact, np.zeros(exact.size))
        axes = near.along_axes(slopes)
        exists = _settled(axes)
        if not exists.all():
            slopes, axes, exists = self._with_limits(exists)
        others = near.in_directions(slopes, directions)
        seen = np.concatenate((axes.seen, others.seen), axis=1)
        shrinks, orders = shrinking(seen, STEPS)
        self._slopes, self._axes, self._others, self._exists = slopes, axes, others, exists
        self._shrinks, self._isolated = shrinks[exists.size :], _isolated(others)
        self.partial_derivatives_exist = bool(exists.all())
        self.differentiable = bool(exists.all() and shrinks.all() and not self._isolated.any())
        self.affine = self.differentiable and not np.any(seen > 0.0)
        self.order = self._order(orders)
        self.remainders: Array = np.fmax(axes.largest, others.largest)
        self.worst_direction = _worst_direction(axes, others)
        self.message = self._sentence()

    def _order(self, orders: Array) -> float:
        if self.differentiable:
            # The largest of many shrinks more evenly than each.
            together = self._others.seen.copy()
            np.fmax.at(together.T, self._near.rows, self._axes.seen.T)
            orders = shrinking(together, STEPS)[1]
        return float(np.nanmin(orders)) if np.any(np.isfinite(orders)) else np.nan

    def _with_limits(self, exists: Mask) -> tuple[Slopes, Remainders, Mask]:
        """Put limits of difference quotients where the exact slopes are none, if there are limits."""
        missing = np.flatnonzero(~exists)
        values, error = self._exact.copy(), np.zeros(self._exact.size)
        found = self._near.quotients(missing)
        values[missing], error[missing] = found.values, found.error
        axes = self._near.along_axes(Slopes(values, error))
        now: Mask = exists | _settled(axes)
        if not now.all():
            # For what the remainders are to be shown with.
            values[~now], error[~now] = np.nan_to_num(self._exact[~now]), 0.0
            axes = self._near.along_axes(Slopes(values, error))
        return Slopes(values, error), axes, now

    # --- in a sentence --------------------------------------------------------------------------------------

    def _sentence(self) -> str:
        if not self.differentiable:
            return f"f is not differentiable there{self._why_not()}"
        if self.affine:
            start = "f is affine there as far as rounding shows: the remainder is at rounding level at every step"
        elif np.isfinite(self.order):
            start = f"f is differentiable there: the remainder over ‖h‖ goes to zero like ‖h‖^{self.order:.2f}"
        else:
            start = "f is differentiable there: the remainder over ‖h‖ falls to rounding level at once"
        return start + self._at_edge() + self._other_slopes()

    def _why_not(self) -> str:
        names = self._system.equation_names
        if self._isolated.any():
            where = names[int(np.argmax(self._isolated))]
            return f": {where} is finite in no direction tried, however short the step"
        missing = np.flatnonzero(~self._exists)
        if missing.size:
            name = self._name(int(missing[0]))
            if missing.size == 1:
                return f": the partial derivative {name} does not exist"
            return f": {missing.size} partial derivatives do not exist, first that {name}"
        where = names[int(np.argmin(self._shrinks))]
        along = ", ".join(f"{part:.3g}" for part in self.worst_direction)
        along = f" along ({along})" if self.worst_direction.size <= _MOST_NUMBERS else ""
        return (
            f", though its partial derivatives exist: the remainder of {where} does not go to zero faster than h{along}"
        )

    def _at_edge(self) -> str:
        if self._axes.finite[-_LAST:].all() and self._others.finite[-_LAST:].all():
            return ""
        return "; x is on the edge of f's domain, and only where f is finite was tested"

    def _other_slopes(self) -> str:
        changed = np.flatnonzero(np.isfinite(self._exact) & (self._slopes.values != self._exact))
        if not changed.size:
            return ""
        first = int(changed[0])
        return (
            f"; the partial derivative {self._name(first)} is {self._slopes.values[first]:.6g} by differences, not "
            f"{self._exact[first]:.6g} as the formula has it at x itself"
        )

    def _name(self, entry: int) -> str:
        row, column = int(self._near.rows[entry]), int(self._near.columns[entry])
        variable = element_names(self._system.variables)[column]
        return f"of {self._system.equation_names[row]} by {variable}"


def _settled(found: Remainders) -> Mask:
    """Return which remainders go to zero, f being finite at some of the shortest steps."""
    settled: Mask = shrinking(found.seen, STEPS)[0] & ~_isolated(found)
    return settled


def _isolated(found: Remainders) -> Mask:
    """Return where f is finite at none of the shortest steps."""
    isolated: Mask = np.all(np.isnan(found.seen[-_LAST:]), axis=0)
    return isolated


def _worst_direction(*parts: Remainders) -> Array:
    """Return the direction of the largest remainder at the last step where one is seen, else at the first."""
    shown = np.flatnonzero(np.any([part.largest_seen > 0.0 for part in parts], axis=0))
    step = int(shown[-1]) if shown.size else 0
    sizes = [part.largest_seen[step] if shown.size else np.nan_to_num(part.largest[step], nan=-1.0) for part in parts]
    worst: Array = parts[int(np.argmax(sizes))].worst[step]
    largest = float(np.max(np.abs(worst), initial=0.0))
    if not largest > 0.0:
        return worst
    # Squares of the numbers themselves might overflow.
    direction: Array = worst / largest
    direction /= np.linalg.norm(direction)
    return direction
