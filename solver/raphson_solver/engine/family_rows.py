"""Where the entries of J lie that families have: one pass over their members, each of which has a row to itself.

Places are three numbers: the first, the step from one member to the next, and the address of a table of int32 that is
added, 0 if there is none. All else is bare addresses too: with arrays a pass took seven times as long.
"""

from __future__ import annotations

from typing import Any

from raphson_solver.engine.intrinsics import Integers, integers, shorts
from raphson_solver.engine.jit import entry, inlined


@inlined
def _place(places: Integers, which: int, member: int) -> Any:
    place = places[3 * which] + places[3 * which + 1] * member
    if places[3 * which + 2] != 0:
        place += shorts(places[3 * which + 2])[member]
    return place


@entry
def note_widths(count: int, own_rows_at: int, width: int, starts_at: int) -> None:
    """Write, behind the start of each row of a family, how many entries it has.

    Parameters
    ----------
    count : int
        How many members there are.
    own_rows_at : int
        Address of the places of their rows.
    width : int
        How many entries each has.
    starts_at : int
        Address of int32, one more than there are rows; changed.
    """
    own_rows, starts = integers(own_rows_at), shorts(starts_at)
    for member in range(count):
        starts[_place(own_rows, 0, member) + 1] = width


@entry
def add_up(m: int, starts_at: int) -> None:
    """Make of numbers of entries, one behind each of m rows' own place, where rows start."""
    starts = shorts(starts_at)
    starts[0] = 0
    for row in range(m):
        starts[row + 1] += starts[row]


@entry
def place_in_order(
    first: int, last: int, own_rows_at: int, width: int, slots_at: int, starts_at: int, rows_at: int, columns_at: int,
    begins_at: int,
) -> bool:  # fmt: skip
    """Write rows and columns of some members' entries; stop where a member's columns do not ascend.

    Parameters
    ----------
    first, last : int
        The first of the members, and the one behind the last.
    own_rows_at, slots_at : int
        Addresses of the places of their rows, and of the columns in which they have entries.
    width : int
        How many these are.
    starts_at : int
        Address of int32, where each row starts.
    rows_at, columns_at : int
        Addresses of int64, one an entry; changed.
    begins_at : int
        Address of int32, where each member's entries begin; changed. 0 if nobody asks.

    Returns
    -------
    bool
        Whether columns ascend in all of them.
    """
    own_rows, slots, starts = integers(own_rows_at), integers(slots_at), shorts(starts_at)
    rows, columns, begins = integers(rows_at), integers(columns_at), shorts(begins_at)
    for member in range(first, last):
        row = _place(own_rows, 0, member)
        begin, before = starts[row], -1
        for number in range(width):
            column = _place(slots, number, member)
            if column <= before:
                return False
            rows[begin + number], columns[begin + number] = row, column
            before = column
        if begins_at != 0:
            begins[member] = begin
    return True


@entry
def place_sorted(
    first: int, last: int, own_rows_at: int, width: int, slots_at: int, starts_at: int, rows_at: int, columns_at: int,
    count: int, places_at: int,
) -> bool:  # fmt: skip
    """Do as `place_in_order`, each member's columns sorted; stop where a column comes twice.

    Parameters
    ----------
    first, last, own_rows_at, width, slots_at, starts_at, rows_at, columns_at
        As there.
    count : int
        How many members there are.
    places_at : int
        Address of int32, shape (width, count): where the entry in each slot lies; changed.

    Returns
    -------
    bool
        Whether no column comes twice in any of them.
    """
    own_rows, slots, starts = integers(own_rows_at), integers(slots_at), shorts(starts_at)
    rows, columns, places = integers(rows_at), integers(columns_at), shorts(places_at)
    for member in range(first, last):
        row = _place(own_rows, 0, member)
        begin = starts[row]
        for number in range(width):
            column, place = _place(slots, number, member), begin + number
            while place > begin and columns[place - 1] > column:
                columns[place] = columns[place - 1]
                place -= 1
            if place > begin and columns[place - 1] == column:
                return False
            rows[begin + number], columns[place] = row, column
        for number in range(width):
            column, low, high = _place(slots, number, member), begin, begin + width
            while low < high:
                middle = (low + high) // 2
                if columns[middle] < column:
                    low = middle + 1
                else:
                    high = middle
            places[number * count + member] = low
    return True
