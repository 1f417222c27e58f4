"""One text for many equations: ranges, several indices, filters, index tables, and branches chosen by an index."""

from __future__ import annotations

import numpy as np
import pytest
import raphson_solver as rs

from tests.solver.building import build, values

U = np.array([2.0, 3.0, 5.0, 7.0, 11.0])


def test_a_family_writes_one_equation_an_index_in_order() -> None:
    system = build("u[i] = i**2 for i in range(5)", {"u": U})
    assert system.residual(U).tolist() == [2, 2, 1, -2, -5]
    assert system.equation_names == tuple(f"equations[0] at i={i}" for i in range(5))


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ("2", [0, 1]),
        ("1, 4", [1, 2, 3]),
        ("0, 5, 2", [0, 2, 4]),
        ("4, -1, -2", [4, 2, 0]),
        ("n - 1", [0, 1, 2, 3]),
        ("n // 2", [0, 1]),
        ("n % 3", [0, 1]),
        ("2**2", [0, 1, 2, 3]),
        ("n - -n - n", [0, 1, 2, 3, 4]),
        ("6 / 2", [0, 1, 2]),
        ("t[0], t[1]", [1, 2]),
    ],
)
def test_ranges(bounds: str, expected: list[int]) -> None:
    got = values(f"u[i] for i in range({bounds})", {"u": U}, {"n": 5, "t": [1, 3]})
    assert got.tolist() == U[expected].tolist()


def test_several_for_run_the_last_fastest_and_may_use_the_first() -> None:
    system = build("a[i,j] for i in range(3) for j in range(i + 1)", {"a": np.zeros((3, 3))})
    assert system.residual(np.arange(9.0)).tolist() == [0, 3, 4, 6, 7, 8]
    assert system.equation_names[1] == "equations[0] at i=1, j=0"


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("i != 2", [0, 1, 3, 4]),
        ("i % 2 == 0", [0, 2, 4]),
        ("1 <= i < 3", [1, 2]),
        ("i < 1 or i > 3", [0, 4]),
        ("not i < 3", [3, 4]),
        ("not (i < 1 or i > 3) and i != 2", [1, 3]),
        ("t[i] > 0", [1, 4]),
        ("i > 1 if i < 4", [2, 3]),
    ],
)
def test_filters(condition: str, expected: list[int]) -> None:
    got = values(f"u[i] for i in range(5) if {condition}", {"u": U}, {"t": [0, 1, 0, 0, 1]})
    assert got.tolist() == U[expected].tolist()


def test_a_filter_stands_after_the_for_it_belongs_to() -> None:
    system = build("10*i + j + 0*u[0] for i in range(4) if i != 1 for j in range(i) if j != i - 1", {"u": U})
    assert system.residual(U).tolist() == [20, 30, 31]


def test_index_tables_say_which() -> None:
    got = values(
        "V[to[k]] - V[fro[k]] for k in range(3)",
        {"V": [1.0, 10.0, 100.0]},
        {"fro": [0, 1, 2], "to": np.array([1, 2, 0])},
    )
    assert got.tolist() == [9, 90, -99]


def test_tables_of_tables_and_of_two_dimensions() -> None:
    got = values("u[t[s[k]]] + t[k] for k in range(2)", {"u": U}, {"s": [1, 0], "t": [4, 2]})
    assert got.tolist() == [5 + 4, 11 + 2]
    got = values("u[t[k,1]] for k in range(2)", {"u": U}, {"t": np.array([[0, 1], [2, 4]])})
    assert got.tolist() == [3, 11]


def test_an_index_is_also_a_number() -> None:
    assert values("u[i] * (i + 0.5) for i in range(2)", {"u": U}).tolist() == [1.0, 4.5]


def test_free_parameters_follow_their_index() -> None:
    system = build("u[i] - b[i] for i in range(5)", {"u": U}, {"b": U})
    assert system.residual(U, 2 * U).tolist() == (-U).tolist()


LEFT_EDGE = "(u[i-1] if {condition} else 100) - u[i] for i in range(3)"


@pytest.mark.parametrize(
    "condition",
    ["i > 0", "not i == 0", "0 < i", "i >= 1 and i < 99", "i > 0 or i > 5", "i % 3 != 0", "i**2 > 0"],
)
def test_only_the_branch_that_an_index_chooses_is_written(condition: str) -> None:
    """The other would read u[-1]."""
    got = values(LEFT_EDGE.format(condition=condition), {"u": U})
    assert got.tolist() == [98, -1, -2]


def test_a_table_that_is_an_index_somewhere_chooses_branches_too() -> None:
    got = values(["(u[i-1] if t[i] == 1 else 100) - u[i] for i in range(3)", "u[t[0]]"], {"u": U}, {"t": [0, 1, 1]})
    assert got.tolist() == [98, -1, -2, 2]


def test_where_chooses_by_an_index_too() -> None:
    assert values("where(i > 0, u[i-1], 100) - u[i] for i in range(3)", {"u": U}).tolist() == [98, -1, -2]


def test_a_branch_chosen_by_a_variable_is_written_whole() -> None:
    with pytest.raises(rs.DefinitionError, match=r"the index -1 of 'u' is outside 0 … 4 \(at i=0\)"):
        build(LEFT_EDGE.format(condition="u[i] > 0"), {"u": U})


