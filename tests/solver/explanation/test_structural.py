"""What the pattern says before any number is known, by the names of equations and variables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raphson_solver.explanation import Group, Structure, element_names, explain_structure

from tests.solver.building import build

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TOO_MANY = (
    "too many equations: 3 equations (equations[0], equations[1] and equations[3]) contain only 2 variables "
    "(x and y), so in general 1 cannot be met"
)
TOO_FEW = (
    "too few equations: 3 variables (z, w and v) stand in only 1 equation (equations[2]), so 2 cannot be determined"
)
TOO_FEW_OF_A_FAMILY = (
    "too few equations: 3 variables (u[0], u[1] and u[2]) stand in only 2 equations "
    "(equations[0] at i=0 and equations[0] at i=1), so 1 cannot be determined"
)


def structure(
    equations: str | Sequence[str], start: Mapping[str, Any], parameters: Mapping[str, Any] | None = None
) -> Structure:
    system = build(equations, start, parameters)
    return explain_structure(*system.sparsity, system.equation_names, element_names(system.variables))


def test_a_sound_system_has_nothing_to_say() -> None:
    found = structure(["x + y = 1", "x*y = 2"], {"x": 1.0, "y": 1.0})
    assert found.is_sound
    assert found.lines() == []
    assert str(found) == "2 equations, 2 variables, structurally sound"


def test_too_many_and_too_few_in_a_square_system() -> None:
    found = structure(
        ["x + y = 3", "x*y = 2", "sin(z)*w*v = x", "x - y = 1", "t = 2*s", "s**2 + t**2 = r"],
        {"x": 1.0, "y": 1.0, "z": 1.0, "w": 1.0, "v": 1.0, "r": 1.0},
        {"s": 1.0, "t": 2.0},
    )
    assert (found.m, found.n, found.rank) == (6, 6, 4)
    assert not found.is_sound
    assert found.over == (
        Group(("equations[0]", "equations[1]", "equations[3]"), ("x", "y")),
        Group(("equations[4]",), ()),
    )
    assert found.under == (Group(("equations[2]",), ("z", "w", "v")),)
    assert found.lines() == [
        "equations[4] contains no variable",
        TOO_MANY,
        TOO_FEW,
    ]
    assert str(found) == "\n".join(found.lines())


def test_parts_with_nothing_in_common_are_told_apart() -> None:
    found = structure(
        ["x = 1", "x = 2", "u[0] + u[1] = 0", "u[0]*u[1] = 1", "u[0] = u[1]**2"], {"x": 1.0, "u": [1.0, 1.0]}
    )
    assert found.over == (
        Group(("equations[0]", "equations[1]"), ("x",)),
        Group(("equations[2]", "equations[3]", "equations[4]"), ("u[0]", "u[1]")),
    )
    assert found.lines()[0] == "there are 5 equations for 3 variables"


def test_a_variable_in_no_equation_and_members_of_a_family() -> None:
    found = structure("u[i]*u[i+1] = 1 for i in range(2)", {"u": [1.0] * 3, "unused": [1.0, 2.0]})
    assert found.unused_variables == ("unused[0]", "unused[1]")
    assert found.lines() == [
        "there are 2 equations for 5 variables",
        "no equation contains unused[0] and unused[1]",
        TOO_FEW_OF_A_FAMILY,
    ]


def test_long_lists_are_cut() -> None:
    found = structure("sum(u) = 1", {"u": [1.0] * 100, "idle": [0.0] * 9})
    assert "no equation contains idle[0], idle[1], idle[2], idle[3], idle[4] and 4 more" in found.lines()
    many = structure("u[i] = j for i in range(9) for j in range(2)", {"u": [1.0] * 9})
    assert many.lines()[-1] == "… and 4 more like these"
