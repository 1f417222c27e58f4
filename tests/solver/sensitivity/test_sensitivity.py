"""Derivatives of roots against 50 digits, against roots solved again, and against each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import raphson_solver as rs
from hypothesis import given, settings
from hypothesis import strategies as st
from raphson_solver.sensitivity import Sensitivity, SingularRootError

from tests.solver.building import build
from tests.solver.sensitivity.implicit import exact, renamed, solved

CASES: dict[str, tuple[list[str], dict[str, Any], dict[str, Any]]] = {
    "circle": (["u**2 + v**2 - r**2", "exp(u) + v - 1"], {"u": 1.0, "v": -1.7}, {"r": 2.0}),
    "array": (
        ["a[0]*u + a[1]*v**3 - a[2]", "sin(u*a[1]) - v/a[2]"],
        {"u": 0.5, "v": 0.5},
        {"a": [1.25, 0.75, 2.0]},
    ),
    "scales": (
        ["1e6*u*v - k1*1e3", "u + v - k2", "w*u - log(k3)*1e-9"],
        {"u": 1.0, "v": 1e-3, "w": 1e-9},
        {"k1": 3.0, "k2": 1.5, "k3": 7.0},
    ),
    "cancelling": (["u - v - b", "u**3 - v**3 - c"], {"u": 9.0, "v": 8.0}, {"b": 1.5, "c": 300.0}),
    "unused": (["u**3 - s", "v - u"], {"u": 1.0, "v": 1.0}, {"s": 2.0, "t": 3.0}),
}


def flat_names(values: dict[str, Any]) -> list[str]:
    return [f"{name}[{i}]" if np.ndim(value) else name for name, value in values.items() for i in range(np.size(value))]


@pytest.mark.parametrize("case", CASES)
def test_derivatives_agree_with_fifty_digits(case: str) -> None:
    equations, start, parameters = CASES[case]
    system, x, p = solved(equations, start, parameters)
    texts = renamed(equations, [*flat_names(start), *flat_names(parameters)])
    root, slopes = exact(texts, x.tolist(), p.tolist())
    np.testing.assert_allclose(x, root, rtol=1e-11)
    found = Sensitivity(system, x, p)
    size = np.maximum(np.abs(slopes), 1e-3 * np.abs(slopes).max(axis=1, keepdims=True))
    assert np.all(np.abs(found.forward() - slopes) <= 1e-10 * size)
    assert found.parameter_names == tuple(flat_names(parameters))
    assert found.variable_names == tuple(flat_names(start))
    assert found.relative_error < 1e-9


@pytest.mark.parametrize("case", CASES)
def test_derivatives_agree_with_roots_solved_again(case: str) -> None:
    equations, start, parameters = CASES[case]
    system, x, p = solved(equations, start, parameters)
    expected = np.empty((x.size, p.size))
    for j in range(p.size):
        step = np.zeros_like(p)
        step[j] = 1e-4 * p[j]
        options = rs.SolveOptions(tolerance=1e-15)
        ahead, behind = (system.solve(x, p + side * step, options).x for side in (1, -1))
        expected[:, j] = (ahead - behind) / (2 * step[j])
    size = np.maximum(np.abs(expected), np.abs(expected).max(axis=1, keepdims=True))
    assert np.all(np.abs(Sensitivity(system, x, p).forward() - expected) <= 1e-6 * size)


@pytest.mark.parametrize("case", CASES)
def test_the_adjoint_is_the_forward_from_the_other_side(case: str) -> None:
    system, x, p = solved(*CASES[case])
    found = Sensitivity(system, x, p)
    for w in np.random.default_rng(5).normal(size=(5, x.size)):
        expected = w @ found.forward()
        size = np.abs(w) @ np.abs(found.forward())
        assert np.all(np.abs(found.adjoint(w) - expected) <= 1e-12 * found.condition * size)


def test_a_chain_of_two_hundred_variables() -> None:
    n = 200
    equations = [
        "u[0] - a",
        f"u[{n - 1}] - b",
        f"u[i-1] - 2*u[i] + u[i+1] - s[i]*u[i]**3/{n * n} for i in range(1, {n - 1})",
    ]
    start, parameters = {"u": np.ones(n)}, {"a": 1.0, "b": 2.0, "s": np.linspace(1.0, 4.0, n)}
    system, x, p = solved(equations, start, parameters)
    found = Sensitivity(system, x, p)
    slopes = found.forward()
    assert slopes.shape == (n, n + 2)
    residual = system.jacobian(x, p) @ found.forward(["a"])[:, 0]
    np.testing.assert_allclose(residual, np.eye(n)[0], atol=1e-12)
    np.testing.assert_allclose(found.adjoint(np.ones(n)), slopes.sum(axis=0), rtol=1e-9, atol=1e-12)
    # The ends of the chain do not meet s[0]: nothing depends on it.
    assert not found.forward("s[0]").any()


@pytest.mark.parametrize("mode", rs.JacobianMode)
def test_every_source_of_derivatives(mode: rs.JacobianMode) -> None:
    system = build(["x**2 + y - s", "x - y"], {"x": 1.0, "y": 1.0}, ["s"], [["2*x", "1"], ["1", "-1"]])
    found = Sensitivity(system, [1.0, 1.0], [2.0], mode)
    np.testing.assert_allclose(found.forward(), [[1 / 3], [1 / 3]], rtol=1e-7)


def test_names_choose_columns_in_their_order() -> None:
    parameters = {"b": 2.0, "W": np.arange(6.0).reshape(2, 3) + 1, "c": 5.0}
    system = build(["x - b*W[1,2] - c*W[0,1]"], {"x": 0.0}, parameters)
    p = system.pack_parameters(parameters)
    found = Sensitivity(system, [22.0], p)
    assert found.parameter_names == ("b", "W[0,0]", "W[0,1]", "W[0,2]", "W[1,0]", "W[1,1]", "W[1,2]", "c")
    assert found.select(["c", "W[1, 2]", "b"]).names == ("c", "W[1,2]", "b")
    np.testing.assert_allclose(found.forward(["c", "W[1, 2]", "b"]), [[2.0, 2.0, 6.0]])
    np.testing.assert_allclose(found.forward("W"), [[0.0, 5.0, 0.0, 0.0, 0.0, 2.0]])
    np.testing.assert_allclose(found.adjoint([3.0], "W[0,1]"), [15.0])
    assert found.forward([]).shape == (1, 0)


def test_whole_numbers_that_are_part_of_the_system_are_no_columns() -> None:
    system = build("x[i] - N*a for i in range(N)", {"x": [0.0, 0.0]}, {"N": 2, "a": 1.0})
    found = Sensitivity(system, {"x": [6.0, 6.0]}, {"a": 3.0})
    assert found.parameter_names == ("a",)
    np.testing.assert_allclose(found.forward(), [[2.0], [2.0]])


def test_a_system_without_parameters() -> None:
    found = Sensitivity(build("x**2 - 4", ["x"]), [2.0])
    assert found.forward().shape == (1, 0)
    assert found.adjoint([1.0]).shape == (0,)
    assert found.covariance(np.empty(0)).tolist() == [[0.0]]


# --- uncertainty ----------------------------------------------------------------------------------------------


def test_covariance_is_what_the_definition_says() -> None:
    system, x, p = solved(*CASES["array"])
    found = Sensitivity(system, x, p)
    slopes = found.forward()
    root = np.random.default_rng(3).normal(size=(3, 3))
    sigma = root @ root.T
    np.testing.assert_allclose(found.covariance(sigma), slopes @ sigma @ slopes.T, rtol=1e-10)
    np.testing.assert_allclose(found.covariance([0.1, 0.2, 0.3]), slopes @ np.diag([0.01, 0.04, 0.09]) @ slopes.T)
    np.testing.assert_allclose(found.standard_deviations(sigma), np.sqrt(np.diag(slopes @ sigma @ slopes.T)))
    np.testing.assert_allclose(found.standard_deviations([0.5], "a[1]"), 0.5 * np.abs(slopes[:, 1]))
    # Wholly dependent parameters: a covariance of rank one.
    np.testing.assert_allclose(found.covariance(np.ones((3, 3))), np.outer(slopes.sum(1), slopes.sum(1)), rtol=1e-9)


def test_covariance_agrees_with_drawing_parameters_at_random() -> None:
    system, x, p = solved(*CASES["circle"])
    draws = np.random.default_rng(1).normal(2.0, 1e-3, size=2000)
    roots = np.array([system.solve(x, np.array([r])).x for r in draws])
    np.testing.assert_allclose(Sensitivity(system, x, p).covariance([1e-3]), np.cov(roots.T), rtol=0.1)


@pytest.mark.parametrize(
    ("sigma", "words"),
    [
        ([1.0, 2.0], "expected shape"),
        ([1.0, -2.0, 1.0], "at least 0"),
        (np.diag([1.0, -1.0, 1.0]), "a variance is at least 0"),
        ([[1.0, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], "symmetric"),
        ([[1.0, 2.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 1.0]], "positive semidefinite"),
        ([np.nan, 1.0, 1.0], "finite"),
    ],
)
def test_what_is_no_covariance_is_refused(sigma: Any, words: str) -> None:
    system, x, p = solved(*CASES["array"])
    with pytest.raises(rs.InputError, match=words):
        Sensitivity(system, x, p).covariance(sigma)


# --- what is refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["(x - 1)**2 - p", "x**2 - 2*x + 1 - p", "(x - 1)**3 - p", "x**2 - p", "x**4 - p"])
def test_a_multiple_root_is_refused_however_it_was_reached(text: str) -> None:
    system = build(text, ["x"], ["p"])
    solution = system.solve([2.0], [0.0])
    assert solution.converged
    with pytest.raises(SingularRootError, match="singular at the root"):
        Sensitivity(system, solution.x, [0.0])


@pytest.mark.parametrize("other", ["x + y - 2*p", "x + 1.000000000000001*y - p"])
def test_equations_that_repeat_each_other_are_refused(other: str) -> None:
    system = build(["x + y - p", other], ["x", "y"], ["p"])
    with pytest.raises(SingularRootError, match="its condition is about") as caught:
        Sensitivity(system, [0.0, 0.0], [0.0])
    assert caught.value.condition > 1e14
    assert isinstance(caught.value, rs.RaphsonError)


def test_a_root_where_slopes_underflow_is_refused_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    """As at x = 1e-101 on y²·(1 − exp(−x²))/x, where what rounding leaves open is not finite."""
    system = build(["x - p"], ["x"], ["p"])
    monkeypatch.setattr(Sensitivity, "_left_open", lambda *_: np.array([-np.inf]))
    with pytest.raises(SingularRootError, match="underflow"):
        Sensitivity(system, [1.0], [1.0])


@pytest.mark.parametrize("slant", [1e-4, 1e-8, 1e-10])
def test_a_badly_conditioned_root_is_as_wrong_as_it_says_at_most(slant: float) -> None:
    system = build(["x + y - p", f"x + {1 + slant!r}*y - q"], ["x", "y"], ["p", "q"])
    found = Sensitivity(system, [0.0, 1.0], [1.0, 1 + slant])
    true_slant = (1 + slant) - 1
    expected = np.array([[1 + 1 / true_slant, -1 / true_slant], [-1 / true_slant, 1 / true_slant]])
    assert np.abs(found.forward() / expected - 1).max() <= found.relative_error < 1e-4


def test_a_point_that_is_no_root_is_refused() -> None:
    system = build(["x**2 - p"], ["x"], ["p"])
    with pytest.raises(rs.InputError, match=r"only at a root.*equations\[0\] is 7"):
        Sensitivity(system, [3.0], [2.0])


def test_more_equations_than_variables_are_refused() -> None:
    system = build(["x - p", "x**2 - p**2"], ["x"], ["p"])
    with pytest.raises(rs.InputError, match="as many equations as variables; this system is 2×1"):
        Sensitivity(system, [3.0], [3.0])


def test_a_parameter_on_which_f_has_no_slope_is_refused_by_name() -> None:
    system = build(["x - sqrt(c[1]) - c[0]"], {"x": 1.0}, {"c": [1.0, 0.0]})
    with pytest.raises(rs.InputError, match=r"with respect to c\[1\] is -?inf"):
        Sensitivity(system, [1.0], [1.0, 0.0])


@pytest.mark.parametrize(("names", "words"), [("q", "no free parameter 'q'"), (["p", "p"], "named twice")])
def test_wrong_names_are_refused(names: Any, words: str) -> None:
    found = Sensitivity(build(["x - p"], ["x"], ["p"]), [1.0], [1.0])
    with pytest.raises(rs.InputError, match=words):
        found.forward(names)


# --- laws -----------------------------------------------------------------------------------------------------


@given(st.integers(1, 6), st.integers(1, 4), st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_a_linear_system_has_the_slopes_of_its_inverse(n: int, k: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    matrix, effect = random.normal(size=(n, n)) + 3 * np.eye(n), random.normal(size=(n, k))
    p = random.normal(size=k)
    parameters = {"A": matrix, "B": effect, "p": p}
    system = build(
        f"sum(A[i,j]*x[j] for j in range({n})) - sum(B[i,j]*p[j] for j in range({k})) for i in range({n})",
        {"x": np.zeros(n)},
        parameters,
    )
    given_p = system.pack_parameters(parameters)
    x = np.linalg.solve(matrix, effect @ p)
    found = Sensitivity(system, x, given_p)
    inverse = np.linalg.inv(matrix)
    error = 1e-12 * np.linalg.cond(matrix) ** 2
    np.testing.assert_allclose(found.forward("p"), inverse @ effect, atol=error * np.abs(effect).max())
    # ∂x/∂A_ij = −A⁻¹e_i x_j
    expected = -np.einsum("ai,j->aij", inverse, x).reshape(n, n * n)
    np.testing.assert_allclose(found.forward("A"), expected, atol=error * (1 + np.abs(x).max()))


@given(st.floats(0.1, 10.0), st.floats(-6.0, 6.0), st.floats(-6.0, 6.0))
@settings(max_examples=40)
def test_units_of_variables_and_equations_do_not_matter(r: float, row: float, column: float) -> None:
    a, b = 10.0**row, 10.0**column
    plain = build(["x**3 + y - r", "x - y"], ["x", "y"], ["r"])
    scaled = build([f"{a!r}*((x/{b!r})**3 + y - r)", f"x/{b!r} - y"], ["x", "y"], ["r"])
    x = plain.solve([1.0, 1.0], [r]).x
    expected = Sensitivity(plain, x, [r]).forward()
    got = Sensitivity(scaled, x * [b, 1.0], [r]).forward()
    np.testing.assert_allclose(got, expected * [[b], [1.0]], rtol=1e-11)


def test_slopes_by_parameters_are_those_of_variables_of_the_same_name() -> None:
    text = "where(a > 0, exp(a)*b, b**2) + min(a, b)*hypot(a, b) - abs(b)"
    point = {"a": 0.7, "b": -1.3}
    as_variables = build([text], point).jacobian(point)
    system = build(["x*0.5 + " + text], {"x": 0.0}, point)
    x = -2.0 * build([text], point).residual(point)
    np.testing.assert_allclose(Sensitivity(system, x, point).forward(), -2.0 * as_variables, rtol=1e-14)