@pytest.mark.parametrize(
    ("text", "message", "column"),
    [
        ("u[5]", "the index 5 of 'u' is outside 0 … 4", 2),
        ("u[-1]", "the index -1 of 'u' is outside 0 … 4", 2),
        ("u[i+1] for i in range(5)", "the index 5 of 'u' is outside 0 … 4 (at i=4)", 3),
        ("a[0,3]", "the index 3 in dimension 1 of 'a' is outside 0 … 2", 4),
        ("a[0]", "'a' has shape (2, 3) and so takes 2 indices, not 1", 0),
        ("u[0,0]", "'u' has shape (5,) and so takes 1 index, not 2", 0),
        ("u", "'u' is an array of shape (5,); write u[i]", 0),
        ("a + 1", "'a' is an array of shape (2, 3); write a[i,j]", 0),
        ("u[0.5]", "an index must be a whole number; found 0.5", 2),
        ("u[k]", "unknown name 'k' in an index: neither a loop index nor a parameter", 2),
        ("u[7/2]", "7/2 is not whole; write // for the whole part", 4),
        ("u[1//0]", "division by zero in an index", 5),
        ("u[1%0]", "division by zero in an index", 4),
        ("u[2**-1]", "2**-1 is no index", 3),
        ("u[9**9**9]", "9**387420489 is no index", 3),
        ("u[9**99]", "9**99 is no index", 3),
        ("u[1e300]", "is too large", 2),
        ("u[1e308*10]", "is too large", 2),
        ("u[abs(1)]", "an index may hold whole numbers, loop indices, + - * // % ** and integer tables", 2),
        ("u[t]", "'t' is a table of shape (2,); write t[…]", 2),
        ("u[t[2]]", "the index 2 of 't' is outside 0 … 1", 4),
        ("u[i] for i in range(1, 5, 0)", "the step of a range must not be zero", 26),
        ("u[i] for i in range(0.5)", "an index must be a whole number; found 0.5", 20),
        ("u[i] for i in range(2) if i", "a filter needs a comparison of whole numbers, such as i != j", 26),
        ("u[i] for u in range(2)", "the index 'u' shadows a name that already stands for something", 5),
        ("u[0] for exp in range(2)", "the index 'exp' shadows a name that already stands for something", 5),
        ("u[i] for i in range(2) for i in range(2)", "the index 'i' is already in use", 23),
        ("u[i]", "unknown name 'i' in an index", 2),
        ("u[i] for i in u", "'u' cannot be counted through; write range(…)", 14),
        ("u[i] for i in list(3)", "'list' cannot be counted through; write range(…)", 14),
        ("u[i] for i in range(1,2,3,4)", "range takes one to three numbers: range(first, last, step)", 14),
        ("u[i] for i in range()", "expected a value, found ')'", 20),
        ("u[i] for i range(3)", "expected 'in' after 'for i', found 'range'", 11),
        ("u[i] for (i) in range(3)", "expected a name to count with, found '('", 9),
    ],
)
def test_indices_that_make_no_sense(text: str, message: str, column: int) -> None:
    with pytest.raises(rs.DefinitionError) as caught:
        build(text, {"u": U, "a": np.zeros((2, 3))}, {"t": [0, 1]})
    assert message in caught.value.message
    assert (caught.value.field, caught.value.column) == ("equations[0]", column)


@pytest.mark.parametrize("text", ["u[" + "*".join(["10**15"] * 25) + "]", "u[(" + "*".join(["10**15"] * 400) + ")**2]"])
def test_a_huge_index_is_an_error_like_any_other(text: str) -> None:
    with pytest.raises(rs.DefinitionError, match=r"index") as caught:
        build(text, {"u": U})
    assert caught.value.field == "equations[0]"
    assert len(caught.value.message) < 500


def test_a_variable_cannot_be_an_index() -> None:
    with pytest.raises(rs.DefinitionError) as caught:
        build("u[x]", {"u": U, "x": 1.0})
    assert caught.value.field == "start.x"
    assert caught.value.message == "the variable 'x' is used in a range or as an index; only parameters can be"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "'k' is used in a range or as an index, so its whole-number value must be given here"),
        (1.5, "'k' is used in a range or as an index, so it must be whole; found 1.5"),
        (float("nan"), "'k' is used in a range or as an index, so it must be whole; found nan"),
        (2.0**60, "'k' is used in a range or as an index, so it must be whole; found 1.152921504606847e+18"),
    ],
)
def test_a_parameter_in_an_index_needs_a_whole_value(value: float | None, message: str) -> None:
    known = () if value is None else (("k", (value,)),)
    with pytest.raises(rs.DefinitionError) as caught:
        rs.compile_definition(rs.Definition(("u[k]",), (("u", (5,)),), (("k", ()),), known))
    assert (caught.value.field, caught.value.message) == ("parameters.k", message)


def test_values_of_another_shape_than_declared_are_an_error() -> None:
    with pytest.raises(rs.DefinitionError) as caught:
        rs.compile_definition(rs.Definition(("u[k]",), (("u", (5,)),), (("k", ()),), (("k", (1.0, 2.0)),)))
    assert caught.value.field == "parameters.k"


def test_an_empty_family_leaves_nothing_to_solve() -> None:
    with pytest.raises(rs.DefinitionError, match=r"there is no equation to solve or evaluate"):
        build("u[i] for i in range(0)", {"u": U})
