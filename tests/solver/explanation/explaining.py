"""Explanations for tests, of a text at a point."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from raphson_solver.derivative import jacobian_rows
from raphson_solver.explanation import Explanation, element_names, explain
from raphson_solver.expression import evaluate, magnitudes
from raphson_solver.language import written_out
from raphson_solver.limits import Limits

from tests.solver.building import build

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray


def explained(
    equations: str | Sequence[str],
    at: Mapping[str, Any],
    parameters: Mapping[str, Any] | None = None,
    lower: NDArray[np.float64] | None = None,
    upper: NDArray[np.float64] | None = None,
) -> Explanation:
    system = build(equations, at, parameters)
    instance = written_out(system.definition, Limits())
    free = [(name, shape) for name, shape in system.parameters if name not in system.structural]
    x, p = system.pack_start(at), system.pack_parameters(parameters or {})
    graph = instance.graph
    f = evaluate(graph, instance.equations, x, p)
    sizes = evaluate(graph, magnitudes(graph, instance.equations), x, p)
    with np.errstate(all="ignore"):
        scaled = np.where(f == 0, 0.0, np.abs(f) / sizes)
    return explain(
        graph=graph,
        equations=instance.equations,
        derivative=jacobian_rows(graph, instance.equations),
        equation_names=instance.equation_names,
        variable_names=element_names(system.variables),
        parameter_names=element_names(free),
        x=x,
        p=p,
        f=f,
        scaled_residual=scaled,
        lower=lower,
        upper=upper,
    )
