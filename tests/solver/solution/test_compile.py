"""The friendly form: one text or many, names inferred, shapes from values; and what a solution says of itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import raphson_solver as rs

from tests.solver.building import build


def test_one_text_and_names_inferred() -> None:
    system = rs.compile("x**2 = 2")
    assert (system.variables, system.parameters, system.equation_names) == ((("x", ()),), (), ("equations[0]",))
    assert system.solve([1.0])["x"] == pytest.approx(np.sqrt(2.0), rel=1e-10)


@pytest.mark.parametrize(
    ("texts", "parameters", "names"),
    [
        (["b*a = c"], None, ["b", "a", "c"]),
        (["s := b + r", "s*a"], ["r"], ["b", "a"]),
        (["exp(x) + pi*sin(y) - e"], None, ["x", "y"]),
        (["x if y > 0 and not z < 1 else 2"], None, ["x", "y", "z"]),
        (["sum(x*i for i in range(n))"], {"n": 3}, ["x"]),
        (["x*k for k in range(2)", "y"], None, ["x", "y"]),
        (["x + p[0]*y"], {"p": [1.0, 2.0]}, ["x", "y"]),
        (["x + 1", "X + x1 + _x"], None, ["x", "X", "x1", "_x"]),
    ],
)
def test_names_are_inferred_in_the_order_of_appearance(texts: list[str], parameters: Any, names: list[str]) -> None:
    assert [name for name, _ in build(texts, None, parameters).variables] == names


def test_an_array_needs_a_start_to_say_its_shape() -> None:
    with pytest.raises(rs.DefinitionError) as caught:
        rs.compile(["y", "x + u[0]"])
    assert caught.value.message == "'u' is an array; give a start to say its shape"
    assert (caught.value.field, caught.value.column) == ("start", 4)


@pytest.mark.parametrize("start", [["x", "y"], ("x", "y"), {"x": 0.0, "y": 5.0}, {"x": 1, "y": np.float32(2)}])
def test_variables_by_name_or_by_value(start: Any) -> None:
    assert build("x*y", start).variables == (("x", ()), ("y", ()))


def test_a_variable_may_be_declared_and_not_used() -> None:
    system = build(["x = 1"], ["x", "idle"])
    assert (system.n, system.m) == (2, 1)


@pytest.mark.parametrize("field", ["start", "parameters"])
@pytest.mark.parametrize("names", [[1.0, 2.0], np.array([1.0]), [None]])
def test_names_that_are_none(names: Any, field: str) -> None:
    with pytest.raises(rs.InputError) as caught:
        rs.compile("x", **({"start": ["x"]} | {field: names}))
    assert caught.value.field == field
    assert caught.value.message == "expected names, or a mapping of names to values, e.g. {'x': 1.0}"


def test_values_of_ragged_shape_are_refused() -> None:
    with pytest.raises(rs.InputError) as caught:
        rs.compile("x[0,0]", {"x": [[1.0], [2.0, 3.0]]})
    assert caught.value.field == "start.x"


def test_a_parameter_in_a_range_needs_its_value() -> None:
    with pytest.raises(rs.DefinitionError) as caught:
        rs.compile("u[i] for i in range(n)", {"u": np.zeros(3)}, ["n"])
    assert caught.value.field == "parameters.n"
    assert "its whole-number value must be given here" in caught.value.message


def test_the_compiled_system_is_machine_code_from_the_first_solve() -> None:
    system = rs.compile("x**3 = 5")
    assert system.solve([1.0]).converged
    assert all(kernel.compiled for kernel in system.kernels._kernels)
    system.jvp([1.0], [1.0])
    assert all(kernel.compiled for kernel in system.kernels._kernels)


def test_warming_up_a_second_time_compiles_nothing() -> None:
    assert isinstance(rs.warm_up(), bool)
    assert rs.warm_up() == rs.warm_up()


SOLVED = build(["x**2 = 4", "u[i] = x*i for i in range(2)"], {"x": 1.0, "u": np.zeros(2)})


def test_a_solution_by_name_and_by_place() -> None:
    solution = SOLVED.solve({"x": 1.0, "u": [0.0, 0.0]})
    assert solution.converged
    assert solution.status is rs.Status.CONVERGED
    assert type(solution["x"]) is float
    np.testing.assert_allclose(solution["u"], [0.0, 2.0], atol=1e-10)
    np.testing.assert_allclose(solution.x, [2.0, 0.0, 2.0], atol=1e-10)
    assert solution.residual.shape == solution.scaled_residual.shape == (3,)
    assert solution.residual_norm == np.abs(solution.residual).max()
    assert (solution.message, solution.remedy) == (rs.Status.CONVERGED.message, "")
    assert solution.method in rs.Method
    with pytest.raises(KeyError, match="z"):
        solution["z"]


def test_a_solution_can_be_read() -> None:
    lines = repr(SOLVED.solve([1.0, 0.0, 0.0])).splitlines()
    assert lines[0].startswith("converged after ")
    assert lines[0].endswith(" iterations")
    assert lines[1:3] == ["  x = 2.", "  u = [0. 2.]"]
    assert lines[3].startswith("  largest |f| = ")
    assert repr(build("x - 1", ["x"]).solve([0.0])).splitlines()[0] == "converged after 1 iteration"


def test_a_failure_can_be_read() -> None:
    flag = rs.CancelFlag()
    flag.set()
    text = repr(SOLVED.solve([1.0, 0.0, 0.0], cancel=flag))
    assert text.splitlines()[:2] == ["cancelled after 0 iterations", "  the caller cancelled"]
    text = repr(build("log(x)", ["x"]).solve([-1.0], options=rs.SolveOptions(method=rs.Method.NEWTON)))
    assert text.splitlines()[0] == "domain error after 0 iterations"
    assert rs.Status.DOMAIN_ERROR.message in text
    assert rs.Status.DOMAIN_ERROR.remedy in text
    assert text.splitlines()[-1] == "  f is not finite here"


def test_a_large_solution_is_cut_short() -> None:
    system = build("u[i] - i for i in range(1000)", {"u": np.zeros(1000)})
    assert len(repr(system.solve(np.zeros(1000), options=rs.SolveOptions(max_iterations=5)))) < 500
