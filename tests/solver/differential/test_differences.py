"""Differences against exact slopes: how near they come, what they say of their error, where they look and where not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import raphson_solver as rs
from hypothesis import given, settings
from raphson_solver.derivative import jacobian_rows
from raphson_solver.differential.differences import Differenced, differences
from raphson_solver.differential.rounding import rounding_errors
from raphson_solver.expression import Graph, evaluate

from tests.solver.building import build
from tests.solver.programs import VARIABLES, Step, last_finite, points, programs, run

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORWARD, CENTRAL = rs.JacobianMode.FORWARD, rs.JacobianMode.CENTRAL
both_modes = pytest.mark.parametrize("mode", [FORWARD, CENTRAL], ids=lambda mode: mode.name.lower())
STEP = {FORWARD: 2.0**-26, CENTRAL: 2.0**-17.5}


class Watched:
    """A system's f, and where it was asked for."""

    def __init__(self, texts: str | list[str], names: Any, parameters: Any = None) -> None:
        self.system = build(texts, names, parameters)
        pattern = self.system.kernels.pattern(rs.JacobianMode.EXACT)
        self.rows, self.columns = pattern.rows, pattern.columns
        self.seen: list[NDArray[np.float64]] = []
        self.members: list[int] = []
        self.p = np.empty((1, 0))

    def value(self, at: NDArray[np.float64], member: NDArray[np.int64]) -> NDArray[np.float64]:
        self.seen.extend(at.copy())
        self.members.extend(member.tolist())
        p = np.broadcast_to(self.p, (int(member.max()) + 1 if self.p.shape[0] == 1 else len(self.p), self.p.shape[1]))
        return np.array([self.system.residual(x, p[which]) for x, which in zip(at, member, strict=True)])

    def differences(self, x: Any, mode: rs.JacobianMode, **how: Any) -> Differenced:
        x = np.atleast_2d(np.array(x, np.float64))
        f = self.value(x, np.arange(len(x)))
        self.seen, self.members = [], []
        found = differences(self.value, x, f, self.rows, self.columns, self.system.m, mode, **how)
        assert found.evaluations == len(self.seen) + len(x)
        return found

    def exact(self, x: Any) -> NDArray[np.float64]:
        x = np.atleast_2d(np.array(x, np.float64))
        p = np.broadcast_to(self.p, (len(x), self.p.shape[1]))
        return np.array([self.system.jacobian(a, b)[self.rows, self.columns] for a, b in zip(x, p, strict=True)])


SMOOTH = Watched(["x**2*y - sin(z)", "exp(x)/y", "log(2 + cos(z)) + 3"], ["x", "y", "z"])
AT = [[1.5, -0.75, 2.0], [0.0, 3.0, -1.0], [1e-3, 1e2, 0.5]]


@both_modes
def test_smooth_functions(mode: rs.JacobianMode) -> None:
    found = SMOOTH.differences(AT, mode, estimate=True)
    exact = SMOOTH.exact(AT)
    assert found.error is not None
    wrong = np.abs(found.entries - exact)
    # Rounding of the terms of f, here up to 2 beside f, counts by the step, and that by the variable.
    at = np.array(AT)
    terms = np.abs(SMOOTH.value(at, np.arange(3))) + 2.0
    sizes = np.abs(exact) + terms[:, SMOOTH.rows] / np.where(at == 0.0, 1.0, np.abs(at))[:, SMOOTH.columns]
    assert np.all(wrong <= {FORWARD: 5e-8, CENTRAL: 2e-10}[mode] * sizes)
    assert np.all(wrong <= found.error)
    assert np.all(found.error <= {FORWARD: 5e-7, CENTRAL: 2e-9}[mode] * sizes)


@given(programs(smooth_only=True, longest=12), points)
@settings(max_examples=150)
def test_the_error_is_covered_by_its_estimate(steps: list[Step], point: list[float]) -> None:
    graph = Graph()
    x, p = np.split(np.array(point), [VARIABLES])
    outputs = last_finite(graph, run(graph, steps), x, p)
    rows, columns, nodes = (np.array(part, np.int64) for part in jacobian_rows(graph, outputs))
    if not nodes.size:
        return
    exact, rounding = rounding_errors(graph, nodes.tolist(), x[None], p)

    def value(at: NDArray[np.float64], _: NDArray[np.int64]) -> NDArray[np.float64]:
        return evaluate(graph, outputs, at.T, p).T

    for mode in (FORWARD, CENTRAL):
        found = differences(
            value, x[None], value(x[None], np.zeros(1, int)), rows, columns, len(outputs), mode, estimate=True
        )
        assert found.error is not None
        known = np.isfinite(exact) & np.isfinite(found.error)
        wrong = np.abs(found.entries - exact)[known]
        assert np.all(wrong <= found.error[known] + rounding[known] + 1e-300)


