"""``name := expression``: in chains, in any place among the equations, with names of their own."""

from __future__ import annotations

import pytest
import raphson_solver as rs

from tests.solver.building import build, values


def test_definitions_may_use_those_above() -> None:
    texts = ["s := x + y", "p := s * x", "q := p - s", "q + 1 = 0", "s = 3"]
    assert values(texts, {"x": 2.0, "y": 5.0}).tolist() == [(7 * 2 - 7) + 1, 4]


def test_definitions_may_stand_below_the_equations_that_use_them() -> None:
    assert values(["x * s", "s := x + 1"], {"x": 2.0}).tolist() == [6.0]


def test_a_definition_may_sum_over_an_array_and_use_parameters() -> None:
    texts = ["total := sum(u[i] * w[i] for i in range(n))", "u[i] - total for i in range(n)"]
    got = values(texts, {"u": [1.0, 2.0, 3.0]}, {"w": [1.0, 10.0, 100.0], "n": 3})
    assert got.tolist() == [1 - 321, 2 - 321, 3 - 321]


def test_a_definition_hides_a_constant() -> None:
    assert values(["e := 2*x", "e"], {"x": 3.0}).tolist() == [6.0]


@pytest.mark.parametrize(
    ("texts", "number", "message", "column"),
    [
        (["x := 1", "x"], 0, "'x' is already a variable; a definition needs a name of its own", 0),
        (["r := 1", "x"], 0, "'r' is already a parameter; a definition needs a name of its own", 0),
        (["s := 1", "s := 2", "x"], 1, "'s' is defined twice", 0),
        (["sin := x", "x"], 0, "the name 'sin' already stands for something in the language", 0),
        (["pi := x", "x"], 0, "the name 'pi' already stands for something in the language", 0),
        (["range := x", "x"], 0, "the name 'range' already stands for something in the language", 0),
        (["s := s + x", "s"], 0, "unknown name 's': neither a variable nor a parameter nor defined above", 5),
        (["s := t", "t := x", "s"], 0, "unknown name 't': neither a variable nor a parameter nor defined above", 5),
        (["s := x for i in range(2)", "s"], 0, "a definition names one value; it cannot have a 'for'", 7),
        (["s := x", "s[0]"], 1, "'s' is one number and takes no index", 0),
        (["s := x", "s(2)"], 1, "'s' is not a function; write '*' to multiply", 0),
        (["s := x", "s for s in range(2)"], 1, "the index 's' shadows a name that already stands for something", 2),
        (["s := x", "x = s := 2"], 1, "':=' stands only at the start: name := expression", 6),
        (
            ["sig := x", "sgi"],
            1,
            "unknown name 'sgi': neither a variable nor a parameter nor defined above; did you",
            0,
        ),
    ],
)
def test_what_cannot_be_defined(texts: list[str], number: int, message: str, column: int) -> None:
    with pytest.raises(rs.DefinitionError) as caught:
        build(texts, ["x"], ["r"])
    assert caught.value.field == f"equations[{number}]"
    assert message in caught.value.message
    assert caught.value.column == column


def test_a_system_of_definitions_alone_has_no_equation() -> None:
    with pytest.raises(rs.DefinitionError, match=r"there is no equation to solve or evaluate") as caught:
        build(["s := x"], ["x"])
    assert caught.value.field == "equations"
