"""The columns that are moved together, and the entries of J that each such move shows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from raphson_solver.differential.colouring import colour_columns

Places = NDArray[np.int64]


class Compression:
    """A pattern with its columns coloured.

    Parameters
    ----------
    rows, columns : int64 arrays, shape (entries,)
        Where J may differ from zero.
    n : int
        Number of columns.

    Attributes
    ----------
    count : int
        Number of colours: of points, besides x, that show every column once.
    entry_colours : int64 array, shape (entries,)
        The colour of each entry's column.
    """

    def __init__(self, rows: Places, columns: Places, n: int) -> None:
        colour, self.count = colour_columns(rows, columns, n)
        used = np.flatnonzero(np.bincount(columns, minlength=n))
        self.entry_colours = colour[columns]
        self._columns = _Groups(used, colour[used], self.count)
        self._entries = _Groups(np.arange(columns.size), self.entry_colours, self.count)

    def columns(self, colours: Places) -> tuple[Places, Places]:
        """Return, of every column of every colour in a list, its colour's place in the list and the column."""
        return self._columns.of(colours)

    def entries(self, colours: Places) -> tuple[Places, Places]:
        """Return, of every entry of every colour in a list, its colour's place in the list and the entry."""
        return self._entries.of(colours)


class _Groups:
    """Things by their labels."""

    def __init__(self, things: Places, labels: Places, count: int) -> None:
        self._things = things[np.argsort(labels, kind="stable")]
        self._sizes = np.bincount(labels, minlength=count)
        self._starts = np.cumsum(self._sizes) - self._sizes

    def of(self, labels: Places) -> tuple[Places, Places]:
        sizes = self._sizes[labels]
        which = np.repeat(np.arange(labels.size), sizes)
        within = np.arange(which.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return which, self._things[np.repeat(self._starts[labels], sizes) + within]
