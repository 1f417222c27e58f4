"""∂f/∂p of any program, by the same sweep as J: exact, and in the pattern wherever it is not zero."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from raphson_solver.derivative import jacobian_rows
from raphson_solver.expression import Graph, evaluate
from raphson_solver.expression import operations as op

from tests.solver.programs import PARAMETERS, VARIABLES, Step, last_finite, points, programs, run

STEP = 1e-100


@given(programs(smooth_only=True, longest=12), points)
@settings(max_examples=60)
def test_slopes_by_parameters_agree_with_the_complex_step(steps: list[Step], point: list[float]) -> None:
    graph = Graph()
    x, p = np.split(np.array(point), [VARIABLES])
    outputs = last_finite(graph, run(graph, steps), x, p)
    if not outputs:
        return
    rows, columns, nodes = jacobian_rows(graph, outputs, op.PARAMETER)
    matrix = np.zeros((len(outputs), PARAMETERS))
    if nodes:
        matrix[rows, columns] = evaluate(graph, nodes, x, p)
    for kind in (np.float64, np.longdouble):
        shifted = p.astype(kind)[:, None] + 1j * STEP * np.eye(PARAMETERS)
        fixed = np.repeat(x.astype(shifted.dtype)[:, None], PARAMETERS, axis=1)
        slopes = evaluate(graph, outputs, fixed, shifted).imag / STEP
        if kind is np.float64:
            rough = slopes
    finite = np.isfinite(matrix) & np.isfinite(slopes.astype(float)) & np.isfinite(rough)
    tolerance = 1e-11 * np.abs(slopes) + 1e4 * np.abs(slopes - rough)
    assert np.all((np.abs(matrix - slopes) <= tolerance + 1e-280)[finite])


@given(programs(), points)
@settings(max_examples=60)
def test_a_parameter_has_the_slope_that_a_variable_in_its_place_has(steps: list[Step], point: list[float]) -> None:
    """The same program with the roles exchanged."""
    x, p = np.split(np.array(point), [VARIABLES])
    graph, exchanged = Graph(), Exchanged()
    outputs = last_finite(graph, run(graph, steps), x, p)
    same = run(exchanged, steps)
    same = [same[place] for place in _places(graph, steps, outputs)]
    as_parameters, as_variables = jacobian_rows(graph, outputs, op.PARAMETER), jacobian_rows(exchanged, same)
    assert as_parameters[:2] == as_variables[:2]
    if as_parameters[2]:
        got = evaluate(graph, as_parameters[2], x, p)
        wanted = evaluate(exchanged, as_variables[2], p, x)
        np.testing.assert_array_equal(got, wanted)


class Exchanged(Graph):
    """Makes parameters of variables, and variables of parameters."""

    def variable(self, place: int) -> int:
        return super().parameter(place)

    def parameter(self, place: int) -> int:
        return super().variable(place)


def _places(graph: Graph, steps: list[Step], outputs: list[int]) -> list[int]:
    nodes = run(graph, steps)
    return [nodes.index(node) for node in outputs]
