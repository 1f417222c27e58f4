"""What can be said of a system that stays in families: all of it by sparse algebra, and no more names than are read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from raphson_solver.explanation.explanation import Explanation, at_bounds, worst_equations
from raphson_solver.explanation.family_faults import FamilyFaults
from raphson_solver.explanation.sparse_dependence import LARGEST_FACTORED, sparse_dependence
from raphson_solver.explanation.structural import explain_parts
from raphson_solver.structure import dulmage_mendelsohn

Vector = NDArray[np.float64]
Places = NDArray[np.int64]

MOST_NAMES = 30
"""How many groups, and how many equations and variables of each, are named."""


def explain_large(
    *,
    faults: FamilyFaults,
    pattern: tuple[Places, Places],
    entries: Vector,
    equation_names: Sequence[str],
    variable_names: Sequence[str],
    x: Vector,
    f: Vector,
    scaled_residual: Vector,
    lower: Vector | None = None,
    upper: Vector | None = None,
) -> Explanation:
    """Return what can be said of a large system at a point.

    Parameters
    ----------
    faults : FamilyFaults
        Says where NaN or infinity comes from at the point.
    pattern : (rows, columns)
        Where J may differ from zero, row by row, columns ascending.
    entries : ndarray, shape (entries,)
        Of J.
    equation_names, variable_names, x, f, scaled_residual, lower, upper
        As for `explain`; names are made when they are read.
    """
    rows, columns = pattern
    m, n = len(equation_names), len(variable_names)
    parts = dulmage_mendelsohn(rows, columns, m, n)
    found, left_out, fault = None, "", None
    bad = np.flatnonzero(~np.isfinite(f))
    bad_entries = np.flatnonzero(~np.isfinite(entries))
    if bad.size:
        fault = faults.in_value(int(bad[0]))
    elif bad_entries.size:
        fault = faults.in_slope(int(rows[bad_entries[0]]), int(columns[bad_entries[0]]))
    if bad_entries.size:
        left_out = "dependence between equations was not looked for: the Jacobian is not finite"
    else:
        found = sparse_dependence(rows, columns, entries, m, n, parts.matched)
        if m == n > LARGEST_FACTORED:
            left_out = f"the condition was not estimated: {n:,} variables are more than {LARGEST_FACTORED:,}"
    named, more = at_bounds(variable_names, x, lower, upper, MOST_NAMES)
    return Explanation(
        structure=explain_parts(parts, rows, columns, equation_names, variable_names, MOST_NAMES),
        not_finite=fault,
        dependence=found,
        left_out=left_out,
        at_bounds=named,
        worst=worst_equations(equation_names, f, scaled_residual),
        equation_names=equation_names,
        variable_names=variable_names,
        more_at_bounds=more,
    )