@pytest.mark.parametrize(("mode", "order"), [(FORWARD, 1), (CENTRAL, 2)])
def test_the_estimate_follows_the_truncation(mode: rs.JacobianMode, order: int) -> None:
    """Of exp, where truncation rules: e^(c·x) with c large has f⁽ᵏ⁾ = cᵏ·f."""
    c = 1e4
    f = Watched(f"exp({c}*(x - 1))", ["x"])
    found = f.differences([1.0], mode, estimate=True)
    assert found.error is not None
    theory = c * (c * STEP[mode]) ** order / (2 if order == 1 else 6)
    wrong = abs(found.entries[0, 0] - c)
    assert wrong == pytest.approx(theory, rel=0.1)
    assert wrong <= found.error[0, 0] <= 4 * wrong


@both_modes
def test_terms_that_cancel_show_in_the_estimate(mode: rs.JacobianMode) -> None:
    f = Watched("1e12*x - 1e12", ["x"])
    found = f.differences([1.0], mode, estimate=True)
    assert found.error is not None
    assert 0.0 < abs(found.entries[0, 0] - 1e12) <= found.error[0, 0] <= 1e12 * 2.0**-49 / STEP[mode]


def test_rounding_that_only_the_caller_knows_of() -> None:
    f = Watched("(1e12*q + x) - 1e12*q", ["x"], ["q"])
    f.p = np.array([[1.0 + 2.0**-30]])
    kernels = f.system.kernels
    _, rounding = rounding_errors(kernels.graph, kernels.equations, np.ones((1, 1)), f.p[0])
    found = f.differences([1.0], FORWARD, estimate=True, rounding=rounding)
    assert found.error is not None
    assert found.entries[0, 0] == 0.0
    assert 1.0 <= found.error[0, 0] <= 1e12 * 2.0**-50 * 2.0**26


@both_modes
@pytest.mark.parametrize("size", [1e-150, 1e-8, 1.0, 1e8, 1e150])
def test_steps_are_of_the_variables_size(mode: rs.JacobianMode, size: float) -> None:
    f = Watched(["x**2/s", "s/x"], ["x"], ["s"])
    f.p = np.array([[size]])
    found = f.differences([1.5 * size], mode)
    np.testing.assert_allclose(found.entries[0], [3.0, -1 / (2.25 * size)], rtol={FORWARD: 1e-7, CENTRAL: 1e-9}[mode])
    moves = np.abs(np.array(f.seen)[:, 0] - 1.5 * size)
    np.testing.assert_allclose(moves, 1.5 * size * STEP[mode], rtol=1e-6)


@both_modes
@pytest.mark.parametrize("x", [0.0, -0.0, 5e-324, 1e-310])
def test_a_variable_that_is_zero_or_as_good_as_counts_as_1(mode: rs.JacobianMode, x: float) -> None:
    f = Watched("sin(3*x)", ["x"])
    assert f.differences([x], mode).entries[0, 0] == pytest.approx(3.0, rel=1e-9 if mode is CENTRAL else 1e-7)


@pytest.mark.parametrize("x", [1e300, -1.7e308, 1e-300])
@both_modes
def test_numbers_near_the_ends_of_the_range(mode: rs.JacobianMode, x: float) -> None:
    assert Watched("x/4", ["x"]).differences([x], mode).entries[0, 0] == pytest.approx(0.25, rel=1e-7)


# --- bounds -----------------------------------------------------------------------------------------------------

BOUNDED = Watched(["exp(x) + y**3", "x*y"], ["x", "y"])
LOWER, UPPER = np.array([0.0, 2.0]), np.array([1.0, 2.0 + 1e-5])


