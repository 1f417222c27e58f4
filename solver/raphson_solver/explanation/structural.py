"""What is wrong with a system before any number is known: which equations are too many, which too few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from raphson_solver.explanation.sentences import count, listed
from raphson_solver.structure import DulmageMendelsohn, Part, components, dulmage_mendelsohn
from raphson_solver.structure.pattern import Places

_MOST_GROUPS = 5


@dataclass(frozen=True, slots=True)
class Group:
    """Equations and variables, by name, that belong together."""

    equations: tuple[str, ...]
    variables: tuple[str, ...]
    more_equations: int = 0
    """How many more there are than have a name here."""
    more_variables: int = 0

    @property
    def equation_count(self) -> int:
        """How many equations there are."""
        return len(self.equations) + self.more_equations

    @property
    def variable_count(self) -> int:
        """How many variables there are."""
        return len(self.variables) + self.more_variables


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
    more: tuple[int, int, int, int] = (0, 0, 0, 0)
    """How many more groups, empty equations and unused variables there are than are named, in the order above."""

    @property
    def is_sound(self) -> bool:
        """Whether there are as many equations as variables, and the pattern is structurally nonsingular."""
        return self.m == self.n == self.rank

    def lines(self) -> list[str]:
        """Return what is wrong, a sentence each; nothing if all is well."""
        lines = []
        if self.m != self.n:
            lines.append(f"there are {count(self.m, 'equation')} for {count(self.n, 'variable')}")
        more_over, more_under, more_empty, more_unused = self.more
        if self.unused_variables:
            total = len(self.unused_variables) + more_unused
            lines.append(f"no equation contains {listed(self.unused_variables, total=total)}")
        if self.empty_equations:
            contain = "contains" if len(self.empty_equations) == 1 else "contain"
            total = len(self.empty_equations) + more_empty
            lines.append(f"{listed(self.empty_equations, total=total)} {contain} no variable")
        lines += _first([_too_many(group) for group in self.over if group.variables], more_over - more_empty)
        lines += _first([_too_few(group) for group in self.under if group.equations], more_under - more_unused)
        return lines

    def __str__(self) -> str:
        if self.is_sound:
            return f"{count(self.m, 'equation')}, {count(self.n, 'variable')}, structurally sound"
        return "\n".join(self.lines())


def explain_structure(
    rows: ArrayLike,
    columns: ArrayLike,
    equation_names: Sequence[str],
    variable_names: Sequence[str],
    most: int | None = None,
) -> Structure:
    """Return what the pattern says; no point is needed.

    Parameters
    ----------
    rows, columns : array of int
        Equation rows[k] contains variable columns[k].
    equation_names, variable_names : sequence of str
        What to call each.
    most : int, optional
        How many groups, and how many equations and variables of each, have their names told; all by default.
    """
    rows, columns = np.asarray(rows, np.int64), np.asarray(columns, np.int64)
    m, n = len(equation_names), len(variable_names)
    return explain_parts(dulmage_mendelsohn(rows, columns, m, n), rows, columns, equation_names, variable_names, most)


def explain_parts(
    parts: DulmageMendelsohn,
    rows: Places,
    columns: Places,
    equation_names: Sequence[str],
    variable_names: Sequence[str],
    most: int | None,
) -> Structure:
    """Return what the parts of a pattern say; see `explain_structure`."""
    m, n = len(equation_names), len(variable_names)

    def groups(part: Part) -> tuple[tuple[Group, ...], int]:
        found, total = components(rows, columns, part, most)
        return tuple(
            Group(
                _named(equation_names, equations[:most]),
                _named(variable_names, variables[:most]),
                equations.size - equations[:most].size,
                variables.size - variables[:most].size,
            )
            for equations, variables in found
        ), total - len(found)

    over, more_over = groups(parts.over)
    under, more_under = groups(parts.under)
    empty, unused = _absent(rows, m), _absent(columns, n)
    return Structure(
        m=m,
        n=n,
        rank=parts.rank,
        over=over,
        under=under,
        empty_equations=_named(equation_names, empty[:most]),
        unused_variables=_named(variable_names, unused[:most]),
        more=(more_over, more_under, empty.size - empty[:most].size, unused.size - unused[:most].size),
    )


def _named(names: Sequence[str], places: Places) -> tuple[str, ...]:
    return tuple(names[int(place)] for place in places)


def _absent(used: Places, length: int) -> Places:
    return np.flatnonzero(np.bincount(used, minlength=length) == 0)


def _too_many(group: Group) -> str:
    equations, variables = group.equation_count, group.variable_count
    return (
        f"too many equations: {count(equations, 'equation')} ({listed(group.equations, total=equations)}) contain only "
        f"{count(variables, 'variable')} ({listed(group.variables, total=variables)}), so in general "
        f"{equations - variables} cannot be met"
    )


def _too_few(group: Group) -> str:
    equations, variables = group.equation_count, group.variable_count
    stand = "stands" if variables == 1 else "stand"
    return (
        f"too few equations: {count(variables, 'variable')} ({listed(group.variables, total=variables)}) {stand} in "
        f"only {count(equations, 'equation')} ({listed(group.equations, total=equations)}), so "
        f"{variables - equations} cannot be determined"
    )


def _first(lines: list[str], more: int) -> list[str]:
    total = len(lines) + max(0, more)
    if total <= _MOST_GROUPS:
        return lines
    return [*lines[:_MOST_GROUPS], f"… and {total - _MOST_GROUPS} more like these"]
