"""What is wrong with a system before any number is known: which equations are too many, which too few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from raphson_solver.explanation.sentences import count, listed
from raphson_solver.structure import Part, components, dulmage_mendelsohn
from raphson_solver.structure.pattern import Places

_MOST_GROUPS = 5


@dataclass(frozen=True, slots=True)
class Group:
    """Equations and variables, by name, that belong together."""

    equations: tuple[str, ...]
    variables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Structure:
    """What the pattern of J says, for almost all values.

    Attributes
    ----------
    m, n : int
        Numbers of equations and of variables.
    rank : int
        The structural rank: how many equations can have a variable of their own.
    over : tuple of Group
        Equations that contain fewer variables than they are; groups have no variable in common.
    under : tuple of Group
        Variables that stand in fewer equations than they are; groups have no equation in common.
    empty_equations : tuple of str
        Equations that contain no variable.
    unused_variables : tuple of str
        Variables that no equation contains.
    """

    m: int
    n: int
    rank: int
    over: tuple[Group, ...]
    under: tuple[Group, ...]
    empty_equations: tuple[str, ...]
    unused_variables: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        """Whether there are as many equations as variables, and the pattern is structurally nonsingular."""
        return self.m == self.n == self.rank

    def lines(self) -> list[str]:
        """Return what is wrong, a sentence each; nothing if all is well."""
        lines = []
        if self.m != self.n:
            lines.append(f"there are {count(self.m, 'equation')} for {count(self.n, 'variable')}")
        if self.unused_variables:
            lines.append(f"no equation contains {listed(self.unused_variables)}")
        if self.empty_equations:
            contain = "contains" if len(self.empty_equations) == 1 else "contain"
            lines.append(f"{listed(self.empty_equations)} {contain} no variable")
        lines += _first([_too_many(group) for group in self.over if group.variables])
        lines += _first([_too_few(group) for group in self.under if group.equations])
        return lines

    def __str__(self) -> str:
        if self.is_sound:
            return f"{count(self.m, 'equation')}, {count(self.n, 'variable')}, structurally sound"
        return "\n".join(self.lines())


def explain_structure(
    rows: ArrayLike, columns: ArrayLike, equation_names: Sequence[str], variable_names: Sequence[str]
) -> Structure:
    """Return what the pattern says; no point is needed.

    Parameters
    ----------
    rows, columns : array of int
        Equation rows[k] contains variable columns[k].
    equation_names, variable_names : sequence of str
        What to call each.
    """
    rows, columns = np.asarray(rows, np.int64), np.asarray(columns, np.int64)
    m, n = len(equation_names), len(variable_names)
    parts = dulmage_mendelsohn(rows, columns, m, n)

    def groups(part: Part) -> tuple[Group, ...]:
        return tuple(
            Group(_named(equation_names, equations), _named(variable_names, variables))
            for equations, variables in components(rows, columns, part)
        )

    return Structure(
        m=m,
        n=n,
        rank=parts.rank,
        over=groups(parts.over),
        under=groups(parts.under),
        empty_equations=_named(equation_names, _absent(rows, m)),
        unused_variables=_named(variable_names, _absent(columns, n)),
    )


def _named(names: Sequence[str], places: Places) -> tuple[str, ...]:
    return tuple(names[int(place)] for place in places)


def _absent(used: Places, length: int) -> Places:
    return np.flatnonzero(np.bincount(used, minlength=length) == 0)


def _too_many(group: Group) -> str:
    extra = len(group.equations) - len(group.variables)
    return (
        f"too many equations: {count(len(group.equations), 'equation')} ({listed(group.equations)}) contain only "
        f"{count(len(group.variables), 'variable')} ({listed(group.variables)}), so in general {extra} cannot be met"
    )


def _too_few(group: Group) -> str:
    free = len(group.variables) - len(group.equations)
    stand = "stands" if len(group.variables) == 1 else "stand"
    return (
        f"too few equations: {count(len(group.variables), 'variable')} ({listed(group.variables)}) {stand} in only "
        f"{count(len(group.equations), 'equation')} ({listed(group.equations)}), so {free} cannot be determined"
    )


def _first(lines: list[str]) -> list[str]:
    if len(lines) <= _MOST_GROUPS:
        return lines
    return [*lines[:_MOST_GROUPS], f"… and {len(lines) - _MOST_GROUPS} more like these"]
