"""All that can be said of a system at a point where its iteration ended, or before it begins."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raphson_solver.explanation.dependence import NEARLY_SINGULAR, Dependence, Pair, Relation, dependence
from raphson_solver.explanation.not_finite import Derivative, NotFinite, not_finite
from raphson_solver.explanation.sentences import listed
from raphson_solver.explanation.structural import Structure, explain_structure
from raphson_solver.explanation.values import node_values
from raphson_solver.expression.graph import Graph

Vector = NDArray[np.float64]

LARGEST_DENSE = 1000
"""Rows or columns of J beyond which it is not analysed as a dense matrix."""

_WORST = 5
_MOST_LINES = 3
_WIDTH = 100
# A variable as near its bound as this, relative to it, is at it.
_AT_BOUND = 1e-12
# As near 1 as rounding lets a cosine come.
_EXACT = 1e-12


@dataclass(frozen=True, slots=True)
class WorstEquation:
    """An equation that is far from zero; both numbers are NaN or infinite where it is not finite."""

    name: str
    residual: float
    scaled_residual: float


@dataclass(frozen=True, slots=True)
class AtBound:
    """A variable at a bound: ``"lower"`` or ``"upper"``."""

    name: str
    side: str
    bound: float


@dataclass(frozen=True, eq=False, slots=True)
class Explanation:
    """What was found at a point, the most important first in `lines`.

    Attributes
    ----------
    structure : Structure
        What the pattern alone says: parts with too many and too few equations, variables in no equation.
    not_finite : NotFinite or None
        Where NaN or infinity first appears in f, or else in J.
    dependence : Dependence or None
        Condition, rank, parallel and dependent equations and variables; None if `left_out` says why.
    left_out : str
        Why J was not analysed; empty if it was.
    at_bounds : tuple of AtBound
        Variables at their bounds.
    worst : tuple of WorstEquation
        The equations farthest from zero, the worst first, five at most.
    equation_names, variable_names : sequence of str
        What the numbers in `not_finite` and `dependence` stand for.
    more_at_bounds : int
        How many more variables are at their bounds than are named.
    """

    structure: Structure
    not_finite: NotFinite | None
    dependence: Dependence | None
    left_out: str
    at_bounds: tuple[AtBound, ...]
    worst: tuple[WorstEquation, ...]
    equation_names: Sequence[str]
    variable_names: Sequence[str]
    more_at_bounds: int = 0

    def lines(self) -> list[str]:
        """Return plain sentences, the most important first."""
        return [*self._findings(), *map(_phrase, self.worst)]

    def __str__(self) -> str:
        lines = []
        for sentence in self._findings():
            lines += textwrap.wrap(
                sentence,
                _WIDTH,
                initial_indent="- ",
                subsequent_indent="  ",
                break_long_words=False,
                break_on_hyphens=False,
            )
        if self.worst:
            width = max(8, *(len(worst.name) for worst in self.worst))
            lines.append(f"{'equation':<{width}}  {'f':>12}  {'scaled':>9}")
            lines += [
                f"{worst.name:<{width}}  {worst.residual:>12.5g}  {worst.scaled_residual:>9.2g}" for worst in self.worst
            ]
        return "\n".join(lines)

    def _findings(self) -> list[str]:
        lines = self.structure.lines()
        if self.not_finite is not None:
            lines.append(self._not_finite(self.not_finite))
        if self.dependence is not None:
            lines += self._dependence(self.dependence)
        if self.left_out:
            lines.append(self.left_out)
        at_bounds = [f"{at.name} is at its {at.side} bound {at.bound:.6g}" for at in self.at_bounds]
        lines += _first(at_bounds, self.more_at_bounds)
        return lines or ["nothing is wrong with the pattern, the values or the Jacobian at this point"]

    def _not_finite(self, found: NotFinite) -> str:
        if found.variable is None:
            what, value = self.equation_names[found.equation], f"{found.text} is {found.value}"
        else:
            equation, variable = self.equation_names[found.equation], self.variable_names[found.variable]
            what, value = f"the slope of {equation} in {variable}", f"{found.text}"
        return f"{what} is not finite: {value} ({found.reason})"

    def _dependence(self, found: Dependence) -> list[str]:
        equations, variables = self.equation_names, self.variable_names
        lines = []
        missing = set(self.structure.empty_equations)
        flat = [name for i in found.zero_rows[:LARGEST_DENSE] if (name := equations[int(i)]) not in missing]
        if flat:
            do = "does" if len(flat) == 1 else "do"
            total = len(flat) + found.zero_rows[LARGEST_DENSE:].size
            lines.append(f"{listed(flat, total=total)} {do} not change with any variable at this point")
        missing = set(self.structure.unused_variables)
        idle = [name for j in found.zero_columns[:LARGEST_DENSE] if (name := variables[int(j)]) not in missing]
        if idle:
            do = "does" if len(idle) == 1 else "do"
            total = len(idle) + found.zero_columns[LARGEST_DENSE:].size
            lines.append(f"{listed(idle, total=total)} {do} not change any equation at this point")
        lines += _first([_same(pair, equations, "change alike with every variable") for pair in found.parallel_rows])
        # What the pattern explains already is not said again in numbers.
        rank, structural = found.rank, self.structure.rank
        is_new = rank is None or rank == min(self.structure.m, self.structure.n) or rank < structural
        relations = _beside(found.redundant, found.parallel_rows) if is_new else []
        lines += _first([_redundant(relation, equations) for relation in relations])
        lines += _first([_same(pair, variables, "act alike on every equation") for pair in found.parallel_columns])
        relations = _beside(found.undetermined, found.parallel_columns) if is_new else []
        lines += _first([_undetermined(relation, variables) for relation in relations])
        if rank is not None and rank < structural:
            lines.append(f"the Jacobian is singular here: its rank is {rank}, not {structural}")
        elif rank is None and found.condition == math.inf and self.structure.is_sound:
            lines.append("the Jacobian is singular here")
        elif found.condition is not None and NEARLY_SINGULAR < found.condition < math.inf:
            lines.append(f"the Jacobian is nearly singular here: condition {found.condition:.1e} after scaling")
        return lines


def explain(
    *,
    graph: Graph,
    equations: Sequence[int],
    derivative: Derivative,
    equation_names: Sequence[str],
    variable_names: Sequence[str],
    parameter_names: Sequence[str],
    x: Vector,
    p: Vector,
    f: Vector,
    scaled_residual: Vector,
    lower: Vector | None = None,
    upper: Vector | None = None,
) -> Explanation:
    """Return what can be said of a system at a point.

    Parameters
    ----------
    graph : Graph
        Holds the nodes.
    equations : sequence of int, length m
        The nodes of f.
    derivative : (rows, columns, nodes)
        The entries of J that may differ from zero.
    equation_names : sequence of str, length m
        What to call each equation.
    variable_names, parameter_names : sequence of str
        The names of the elements of x and of p, as `element_names` gives them.
    x, p : ndarray
        The point and the parameters.
    f, scaled_residual : ndarray, shape (m,)
        f there, and relative to the size of its terms.
    lower, upper : ndarray, shape (n,), optional
        Bounds on x; infinite where there is none.
    """
    rows, columns, nodes = derivative
    m, n = len(equations), len(variable_names)
    values = node_values(graph, [*equations, *nodes], x, p)
    entries = np.array([values[node] for node in nodes])
    found, left_out = None, ""
    if not np.isfinite(entries).all():
        left_out = "dependence between equations was not looked for: the Jacobian is not finite"
    elif max(m, n) > LARGEST_DENSE:
        left_out = f"dependence between equations was not looked for: {m}×{n} is too large for a dense analysis"
    else:
        matrix = np.zeros((m, n))
        np.add.at(matrix, (np.asarray(rows, np.int64), np.asarray(columns, np.int64)), entries)
        found = dependence(matrix)
    return Explanation(
        structure=explain_structure(rows, columns, equation_names, variable_names),
        not_finite=not_finite(graph, equations, derivative, values, variable_names, parameter_names),
        dependence=found,
        left_out=left_out,
        at_bounds=at_bounds(variable_names, x, lower, upper)[0],
        worst=worst_equations(equation_names, f, scaled_residual),
        equation_names=tuple(equation_names),
        variable_names=tuple(variable_names),
    )


def worst_equations(names: Sequence[str], f: Vector, scaled: Vector) -> tuple[WorstEquation, ...]:
    """Return the equations with the largest scaled residual, those that are not finite before all others."""
    is_finite = np.isfinite(f) & np.isfinite(scaled)
    size = np.where(is_finite, np.abs(scaled), np.inf)
    order = map(int, np.argsort(-size, kind="stable")[:_WORST])
    return tuple(WorstEquation(names[i], float(f[i]), float(scaled[i])) for i in order if f[i] != 0)


def at_bounds(
    names: Sequence[str], x: Vector, lower: Vector | None, upper: Vector | None, most: int | None = None
) -> tuple[tuple[AtBound, ...], int]:
    """Return the variables at their bounds, in order and at most so many, and how many more there are."""
    found: list[tuple[int, AtBound]] = []
    total = 0
    for side, bound, sign in (("lower", lower, 1.0), ("upper", upper, -1.0)):
        if bound is None:
            continue
        finite = np.flatnonzero(np.isfinite(bound))
        distance = sign * (x[finite] - bound[finite])
        near = finite[distance <= _AT_BOUND * np.abs(bound[finite])]
        total += near.size
        found += [(int(j), AtBound(names[int(j)], side, float(bound[j]))) for j in near[:most]]
    named = tuple(at for _, at in sorted(found, key=lambda item: item[0])[:most])
    return named, total - len(named)


def _phrase(worst: WorstEquation) -> str:
    if not math.isfinite(worst.residual):
        return f"{worst.name} is {worst.residual}"
    return (
        f"{worst.name}: left minus right side is {worst.residual:.5g}, "
        f"{worst.scaled_residual:.2g} times the size of its terms"
    )


def _same(pair: Pair, names: Sequence[str], how: str) -> str:
    nearly = "" if abs(pair.cosine) > 1 - _EXACT else "nearly "
    return f"{names[pair.first]} and {names[pair.second]} {nearly}{how}, up to a factor (cosine {pair.cosine:.9f})"


def _redundant(relation: Relation, names: Sequence[str]) -> str:
    return (
        f"to first order at this point a combination of {_members(relation, names)} vanishes: "
        "one of them is redundant or contradicts the others"
    )


def _undetermined(relation: Relation, names: Sequence[str]) -> str:
    return f"to first order at this point {_members(relation, names)} can change together without any equation changing"


def _members(relation: Relation, names: Sequence[str]) -> str:
    total = relation.places.size + relation.more
    return listed([names[int(place)] for place in relation.places], total=total)


def _beside(relations: Sequence[Relation], pairs: Sequence[Pair]) -> list[Relation]:
    """Return the relations that are more than one of the pairs."""
    known = {frozenset((pair.first, pair.second)) for pair in pairs}
    return [relation for relation in relations if frozenset(relation.places.tolist()) not in known]


def _first(lines: list[str], more: int = 0) -> list[str]:
    total = len(lines) + more
    if total <= _MOST_LINES:
        return lines
    return [*lines[:_MOST_LINES], f"… and {total - _MOST_LINES} more like these"]
