"""Complex steps against 50 digits for every operation, against exact slopes for any program, and what they refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import raphson_solver as rs
from hypothesis import given, settings
from raphson_solver.derivative import jacobian_rows
from raphson_solver.differential.complex_step import ComplexStepped, complex_step
from raphson_solver.differential.rounding import rounding_errors
from raphson_solver.expression import Graph
from raphson_solver.expression import operations as op

from tests.solver.building import build
from tests.solver.derivative.digits import partials
from tests.solver.programs import VARIABLES, Step, last_finite, points, programs, run

if TYPE_CHECKING:
    from numpy.typing import NDArray

REFUSED = {"abs", "sign", "floor", "ceil", "minimum", "maximum", "fmod"}
RANDOM = np.random.default_rng(5)


def stepped(texts: str | list[str], names: Any, x: Any, p: Any = (), parameters: Any = None) -> ComplexStepped:
    system = build(texts, names, parameters)
    kernels, pattern = system.kernels, system.kernels.pattern(rs.JacobianMode.EXACT)
    return complex_step(
        kernels.graph,
        kernels.equations,
        system.equation_names,
        np.atleast_2d(np.array(x, np.float64)),
        np.array(p, np.float64),
        pattern.rows,
        pattern.columns,
    )


def over(low: float, high: float) -> NDArray[np.float64]:
    return RANDOM.uniform(low, high, 20)


def sizes(low: float, high: float) -> NDArray[np.float64]:
    return RANDOM.choice([-1.0, 1.0], 20) * 10.0 ** over(low, high)


NEAR_1 = 1.0 - 10.0 ** over(-15.9, -1)
"""As near 1 as doubles are."""
POINTS: dict[str, list[NDArray[np.float64]]] = {
    "exp": [over(-600, 700), sizes(-250, 0)],
    "expm1": [over(-600, 700), sizes(-250, 0)],
    "log": [np.abs(sizes(-290, 300)), NEAR_1],
    "log1p": [-NEAR_1, sizes(-250, -2), np.abs(sizes(0, 300))],
    "log2": [np.abs(sizes(-290, 300)), NEAR_1],
    "log10": [np.abs(sizes(-290, 300)), NEAR_1],
    "sqrt": [np.abs(sizes(-290, 300))],
    "cbrt": [sizes(-290, 300)],
    "sin": [over(-10, 10), sizes(-250, 15)],
    "cos": [over(-10, 10), sizes(-100, 15)],
    "tan": [over(-10, 10), sizes(-250, 15)],
    "arcsin": [over(-1, 1), NEAR_1, -NEAR_1, sizes(-250, -1)],
    "arccos": [over(-1, 1), NEAR_1, -NEAR_1, sizes(-250, -1)],
    "arctan": [over(-5, 5), sizes(-250, 100)],
    "sinh": [over(-700, 700), sizes(-250, 0)],
    "cosh": [over(-700, 700), sizes(-100, 0)],
    "tanh": [over(-300, 300), over(-2, 2), sizes(-250, 0)],
    "arcsinh": [over(-5, 5), sizes(-250, 200)],
    "arccosh": [1.0 / NEAR_1, np.abs(sizes(0.1, 300))],
    "arctanh": [over(-1, 1), NEAR_1, -NEAR_1, sizes(-250, -1)],
    "erf": [over(-3, 3), sizes(-250, 0)],
    "erfc": [over(-3, 3), sizes(-250, 0)],
}


def test_every_operation_is_tested_or_refused() -> None:
    assert POINTS.keys() | REFUSED | {"arctan2", "hypot"} == op.FUNCTIONS.keys()


@pytest.mark.parametrize("name", POINTS)
def test_a_function_of_one_number_against_fifty_digits(name: str) -> None:
    x = np.concatenate(POINTS[name])
    x = x[np.abs(x) != 1.0]
    expected = np.array([partials(name, (value,)) for value in x.tolist()])
    np.testing.assert_allclose(stepped(f"{name}(x)", ["x"], x[:, None]).entries, expected, rtol=5e-15)


@pytest.mark.parametrize("name", ["arctan2", "hypot"])
@pytest.mark.parametrize("scale", [1.0, 1e-100, 1e150])
def test_a_function_of_two_numbers_in_every_quadrant(name: str, scale: float) -> None:
    x = np.stack([sizes(-4, 4), sizes(-4, 4)], axis=1) * scale
    expected = np.array([partials(name, tuple(point)) for point in x.tolist()])
    np.testing.assert_allclose(stepped(f"{name}(x, y)", ["x", "y"], x).entries, expected, rtol=2e-15)


@pytest.mark.parametrize("name", ["arctan2", "hypot"])
def test_on_the_axes(name: str) -> None:
    x = [[0.0, 2.0], [-3.0, 0.0], [0.0, -2.0], [3.0, 0.0]]
    expected = {
        "hypot": [[0, 1], [-1, 0], [0, -1], [1, 0]],
        "arctan2": [[0.5, 0], [0, 1 / 3], [-0.5, 0], [0, -1 / 3]],
    }[name]
    np.testing.assert_allclose(stepped(f"{name}(x, y)", ["x", "y"], x).entries, expected, rtol=1e-15, atol=1e-300)


@pytest.mark.parametrize("exponent", [2.0, 3.0, 0.5, -1.0, 65.0, 1.5, -0.75, 0.0, 1.0])
def test_powers(exponent: float) -> None:
    x = np.abs(sizes(-3, 3))
    expected = np.array([partials("**", (value, exponent)) for value in x.tolist()])
    at = np.stack((x, np.full(20, exponent)), axis=1)
    np.testing.assert_allclose(stepped("x ** y", ["x", "y"], at).entries, expected, rtol=1e-14)
    got = stepped("x ** q", ["x"], x[:, None], [exponent], ["q"]).entries
    np.testing.assert_allclose(got[:, 0], expected[:, 0], rtol=1e-14)
    if exponent:
        got = stepped(f"x ** {exponent}", ["x"], x[:, None]).entries
        np.testing.assert_allclose(got[:, 0], expected[:, 0], rtol=3e-14)


@pytest.mark.parametrize(("x", "q", "slope"), [(-2.0, 3.0, 12.0), (-2.0, -2.0, 0.25), (0.0, 2.0, 0.0), (0.0, 1.5, 0.0)])
def test_powers_of_numbers_that_are_not_positive(x: float, q: float, slope: float) -> None:
    """Whole exponents have no logarithm to go through."""
    assert stepped("x ** q", ["x"], [x], [q], ["q"]).entries[0, 0] == pytest.approx(slope, rel=1e-15)


@given(programs(smooth_only=True, longest=15), points)
@settings(max_examples=150)
def test_any_program_against_its_exact_slopes(steps: list[Step], point: list[float]) -> None:
    graph = Graph()
    x, p = np.split(np.array(point), [VARIABLES])
    outputs = last_finite(graph, run(graph, steps), x, p)
    rows, columns, nodes = (np.array(part, np.int64) for part in jacobian_rows(graph, outputs))
    exact, rounding = rounding_errors(graph, nodes.tolist(), x[None], p)
    got = complex_step(graph, outputs, ["f"] * len(outputs), x[None], p, rows, columns).entries
    both = np.isfinite(got) & np.isfinite(exact) & np.isfinite(rounding)
    # The two ways round differently: each slope by what rounds in the other, several times over.
    assert np.all(np.abs(got - exact)[both] <= (1e-13 * np.abs(exact) + 100 * rounding)[both] + 1e-250)


@pytest.mark.parametrize(
    ("text", "x", "expected"),
    [
        ("sqrt(x)", 0.0, np.inf),
        ("cbrt(x)", 0.0, np.inf),
        ("arcsin(x)", 1.0, np.inf),
        ("arcsin(x)", -1.0, np.inf),
        ("arccos(x)", 1.0, -np.inf),
        ("arccosh(x)", 1.0, np.inf),
        ("x**0.75", 0.0, np.inf),
        ("log(x)", -1.0, np.nan),
        ("sqrt(x)", -1.0, np.nan),
        ("arcsin(x)", 1.5, np.nan),
        ("arccosh(x)", 0.5, np.nan),
        ("arctanh(x)", 2.0, np.nan),
        ("x**1.5", -2.0, np.nan),
        ("log1p(x)", -2.0, np.nan),
        ("log(x)", 0.0, np.nan),
        ("1/x", 0.0, np.nan),
        ("exp(x)", 1000.0, np.nan),
    ],
)
def test_at_and_beyond_the_ends_of_domains(text: str, x: float, expected: float) -> None:
    """There the complex functions go on; the real ones do not."""
    np.testing.assert_array_equal(stepped(text, ["x"], [x]).entries, [[expected]])


def test_what_is_not_moved_may_be_steep() -> None:
    got = stepped(["x + sqrt(y)", "x*hypot(y, z) + arctan2(y, z)"], ["x", "y", "z"], [3.0, 0.0, 0.0]).entries[0]
    assert got[:2].tolist() == [1.0, np.inf]
    assert got[2] == 0.0
    assert np.isnan(got[3:]).all()


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_is_not_analytic_is_refused_by_name(name: str) -> None:
    call = f"{name}(x, 2)" if name in {"minimum", "maximum"} else "fmod(x, 2)" if name == "fmod" else f"{name}(x)"
    call = "x % 2" if name == "fmod" else call
    with pytest.raises(rs.InputError) as caught:
        stepped(["y", f"sin({call})*y"], ["x", "y"], [1.0, 2.0])
    assert caught.value.field == "mode"
    shown = "(floor|fmod)" if name == "fmod" else name
    assert caught.match(rf"equations\[1\] applies '{shown}' to what depends on a variable. Use 'exact'")


def test_of_parameters_alone_anything_is_fine() -> None:
    text = "x**2*abs(q) + floor(q)*x + minimum(q, 0) + where(q < 0, x**3, 0)"
    assert stepped(text, ["x"], [2.0], [-1.5], ["q"]).entries[0, 0] == 4.0 * 1.5 - 2.0 + 12.0


@pytest.mark.parametrize(
    ("text", "x", "expected"),
    [
        ("where(x > 1, x**2, sin(x))", 3.0, 6.0),
        ("where(x > 1, x**2, sin(x))", 1.0, np.cos(1.0)),
        ("where(x >= 1, x**2, sin(x))", 1.0, 2.0),
        ("where(x == 1, 7, x**3)", 1.0, 0.0),
        ("where(x > 0, log(x), 0)", -2.0, 0.0),
        ("where(x > 0 and not (x > 5 or x == 4), x*log(x), 5)", 2.0, np.log(2.0) + 1.0),
        ("(x**2 if x < 1 else x**3)*2", 2.0, 24.0),
    ],
)
def test_choices_are_made_by_the_real_parts(text: str, x: float, expected: float) -> None:
    assert stepped(text, ["x"], [x]).entries[0, 0] == pytest.approx(expected, rel=1e-15)
    assert build(text, ["x"]).jacobian([x])[0, 0] == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("x", [0.0, 5e-310, 1e-300, 1e-150, 1e150, 1e300, -7.0])
def test_variables_of_any_size(x: float) -> None:
    np.testing.assert_allclose(stepped("3*x + 2", ["x"], [x]).entries, [[3.0]], rtol=1e-15)
    if x > 1e-307:
        np.testing.assert_allclose(stepped("log(x)", ["x"], [x]).entries, [[1 / x]], rtol=1e-15)


def test_beside_a_singularity() -> None:
    x = 1.0 + 2.0**-52
    assert stepped("1/(x - 1)", ["x"], [x]).entries[0, 0] == pytest.approx(-(2.0**104), rel=1e-15)
    assert stepped("log(x - 1)", ["x"], [x]).entries[0, 0] == pytest.approx(2.0**52, rel=1e-15)


def test_a_batch_with_parameters_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    x, p = RANDOM.normal(size=(7, 2)), RANDOM.normal(size=(7, 1))
    texts, names = ["exp(q*x)*y", "x - y**2"], ["x", "y"]
    together = stepped(texts, names, x, p, ["q"])
    assert together.evaluations == 14
    for place in range(7):
        for form in (p[place], p[place : place + 1]):
            alone = stepped(texts, names, x[place], form, ["q"])
            np.testing.assert_array_equal(together.entries[place], alone.entries[0])
    monkeypatch.setattr("raphson_solver.differential.complex_step._CHUNK", 16 * 12 * 3)
    np.testing.assert_array_equal(stepped(texts, names, x, p, ["q"]).entries, together.entries)


def test_columns_go_together() -> None:
    n = 40
    text = f"exp(u[i]) + sin(u[i-1] if i > 0 else 0) * (u[i+1] if i < {n - 1} else 1) for i in range({n})"
    x = RANDOM.normal(size=(3, n))
    got = stepped(text, {"u": np.zeros(n)}, x)
    assert got.evaluations == 9
    system = build(text, {"u": np.zeros(n)})
    for place in range(3):
        np.testing.assert_allclose(got.entries[place], system.jacobian(x[place])[system.sparsity], rtol=1e-14)


def test_it_can_be_ended() -> None:
    system = build("x**2", ["x"])
    kernels = system.kernels

    def between() -> None:
        raise TimeoutError

    where = np.zeros(1, np.int64)
    with pytest.raises(TimeoutError):
        complex_step(kernels.graph, kernels.equations, ["f"], np.ones((1, 1)), np.empty(0), where, where, between)
