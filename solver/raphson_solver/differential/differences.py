"""J by differences at many points: columns that share no row moved together, bounds and domains kept to.

FORWARD is (f(x + h) − f(x)) / h, of first order in h. CENTRAL is the slope at x of the parabola through x and two other
points, of second order: x + h and x − h, or two on one side where a bound or the edge of f's domain forbids the other.
The steps balance truncation against rounding: J. E. Dennis & R. B. Schnabel, Numerical Methods for Unconstrained
Optimization and Nonlinear Equations (1983), section 5.4.

The error is estimated by the same formula at another step length t·h, here 2h, or h/2 where 2h does not fit: for a
formula of order q the two differ by t^q − 1 times the truncation error. What rounding may do to f is added, times the
formula's weights. An estimate, no bound: f that does not change like a smooth function between x and x + 2h may defeat
it. Where f turns out to end between x and x + h it is taken for singular there, and there is no estimate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from raphson_solver.differential.compression import Compression
from raphson_solver.differential.sampler import Array, Mask, Places, Sampler, Value
from raphson_solver.engine.status import JacobianMode
from raphson_solver.errors import InputError

_FORWARD_STEP, _CENTRAL_STEP = 2.0**-26, 2.0**-17.5
# Where f is finite at none of a formula's points the steps shrink, so often and by so much.
_SHORTER, _TRIES = 2.0**-4, 5
_MEMBERS = 2**23
"""Bytes that each of about 20 arrays of a part of the batch may take."""
# What rounding does to f where the caller does not know: that much of f and of what relative changes of x do to it.
_ROUNDING = 2.0**-51
# The asymptotic estimate of the truncation error times this: terms of higher order are left out of it.
_SAFETY = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Differenced:
    """J by differences at a batch of B points.

    Attributes
    ----------
    entries : ndarray, shape (B, entries)
        In the order of the pattern. NaN where f is not finite at x or at no point of any formula tried, and where equal
        bounds leave a variable no room.
    error : ndarray, shape (B, entries), or None
        An estimate of |entries − ∂f/∂x|; infinite where there is none to be had, as where f is not finite on one side
        within the bounds; NaN where the entry is. None if not asked for.
    evaluations : int
        Points at which f was evaluated, x included.
    """

    entries: Array
    error: Array | None
    evaluations: int


def differences(
    value: Value,
    x: Array,
    f: Array,
    rows: Places,
    columns: Places,
    m: int,
    mode: JacobianMode,
    lower: Array | None = None,
    upper: Array | None = None,
    *,
    estimate: bool = False,
    rounding: Array | None = None,
    compression: Compression | None = None,
) -> Differenced:
    """Return the entries of J by differences.

    Parameters
    ----------
    value : callable
        Returns f, shape (K, m), at points of shape (K, n); its second argument, shape (K,), says which member of the
        batch each belongs to.
    x, f : arrays, shapes (B, n) and (B, m)
        The points, and f there.
    rows, columns : int64 arrays, shape (entries,)
        Where J may differ from zero; f_i must not depend on variables beyond those of its row.
    m : int
        Number of equations.
    mode : JacobianMode
        FORWARD or CENTRAL.
    lower, upper : arrays, shape (n,), optional
        f is never evaluated outside.
    estimate : bool
        Whether to estimate the error, which costs as many evaluations again.
    rounding : array, shape (B, m), optional
        How much rounding may change f at x, for the estimate; by default it is taken for
        2⁻⁵¹·(|f_i| + Σ_j |J_ij x_j|).
    compression : Compression, optional
        That of the pattern, if it is known already.

    Raises
    ------
    InputError
        For another mode, or a point outside the bounds.
    """
    if mode not in {JacobianMode.FORWARD, JacobianMode.CENTRAL}:
        raise InputError("mode", f"expected forward or central differences; found {mode.name.lower()}")
    count, n = x.shape
    low = np.full(n, -np.inf) if lower is None else lower
    high = np.full(n, np.inf) if upper is None else upper
    _check_inside(x, low, high)
    compression = compression or Compression(rows, columns, n)
    entries = np.empty((count, rows.size))
    error = np.empty((count, rows.size)) if estimate else None
    evaluations = count
    members = max(1, _MEMBERS // (8 * max(n, m, rows.size)))
    for first in range(0, count, members):
        part = slice(first, first + members)
        source = Sampler(value, x[part], first, rows, columns, m, compression, low, high)
        worked = _Differences(source, f[part], mode, estimate=estimate)
        entries[part] = worked.entries
        if error is not None:
            error[part] = worked.error(None if rounding is None else rounding[part])
        evaluations += source.evaluations
    return Differenced(entries, error, evaluations)


def _check_inside(x: Array, lower: Array, upper: Array) -> None:
    outside = np.argwhere(~((x >= lower) & (x <= upper)))
    if outside.size:
        member, j = map(int, outside[0])
        raise InputError(
            "at", f"number {j} of x is {x[member, j]}; expected one within its bounds, {lower[j]} and {upper[j]}"
        )


class _Differences:
    """Differences at a chunk of the batch.

    Attributes
    ----------
    entries : array, shape (B, entries)
    """

    def __init__(self, source: Sampler, f: Array, mode: JacobianMode, *, estimate: bool) -> None:
        self._source, self._f, self._estimate = source, f, estimate
        self._at = f[:, source.rows]
        shape = self._at.shape
        self.entries = np.full(shape, np.nan)
        self._truncation, self._weight, self._reach = np.full(shape, np.inf), np.zeros(shape), np.zeros(shape)
        size = np.abs(source.x)
        size[size < np.finfo(np.float64).tiny] = 1.0
        with np.errstate(all="ignore"):
            self._go(size, central=mode is JacobianMode.CENTRAL)

    def error(self, rounding: Array | None) -> Array:
        """Return the estimate of the error of each entry, from how much rounding may change f, shape (B, m)."""
        source = self._source
        with np.errstate(all="ignore"):
            if rounding is None:
                effect = np.abs(self.entries) * (np.abs(source.x)[:, source.columns] + self._reach)
                rounding = np.abs(self._f)
                np.add.at(rounding.T, source.rows, np.nan_to_num(effect, posinf=np.inf).T)
                rounding *= _ROUNDING
            error = _SAFETY * self._truncation + self._weight * rounding[:, source.rows]
            error += 2.0 * _ROUNDING * np.abs(self.entries)
        return np.where(np.isnan(self.entries), np.nan, np.where(np.isnan(error), np.inf, error))

    def _go(self, size: Array, *, central: bool) -> None:
        source = self._source
        above, below = source.upper - source.x, source.x - source.lower
        step = size * (_CENTRAL_STEP if central else _FORWARD_STEP)
        pending = np.isfinite(self._at)
        compare = self._estimate
        for _ in range(_TRIES):
            for moves in _central(step, above, below) if central else _forward(step, above, below):
                found = self._try(moves, pending)
                if compare:
                    self._compare(moves, found)
                    compare = False
                pending &= ~found
                if not pending.any():
                    return
            step = step * _SHORTER

    def _try(self, moves: tuple[Array, ...], pending: Mask) -> Mask:
        """Find entries by one formula; return which it gives."""
        entries, weight, reach = self._slope(moves, pending)
        found = np.isfinite(entries)
        self.entries[found], self._weight[found], self._reach[found] = entries[found], weight[found], reach[found]
        return found

    def _compare(self, moves: tuple[Array, ...], found: Mask) -> None:
        """Estimate the truncation error of entries from the same formula at another step length."""
        source = self._source
        order = len(moves)
        fits = np.ones(moves[0].shape, np.bool_)
        for move in moves:
            longer = source.x + 2.0 * move
            fits &= (longer >= source.lower) & (longer <= source.upper)
        for factor in (np.where(fits, 2.0, 0.5), np.full(fits.shape, 0.5)):
            other, _, _ = self._slope(tuple(factor * move for move in moves), found)
            compared = np.isfinite(other)
            difference = np.abs(other - self.entries) / np.abs(factor[:, source.columns] ** order - 1.0)
            self._truncation[compared] = difference[compared]
            found = found & ~compared
            if not found.any():
                return

    def _slope(self, moves: tuple[Array, ...], wanted: Mask) -> tuple[Array, Array, Array]:
        """Return the slopes at x, what an error of 1 in each f may do to them, and the longest move."""
        first, a = self._source.sample(moves[0], wanted)
        first -= self._at
        if len(moves) == 1:
            return first / a, 2.0 / np.abs(a), np.abs(a)
        second, b = self._source.sample(moves[1], wanted & np.isfinite(first))
        second -= self._at
        for_first, for_second = b / (b - a) / a, -a / (b - a) / b
        weight = np.abs(for_first) + np.abs(for_second) + np.abs(for_first + for_second)
        return for_first * first + for_second * second, weight, np.maximum(np.abs(a), np.abs(b))


def _forward(step: Array, above: Array, below: Array) -> tuple[tuple[Array, ...], ...]:
    """Return the moves to try in turn: upwards, unless only the other side has room, and the other side."""
    up = (above >= step) | ((above >= below) & (below < step))
    upwards, downwards = np.minimum(step, above), -np.minimum(step, below)
    return ((np.where(up, upwards, downwards),), (np.where(up, downwards, upwards),))


def _central(step: Array, above: Array, below: Array) -> tuple[tuple[Array, ...], ...]:
    """Return the pairs of moves to try in turn: to both sides, unless one has far more room; up twice; down twice."""
    both = np.minimum(step, np.minimum(above, below))
    upwards, downwards = np.minimum(step, 0.5 * above), -np.minimum(step, 0.5 * below)
    alone = np.where(above >= below, upwards, downwards)
    sides = both >= 0.5 * np.abs(alone)
    return (
        (np.where(sides, both, alone), np.where(sides, -both, 2.0 * alone)),
        (upwards, 2.0 * upwards),
        (downwards, 2.0 * downwards),
    )
