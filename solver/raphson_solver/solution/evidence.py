"""From a system and a point to what can be said and proven of it. Its rooms are loaded when first asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from raphson_solver.engine.status import JacobianMode
from raphson_solver.explanation import Explanation, Structure, element_names, explain_structure
from raphson_solver.explanation import explain as explain_at
from raphson_solver.solution.local import local
from raphson_solver.solution.region import Bounds

if TYPE_CHECKING:
    from raphson_solver.proof import Certificate
    from raphson_solver.solution.system import System


def explain(
    system: System,
    x: ArrayLike | Mapping[str, Any] | None,
    p: ArrayLike | Mapping[str, Any] | None,
    region: Bounds | None,
) -> Explanation | Structure:
    """Return what the pattern says, and, with a point, what f and J say there."""
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


def certify(system: System, x: ArrayLike | Mapping[str, Any], p: ArrayLike | Mapping[str, Any] | None) -> Certificate:
    """Return a proven box, or why there is none."""
    from raphson_solver.proof import certify as prove  # noqa: PLC0415 - ball arithmetic is loaded for proofs alone

    point, given = system.point(x, p)
    kernels = system.kernels
    return prove(kernels.graph, kernels.equations, point, given)
