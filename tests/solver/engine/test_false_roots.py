"""Where there is no root, none is found: *converged* is earned at the returned point, whatever the steps did."""

from __future__ import annotations

import numpy as np
import pytest
import raphson_solver as rs

from tests.solver.building import METHODS, build

every_method = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name.lower())


def converged_from(text: str, starts: list[float], method: rs.Method, limit: int) -> list[str]:
    system = build(text, ["x"])
    found = []
    for mode in (rs.JacobianMode.EXACT, rs.JacobianMode.FORWARD, rs.JacobianMode.CENTRAL):
        options = rs.SolveOptions(method=method, jacobian=mode, max_iterations=limit)
        for start in starts:
            solution = system.solve([start], options=options)
            if solution.converged:
                found.append(f"{mode.name} from {start}: x = {solution.x[0]}, f = {solution.residual[0]}")
    return found


@every_method
@pytest.mark.parametrize("text", ["x**2 + 1", "abs(x) + 1", "cosh(x)", "arctan(x) - 2", "tanh(x) - 1.5"])
def test_far_from_zero_everywhere(text: str, method: rs.Method) -> None:
    starts = [-1e9, -100.0, -3.0, -1.0, -0.5, 0.0, 1e-12, 0.5, 1.0, 2.0, 10.0, 100.0, 500.0, 1e9]
    assert not converged_from(text, starts, method, 3000)


@every_method
@pytest.mark.parametrize("text", ["exp(-x)", "1/x", "exp(x)"])
def test_zero_only_at_infinity(text: str, method: rs.Method) -> None:
    """Steps go on for ever, each towards where f is smaller, at last by underflow."""
    starts = [-100.0, -3.0, -1.0, -0.5, 0.5, 1.0, 3.0, 10.0, 50.0, 100.0]
    for limit in (200, 1000, 5000):
        assert not converged_from(text, starts, method, limit)


@every_method
def test_zero_only_at_infinity_by_cancellation(method: rs.Method) -> None:
    """x − √(x² + 1) is −1/(2x) there: its residual passes, as rounding cancels, from x = 1e6 on."""
    starts = [-1e9, -1e3, -10.0, -3.0, -1.0, 0.0, 1.0, 3.0, 1e3, 1e5, 1e6, 1e7]
    assert not converged_from("x - sqrt(x**2 + 1)", starts, method, 1000)


@every_method
def test_in_two_variables(method: rs.Method) -> None:
    """The circle and the line do not meet."""
    system = build(["x**2 + y**2 = 1", "x + y = 3"], ["x", "y"])
    random = np.random.default_rng(5)
    for start in random.uniform(-5, 5, size=(50, 2)):
        assert not system.solve(start, options=rs.SolveOptions(method=method)).converged


@every_method
def test_overflow_is_no_root(method: rs.Method) -> None:
    """Where |J·x| overflows, the scale of an equation is infinite and any f small beside it."""
    system = build("x**2 - 2", ["x"])
    for start in (1.2e154, -1.2e154, 1e150):
        solution = system.solve([start], options=rs.SolveOptions(method=method))
        assert not solution.converged or abs(solution.x[0]) == pytest.approx(np.sqrt(2.0), rel=1e-9)


@pytest.mark.parametrize("tolerance", [1e-3, 1e-6, 1e-12])
def test_a_loose_tolerance_does_not_make_a_root(tolerance: float) -> None:
    for text in ("x**2 + 1", "exp(-x)", "1/x"):
        solution = build(text, ["x"]).solve([2.0], options=rs.SolveOptions(tolerance=tolerance, max_iterations=100))
        assert not solution.converged


@every_method
@pytest.mark.parametrize("text", ["sin(x) + 1.5", "cos(x) = 2", "sin(x**3) + 1.5"])
def test_a_wave_that_stays_away_from_zero(text: str, method: rs.Method) -> None:
    """Far out rounding of x alone moves f by more than its size: it passes beside |J·x|, and is no root."""
    random = np.random.default_rng(3)
    starts = [1e13, 1e15, *(random.choice([-1.0, 1.0], 30) * 10.0 ** random.uniform(-3, 20, 30))]
    assert not converged_from(text, starts, method, 200)


@every_method
def test_a_root_far_out_that_is_right_to_rounding(method: rs.Method) -> None:
    """No double x makes sin(x) smaller than rounding of x leaves it, and yet this is as good a root as there is."""
    solution = build("sin(x)", ["x"]).solve([1e6 + 0.1], options=rs.SolveOptions(method=method))
    assert solution.converged
    assert solution.x[0] / np.pi == pytest.approx(round(solution.x[0] / np.pi), abs=1e-9)


