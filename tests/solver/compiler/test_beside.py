"""Families at points side by side: each point gets the bits that it gets alone, on every width of registers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import raphson_solver as rs
from raphson_solver.compiler.family_kernel import FamilyKernel
from raphson_solver.compiler.width import Width, widest
from raphson_solver.engine.layout import LANES

from tests.solver.building import build

RNG = np.random.default_rng(21)
AS_FAMILIES = rs.Limits(equations=1)
SYSTEMS: dict[str, tuple[Any, Any, Any]] = {
    "a line": (
        ["u[0] = 0", "u[i-1] - 2*u[i] + u[i+1] + h**2*c*exp(u[i]) = 0 for i in range(1, n-1)", "u[n-1] = 0"],
        {"u": np.ones(31)},
        {"n": 31, "h": 0.1, "c": 3.0},
    ),
    "conditions": (
        "(3 - 2*x[i])*x[i] - (x[i-1] if i > 0 else 0) - (x[i+1] if x[i] > 0.5 else -x[i+1]) + a[i] for i in range(n-1)",
        {"x": np.ones(41)},
        {"n": 41, "a": np.ones(40)},
    ),
    "a sum of all": (
        "x[i] - 1 - c/(2*n)*sum(x[i]*x[j]*(i+1)/(i+j+2) for j in range(n)) for i in range(n)",
        {"x": np.ones(30)},
        {"n": 30, "c": 0.9},
    ),
    "a network": (
        ("sum(v[i]*v[k[e]]*(g[e]*cos(t[i] - t[k[e]]) + b[e]*sin(t[i] - t[k[e]])) for e in range(s[i], s[i+1]))"
        " = q[i] for i in range(5)"),
        {"v": np.ones(6), "t": np.zeros(6)},
        {"k": np.array([1, 5, 0, 3, 4, 1, 2, 0]), "s": np.array([0, 2, 3, 6, 7, 8]), "g": np.ones(8),
         "b": np.ones(8), "q": np.ones(5)},
    ),
    "sums of sums": (
        "x[i]*sum(w[j]*sum(x[l]**2 for l in range(j+1)) for j in range(4)) + tanh(y) - i for i in range(9)",
        {"x": np.ones(9), "y": 0.5},
        {"w": np.ones(4)},
    ),
    "a grid": (
        ("4*u[i,j] - (u[i-1,j] if i > 0 else 0) - (u[i,j+1] if j < 6 else 0) - sin(u[i,j])"
        " for i in range(7) for j in range(7)"),
        {"u": np.ones((7, 7))},
        None,
    ),
}  # fmt: skip
WIDTHS = [Width(lanes) for lanes in (2, 4, 8) if lanes <= widest().lanes]


def made(system: rs.System, width: Width, points: int) -> FamilyKernel:
    """Return f, sizes and J of a system for so many points."""
    whole = system._solved._evaluating(points)
    pattern = system.family_codes.entries[1]
    return FamilyKernel(
        whole._families, whole._jobs, pattern.rows.size, pattern.slope_count, pattern.products(), width, points
    )


@pytest.mark.parametrize("width", WIDTHS, ids=lambda width: f"{width.lanes} lanes")
@pytest.mark.parametrize("name", SYSTEMS)
def test_each_point_gets_the_bits_that_it_gets_alone(name: str, width: Width) -> None:
    texts, start, parameters = SYSTEMS[name]
    system = build(texts, start, parameters, limits=AS_FAMILIES)
    assert system.family_codes is not None
    x = RNG.normal(size=(LANES, system.n))
    p = RNG.normal(size=(LANES, system.parameter_count))
    x[2, 0], x[5] = np.nan, 1e200
    alone, beside = made(system, width, 1), made(system, width, LANES)
    got = beside(np.ascontiguousarray(x.T).reshape(-1), np.ascontiguousarray(p.T).reshape(-1)).reshape(-1, LANES).T
    for point in range(LANES):
        np.testing.assert_array_equal(got[point], alone(x[point], p[point]))
    assert np.isfinite(got[[0, 1, 3, 4, 6, 7]]).all()
    assert beside.nodes == alone.nodes
