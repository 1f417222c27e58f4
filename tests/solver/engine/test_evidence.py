"""Every answer carries its evidence, and the evidence is true."""

from __future__ import annotations

import numpy as np
import pytest
import raphson_solver as rs
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.solver.building import METHODS, build

NAMES = ["x", "y", "z"]
coefficients = st.integers(-8, 8).map(lambda eighths: eighths / 4)


@st.composite
def systems(draw: st.DrawFn) -> tuple[list[str], list[float]]:
    """Polynomials with a few transcendental terms, some without any root, and a start."""
    n = draw(st.integers(1, 3))
    terms = [f"{a}*{b}" for a in NAMES[:n] for b in NAMES[:n]] + [
        f"{f}({a})" for f in ("exp", "sin") for a in NAMES[:n]
    ]
    texts = []
    for _ in range(n):
        parts = [f"({draw(coefficients)})*{draw(st.sampled_from([*NAMES[:n], *terms]))}" for _ in range(3)]
        texts.append(" + ".join(parts) + f" = {draw(coefficients)}")
    return texts, draw(st.lists(coefficients, min_size=n, max_size=n))


@given(systems(), st.sampled_from(METHODS), st.sampled_from([1, 2, 3]), st.sampled_from([1e-12, 1e-6]))
@settings(max_examples=80)
def test_the_residual_is_that_of_the_point_and_converged_means_it_passes(
    case: tuple[list[str], list[float]], method: rs.Method, mode: int, tolerance: float
) -> None:
    texts, start = case
    system = build(texts, NAMES[: len(start)])
    options = rs.SolveOptions(method=method, jacobian=rs.JacobianMode(mode), tolerance=tolerance, max_iterations=200)
    solution = system.solve(start, options=options)
    assert isinstance(solution.status, rs.Status)
    assert solution.iterations <= 200
    f = system.residual(solution.x)
    assert np.array_equal(solution.residual, f, equal_nan=True)
    if solution.converged:
        passes = (solution.scaled_residual <= tolerance) | (np.abs(f) <= options.absolute_tolerance)
        assert passes.all()
    elif np.isfinite(system.residual(start)).all():
        assert np.isfinite(solution.x).all()
        assert np.isfinite(solution.residual).all()


def test_the_scaled_residual_by_hand() -> None:
    """|f| over the terms that cancel, x² + 2, and what relative changes of x do, |2x·x|."""
    system = build("x**2 = 2", ["x"])
    flag = rs.CancelFlag()
    flag.set()
    solution = system.solve([3.0], cancel=flag)
    assert solution.residual.tolist() == [7.0]
    assert solution.scaled_residual[0] == pytest.approx(7 / (9 + 2 + 18), rel=1e-15)


def test_where_every_term_is_zero_so_is_the_scaled_residual() -> None:
    flag = rs.CancelFlag()
    flag.set()
    solution = build(["x*y", "x + y"], ["x", "y"]).solve([0.0, 0.0], cancel=flag)
    assert solution.scaled_residual.tolist() == [0.0, 0.0]


def test_evidence_where_f_is_not_finite() -> None:
    solution = build(["exp(x) = 1", "y = log(x)"], ["x", "y"]).solve(
        [1e8, 1.0], options=rs.SolveOptions(method=rs.Method.NEWTON)
    )
    assert solution.status is rs.Status.DOMAIN_ERROR
    assert solution.residual[0] == np.inf
    assert not np.isfinite(solution.scaled_residual[0])
    assert solution.residual_norm == np.inf
    assert "f is not finite here" in repr(solution)


def test_the_absolute_tolerance_ends_it_sooner() -> None:
    system = build("x**3 = 0", ["x"])
    early = system.solve([1.0], options=rs.SolveOptions(absolute_tolerance=1e-3))
    late = system.solve([1.0], options=rs.SolveOptions(absolute_tolerance=1e-24))
    assert early.iterations < late.iterations
    assert abs(late.residual[0]) <= 1e-24
    assert abs(early.residual[0]) <= 1e-3


def test_a_tighter_tolerance_is_kept() -> None:
    system = build("exp(x) = 1e3*cos(x)", ["x"])
    norms = [
        system.solve([1.0], options=rs.SolveOptions(tolerance=tolerance)).scaled_residual[0]
        for tolerance in (1e-2, 1e-6, 1e-14)
    ]
    assert norms[0] <= 1e-2
    assert norms[1] <= 1e-6
    assert norms[2] <= 1e-14


def test_a_multiple_root_is_found_to_the_digits_it_has() -> None:
    solution = build("(x - 1)**4", ["x"]).solve([3.0])
    assert solution.converged
    assert solution.x[0] == pytest.approx(1.0, abs=1e-2)
