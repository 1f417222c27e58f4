"""The entries of J where each is one slope: rows that have no sums, and no column twice.

A row is of one family, and so knows how long it is: nothing has to be sorted but the columns within some rows, and each
slope can be written where its entry lies.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raphson_solver.engine import family_rows
from raphson_solver.expression.family import Families, Family, Places, Slot

Integers = NDArray[np.int64]
Shorts = NDArray[np.int32]

# Entries that are worth a thread: it takes some 0.1 ms to start, and they 0.4 ms.
_WORTH_A_THREAD = 250_000


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where the entries of J lie, and the slopes among them.

    Attributes
    ----------
    rows, columns : ndarray of int64, shape (entries,)
        Of each entry, row by row, columns ascending.
    targets : list of tuples of Places
        The entry of each slot, family by family.
    """

    rows: Integers
    columns: Integers
    targets: list[tuple[Places, ...]]


def row_by_row(families: Families, slots: Sequence[Sequence[Slot]]) -> Layout | None:
    """Return the layout of families of equations that contain no sums; None where a row has a column twice.

    Parameters
    ----------
    families : Families
        Of the system.
    slots : sequence of sequences of Slot
        Those that each family has slopes in.
    """
    starts = np.zeros(families.m + 1, np.int32)
    for each, family in zip(slots, families.equations, strict=True):
        own_rows = _numbers([family.places])
        family_rows.note_widths(family.count, own_rows.ctypes.data, len(each), starts.ctypes.data)
    family_rows.add_up(families.m, starts.ctypes.data)
    entries = int(starts[-1])
    layout = Layout(np.empty(entries, np.int64), np.empty(entries, np.int64), [])
    for each, family in zip(slots, families.equations, strict=True):
        if not each or not family.count:
            layout.targets.append(tuple(Places(0, 0) for _ in each))
            continue
        found = _in_order(family, each, starts, layout) or _sorted(family, each, starts, layout)
        if found is None:
            return None
        layout.targets.append(found)
    return layout


def _in_order(family: Family, slots: Sequence[Slot], starts: Shorts, layout: Layout) -> tuple[Places, ...] | None:
    """Lay out a family; return where its slopes go, None if columns do not ascend in each of its rows."""
    width, own = len(slots), family.places
    own_rows, columns = _numbers([own]), _numbers([slot.places for slot in slots])
    follows = family.count == 1 or (own.table is None and own.step == 1)
    begins = np.empty(0 if follows else family.count, np.int32)

    def fill(first: int, last: int) -> bool:
        return family_rows.place_in_order(
            first, last, own_rows.ctypes.data, width, columns.ctypes.data, starts.ctypes.data,
            layout.rows.ctypes.data, layout.columns.ctypes.data, 0 if follows else begins.ctypes.data,
        )  # fmt: skip

    if not _shared(family.count, width, fill):
        return None
    if follows:
        return tuple(Places(int(starts[own.at(0)]) + number, width) for number in range(width))
    first = Places.of(begins)
    return tuple(Places(first.first + number, first.step, first.given) for number in range(width))


def _sorted(family: Family, slots: Sequence[Slot], starts: Shorts, layout: Layout) -> tuple[Places, ...] | None:
    """Do as `_in_order`, each row's columns sorted; None if one comes twice."""
    width, count = len(slots), family.count
    own_rows, columns = _numbers([family.places]), _numbers([slot.places for slot in slots])
    places = np.empty((width, count), np.int32)

    def fill(first: int, last: int) -> bool:
        return family_rows.place_sorted(
            first, last, own_rows.ctypes.data, width, columns.ctypes.data, starts.ctypes.data,
            layout.rows.ctypes.data, layout.columns.ctypes.data, count, places.ctypes.data,
        )  # fmt: skip

    return tuple(map(Places.of, places)) if _shared(count, width, fill) else None


def _numbers(places: Sequence[Places]) -> Integers:
    """Return places as the engine reads them, shape (…, 3); they keep their tables."""
    return np.array(
        [(each.first, each.step, 0 if each.table is None else each.table.ctypes.data) for each in places], np.int64
    )


def _shared(count: int, width: int, fill: Callable[[int, int], bool]) -> bool:
    """Fill the rows of all members, by as many threads as that is worth; return whether each part went well."""
    threads = max(1, min(os.cpu_count() or 1, count * width // _WORTH_A_THREAD))
    ends = [count * part // threads for part in range(threads + 1)]
    if threads == 1:
        return fill(0, count)
    with ThreadPoolExecutor(threads) as pool:
        return all(pool.map(fill, ends[:-1], ends[1:]))