@both_modes
@pytest.mark.parametrize("x", [0.0, 1e-7, 0.5, 1.0 - 1e-7, 1.0 - 1e-12, 1.0])
@pytest.mark.parametrize("y", [2.0, 2.0 + 1e-9, 2.0 + 1e-5])
def test_f_is_never_evaluated_outside_the_bounds(x: float, y: float, mode: rs.JacobianMode) -> None:
    for estimate in (False, True):
        found = BOUNDED.differences([x, y], mode, lower=LOWER, upper=UPPER, estimate=estimate)
        seen = np.array(BOUNDED.seen)
        assert np.all((seen >= LOWER) & (seen <= UPPER))
        assert np.all((seen != [x, y]).any(axis=1))
    assert found.error is not None
    wrong = np.abs(found.entries - BOUNDED.exact([x, y]))
    assert np.all(wrong <= found.error)
    # The step by which rounding counts is that of the variable's size, or what the bounds leave of it.
    steps = np.minimum(np.where(np.array([x, y]) == 0.0, 1.0, [x, y]) * STEP[mode], UPPER - LOWER)[BOUNDED.columns]
    assert np.all(found.error <= 1e-13 / steps + 20 * steps)


def test_at_a_bound_central_differences_stay_of_second_order() -> None:
    f = Watched("exp(100*x)", ["x"])
    for x in (0.0, 1.0):
        central = f.differences([x], CENTRAL, lower=np.zeros(1), upper=np.ones(1), estimate=True)
        exact = f.exact([x])
        assert central.error is not None
        relative = np.abs(central.entries / exact - 1.0)[0, 0]
        # h²·f‴/3 with h = 2⁻¹⁷·⁵, of f′ = 100·f.
        assert relative <= (100 * 2.0**-17.5) ** 2
        assert relative * exact[0, 0] <= central.error[0, 0] <= 1e-5 * exact[0, 0]


@both_modes
def test_a_variable_between_equal_bounds_has_no_difference(mode: rs.JacobianMode) -> None:
    found = BOUNDED.differences([0.5, 2.0], mode, lower=np.array([0.0, 2.0]), upper=np.array([1.0, 2.0]), estimate=True)
    assert found.error is not None
    assert np.isnan(found.entries[0]).tolist() == [False, True, False, True]
    assert np.isnan(found.error[0]).tolist() == [False, True, False, True]
    assert np.all(np.array(BOUNDED.seen)[:, 1] == 2.0)


def test_a_point_outside_its_bounds_is_refused() -> None:
    with pytest.raises(
        rs.InputError, match=r"^at: number 1 of x is 5.0; expected one within its bounds, 2.0 and 2.00001"
    ):
        BOUNDED.differences([0.5, 5.0], FORWARD, lower=LOWER, upper=UPPER)


# --- domains ----------------------------------------------------------------------------------------------------


@both_modes
@pytest.mark.parametrize(
    ("text", "x", "slope", "tolerance"),
    [
        ("where(x > 1, 1/0, x**2)", 1.0, 2.0, 1e-7),
        ("where(x < 1, log(-1), x**2)", 1.0, 2.0, 1e-7),
        ("x*sqrt(x)", 0.0, 0.0, 2e-3),
        ("sqrt(1 - x)*2 + 3*x", 0.0, 2.0, 1e-7),
        ("where(abs(x - 1) > 1e-9, 1/0, x**2)", 1.0, 2.0, 1e-4),
    ],
)
def test_the_side_where_f_is_finite_is_used(
    text: str, x: float, slope: float, tolerance: float, mode: rs.JacobianMode
) -> None:
    assert Watched(text, ["x"]).differences([x], mode).entries[0, 0] == pytest.approx(slope, abs=tolerance)


@both_modes
def test_only_the_equations_at_their_edge_fall_back(mode: rs.JacobianMode) -> None:
    f = Watched(["where(x > 1, 1/0, x**2)", "exp(x)", "where(x < 1, 1/0, x**3)"], ["x"])
    alone = Watched("exp(x)", ["x"]).differences([1.0], mode).entries[0, 0]
    found = f.differences([1.0], mode, estimate=True)
    np.testing.assert_allclose(found.entries[0], [2.0, np.e, 3.0], rtol=1e-7)
    assert found.entries[0, 1] == alone
    assert found.error is not None
    # f is met to end within the step: nothing is known of how smooth it is.
    end = np.isinf(found.error[0])
    assert end[0]
    assert not end[1]
    if mode is CENTRAL:
        assert end[2]


@both_modes
def test_where_f_is_finite_nowhere_near_there_is_no_difference(mode: rs.JacobianMode) -> None:
    found = Watched(["where(x == 1, 5, 1/0)*x", "x"], ["x"]).differences([1.0], mode, estimate=True)
    assert found.error is not None
    assert np.isnan(found.entries[0]).tolist() == [True, False]
    assert np.isnan(found.error[0]).tolist() == [True, False]


