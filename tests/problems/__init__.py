"""The standard problems, each with a start and a verified root, and 50 digits to judge answers by."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Problem:
    """n equations in the unknowns x1 … xn.

    Attributes
    ----------
    name, group, source : str
        What it is called, the set it belongs to (``nls23`` or ``mgh``), and where it was published.
    equations : tuple of str
        Expressions that equal zero at a root.
    start, root : tuple of float
        The standard start; a root known to all the digits that a double holds.
    """

    name: str
    group: str
    source: str
    equations: tuple[str, ...]
    start: tuple[float, ...]
    root: tuple[float, ...]

    @property
    def n(self) -> int:
        """How many unknowns, and equations."""
        return len(self.start)

    @property
    def variables(self) -> tuple[str, ...]:
        """The unknowns' names, in order."""
        return tuple(f"x{i}" for i in range(1, self.n + 1))


@dataclass(frozen=True, slots=True)
class Point:
    """A place at which to look at a problem's equations.

    Attributes
    ----------
    name : str
        The problem's name, and ``start`` or ``root``.
    problem : Problem
        Whose equations.
    x : tuple of float
        The n coordinates.
    """

    name: str
    problem: Problem
    x: tuple[float, ...]


@cache
def standard_points() -> tuple[Point, ...]:
    """Return every start and every root, those that problems share once."""
    points = {}
    for problem in standard_problems():
        for where, x in (("start", problem.start), ("root", problem.root)):
            points.setdefault((problem.equations, x), Point(f"{problem.name}-{where}", problem, x))
    return tuple(points.values())


@cache
def standard_problems() -> tuple[Problem, ...]:
    """Return the 23 of ``nls23`` and the Moré–Garbow–Hillstrom equations with starts times 1, 10, 100."""
    rows = json.loads(Path(__file__).with_name("standard.json").read_text(encoding="utf-8"))
    return tuple(
        Problem(
            name=row["name"],
            group=row["group"],
            source=row["source"],
            equations=tuple(row["equations"]),
            start=tuple(map(float, row["start"])),
            root=tuple(map(float, row["root"])),
        )
        for row in rows
    )
