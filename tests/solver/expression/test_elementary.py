"""exp, sin and cos as sums and products, against 50 digits: each operation rounded, and as the lanes fuse them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from mpmath import mp, mpf
from raphson_solver.compiler import many
from raphson_solver.compiler.emit import emit
from raphson_solver.compiler.machine import MachineCode
from raphson_solver.compiler.many_points import ManyPoints
from raphson_solver.compiler.width import Width, widest
from raphson_solver.expression import Graph, evaluate
from raphson_solver.expression import operations as op
from raphson_solver.expression.elementary import LARGEST_ANGLE, exponential, sine_and_cosine
from raphson_solver.expression.relaxed import relaxed

RNG = np.random.default_rng(3)
UNITS = 2.0
"""In the last place: the largest error, but for AT_ZERO."""

AT_ZERO = 1e-28
"""How far from 0 a value may be that is all but 0, as cos is at 93 872.359 285 589 82, where it is −2e-15."""

FUNCTIONS = {
    "exp": exponential,
    "sin": lambda graph, x: sine_and_cosine(graph, x)[0],
    "cos": lambda graph, x: sine_and_cosine(graph, x)[1],
}
NEAR = [0.0, -0.0, 1.0, -1.0, 1e-300, -1e-17, 1e-8, *(k * math.pi / 4 for k in range(-9, 10)), 355.0, -710.0 * 355.0]


def rounded(name: str, x: np.ndarray) -> np.ndarray:
    graph = Graph()
    return evaluate(graph, [FUNCTIONS[name](graph, graph.variable(0))], x[None])[0]


def fused(name: str, x: np.ndarray) -> np.ndarray:
    graph = Graph()
    output = FUNCTIONS[name](graph, graph.variable(0))
    text, slots = emit("kernel", graph, [output], ManyPoints(Width(8, fused=True), 1, 1))
    code = MachineCode(text, optimize=True)
    rows, out, work = np.ascontiguousarray(x), np.empty(x.size), np.empty(8 * slots)
    many._LANES(code.address("kernel"))(rows.ctypes.data, 1, 0, 0, 0, 0, out.ctypes.data, 1, x.size, work.ctypes.data)
    return out


Way = Callable[[str, np.ndarray], np.ndarray]
WAYS = [rounded, *([fused] if widest().lanes == 8 else [])]


def largest_error(name: str, x: np.ndarray, found: np.ndarray) -> float:
    """Return the largest error in units in the last place."""
    with mp.workdps(50):
        exact = [getattr(mp, name)(mpf(each)) for each in x.tolist()]
        pairs = zip(found.tolist(), exact, strict=True)
        return float(max((abs(mpf(y) - z) - AT_ZERO) / mpf(math.ulp(float(z))) for y, z in pairs))


@pytest.mark.parametrize("way", WAYS)
def test_exp(way: Way) -> None:
    x = np.concatenate((RNG.uniform(-700, 700, 2000), RNG.uniform(-2, 2, 2000), NEAR[:-1]))
    assert largest_error("exp", x, way("exp", x)) <= UNITS


@pytest.mark.parametrize("name", ["sin", "cos"])
@pytest.mark.parametrize("way", WAYS)
def test_sin_and_cos(way: Way, name: str) -> None:
    wide = RNG.uniform(-1, 1, 2000) * 10.0 ** RNG.uniform(0, np.log10(LARGEST_ANGLE), 2000)
    near = np.round(RNG.uniform(-1e5, 1e5, 500)) * (np.pi / 2)
    x = np.concatenate((RNG.uniform(-7, 7, 2000), wide, near, NEAR))
    assert largest_error(name, x, way(name, x)) <= UNITS


@pytest.mark.parametrize("way", WAYS)
def test_what_cannot_be_reduced_is_not_a_number(way: Way) -> None:
    far = np.array([np.nan, np.inf, -np.inf, np.nextafter(LARGEST_ANGLE, np.inf), -1e300])
    for name in ("sin", "cos"):
        assert np.isnan(way(name, far)).all()
    ends = way("exp", far[:3])
    assert np.all(np.isnan(ends) | (ends == [0.5, np.inf, 0.0]))
    np.testing.assert_array_equal(way("exp", np.array([1000.0, -1000.0])), [np.inf, 0.0])


def test_calls_are_replaced_on_request_and_share_what_they_can() -> None:
    graph = Graph()
    x = graph.variable(0)
    outputs = [graph.apply(kind, x) for kind in (op.SIN, op.COS, op.EXP)]
    made, _ = relaxed(graph, outputs)
    assert {op.SIN, op.COS, op.EXP} <= set(made.operation)
    made, others = relaxed(graph, outputs, without_calls=True)
    assert not {op.SIN, op.COS, op.EXP} & set(made.operation)
    kinds = [made.operation[node] for node in made.reachable(others)]
    # One reduction for sine and cosine, and one for exp; and which quarter it is.
    assert kinds.count(op.FLOOR) == 3
