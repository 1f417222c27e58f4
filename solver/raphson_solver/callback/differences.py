"""J by differences: which points to ask, and J from the answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raphson_solver.callback.problem import CallbackProblem
from raphson_solver.engine.status import JacobianMode

Array = NDArray[np.float64]

# The steps that balance truncation against rounding: Dennis & Schnabel (1983), section 5.4.
_FORWARD_STEP = 2.0**-26
_CENTRAL_STEP = 2.0**-17.5
_ON_ITS_WAY = 1e-8


@dataclass(slots=True, eq=False)
class Differences:
    """A Jacobian on its way.

    Attributes
    ----------
    x, f : ndarray, shapes (n,) and (m,)
        Where, and f there.
    columns, places : ndarrays, shape (k,)
        Which variable each point to ask moves, and where to.
    values : ndarray, shape (k, m)
        f there, as far as it has been answered.
    answered : int
        How many rows of it.
    """

    x: Array
    f: Array
    columns: NDArray[np.int64]
    places: Array
    values: Array
    answered: int = 0

    @classmethod
    def begin(cls, problem: CallbackProblem, x: Array, f: Array, largest: Array) -> Differences:
        """Choose points above x, and for central differences below it, inside the bounds.

        `largest` is the size that each variable has had, for its step. A variable between equal bounds is not moved.
        """
        central = problem.mode is JacobianMode.CENTRAL
        step = _steps(x, largest, central=central)
        above, below = problem.inside(x + step), problem.inside(x - step)
        if central:
            columns = np.repeat(np.arange(x.size), 2)
            places = np.column_stack([above, below]).reshape(-1)
        else:
            # At an upper bound only the other side is left.
            columns, places = np.arange(x.size), np.where(above > x, above, below)
        moved = places != x[columns]
        return cls(x, f, columns[moved], places[moved], np.empty((int(moved.sum()), f.size)))

    def block(self, largest: int) -> Array:
        """Return the next points to ask, shape (k, n)."""
        part = slice(self.answered, self.answered + largest)
        columns = self.columns[part]
        points = np.tile(self.x, (columns.size, 1))
        points[np.arange(columns.size), columns] = self.places[part]
        return points

    def take(self, values: Array) -> bool:
        """Take the values at that block; return whether it was the last."""
        self.values[self.answered : self.answered + len(values)] = values
        self.answered += len(values)
        return self.answered == len(self.places)

    def other_side(self, problem: CallbackProblem) -> bool:
        """Replace points where f is not finite by those opposite, once; return whether there are any to ask."""
        if problem.mode is JacobianMode.CENTRAL:
            return False
        wrong = np.flatnonzero(~np.all(np.isfinite(self.values), axis=1))
        x = self.x[self.columns[wrong]]
        opposite = np.tile(self.x, (wrong.size, 1))
        opposite[np.arange(wrong.size), self.columns[wrong]] = 2.0 * x - self.places[wrong]
        places = problem.inside(opposite)[np.arange(wrong.size), self.columns[wrong]]
        left = places != x
        if not left.any():
            return False
        kept = np.setdiff1d(np.arange(len(self.places)), wrong[left])
        # Those that are known come first, so that only the others are asked.
        self.columns = np.concatenate([self.columns[kept], self.columns[wrong[left]]])
        self.places = np.concatenate([self.places[kept], places[left]])
        self.values = np.concatenate([self.values[kept], self.values[wrong[left]]])
        self.answered = kept.size
        return True

    def jacobian(self, otherwise: Array | None) -> Array:
        """Return J, shape (m, n): NaN, or the column of `otherwise`, where f was finite on no side of x."""
        m, n = self.f.size, self.x.size
        jacobian = np.zeros((m, n))
        for j in range(n):
            sound = [k for k in np.flatnonzero(self.columns == j) if np.all(np.isfinite(self.values[k]))]
            if len(sound) == 2:
                first, second = sound
                jacobian[:, j] = (self.values[first] - self.values[second]) / (self.places[first] - self.places[second])
            elif sound:
                (only,) = sound
                jacobian[:, j] = (self.values[only] - self.f) / (self.places[only] - self.x[j])
            elif np.any(self.columns == j):
                jacobian[:, j] = np.nan if otherwise is None else otherwise[:, j]
        return jacobian


def _steps(x: Array, largest: Array, *, central: bool) -> Array:
    # Of a variable on its way to zero, what it has been is too long a step.
    size = np.maximum(np.abs(x), _ON_ITS_WAY * largest)
    return np.where(size > 0.0, size, 1.0) * (_CENTRAL_STEP if central else _FORWARD_STEP)
