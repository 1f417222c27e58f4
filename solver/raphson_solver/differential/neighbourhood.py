"""f around a point: by how much it changes, what of that may be rounding, and how the changes compare with J·h."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raphson_solver.differential.compression import Compression
from raphson_solver.differential.rounding import rounding_errors
from raphson_solver.differential.shrinking import shrinking
from raphson_solver.interruption import Between
from raphson_solver.solution.kernels import Kernels

Array = NDArray[np.float64]
Places = NDArray[np.int64]

STEPS: Array = 0.25 ** np.arange(1.0, 22.0)
"""Lengths of h, each variable in units of its size: |x_j|, or 1 where that is 0."""
_EPSILON = float(np.finfo(np.float64).eps)
# A remainder is seen when it is so many times what rounding may make of it.
_SEEN = 8.0
# Between two steps, so that what oscillates is met at several phases; with either sign.
_LENGTHS = np.array([1.0, -1.0, 0.63, -0.63, 0.397, -0.397])
# One direction in two bends towards some axes as it shrinks: components go with these powers of the step.
_BENDS = np.array([0.0, 0.5, 1.0, 2.0])
_BLOCK = 2**20
"""Numbers that the points of one call may hold."""


@dataclass(slots=True)
class Remainders:
    """‖f(x + h) − f(x) − J·h‖ / ‖h‖ at every step.

    Attributes
    ----------
    seen : ndarray, shape (steps, k)
        The largest at each step, of each entry along the axes or of each equation: 0 where rounding hides it, NaN where
        f is finite nowhere.
    finite : ndarray of bool, shape (steps, k)
        Whether f was finite at all the points of a step.
    largest, largest_seen : ndarray, shape (steps,)
        Over all points, of all equations together, and of those that rounding does not hide.
    worst : ndarray, shape (steps, n)
        The h of the largest that is seen, or else of the largest.
    """

    seen: Array
    finite: NDArray[np.bool_]
    largest: Array
    largest_seen: Array
    worst: Array

    @classmethod
    def none(cls, k: int, n: int) -> Remainders:
        """Return those of no points yet."""
        count = STEPS.size
        return cls(
            np.full((count, k), np.nan),
            np.ones((count, k), np.bool_),
            np.full(count, np.nan),
            np.zeros(count),
            np.zeros((count, n)),
        )

    def add(self, step: int, seen: Array, norms: Array, seen_norms: Array, moves: Callable[[int], Array]) -> None:
        """Add points at one step: what is seen of each, shape (points, k), the norms, and how to get the h of one."""
        self.seen[step] = np.fmax(self.seen[step], np.fmax.reduce(seen, axis=0))
        self.finite[step] &= np.all(np.isfinite(seen), axis=0)
        if not np.any(np.isfinite(norms)):
            return
        largest, seen_here = float(np.nanmax(norms)), float(np.nanmax(seen_norms))
        # Points by what is seen at them; where nothing is, by all.
        if seen_here > self.largest_seen[step]:
            self.worst[step] = moves(int(np.nanargmax(seen_norms)))
        elif self.largest_seen[step] == 0.0 and not largest <= self.largest[step]:
            self.worst[step] = moves(int(np.nanargmax(norms)))
        self.largest[step] = np.fmax(self.largest[step], largest)
        self.largest_seen[step] = max(self.largest_seen[step], seen_here)


@dataclass(frozen=True, slots=True, eq=False)
class Slopes:
    """J by its entries, as good as it is known.

    Attributes
    ----------
    values, error : ndarrays, shape (entries,)
        NaN where there is no value, and then 0 for the error.
    """

    values: Array
    error: Array


class Neighbourhood:
    """f near x.

    Parameters
    ----------
    kernels : Kernels
        Of the system.
    x, p : arrays, shapes (n,) and (k,)
        Where.
    f, rounding : arrays, shape (m,)
        f(x), and how wrong it may be.
    rows, columns : int64 arrays, shape (entries,)
        Which equations know which variables.
    between : callable
        Called now and then.
    """

    def __init__(
        self,
        kernels: Kernels,
        x: Array,
        p: Array,
        f: Array,
        rounding: Array,
        rows: Places,
        columns: Places,
        between: Between,
    ) -> None:
        self._kernels, self._x, self._p, self._f, self._rounding = kernels, x, p, f, rounding
        self.rows, self.columns, self._between = rows, columns, between
        self._size = np.abs(x)
        self._size[self._size < np.finfo(np.float64).tiny] = 1.0
        self._compression = Compression(rows, columns, x.size)

    # --- along the axes -------------------------------------------------------------------------------------

    def along_axes(self, slopes: Slopes) -> Remainders:
        """Return the remainders of each entry, its variable moved alone."""
        n = self._x.size
        found = Remainders.none(self.rows.size, n)
        for step, change, moved, noise in self._axes():
            with np.errstate(all="ignore"):
                length = np.abs(moved) / self._size[self.columns]
                product = slopes.values * moved
                remainder = np.abs(change - product) / length
                hidden = _SEEN * (noise + _EPSILON * np.abs(product) + slopes.error * np.abs(moved)) / length
            seen = np.where(remainder > hidden, remainder, np.where(np.isnan(remainder), np.nan, 0.0))
            for each in range(_LENGTHS.size):
                norms, seen_norms = (
                    np.sqrt(np.bincount(self.columns, part[each] ** 2, minlength=n)) for part in (remainder, seen)
                )
                found.add(step, seen[each : each + 1], norms, seen_norms, self._axis(_LENGTHS[each]))
        return found

    def quotients(self, wanted: Places) -> Slopes:
        """Return the limits of some entries' quotients, from the step where they settle best; NaN for those without."""
        values, errors = np.full(wanted.size, np.nan), np.full(wanted.size, np.inf)
        before = np.full(wanted.size, np.nan)
        unsettled = np.full((STEPS.size, wanted.size), np.nan)
        for step, change, moved, noise in self._axes():
            with np.errstate(all="ignore"):
                slopes = (change / moved)[:, wanted]
                # Both sides where f is finite on both, which leaves terms of even order out.
                ups, downs = slopes[0::2], slopes[1::2]
                means = np.where(np.isnan(ups), downs, np.where(np.isnan(downs), ups, 0.5 * (ups + downs)))
                spread = np.max(np.abs(means - means[0]), axis=0) + np.abs(means[0] - before)
                rounding = np.fmin.reduce((noise / np.abs(moved))[:, wanted], axis=0)
            before = means[0]
            unsettled[step] = np.where(spread > _SEEN * rounding, spread, np.where(np.isnan(spread), np.nan, 0.0))
            better = spread + rounding < errors
            values[better], errors[better] = means[0][better], (spread + rounding)[better]
        settled = shrinking(unsettled, STEPS)[0]
        return Slopes(np.where(settled, values, np.nan), np.where(settled, errors, 0.0))

    def _axes(self) -> Iterator[tuple[int, Array, Array, Array]]:
        """Yield each step with the change of f, the move and the noise of each entry, shape (lengths, entries)."""
        count = self._compression.count
        colours = np.tile(np.arange(count), _LENGTHS.size)
        lengths = np.repeat(_LENGTHS, count)
        which, column = self._compression.columns(colours)
        at = np.arange(_LENGTHS.size)[:, None] * count + self._compression.entry_colours
        together = max(1, _BLOCK // max(colours.size * self._x.size, at.size, 1))
        for first in range(0, STEPS.size, together):
            steps = STEPS[first : first + together]
            moves = np.zeros((steps.size, colours.size, self._x.size))
            moves[:, which, column] = steps[:, None] * (lengths[which] * self._size[column])
            moved, change, noise = self._around(moves.reshape(-1, self._x.size))
            for place in range(steps.size):
                part = at + place * colours.size
                yield first + place, change[part, self.rows], moved[part, self.columns], noise[part, self.rows]

    def _axis(self, length: float) -> Callable[[int], Array]:
        def move(column: int) -> Array:
            h = np.zeros(self._x.size)
            h[column] = length * self._size[column]
            return h

        return move

    # --- in many directions ---------------------------------------------------------------------------------

    def in_directions(self, slopes: Slopes, count: int) -> Remainders:
        """Return the remainders of each equation along so many directions and their opposites."""
        m, n = self._f.size, self._x.size
        from scipy.sparse import csr_matrix  # noqa: PLC0415 - a fifth of a second

        found = Remainders.none(m, n)
        J, sizes, errors = (
            csr_matrix((part, (self.rows, self.columns)), shape=(m, n))
            for part in (slopes.values, np.abs(slopes.values), slopes.error)
        )
        random = np.random.default_rng(0)
        block = max(1, _BLOCK // (2 * max(m, n)))
        for first in range(0, count, block):
            directions = _Directions(random, n, first, min(block, count - first))
            together = max(1, _BLOCK // (directions.count * max(m, n)))
            for start in range(0, STEPS.size, together):
                steps = range(start, min(start + together, STEPS.size))
                moves = np.concatenate([directions.at(STEPS[step]) for step in steps]) * self._size
                moved, change, noise = self._around(moves)
                with np.errstate(all="ignore"):
                    length = np.linalg.norm(moved / self._size, axis=1)[:, None]
                    far = np.abs(moved).T
                    remainder = np.abs(change - (J @ moved.T).T) / length
                    unsure: Array = np.asarray(_EPSILON * (sizes @ far) + errors @ far)
                    hidden = _SEEN * (noise + unsure.T) / length
                seen = np.where(remainder > hidden, remainder, np.where(np.isnan(remainder), np.nan, 0.0))
                norms, seen_norms = (np.sqrt(np.sum(part**2, axis=1)) for part in (remainder, seen))
                for place, step in enumerate(steps):
                    part = slice(place * directions.count, (place + 1) * directions.count)
                    found.add(step, seen[part], norms[part], seen_norms[part], moved[part].__getitem__)
        return found

    def _around(self, moves: Array) -> tuple[Array, Array, Array]:
        """Return the moves as they could be made, the change of f, and what rounding may make of that."""
        points = self._x + moves
        moved = points - self._x
        values, rounding = rounding_errors(self._kernels.graph, self._kernels.equations, points, self._p, self._between)
        with np.errstate(all="ignore"):
            change = values - self._f
            change[~np.isfinite(change)] = np.nan
            noise = np.nan_to_num(rounding, posinf=np.inf) + self._rounding + _EPSILON * np.abs(change)
        return moved, change, noise


class _Directions:
    """Some directions and their opposites, the same at every step but for those that bend.

    Lengths lie between a step and the next, so that a single variable too is met at many distances.
    """

    def __init__(self, random: np.random.Generator, n: int, first: int, count: int) -> None:
        self.count = 2 * count
        self._base = random.normal(size=(count, n))
        bends = random.choice(_BENDS, size=(count, n))
        bends[np.arange(count), random.integers(n, size=count)] = 0.0
        bends[(first + np.arange(count)) % 2 == 0] = 0.0
        self._bends = bends
        self._lengths = 0.25 ** random.uniform(size=(count, 1))

    def at(self, step: float) -> Array:
        """Return moves of about a step's length, shape (count, n)."""
        moves = self._base * step**self._bends
        moves *= step * self._lengths / np.linalg.norm(moves, axis=1, keepdims=True)
        return np.concatenate((moves, -moves))