@every_method
@pytest.mark.parametrize("text", ["1/(x - 0.3)", "tan(x - 0.3 + pi/2)", "log(x - 0.3) - 40", "(x - 0.3)**(-2)"])
def test_near_a_pole_or_the_edge_of_a_domain(text: str, method: rs.Method) -> None:
    """There f is far from zero, and as uncertain as it is large: relative changes of x move it by more than itself."""
    starts = [0.3 + sign * 10.0**-k for k in range(3, 17) for sign in (1.0, -1.0)]
    system = build(text, ["x"])
    for start in starts:
        solution = system.solve([start], options=rs.SolveOptions(method=method, max_iterations=40))
        assert not solution.converged or abs(solution.residual[0]) < 1e-6


@every_method
def test_far_from_the_start_with_a_singular_jacobian(method: rs.Method) -> None:
    """The square roots of [[10⁻⁴, 1], [0, 10⁻⁴]]: far out X² differs from it by less than rounding of its terms."""
    texts = ["a*a + b*c = 0.0001", "a*b + b*d = 1", "c*a + d*c = 0", "c*b + d*d = 0.0001"]
    system = build(texts, ["a", "b", "c", "d"])
    starts = [
        [2.174770808199016, 0.15143703858882063, 0.19399312203945485, 2.936071208139566],
        [-0.6498426134084816, 0.3468839678588178, -0.9664441036545601, 0.665674076641479],
        [-18.758493853415757, 747.723472036635, 622.7365000793318, -627.0799125090118],
        [-272.96238442019603, 8077.518477130812, 8186.33113403857, -2515.671897064897],
        [4477.367894167788, 1758.9057252856273, -7003.827636540587, -9487.102244786922],
    ]
    for start in starts:
        solution = system.solve(start, options=rs.SolveOptions(method=method))
        if solution.converged:
            # Each root has c = 0 and a = d = ±1/100.
            np.testing.assert_allclose(np.abs(solution.x[[0, 3]]), 0.01, rtol=1e-9)


def test_a_chord_across_all_that_x_has_been_is_no_slope() -> None:
    """A start at −4e15 makes differences so wide that they take x − √(x² + 1) for a straight line."""
    system = build("x - sqrt(x**2 + 1)", ["x"])
    for method in METHODS:
        for start in (-4.25990311e15, -4.33320915e15, -3e14, 7e15):
            options = rs.SolveOptions(method=method, jacobian=rs.JacobianMode.CENTRAL)
            assert not system.solve([start], options=options).converged


def test_a_point_that_passes_after_a_short_step_with_the_next_one_long() -> None:
    """The square roots of [[ε, 1, 0], [0, ε, 0], [0, 0, ε]], ε = 10⁻⁴: far out J is all but singular."""
    rows = [[f"x{3 * i + k}*x{3 * k + j}" for k in range(3)] for i in range(3) for j in range(3)]
    targets = ["0.0001", "1", "0", "0", "0.0001", "0", "0", "0", "0.0001"]
    texts = [f"{' + '.join(row)} = {target}" for row, target in zip(rows, targets, strict=True)]
    start = [
        -0.06861089793914066, -0.6163198761260291, 0.613649244997468, -0.17798367321442954, 0.13489427576196378,
        0.01359541195139391, 0.1030121088421474, -0.5321173858412904, 0.11854623310219847,
    ]  # fmt: skip
    solution = build(texts, [f"x{k}" for k in range(9)]).solve(start)
    assert not solution.converged or np.max(np.abs(solution.residual)) < 1e-9


def test_a_root_of_which_one_number_is_zero_and_the_others_are_not() -> None:
    """f = sin x_i + 10 − Σ cos x_j + i(1 − cos x_i) is zero at multiples of 2π, J being regular there."""
    total = " - ".join(["10", *(f"cos(x{j})" for j in range(10))])
    texts = [f"{total} + {i + 1}*(1 - cos(x{i})) - sin(x{i})" for i in range(10)]
    start = [
        -29.901324716193116, -72.97275600508948, -38.962089246615996, -31.375813938105182, 79.94091109663825,
        49.62565077867362, 2.7609189623668726, -46.40297861228389, -41.27544620799968, 52.25876331830926,
    ]  # fmt: skip
    solution = build(texts, [f"x{i}" for i in range(10)]).solve(start)
    assert solution.converged
    np.testing.assert_allclose(np.max(np.abs(solution.residual)), 0.0, atol=1e-12)
