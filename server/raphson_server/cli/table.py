"""Aligned columns: whole tables, and tables that grow row by row."""

from collections.abc import Sequence

import click

# A number of 12 digits with sign, point and exponent.
_WIDTH = 19
_MOST_UNKNOWNS = 8


def aligned(rows: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    """Return rows of equal length as lines; the first `left` columns start, all others end at one place."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [_line(row, widths, left) for row in rows]


class GrowingTable:
    """A table of points, printed row by row as they come.

    Parameters
    ----------
    before, after : sequence of str
        Headings of the columns before and after the unknowns; those after are words.
    unknowns : sequence of str
        Names of the unknowns, of which the first eight are shown.
    """

    def __init__(self, before: Sequence[str], unknowns: Sequence[str], after: Sequence[str]) -> None:
        self._count = min(len(unknowns), _MOST_UNKNOWNS)
        self._more = ["…"] if len(unknowns) > self._count else []
        headings = [*before, *unknowns[: self._count], *self._more, *after]
        numbers = len(headings) - len(after)
        self._widths = [
            max(len(heading), _WIDTH if place < numbers and heading not in {"#", "…"} else 3)
            for place, heading in enumerate(headings)
        ]
        self._words = len(after)
        self._print(headings)

    def add(self, before: Sequence[str], x: Sequence[float], after: Sequence[str]) -> None:
        """Print a row."""
        self._print([*before, *(f"{number:.12g}" for number in x[: self._count]), *self._more, *after])

    def _print(self, cells: Sequence[str]) -> None:
        numbers = len(cells) - self._words
        shown = [cell.rjust(width) for cell, width in zip(cells[:numbers], self._widths, strict=False)]
        shown += [cell.ljust(width) for cell, width in zip(cells[numbers:], self._widths[numbers:], strict=True)]
        click.echo("  ".join(shown).rstrip())


def _line(row: Sequence[str], widths: Sequence[int], left: int) -> str:
    cells = [cell.ljust(width) for cell, width in zip(row[:left], widths, strict=False)]
    cells += [cell.rjust(width) for cell, width in zip(row[left:], widths[left:], strict=True)]
    return "  ".join(cells).rstrip()
