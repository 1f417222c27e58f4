"""What is said of real cases, in which order, and how it prints."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from raphson_solver.explanation import AtBound, WorstEquation

from tests.solver.explanation.explaining import explained

TOO_MANY = (
    "too many equations: 3 equations (equations[0], equations[1] and equations[2]) contain only 2 variables "
    "(x and y), so in general 1 cannot be met"
)
TOO_FEW = (
    "too few equations: 3 variables (z, w and v) stand in only 1 equation (equations[3]), so 2 cannot be determined"
)


def test_nothing_wrong() -> None:
    explanation = explained(["x**2 + y**2 = 1", "x*y = 1000"], {"x": 1.0, "y": 0.5})
    assert explanation.structure.is_sound
    assert explanation.dependence is not None
    assert explanation.dependence.condition < 10
    assert str(explanation).splitlines() == [
        "- nothing is wrong with the pattern, the values or the Jacobian at this point",
        "equation                 f     scaled",
        "equations[1]        -999.5          1",
        "equations[0]          0.25       0.11",
    ]


def test_at_a_solution_no_equation_is_far() -> None:
    explanation = explained(["x + y = 3", "x - y = 1"], {"x": 2.0, "y": 1.0})
    assert explanation.worst == ()
    assert len(explanation.lines()) == 1


def test_an_equation_written_twice() -> None:
    explanation = explained(["x + y*z = 3", "z = 1", "2*y*z = 6 - 2*x"], {"x": 1.0, "y": 2.0, "z": 3.0})
    assert explanation.structure.is_sound
    assert explanation.dependence is not None
    assert [(pair.first, pair.second) for pair in explanation.dependence.parallel_rows] == [(0, 2)]
    assert explanation.lines()[:3] == [
        "equations[0] and equations[2] change alike with every variable, up to a factor (cosine 1.000000000)",
        "x and y act alike on every equation, up to a factor (cosine 1.000000000)",
        "the Jacobian is singular here: its rank is 2, not 3",
    ]


def test_a_combination_of_equations() -> None:
    explanation = explained(
        ["x + y + z = 1", "x - y = 0", "w - z = 2", "3*x + y + 2*z = 5"], {"x": 1.0, "y": 0.0, "z": 0.0, "w": 2.0}
    )
    first, second, third = explanation.lines()[:3]
    assert first.startswith("to first order at this point a combination of equations[")
    assert {f"equations[{i}]" in first for i in (0, 1, 3)} == {True}
    assert "equations[2]" not in first
    assert second.startswith("to first order at this point ")
    assert second.endswith(" can change together without any equation changing")
    assert third == "the Jacobian is singular here: its rank is 3, not 4"


def test_a_mixed_system_is_explained_by_its_pattern_alone() -> None:
    explanation = explained(
        ["x + y = 3", "2*x + y = 6", "x - y = 1", "z*w*v = 1"],
        {"x": 1.0, "y": 1.0, "z": 1.0, "w": 1.0, "v": 2.0, "unused": 1.0},
    )
    lines = explanation.lines()
    assert lines[:4] == [
        "there are 4 equations for 6 variables",
        "no equation contains unused",
        TOO_MANY,
        TOO_FEW,
    ]
    assert not any("to first order" in line or "alike" in line or "at this point" in line for line in lines)


def test_bad_units_are_not_blamed() -> None:
    explanation = explained(
        ["1e12*x + 1e-3*y = 1e12", "1e-9*x - 2e-24*y = 1e-9", "1e6*z - 1e-9*y = 1"], {"x": 0.0, "y": 0.0, "z": 0.0}
    )
    assert explanation.lines()[0] == "nothing is wrong with the pattern, the values or the Jacobian at this point"


def test_nearly_singular() -> None:
    explanation = explained(
        ["x + y + z = 1", "x - y = 0", "3*x + y + (2 + 1e-12)*z = 5"], {"x": 1.0, "y": 0.0, "z": 0.0}
    )
    assert any(line.startswith("the Jacobian is nearly singular here: condition ") for line in explanation.lines())
    assert any("combination of equations[" in line for line in explanation.lines())


def test_a_stationary_point_names_what_does_not_change() -> None:
    explanation = explained(["x**2 + y = 2", "x**2*y**3 = 1"], {"x": 0.0, "y": 2.0})
    assert "equations[1] does not change with any variable at this point" in explanation.lines()
    assert "x does not change any equation at this point" in explanation.lines()


def test_variables_at_their_bounds() -> None:
    explanation = explained(
        "u[i]**2 = 2 for i in range(4)",
        {"u": [1.0, 3.0, 0.0, 0.5]},
        lower=np.array([1.0, -math.inf, 0.0, 0.0]),
        upper=np.array([2.0, 3.0 + 1e-15, math.inf, math.inf]),
    )
    assert explanation.at_bounds == (
        AtBound("u[0]", "lower", 1.0),
        AtBound("u[1]", "upper", 3.0 + 1e-15),
        AtBound("u[2]", "lower", 0.0),
    )
    assert "u[1] is at its upper bound 3" in explanation.lines()


def test_the_worst_equations_come_first_and_those_without_a_number_before_all() -> None:
    explanation = explained("log(u[i]) = 10*i for i in range(8)", {"u": [1.0, 1.0, 2.0, 0.0, -1.0, 1.0, 1.0, 1.0]})
    names = [worst.name for worst in explanation.worst]
    assert len(names) == 5
    assert names[:2] == ["equations[0] at i=3", "equations[0] at i=4"]
    assert "equations[0] at i=0" not in names
    assert isinstance(explanation.worst[2], WorstEquation)
    assert explanation.lines()[0] == (
        "equations[0] at i=3 is not finite: log(u[3]) is -inf (log of 0: needs a positive argument)"
    )
    assert "equations[0] at i=4 is nan" in explanation.lines()
    assert "nan" in str(explanation)


@pytest.mark.parametrize("equations", [["x*y = 1", "x + y = 2", "x - y = 3"], ["x*y*z = 1", "x + log(z) = 2"]])
def test_systems_that_are_not_square(equations: list[str]) -> None:
    at = {"x": 1.0, "y": 2.0} if len(equations) == 3 else {"x": 1.0, "y": 2.0, "z": 3.0}
    explanation = explained(equations, at)
    assert explanation.lines()[0].startswith(f"there are {len(equations)} equations for {len(at)} variables")
    assert explanation.dependence is not None
    assert explanation.dependence.rank == 2
    assert "singular" not in str(explanation)


def test_a_large_system_is_explained_without_the_dense_part() -> None:
    explanation = explained("u[i]**2 + u[0] = 2 for i in range(1001)", {"u": np.ones(1001)})
    assert explanation.dependence is None
    assert explanation.lines() == [
        "dependence between equations was not looked for: 1001×1001 is too large for a dense analysis"
    ]


def test_long_findings_are_wrapped() -> None:
    explanation = explained("u[0]**2 = i for i in range(30)", {"u": np.ones(30)})
    assert max(map(len, str(explanation).splitlines())) <= 100
    with pytest.raises(FrozenInstanceError):
        explanation.left_out = "x"  # type: ignore[misc]
