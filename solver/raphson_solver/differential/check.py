"""A caller's own Jacobian against the exact one: which entries are wrong, by name, and what differences say of them.

Two right formulas for one entry differ by rounding, and by more where terms cancel in them: sin(x)² + cos(x)² − 1 is
no mistake where 0 is expected. So the difference is measured in the size of the entry: how much rounding may change the
two formulas, by an error analysis that follows every operation (`rounding_errors`), over 2⁻⁵⁰, and never less than
their values. Entries agree up to 2⁻⁴⁰ of that, which forgives constants written with 13 digits and no mistake of form.

Entries that are the same infinity, or both no number, agree; one that is not finite where the other is, does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raphson_solver.differential.differences import differences
from raphson_solver.differential.rounding import rounding_errors
from raphson_solver.engine.status import JacobianMode
from raphson_solver.errors import InputError
from raphson_solver.explanation.elements import element_names
from raphson_solver.interruption import Between, uninterrupted
from raphson_solver.solution.system import System

Array = NDArray[np.float64]
Places = NDArray[np.int64]

# What the analysis of errors takes for one call of a function.
_ROUNDING = 2.0**-50
_AGREEMENT = 2.0**-40
_TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, slots=True)
class CheckedEntry:
    """An entry of J that is wrong.

    Attributes
    ----------
    equation, variable : str
        By name, e.g. ``"equations[0]"`` and ``"u[3]"``.
    row, column : int
        By number, from 0.
    given, exact : float
        The caller's value, and the derivative of the equation.
    central, central_error : float
        By central differences, and an estimate of their error.
    """

    equation: str
    variable: str
    row: int
    column: int
    given: float
    exact: float
    central: float
    central_error: float


@dataclass(frozen=True, slots=True)
class JacobianCheck:
    """Whether a caller's Jacobian is that of the equations, at one point. Prints as a table.

    Attributes
    ----------
    agrees : bool
        Whether every entry does.
    worst : tuple of CheckedEntry
        Entries that do not, worst first.
    disagreeing : int
        How many do not.
    largest_error : float
        The largest |given − exact| over the size of the entry; infinite where only one of them is finite.
    """

    agrees: bool
    worst: tuple[CheckedEntry, ...]
    disagreeing: int
    largest_error: float

    def __str__(self) -> str:
        if self.agrees:
            return f"the Jacobian agrees with the exact one to rounding: largest error {self.largest_error:.1e}"
        entries = "1 entry differs" if self.disagreeing == 1 else f"{self.disagreeing} entries differ"
        shown = "" if len(self.worst) == self.disagreeing else f"; the worst {len(self.worst)}"
        cells = [("equation", "variable", "given", "exact", "by central differences")]
        cells += [
            (
                entry.equation,
                entry.variable,
                f"{entry.given:.10g}",
                f"{entry.exact:.10g}",
                f"{entry.central:.10g} ± {entry.central_error:.1e}",
            )
            for entry in self.worst
        ]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)) for line in cells]
        return "\n  ".join([f"{entries} from the exact Jacobian{shown}:", *(line.rstrip() for line in lines)])


def check_jacobian(
    system: System,
    x: ArrayLike | Mapping[str, Any],
    p: ArrayLike | Mapping[str, Any] | None = None,
    max_entries: int = 10,
    between: Between = uninterrupted,
) -> JacobianCheck:
    """Compare a system's Jacobian as its caller wrote it with the exact one, entry by entry.

    An entry that the caller left out or wrote as 0 counts as 0.

    Parameters
    ----------
    system : System
        With a Jacobian of the caller's.
    x : array of shape (n,), or mapping of names to values
        Where.
    p : array, or mapping of names to values, optional
        The parameters.
    max_entries : int
        Entries to name at most.
    between : callable, optional
        Called now and then; what it raises ends the work.

    Raises
    ------
    InputError
        For a system without such a Jacobian, or arguments that do not fit.
    LimitError
        For one that is too large to be written out.
    """
    if system.definition.jacobian is None:
        raise InputError("jacobian", "this system has no Jacobian of the caller's to check; give one")
    if max_entries < 1:
        raise InputError("max_entries", f"expected at least 1, found {max_entries}")
    kernels = system.kernels
    at, given_p = system.point(x, p)
    exact_pattern, exact_nodes = kernels.entries(JacobianMode.EXACT)
    given_pattern, given_nodes = kernels.entries(JacobianMode.ANALYTIC)
    exact_places = exact_pattern.rows * system.n + exact_pattern.columns
    given_places = given_pattern.rows * system.n + given_pattern.columns
    places = np.unique(np.concatenate((exact_places, given_places)))
    rows, columns = np.divmod(places, system.n)
    exact, given = (
        _at(places, own, rounding_errors(kernels.graph, nodes, at[None], given_p, between))
        for own, nodes in ((exact_places, exact_nodes), (given_places, given_nodes))
    )
    error = _relative_error(given, exact)
    wrong = np.flatnonzero(error > _AGREEMENT)
    if not wrong.size:
        return JacobianCheck(True, (), 0, float(error.max(initial=0.0)))
    with np.errstate(all="ignore"):
        difference = np.nan_to_num(np.abs(given[0] - exact[0])[wrong], nan=np.inf, posinf=np.inf)
    worst = wrong[np.lexsort((-difference, -error[wrong]))][:max_entries]
    central, central_error = _central(system, rows, columns, worst, at, given_p, between)
    names = element_names(system.variables)
    entries = tuple(
        CheckedEntry(str(system.equation_names[row]), names[column], row, column, *numbers)
        for row, column, *numbers in zip(
            rows[worst].tolist(),
            columns[worst].tolist(),
            given[0][worst].tolist(),
            exact[0][worst].tolist(),
            central.tolist(),
            central_error.tolist(),
            strict=True,
        )
    )
    return JacobianCheck(False, entries, int(wrong.size), float(error.max()))


def _at(places: Places, own: Places, found: tuple[Array, Array]) -> tuple[Array, Array]:
    """Return the values and the sizes of entries at all places, 0 at others than their own; those of one are added."""
    values, sizes = np.zeros(places.size), np.zeros(places.size)
    with np.errstate(all="ignore"):
        size = found[1][0] / _ROUNDING
        np.add.at(values, np.searchsorted(places, own), found[0][0])
        np.add.at(
            sizes,
            np.searchsorted(places, own),
            np.fmax(np.abs(found[0][0]), np.where(np.isfinite(size), size, 0.0)),
        )
    return values, sizes


def _relative_error(given: tuple[Array, Array], exact: tuple[Array, Array]) -> Array:
    """Return |given − exact| over the size of the entry; 0 where both are equally undefined."""
    (a, size_a), (b, size_b) = given, exact
    finite = np.isfinite(a) & np.isfinite(b)
    with np.errstate(all="ignore"):
        # Below the least normal number rounding is absolute.
        error = np.abs(a - b) / np.fmax(np.fmax(size_a, size_b), _TINY)
    alike = (a == b) | (np.isnan(a) & np.isnan(b))
    return np.where(finite, error, np.where(alike, 0.0, np.inf))


def _central(
    system: System,
    rows: Places,
    columns: Places,
    worst: Places,
    x: Array,
    p: Array,
    between: Between,
) -> tuple[Array, Array]:
    """Return some entries by central differences and their errors, from the columns that they stand in."""
    kernels = system.kernels
    # The whole of each column: variables may move together only if no row knows two of them.
    needed = np.flatnonzero(np.isin(columns, columns[worst]))

    def value(points: Array, _: Places) -> Array:
        found = np.empty((points.shape[0], system.m))
        for place, point in enumerate(points):
            between()
            found[place] = kernels.residual(point, p)
        return found

    _, rounding = rounding_errors(kernels.graph, kernels.equations, x[None], p, between)
    found = differences(
        value,
        x[None],
        value(x[None], np.zeros(1, np.int64)),
        rows[needed],
        columns[needed],
        system.m,
        JacobianMode.CENTRAL,
        estimate=True,
        rounding=rounding,
    )
    assert found.error is not None
    at = np.searchsorted(needed, worst)
    return found.entries[0, at], found.error[0, at]
