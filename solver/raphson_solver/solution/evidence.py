"""From a system and a point to what can be said and proven of it. Its rooms are loaded when first asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from raphson_solver.engine.status import JacobianMode
from raphson_solver.explanation import (
    ElementNames,
    Explanation,
    FamilyFaults,
    Structure,
    element_names,
    explain_large,
    explain_structure,
)
from raphson_solver.explanation import explain as explain_at
from raphson_solver.explanation.large import MOST_NAMES
from raphson_solver.interruption import uninterrupted
from raphson_solver.solution.local import local
from raphson_solver.solution.region import Bounds

if TYPE_CHECKING:
    from raphson_solver.proof import Certificate
    from raphson_solver.solution.family_codes import FamilyCodes
    from raphson_solver.solution.system import System


def explain(
    system: System,
    x: ArrayLike | Mapping[str, Any] | None,
    p: ArrayLike | Mapping[str, Any] | None,
    region: Bounds | None,
) -> Explanation | Structure:
    """Return what the pattern says, and, with a point, what f and J say there."""
    if system.family_codes is not None:
        return _explain_families(system, system.family_codes, x, p, region)
    kernels = system.kernels
    pattern, nodes = kernels.entries(JacobianMode.EXACT)
    rows, columns = pattern.rows.tolist(), pattern.columns.tolist()
    variable_names = element_names(system.variables)
    if x is None:
        return explain_structure(rows, columns, system.equation_names, variable_names)
    point, given = system.point(x, p)
    here = local(system, point, given)
    return explain_at(
        graph=kernels.graph,
        equations=kernels.equations,
        derivative=(rows, columns, nodes),
        equation_names=system.equation_names,
        variable_names=variable_names,
        parameter_names=element_names(system.free_parameters),
        x=point,
        p=given,
        f=here.f,
        scaled_residual=here.scaled_residual,
        lower=None if region is None else region.lower,
        upper=None if region is None else region.upper,
    )


def _explain_families(
    system: System,
    codes: FamilyCodes,
    x: ArrayLike | Mapping[str, Any] | None,
    p: ArrayLike | Mapping[str, Any] | None,
    region: Bounds | None,
) -> Explanation | Structure:
    """Do as `explain` by sparse algebra, in memory proportional to the entries of J."""
    from raphson_solver.differential.family_source import FamilySource  # noqa: PLC0415 - a room that comes after this

    source = FamilySource(codes, system.limits.dense_entries, uninterrupted)
    pattern = source.pattern(JacobianMode.EXACT)
    variable_names = ElementNames(system.variables)
    if x is None:
        return explain_structure(*pattern, system.equation_names, variable_names, MOST_NAMES)
    point, given = system.point(x, p)
    f, sizes = source.value_and_sizes(point, given)
    entries = source.entries(point[None], given[None], 1, JacobianMode.EXACT)[0]
    rows, columns = pattern
    with np.errstate(all="ignore"):
        scale = sizes + np.bincount(rows, np.abs(entries * point[columns]), system.m)
        scaled = np.abs(f) / np.where(scale > 0.0, scale, 1.0)
    return explain_large(
        faults=FamilyFaults(
            codes.families, codes.gradient, source.buffers(point, given), variable_names,
            ElementNames(system.free_parameters),
        ),
        pattern=pattern,
        entries=entries,
        equation_names=system.equation_names,
        variable_names=variable_names,
        x=point,
        f=f,
        scaled_residual=scaled,
        lower=None if region is None else region.lower,
        upper=None if region is None else region.upper,
    )  # fmt: skip


def certify(system: System, x: ArrayLike | Mapping[str, Any], p: ArrayLike | Mapping[str, Any] | None) -> Certificate:
    """Return a proven box, or why there is none."""
    from raphson_solver.proof import certify as prove  # noqa: PLC0415 - ball arithmetic is loaded for proofs alone

    point, given = system.point(x, p)
    kernels = system.kernels
    return prove(kernels.graph, kernels.equations, point, given)