@both_modes
def test_where_f_is_not_finite_itself_nothing_is_tried(mode: rs.JacobianMode) -> None:
    f = Watched(["log(-x**2)", "1/(x - 1)"], ["x"])
    found = f.differences([[1.0], [2.0]], mode)
    assert np.isnan(found.entries).tolist() == [[True, True], [True, False]]
    assert set(f.members) == {1}


# --- batches ----------------------------------------------------------------------------------------------------


@both_modes
@pytest.mark.parametrize("count", [1, 3, 200])
@pytest.mark.parametrize("estimate", [False, True])
def test_a_batch_is_its_members(mode: rs.JacobianMode, count: int, *, estimate: bool) -> None:
    """Whatever goes together with what, and each with its own parameters."""
    f = Watched(["x*y + q", "sqrt(y - 1)*q"], ["x", "y"], ["q"])
    random = np.random.default_rng(2)
    x = random.uniform(1.0, 2.0, (count, 2))
    x[::3, 1] = 1.0
    f.p = random.normal(size=(count, 1))
    together = f.differences(x, mode, estimate=estimate)
    p = f.p
    evaluations = 0
    for place in range(count):
        f.p = p[place : place + 1]
        alone = f.differences(x[place], mode, estimate=estimate)
        np.testing.assert_array_equal(together.entries[place], alone.entries[0])
        if estimate:
            assert together.error is not None
            assert alone.error is not None
            np.testing.assert_array_equal(together.error[place], alone.error[0])
        evaluations += alone.evaluations
    assert together.evaluations == evaluations


@both_modes
def test_what_does_not_fit_the_memory_is_cut(mode: rs.JacobianMode, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = SMOOTH.differences(AT * 50, mode, estimate=True)
    monkeypatch.setattr("raphson_solver.differential.differences._MEMBERS", 8 * 7 * 70)
    monkeypatch.setattr("raphson_solver.differential.sampler._CHUNK", 8 * 6 * 4)
    sizes: list[int] = []
    value = Watched.value

    def measured(self: Watched, at: NDArray[np.float64], member: NDArray[np.int64]) -> NDArray[np.float64]:
        sizes.append(len(at))
        return value(self, at, member)

    monkeypatch.setattr(Watched, "value", measured)
    parts = SMOOTH.differences(AT * 50, mode, estimate=True)
    assert max(sizes[1:]) <= 4
    np.testing.assert_array_equal(parts.entries, whole.entries)
    assert parts.error is not None
    assert whole.error is not None
    np.testing.assert_array_equal(parts.error, whole.error)


# --- compression ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "each"), [(FORWARD, 1), (CENTRAL, 2)])
@pytest.mark.parametrize("n", [3, 10, 100])
def test_a_tridiagonal_system_takes_three_points_a_side(mode: rs.JacobianMode, each: int, n: int) -> None:
    f = Watched(
        f"exp(u[i]) - 2*(u[i-1] if i > 0 else 0) + (u[i+1]**2 if i < {n - 1} else 0) for i in range({n})",
        {"u": np.zeros(n)},
    )
    x = np.random.default_rng(n).uniform(0.5, 1.5, n)
    found = f.differences(x, mode)
    assert found.evaluations == 1 + 3 * each
    np.testing.assert_allclose(found.entries, f.exact(x), atol=1e-6 if mode is FORWARD else 1e-9)
    assert f.differences(x, mode, estimate=True).evaluations == 1 + 6 * each


@both_modes
def test_a_variable_that_nothing_knows_is_not_moved(mode: rs.JacobianMode) -> None:
    f = Watched(["x", "2"], ["x", "unused"])
    found = f.differences([1.0, 1.0], mode)
    assert found.entries.tolist() == [[1.0]]
    assert found.evaluations == (2 if mode is FORWARD else 3)
    assert np.all(np.array(f.seen)[:, 1] == 1.0)


@both_modes
def test_without_entries_nothing_is_evaluated(mode: rs.JacobianMode) -> None:
    found = Watched("2", ["x"]).differences([1.0], mode, estimate=True)
    assert found.entries.shape == (1, 0)
    assert found.evaluations == 1


def test_other_modes_are_refused() -> None:
    with pytest.raises(rs.InputError, match=r"^mode: expected forward or central differences; found exact$"):
        SMOOTH.differences(AT, rs.JacobianMode.EXACT)
