"""``sum``, ``prod``, ``min``, ``max``: over indices, over whole arrays, of several numbers, one inside another."""

from __future__ import annotations

import numpy as np
import pytest
import raphson_solver as rs

from tests.solver.building import build, value, values

U = np.array([2.0, -3.0, 5.0])
A = np.arange(1.0, 7.0).reshape(2, 3)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sum(u[i]**2 for i in range(3))", 38.0),
        ("prod(u[i] + 1 for i in range(3))", -36.0),
        ("min(u[i] for i in range(3))", -3.0),
        ("max(u[i] for i in range(3))", 5.0),
        ("sum(u)", 4.0),
        ("prod(u)", -30.0),
        ("min(u)", -3.0),
        ("max(u)", 5.0),
        ("sum(a)", 21.0),
        ("max(a)", 6.0),
        ("min(3, u[0], 7)", 2.0),
        ("max(3, u[0])", 3.0),
        ("sum(a[i,j] * u[j] for i in range(2) for j in range(3))", float((A @ U).sum())),
        ("sum(u[i] for i in range(3) if i != 1)", 7.0),
        ("sum(i * j for i in range(3) for j in range(i) if j > 0) + 0*u[0]", 2.0),
        ("prod(sum(a[i,j] for j in range(3)) for i in range(2))", 90.0),
        ("sum(min(a[i,j], u[j]) for i in range(2) for j in range(3))", 1 - 3 + 3 + 2 - 3 + 5.0),
        ("max(sum(a[i,j] for i in range(2)) for j in range(3))", 9.0),
        ("sum(prod(u[j] for j in range(i)) for i in range(4))", 1 + 2 - 6 - 30.0),
        ("sum(u[i] for i in range(0)) + 1", 1.0),
        ("prod(u[i] for i in range(0)) + 1", 2.0),
        ("2 * sum(u) - 1", 7.0),
        ("sum(u[i] if i > 0 else 10*u[i] for i in range(3))", 22.0),
        ("sum((u[i-1] if i > 0 else 0) for i in range(3))", -1.0),
        ("sum(u[i] - 1 for i in range(3)) - sum(u[i] for i in range(3))", -3.0),
    ],
)
def test_reductions(text: str, expected: float) -> None:
    assert values([text], {"u": U, "a": A})[0] == expected


def test_a_reduction_inside_a_family_sees_its_index() -> None:
    got = values("b[i] - sum(a[i,j]*u[j] for j in range(3)) for i in range(2)", {"u": U, "a": A, "b": [0.0, 0.0]})
    assert got.tolist() == (-(A @ U)).tolist()


def test_the_same_index_may_count_in_reductions_side_by_side() -> None:
    assert values(["sum(u[i] for i in range(3)) * sum(i for i in range(3))"], {"u": U})[0] == 12.0


def test_parameters_can_be_reduced() -> None:
    assert value("x * sum(p) * max(p)", {"p": [1.0, 2.0, 4.0]}, x=1.0) == 28.0


def test_a_sum_adds_from_the_left() -> None:
    assert values(["sum(u)"], {"u": [1e16, 1.0, -1e16, 1.0]})[0] == 1.0
    assert values(["sum(u)"], {"u": [1e16, -1e16, 1.0, 1.0]})[0] == 2.0


@pytest.mark.parametrize(
    ("text", "message", "column"),
    [
        ("min(u[i] for i in range(0))", "'min' of nothing: its range is empty", 0),
        ("1 + max(u[i] for i in range(3) if i > 5)", "'max' of nothing: its range is empty", 4),
        ("sum(x)", "'sum' takes an array's name, or an expression with 'for': sum(x[i]**2 for i in range(n))", 0),
        ("sum(1, x)", "'sum' takes an array's name", 0),
        ("prod(x)", "'prod' takes an array's name", 0),
        ("min(x)", "'min' takes an array's name", 0),
        ("sum(u + 1)", "'sum' takes an array's name", 0),
        ("sum(v)", "'sum' takes an array's name", 0),
        ("sum()", "'sum' needs an argument", 4),
        ("exp(u[i] for i in range(3))", "'for' stands only in max, min, prod, sum and at the end of an equation", 9),
        ("(x for i in range(3))", "expected ')', found 'for'", 3),
        ("[x for i in range(3)]", "lists do not exist here; an index needs a name before it", 0),
        ("sum(x for x in range(3))", "the index 'x' shadows a name that already stands for something", 6),
        ("sum(sum(x for i in range(3)) for i in range(3))", "the index 'i' is already in use", 10),
        ("sum(x for i in range(3)", "'(' was never closed", 3),
        ("sum(x for i in range(3), x)", "expected ')', found ','", 23),
        ("sum(x > 0 for i in range(3))", "expected a number, found a condition; write 'a if condition else b'", 6),
    ],
)
def test_reductions_that_make_no_sense(text: str, message: str, column: int) -> None:
    with pytest.raises(rs.DefinitionError) as caught:
        build(text, {"x": 1.0, "u": U})
    assert message in caught.value.message
    assert (caught.value.field, caught.value.column) == ("equations[0]", column)


def test_an_index_in_use_outside_cannot_count_inside() -> None:
    with pytest.raises(rs.DefinitionError, match=r"the index 'i' is already in use") as caught:
        build("sum(u[i] for i in range(3)) for i in range(3)", {"u": U})
    assert caught.value.column == 9
