"""The views of a Jacobian as the command line writes them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import raphson
from numpy.typing import NDArray

from raphson_server.cli.table import aligned

# A wider matrix is printed as a list of the entries that may differ from zero.
_MOST_COLUMNS = 10
_MOST_VALUES = 8

Array = NDArray[np.float64]


@dataclass(slots=True)
class Views:
    """What was asked for; None where it was not."""

    matrix: Array | None = None
    sparse: raphson.SparseJacobian | None = None
    estimate: raphson.JacobianEstimate | None = None
    jvp: Array | None = None
    vjp: Array | None = None
    determinant: raphson.Determinant | None = None
    spectrum: raphson.Spectrum | None = None
    propagated: raphson.Propagated | None = None


def views_as_json(system: raphson.CompiledSystem, views: Views) -> dict[str, Any]:
    """Write views with stable keys: null where a view was not asked for."""
    matrix, estimate = views.matrix, views.estimate
    return {
        "equations": list(system.equation_names),
        "unknowns": list(system.unknown_names),
        "jacobian": matrix if estimate is None else estimate.matrix,
        "error": None if estimate is None else estimate.error,
        "evaluations": None if estimate is None else estimate.evaluations,
        "sparse": _attributes(views.sparse, "rows", "columns", "values", "shape"),
        "jvp": views.jvp,
        "vjp": views.vjp,
        "determinant": _attributes(views.determinant, "sign", "log_abs", "value"),
        "spectrum": _attributes(views.spectrum, "singular_values", "condition", "rank"),
        "covariance": _attributes(views.propagated, "covariance", "standard_deviations"),
        "system_id": system.id,
    }


def lines(system: raphson.CompiledSystem, views: Views) -> list[str]:
    """Write views for people."""
    written: list[str] = []
    if views.sparse is not None:
        places = (views.sparse.rows, views.sparse.columns)
        written += _entries(system, places, views.sparse.values)
    if views.matrix is not None:
        written += _matrix(system, views.matrix)
    if views.estimate is not None:
        estimate = views.estimate
        written += _matrix(system, estimate.matrix)
        written += [f"error, estimated, by {estimate.evaluations} evaluations of f"]
        written += _matrix(system, estimate.error, digits=2)
    for title, names, vector in (
        ("J·v", system.equation_names, views.jvp),
        ("wᵀ·J", system.unknown_names, views.vjp),
        ("standard deviations", system.equation_names, _deviations(views)),
    ):
        if vector is not None:
            written += [title, *(f"  {line}" for line in aligned([*_named(names, vector)]))]
    if views.determinant is not None:
        found = views.determinant
        written.append(f"determinant {found.value:.12g} (sign {found.sign:g}, log|det| {found.log_abs:.12g})")
    if views.spectrum is not None:
        written += _spectrum(views.spectrum)
    return written


def _deviations(views: Views) -> Array | None:
    return None if views.propagated is None else views.propagated.standard_deviations


def _named(names: tuple[str, ...], vector: Array) -> list[tuple[str, str]]:
    return [(name, f"{number:.12g}") for name, number in zip(names, vector, strict=True)]


def _spectrum(found: raphson.Spectrum) -> list[str]:
    values = [f"{value:.8g}" for value in found.singular_values]
    shown = ", ".join(values[:_MOST_VALUES]) + (f", … {values[-1]}" if len(values) > _MOST_VALUES else "")
    return [f"rank {found.rank} of {len(values)}, condition {found.condition:.6g}", f"singular values {shown}"]


def _matrix(system: raphson.CompiledSystem, matrix: Array, digits: int = 8) -> list[str]:
    if system.n > _MOST_COLUMNS:
        return _entries(system, system.sparsity, matrix[system.sparsity])
    cells = [["", *system.unknown_names]]
    cells += [
        [name, *(f"{entry:.{digits}g}" for entry in row)]
        for name, row in zip(system.equation_names, matrix, strict=True)
    ]
    return aligned(cells)


def _entries(system: raphson.CompiledSystem, places: tuple[Any, Any], values: Array) -> list[str]:
    names = system.unknown_names
    cells = [
        (system.equation_names[row], names[column], f"{value:.12g}")
        for row, column, value in zip(places[0].tolist(), places[1].tolist(), values.tolist(), strict=True)
    ]
    widths = [max((len(cell[place]) for cell in cells), default=0) for place in range(2)]
    return [f"{row.ljust(widths[0])}  {column.ljust(widths[1])}  {entry}" for row, column, entry in cells]


def _attributes(found: object, *names: str) -> dict[str, Any] | None:
    return None if found is None else {name: getattr(found, name) for name in names}
