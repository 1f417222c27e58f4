"""f at points near those of a batch: variables that share no equation moved together, bounds kept to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from raphson_solver.differential.compression import Compression

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Places = NDArray[np.int64]
Value = Callable[[Array, Places], Array]

_CHUNK = 2**26
"""Bytes that points at which f is evaluated may take at once."""
# From so many members on a call for each colour is cheaper than one for all.
_MANY = 64


class Sampler:
    """f near a part of a batch, B points, seen through the pattern.

    Parameters
    ----------
    value : callable
        Returns f, shape (K, m), at points of shape (K, n); its second argument says which member of the whole batch
        each belongs to.
    x : array, shape (B, n)
        The points.
    first : int
        The place of the first of them in the batch.
    rows, columns : int64 arrays, shape (entries,)
        Where J may differ from zero.
    m : int
        Number of equations.
    compression : Compression
        Of the pattern.
    lower, upper : arrays, shape (n,)
        f is never evaluated outside.

    Attributes
    ----------
    x, rows, columns, lower, upper
        As given.
    evaluations : int
        Points at which f was evaluated so far.
    """

    def __init__(
        self,
        value: Value,
        x: Array,
        first: int,
        rows: Places,
        columns: Places,
        m: int,
        compression: Compression,
        lower: Array,
        upper: Array,
    ) -> None:
        self._value, self._first, self._compression = value, first, compression
        self._chunk = max(1, _CHUNK // (8 * (x.shape[1] + m)))
        self.x, self.rows, self.columns, self.lower, self.upper = x, rows, columns, lower, upper
        self.evaluations = 0

    def sample(self, moves: Array, wanted: Mask) -> tuple[Array, Array]:
        """Return, of every wanted entry, its equation's f and how far its variable was moved from x; NaN for others.

        Parameters
        ----------
        moves : array, shape (B, n)
            How far to move each variable; where that comes to nothing nothing is found.
        wanted : mask, shape (B, entries)
            Which entries to find; colours without any cost nothing.
        """
        target = np.clip(self.x + moves, self.lower, self.upper)
        moved = (target - self.x)[:, self.columns]
        wanted = wanted & (moved != 0.0) & np.isfinite(moved)
        found = np.full(wanted.shape, np.nan)
        colours = np.zeros((self.x.shape[0], self._compression.count), np.bool_)
        member, entry = np.nonzero(wanted)
        colours[member, self._compression.entry_colours[entry]] = True
        self.evaluations += int(np.count_nonzero(colours))
        if colours.shape[0] >= _MANY:
            self._colour_by_colour(target, colours, found)
        else:
            self._together(target, colours, found)
        return np.where(wanted, found, np.nan), np.where(wanted, moved, np.nan)

    def _together(self, target: Array, colours: Mask, found: Array) -> None:
        """Evaluate all colours of all members in as few calls as fit the memory."""
        members, chosen = np.nonzero(colours)
        for start in range(0, members.size, self._chunk):
            member, colour = members[start : start + self._chunk], chosen[start : start + self._chunk]
            points = self.x[member]
            which, column = self._compression.columns(colour)
            points[which, column] = target[member[which], column]
            f = self._value(points, self._first + member)
            which, entry = self._compression.entries(colour)
            found[member[which], entry] = f[which, self.rows[entry]]

    def _colour_by_colour(self, target: Array, colours: Mask, found: Array) -> None:
        """Evaluate one colour of many members a call: whole columns are copied, which is three times as fast."""
        for colour in range(colours.shape[1]):
            member = np.flatnonzero(colours[:, colour])
            this = np.array([colour])
            _, column = self._compression.columns(this)
            _, entry = self._compression.entries(this)
            for start in range(0, member.size, self._chunk):
                part = member[start : start + self._chunk]
                points = self.x[part]
                points[:, column] = target[np.ix_(part, column)]
                f = self._value(points, self._first + part)
                found[np.ix_(part, entry)] = f[:, self.rows[entry]]
