"""What holds for the derivatives of any program: all ways to them agree, and calculus's own laws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from raphson_solver.derivative import jacobian_rows, pullback, pushforward
from raphson_solver.expression import Graph, evaluate

from tests.solver.building import build
from tests.solver.programs import VARIABLES, Step, last_finite, points, programs, run

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEP = 1e-100


def by_reverse(graph: Graph, outputs: list[int], x: NDArray, p: NDArray) -> NDArray:
    rows, columns, nodes = jacobian_rows(graph, outputs)
    matrix = np.zeros((len(outputs), VARIABLES), dtype=x.dtype)
    if nodes:
        matrix[rows, columns] = evaluate(graph, nodes, x, p)
    return matrix


def by_forward(graph: Graph, outputs: list[int], x: NDArray, p: NDArray) -> NDArray:
    columns = []
    for unit in np.eye(VARIABLES):
        nodes = pushforward(graph, outputs, [graph.constant(value) for value in unit])
        columns.append(evaluate(graph, nodes, x, p))
    return np.array(columns).T.reshape(len(outputs), VARIABLES)


def by_complex_step(graph: Graph, outputs: list[int], x: NDArray, p: NDArray) -> NDArray:
    if not outputs:
        return np.zeros((0, VARIABLES))
    points = x[:, None] + 1j * STEP * np.eye(VARIABLES)
    return evaluate(graph, outputs, points.astype(np.result_type(x.dtype, 1j)), p[:, None]).imag / STEP


def assert_close(got: NDArray, expected: NDArray, precise: NDArray) -> None:
    """As far as rounding lets them: how much it is amplified shows in the difference from more digits."""
    finite = np.isfinite(got) & np.isfinite(expected) & np.isfinite(precise)
    got, expected, precise = got[finite], expected[finite], precise[finite]
    tolerance = 1e-11 * np.abs(expected) + 1e4 * np.abs(expected - precise).astype(float)
    assert np.all(np.abs(got - expected) <= tolerance + 1e-280)


@given(programs(smooth_only=True, longest=12), points)
@settings(max_examples=100)
def test_reverse_and_forward_agree_with_the_complex_step(steps: list[Step], point: list[float]) -> None:
    graph = Graph()
    x, p = np.split(np.array(point), [VARIABLES])
    outputs = last_finite(graph, run(graph, steps), x, p)
    expected = by_complex_step(graph, outputs, x, p)
    precise = by_complex_step(graph, outputs, x.astype(np.longdouble), p.astype(np.longdouble))
    assert_close(by_reverse(graph, outputs, x, p), expected, precise)
    assert_close(by_forward(graph, outputs, x, p), expected, precise)


@given(programs(), points)
@settings(max_examples=100)
def test_reverse_and_forward_agree_on_any_program(steps: list[Step], point: list[float]) -> None:
    graph = Graph()
    x, p = np.split(np.array(point), [VARIABLES])
    outputs = last_finite(graph, run(graph, steps), x, p)
    precise = by_forward(graph, outputs, x.astype(np.longdouble), p.astype(np.longdouble))
    assert_close(by_reverse(graph, outputs, x, p), by_forward(graph, outputs, x, p), precise)


@given(programs(), points)
@settings(max_examples=100)
def test_the_transpose_is_the_transpose(steps: list[Step], point: list[float]) -> None:
    graph = Graph()
    x, p = np.split(np.array(point), [VARIABLES])
    outputs = last_finite(graph, run(graph, steps), x, p)
    w = np.linspace(-1.0, 2.0, len(outputs))
    nodes = pullback(graph, outputs, [graph.constant(value) for value in w], VARIABLES)
    matrix = by_reverse(graph, outputs, x, p)
    got = evaluate(graph, nodes, x, p)
    if np.all(np.isfinite(matrix)) and np.all(np.isfinite(got)):
        np.testing.assert_allclose(got, w @ matrix, rtol=1e-9, atol=1e-9 * float(np.abs(w) @ np.abs(matrix).max(1)))


@given(programs(smooth_only=True), points)
@settings(max_examples=100)
def test_every_slope_that_is_not_zero_is_in_the_pattern(steps: list[Step], point: list[float]) -> None:
    graph = Graph()
    x, p = np.split(np.array(point), [VARIABLES])
    outputs = last_finite(graph, run(graph, steps), x, p)
    rows, columns, _ = jacobian_rows(graph, outputs)
    pattern = list(zip(rows, columns, strict=True))
    assert pattern == sorted(set(pattern))
    slopes = by_complex_step(graph, outputs, x, p)
    # Rounding alone may leave something of a slope that cancels, as that of (x + y) - x.
    visible = np.isfinite(slopes) & (np.abs(slopes) > 1e-9 * (1.0 + np.nanmax(np.abs(slopes), initial=0.0)))
    assert set(zip(*map(np.ndarray.tolist, np.nonzero(visible)), strict=True)) <= set(pattern)


TWO = build(["x**2*y - sin(z)", "exp(x*z) / (1 + y**2)"], ["x", "y", "z"])
X = np.array([0.7, -1.3, 0.4])


def test_jvp_is_linear() -> None:
    v, w = np.array([1.0, -2.0, 0.5]), np.array([0.3, 0.1, -4.0])
    np.testing.assert_allclose(
        TWO.jvp(X, 2.5 * v - 3.0 * w), 2.5 * TWO.jvp(X, v) - 3.0 * TWO.jvp(X, w), rtol=1e-13, atol=1e-14
    )
    assert TWO.jvp(X, np.zeros(3)).tolist() == [0.0, 0.0]


def test_jvp_and_vjp_are_adjoint() -> None:
    random = np.random.default_rng(7)
    for _ in range(20):
        v, w = random.normal(size=3), random.normal(size=2)
        assert TWO.jvp(X, v) @ w == pytest.approx(v @ TWO.vjp(X, w), rel=1e-12, abs=1e-13)


def test_jvp_and_vjp_are_products_with_the_matrix() -> None:
    v, w = np.array([1.0, -2.0, 0.5]), np.array([0.3, 0.1])
    np.testing.assert_allclose(TWO.jvp(X, v), TWO.jacobian(X) @ v, rtol=1e-13)
    np.testing.assert_allclose(TWO.vjp(X, w), w @ TWO.jacobian(X), rtol=1e-13)


def test_the_chain_rule() -> None:
    inner = build(["x**2 - y", "sin(x*y)"], ["x", "y"])
    outer = build(["exp(u) * v", "u - v**3"], ["u", "v"])
    both = build(["u := x**2 - y", "v := sin(x*y)", "exp(u) * v", "u - v**3"], ["x", "y"])
    point = np.array([0.8, 1.1])
    np.testing.assert_allclose(
        both.jacobian(point), outer.jacobian(inner.residual(point)) @ inner.jacobian(point), rtol=1e-13
    )


def test_the_determinant_of_a_product() -> None:
    random = np.random.default_rng(3)
    a, b = random.normal(size=(4, 4)), random.normal(size=(4, 4))
    linear = build("sum(a[i,j]*x[j] for j in range(4)) for i in range(4)", {"x": np.zeros(4)}, {"a": a})
    twice = build(
        "sum(a[i,k]*sum(b[k,j]*x[j] for j in range(4)) for k in range(4)) for i in range(4)",
        {"x": np.zeros(4)},
        {"a": a, "b": b},
    )
    x = np.ones(4)
    sign_a, log_a = linear.determinant(x, {"a": a})
    sign_b, log_b = linear.determinant(x, {"a": b})
    sign, log_abs = twice.determinant(x, {"a": a, "b": b})
    assert sign == sign_a * sign_b
    assert log_abs == pytest.approx(log_a + log_b, rel=1e-10)
    assert sign * np.exp(log_abs) == pytest.approx(np.linalg.det(a @ b), rel=1e-10)


def test_one_equation_is_a_row_and_one_variable_a_column() -> None:
    row = build("x*y*z", ["x", "y", "z"])
    assert row.jacobian([2.0, 3.0, 5.0]).tolist() == [[15.0, 10.0, 6.0]]
    assert row.jvp([2.0, 3.0, 5.0], [1.0, 0.0, 1.0]).tolist() == [21.0]
    assert row.vjp([2.0, 3.0, 5.0], [2.0]).tolist() == [30.0, 20.0, 12.0]
    column = build(["x**2", "x**3", "7"], ["x"])
    assert column.jacobian([2.0]).tolist() == [[4.0], [12.0], [0.0]]
    assert column.jvp([2.0], [0.5]).tolist() == [2.0, 6.0, 0.0]
    assert column.vjp([2.0], [1.0, 1.0, 1.0]).tolist() == [16.0]
    assert build("x**2", ["x"]).jacobian([2.0]).tolist() == [[4.0]]


def test_the_pattern_of_a_tridiagonal_family() -> None:
    system = build("(u[i-1] if i > 0 else 0) - 2*u[i] + (u[i+1] if i < 4 else 0) for i in range(5)", {"u": np.zeros(5)})
    pattern = set(zip(*map(np.ndarray.tolist, system.sparsity), strict=True))
    assert pattern == {(i, j) for i in range(5) for j in range(5) if abs(i - j) <= 1}


def test_an_equation_without_variables_has_an_empty_row() -> None:
    system = build(["r - 1", "x*y"], ["x", "y"], ["r"])
    assert system.jacobian([2.0, 3.0], [5.0]).tolist() == [[0.0, 0.0], [3.0, 2.0]]
    assert system.vjp([2.0, 3.0], [1.0, 1.0], [5.0]).tolist() == [3.0, 2.0]
    assert system.sparsity[0].tolist() == [1, 1]


def test_a_variable_that_is_in_two_equations_twice() -> None:
    system = build(["x", "x", "x + x - y"], ["x", "y"])
    assert system.jacobian([1.0, 1.0]).tolist() == [[1, 0], [1, 0], [2, -1]]
    assert system.vjp([1.0, 1.0], [1.0, 10.0, 100.0]).tolist() == [211.0, -100.0]
