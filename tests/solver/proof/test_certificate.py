"""Simple roots are proven, with a box that holds them; what is no root, or no simple one, never is."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from flint import ctx
from hypothesis import given, settings
from mpmath import mp, mpf
from raphson_solver.expression import Graph, evaluate
from raphson_solver.proof import Certificate, certify

from tests.problems import Problem, standard_problems
from tests.solver.programs import VARIABLES, Step, last_finite, points, programs, run
from tests.solver.proof.building import certificate, instance

if TYPE_CHECKING:
    from collections.abc import Callable

NOT_SIMPLE = {
    "nls02_powell_singular": "singular",
    "nls18_sample18": "`/` is not defined",
    "nls19_sample19": "singular",
    "mgh13_powell_singular_x1": "singular",
    "mgh13_powell_singular_x10": "singular",
    "mgh13_powell_singular_x100": "singular",
}
"""Problems whose roots are multiple, or where f has no value."""

SIMPLE = [problem for problem in standard_problems() if problem.name not in NOT_SIMPLE]


def assert_holds(found: Certificate, x: list[float], root: list[Any]) -> None:
    """Check the box of a proof against the root to many digits."""
    assert found.proven
    assert found.reason == ""
    for j, exact in enumerate(root):
        assert mpf(found.lower[j]) <= exact <= mpf(found.upper[j])
        assert found.lower[j] <= x[j] <= found.upper[j]
        assert abs(exact - mpf(x[j])) <= found.radius[j]


def of_problem(problem: Problem, x: Any = None) -> Certificate:
    written = instance(problem.equations, problem.variables)
    return certify(written.graph, written.equations, problem.root if x is None else x)


@pytest.mark.parametrize("problem", SIMPLE, ids=lambda problem: problem.name)
def test_the_simple_root_of_a_standard_problem_is_proven(problem: Problem) -> None:
    found = of_problem(problem)
    assert found.proven, found
    root = np.array(problem.root)
    assert np.all((found.lower <= root) & (root <= found.upper))
    # The stored root is right to half a unit of its last digit, so the true one is as near.
    assert np.all(found.radius <= np.spacing(np.abs(root)) + 1e-15 * np.abs(root).max() + 1e-30)
    assert np.all(found.unique_radius >= found.radius)


@pytest.mark.parametrize("name", NOT_SIMPLE)
def test_a_multiple_root_of_a_standard_problem_is_not(name: str) -> None:
    problem = next(problem for problem in standard_problems() if problem.name == name)
    assert NOT_SIMPLE[name] in of_problem(problem).reason


@pytest.mark.parametrize("problem", SIMPLE[::6], ids=lambda problem: problem.name)
def test_what_is_proven_away_from_a_root_still_holds_it(problem: Problem) -> None:
    random = np.random.default_rng(5)
    root = np.array(problem.root)
    exact = of_problem(problem)
    for size in (1e-12, 1e-9, 1e-6, 1e-3, 1e-1):
        x = root * (1.0 + size * random.normal(size=problem.n))
        found = of_problem(problem, x)
        if found.proven:
            assert np.all((found.lower <= exact.upper) & (exact.lower <= found.upper)), size
            assert np.all((found.lower <= x) & (x <= found.upper))


@pytest.mark.parametrize(
    ("text", "x", "root"),
    [
        ("x**2 - 2", 1.4142135623730951, lambda: mp.sqrt(2)),
        ("x**2 - 2", 1.4142, lambda: mp.sqrt(2)),
        ("x**3 - 2", 1.26, lambda: mp.cbrt(2)),
        ("cos(x) - x", 0.739, lambda: mp.findroot(lambda x: mp.cos(x) - x, 0.739)),
        ("sin(x)", 3.14, lambda: mp.pi),
        ("exp(x) - 1", 0.0, lambda: mpf(0)),
        ("exp(x) - 1", 1e-9, lambda: mpf(0)),
        ("log(x)", 1.0, lambda: mpf(1)),
        ("x", 0.0, lambda: mpf(0)),
        ("x", 5e-324, lambda: mpf(0)),
        ("x - 1", 5.0, lambda: mpf(1)),
        ("x - 0.1", 0.1, lambda: mpf(0.1)),
        ("3*x - 1", 1 / 3, lambda: mpf(1) / 3),
        ("1e-30*x - 1e-40", 1e-10, lambda: mpf(1e-40) / mpf(1e-30)),
        ("x**2 - 1e-300", 1e-150, lambda: mp.sqrt(mpf(1e-300))),
        ("(x - 1)**2*(x - 3)", 3.0, lambda: mpf(3)),
        ("log2(x) - 0.1", 2**0.1, lambda: mpf(2) ** mpf(0.1)),
        ("cbrt(x) - 0.3", 0.027, lambda: mpf(0.3) ** 3),
        ("abs(x) - 1", -1.0, lambda: mpf(-1)),
        ("abs(x) + 2*x", 0.0, lambda: mpf(0)),
        ("where(x > 0, sqrt(x) - 2, -1)", 4.0, lambda: mpf(4)),
        ("1e100*x - 1e100*x + x - 1", 1.0, lambda: mpf(1)),
        ("(1e90 + x) - 1e90 - 1", 1.0, lambda: mpf(1)),
    ],
)
def test_a_root_is_proven(text: str, x: float, root: Callable[[], Any]) -> None:
    with mp.workdps(80):
        assert_holds(certificate([text], {"x": x}), [x], [root()])


@pytest.mark.parametrize(
    ("text", "x", "reason"),
    [
        ("x**2", 0.0, "singular"),
        ("x**2", 1e-170, "singular"),
        ("x**2", 1e-9, "no root"),
        ("x**3", 0.0, "singular"),
        ("(x - 1)**2*(x - 3)", 1.0, "singular"),
        ("(x - 1)**2*(x - 3)", 1.0 + 1e-8, ""),
        ("x**2 + 1e-20", 0.0, "no root"),
        ("x**2 + 1e-20", 1e-10, "no root"),
        ("x**2 + 1e-300", 0.0, ""),
        ("x**2 - 1e-300", 0.0, ""),
        ("x - sin(x)", 0.0, ""),
        ("exp(x)", -40.0, "no root"),
        ("exp(x)", -700.0, "no root"),
        ("abs(x)", 0.0, "singular"),
        ("abs(x)", 1e-300, "singular"),
        ("abs(x) + 1e-18", 1e-18, "no root"),
        ("max(x, -x)", 0.0, "singular"),
        ("where(x < 0, -1, 1)", 0.0, "choice is undecided"),
        ("where(x < 0, x - 1, x)", 0.0, "choice is undecided"),
        ("where(x == 0, 0, 1)", 0.0, "choice is undecided"),
        ("where(x == 1, 0, x)", 1.0, "choice is undecided"),
        ("floor(x)", 0.0, "jump of `floor`"),
        ("floor(x)", 0.5, "singular"),
        ("x - floor(x)", 3.0, "jump of `floor`"),
        ("fmod(x, 2)", 4.0, "jump of `fmod`"),
        ("sign(x)", 0.0, "jump of `sign`"),
        ("sqrt(x)", 0.0, "`sqrt` is not defined"),
        ("sqrt(x)", -1.0, "`sqrt` is not defined"),
        ("sqrt(x) - 1", -1.0, "`sqrt` is not defined"),
        ("cbrt(x)", 0.0, "slope of `cbrt`"),
        ("1/x", 0.0, "`/` is not defined"),
        ("arctan(1/x)", 0.0, "`/` is not defined"),
        ("arctan2(x, -1) - 3.141592653589793", 0.0, "jump of `arctan2`"),
        ("x**2 - x**2", 1.0, "singular"),
    ],
)
def test_what_is_no_simple_root_is_not_proven(text: str, x: float, reason: str) -> None:
    found = certificate([text], {"x": x})
    assert not found.proven
    assert reason in found.reason
    assert np.all(found.radius == np.inf)
    assert not found.unique_radius.any()


def test_the_slope_is_that_of_the_function_and_not_of_rounded_constants() -> None:
    # 0.1 + 0.2 is no 0.3 in doubles: the difference, 5.6e-17, is the root, and is held.
    graph = Graph()
    x = graph.variable(0)
    left = graph.add(graph.multiply(graph.constant(0.1), x), graph.multiply(graph.constant(0.2), x))
    f = graph.subtract(graph.subtract(left, graph.multiply(graph.constant(0.3), x)), graph.constant(1.0))
    with mp.workdps(60):
        root = 1 / (mpf(0.1) + mpf(0.2) - mpf(0.3))
        assert_holds(certify(graph, [f], [float(root)]), [float(root)], [root])


@given(programs(longest=14), points)
@settings(max_examples=100)
def test_a_root_of_a_square_is_never_proven(steps: list[Step], point: list[float]) -> None:
    # Whatever f is: where one equation is a square, the Jacobian is singular at every root.
    graph = Graph()
    x, p = np.split(np.array(point), [VARIABLES])
    with np.errstate(all="ignore"):
        nodes = last_finite(graph, run(graph, steps), x, p)
        values = evaluate(graph, nodes, x, p)
    shifted = [graph.subtract(node, graph.constant(float(at))) for node, at in zip(nodes, values, strict=True)]
    while len(shifted) < VARIABLES:
        shifted.append(graph.subtract(graph.variable(len(shifted)), graph.constant(float(x[len(shifted)]))))
    equations = [graph.multiply(shifted[0], shifted[0]), *shifted[1:VARIABLES]]
    assert not certify(graph, equations, x, p).proven


def test_two_unknowns_of_very_different_size() -> None:
    found = certificate(["1e8*x - 1", "y - 1e8 - x"], {"x": 1e-8, "y": 1e8 + 1e-8})
    assert found.proven
    assert found.radius[0] < 1e-23
    assert found.radius[1] < 1e-7


def test_parameters_are_the_doubles_they_are() -> None:
    with mp.workdps(60):
        assert_holds(certificate(["x**2 - r"], {"x": 0.1**0.5}, r=0.1), [0.1**0.5], [mp.sqrt(mpf(0.1))])


@pytest.mark.parametrize("x", [[np.nan], [np.inf]])
def test_what_is_not_finite_is_refused(x: list[float]) -> None:
    written = instance(["x"], ["x"])
    assert "finite" in certify(written.graph, written.equations, x).reason


def test_as_many_equations_as_unknowns_are_needed() -> None:
    assert "1 equations in 2 unknowns" in certificate(["x + y"], {"x": 0.0, "y": 0.0}).reason
    assert "3 equations in 1 unknowns" in certificate(["x", "2*x", "3*x"], {"x": 0.0}).reason


def test_uniqueness_stops_before_the_next_root() -> None:
    for gap in (1.0, 1e-3, 1e-6):
        found = certificate([f"(x - 1)*(x - {1 + gap!r})"], {"x": 1.0})
        assert found.proven
        assert gap / 1000 < found.unique_radius[0] < gap


def test_a_certificate_says_what_it_says() -> None:
    assert str(certificate(["x**2 - 4"], {"x": 2.0})).startswith("proven: exactly one root within")
    assert str(certificate(["x**2"], {"x": 0.0})) == "not proven: the Jacobian is singular, or nearly so, at x"


def test_the_precision_of_others_is_left_as_it_was() -> None:
    before = ctx.prec
    certificate(["x**2 - 4"], {"x": 2.0})
    assert ctx.prec == before


def test_threads_take_turns() -> None:
    outcomes: list[bool] = []
    workers = [
        threading.Thread(target=lambda: outcomes.append(certificate(["x**3 - 2"], {"x": 1.26}).proven))
        for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert outcomes == [True] * 4
