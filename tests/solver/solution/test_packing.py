"""Values by name to x and p and back, in the order and shapes that were declared."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import raphson_solver as rs

from tests.solver.building import build

SHAPED = build(
    ["s + u[0,0] + q[t[0]] + r", "u[i,j] for i in range(2) for j in range(3)"],
    {"s": 1.0, "u": np.zeros((2, 3))},
    {"r": 1.0, "t": [2, 0], "q": np.zeros(3)},
)


def test_shapes_and_names() -> None:
    assert (SHAPED.n, SHAPED.m) == (7, 7)
    assert SHAPED.variables == (("s", ()), ("u", (2, 3)))
    assert SHAPED.parameters == (("r", ()), ("t", (2,)), ("q", (3,)))
    assert {name: value.tolist() for name, value in SHAPED.structural.items()} == {"t": [2, 0]}
    assert SHAPED.equation_names[:2] == ("equations[0]", "equations[1] at i=0, j=0")


def test_values_lie_in_the_order_of_declaration_and_in_c_order() -> None:
    u = np.arange(6.0).reshape(2, 3)
    assert SHAPED.pack_start({"u": u, "s": 9.0}).tolist() == [9, 0, 1, 2, 3, 4, 5]
    assert SHAPED.pack_start({"u": np.asfortranarray(u), "s": 9}).tolist() == [9, 0, 1, 2, 3, 4, 5]
    assert SHAPED.pack_parameters({"q": [1, 2, 3], "r": 7}).tolist() == [7, 1, 2, 3]
    assert SHAPED.pack_parameters({"q": [1, 2, 3], "r": 7, "t": [2, 0]}).tolist() == [7, 1, 2, 3]


def test_unpacking_is_the_inverse() -> None:
    x = np.arange(7.0)
    named = SHAPED.unpack(x)
    assert type(named["s"]) is float
    assert named["s"] == 0.0
    assert np.shape(named["u"]) == (2, 3)
    assert SHAPED.pack_start(named).tolist() == x.tolist()


def test_an_empty_array_takes_no_place() -> None:
    system = build("x + sum(p)", {"v": np.zeros(0), "x": 1.0}, {"p": np.zeros((0, 4))})
    assert (system.n, system.pack_parameters({"p": np.zeros((0, 4))}).size) == (1, 0)
    assert system.unpack(np.array([3.0]))["x"] == 3.0
    assert system.solve({"v": [], "x": 1.0}, {"p": np.zeros((0, 4))}).x.tolist() == [0.0]


def test_numbers_of_any_kind_are_taken() -> None:
    system = build("x - r", ["x"], ["r"])
    for start in ([1], (1,), np.array([1], dtype=np.int32), np.array([1.0], dtype=np.float32), [np.float64(1)], [True]):
        assert system.residual(start, [0.5]).tolist() == [0.5]
    assert system.residual({"x": np.array(1)}, {"r": 0.5}).tolist() == [0.5]
    strided = np.arange(10.0)[::5]
    assert build(["x", "y"], ["x", "y"]).residual(strided).tolist() == [0.0, 5.0]


GOOD = {"s": 1.0, "u": np.zeros((2, 3))}
BAD_STARTS: list[tuple[Any, str, str]] = [
    ({"u": GOOD["u"]}, "start.s", "no value for 's'; expected one number"),
    ({"s": 1.0}, "start.u", "no value for 'u'; expected numbers of shape (2, 3)"),
    ({}, "start.s", "no value for 's'; expected one number"),
    (GOOD | {"v": 1.0}, "start.v", "the system has no variable 'v'"),
    (GOOD | {"us": 1.0}, "start.us", "the system has no variable 'us'; did you mean 'u'?"),
    (GOOD | {"r": 1.0}, "start.r", "the system has no variable 'r'"),
    (GOOD | {"s": [1.0]}, "start.s", "'s' has shape (1,); expected ()"),
    (GOOD | {"u": np.zeros((3, 2))}, "start.u", "'u' has shape (3, 2); expected (2, 3)"),
    (GOOD | {"u": np.zeros(6)}, "start.u", "'u' has shape (6,); expected (2, 3)"),
    (GOOD | {"s": "one"}, "start.s", "expected numbers, found str 'one'"),
    (GOOD | {"s": None}, "start.s", "expected "),
    (GOOD | {"s": 1j}, "start.s", "expected numbers, found complex '1j'"),
    (GOOD | {"s": np.nan}, "start.s", "expected finite numbers, found nan"),
    (GOOD | {"s": -np.inf}, "start.s", "expected finite numbers, found -inf"),
    (GOOD | {"u": [[0, 0, 0], [0, np.nan, 0]]}, "start.u", "expected finite numbers, found nan at place 4"),
    ([1.0, 2.0], "start", "expected shape (7,), a number a variable; found (2,)"),
    (np.zeros(8), "start", "expected shape (7,), a number a variable; found (8,)"),
    (np.zeros((7, 1)), "start", "expected shape (7,), a number a variable; found (7, 1)"),
    (1.0, "start", "expected shape (7,), a number a variable; found ()"),
    (None, "start", "expected "),
    ("start", "start", "expected numbers, found str 'start'"),
    ([1.0, [2.0]], "start", "expected numbers, found list"),
    (np.full(7, np.nan), "start", "expected finite numbers, found nan at place 0"),
    (np.zeros(7, dtype=complex), "start", "expected numbers"),
]


@pytest.mark.parametrize(("start", "field", "message"), BAD_STARTS)
def test_a_start_that_does_not_fit(start: Any, field: str, message: str) -> None:
    with pytest.raises(rs.InputError) as caught:
        SHAPED.solve(start, np.zeros(4))
    assert caught.value.field == field
    assert caught.value.message.startswith(message)


BAD_PARAMETERS: list[tuple[Any, str, str]] = [
    (None, "parameters.r", "no value for 'r'; expected one number"),
    ({"r": 1.0}, "parameters.q", "no value for 'q'; expected numbers of shape (3,)"),
    ({"r": 1.0, "q": [1, 2]}, "parameters.q", "'q' has shape (2,); expected (3,)"),
    ({"r": 1.0, "q": [1, 2, 3], "z": 1}, "parameters.z", "the system has no free parameter 'z'"),
    ({"r": np.nan, "q": [1, 2, 3]}, "parameters.r", "expected finite numbers, found nan"),
    ({"r": "1 m", "q": [1, 2, 3]}, "parameters.r", "expected numbers, found str '1 m'"),
    ([1.0], "parameters", "expected shape (4,), a number a parameter; found (1,)"),
    (np.full(4, np.inf), "parameters", "expected finite numbers, found inf at place 0"),
    (
        {"r": 1.0, "q": [1, 2, 3], "t": [2, 1]},
        "parameters.t",
        (
            "'t' is used in a range or as an index, so its value belongs to the compiled system ([2 0]); "
            "compile another system for [2 1]"
        ),
    ),
    ({"r": 1.0, "q": [1, 2, 3], "t": [2, 0, 0]}, "parameters.t", "'t' is used in a range or as an index"),
    ({"r": 1.0, "q": [1, 2, 3], "t": "two"}, "parameters.t", "expected numbers, found str 'two'"),
]


@pytest.mark.parametrize(("parameters", "field", "message"), BAD_PARAMETERS)
def test_parameters_that_do_not_fit(parameters: Any, field: str, message: str) -> None:
    for ask in (SHAPED.solve, SHAPED.residual, SHAPED.jacobian):
        with pytest.raises(rs.InputError) as caught:
            ask(np.zeros(7), parameters)
        assert caught.value.field == field
        assert caught.value.message.startswith(message)


@pytest.mark.parametrize(("start", "field", "message"), BAD_STARTS)
def test_a_point_that_does_not_fit(start: Any, field: str, message: str) -> None:
    with pytest.raises(rs.InputError) as caught:
        SHAPED.jacobian(start, np.zeros(4))
    assert caught.value.field == field.replace("start", "at")
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize(
    ("vector", "message"),
    [
        (np.zeros(3), "expected shape (7,), a number a"),
        (0.0, "expected shape (7,), a number a"),
        ("seven", "expected numbers, found str 'seven'"),
        (np.full(7, np.nan), "expected finite numbers, found nan at place 0"),
    ],
)
def test_vectors_that_do_not_fit(vector: Any, message: str) -> None:
    for field, ask in (("v", SHAPED.jvp), ("w", SHAPED.vjp)):
        with pytest.raises(rs.InputError) as caught:
            ask(np.zeros(7), vector, np.zeros(4))
        assert caught.value.field == field
        assert caught.value.message.startswith(message)


@pytest.mark.parametrize("method", [rs.Method.BROYDEN, rs.Method.PSEUDO_TRANSIENT])
def test_some_methods_need_as_many_equations_as_variables(method: rs.Method) -> None:
    for texts, m in ((["x + y"], 1), (["x", "y", "x*y"], 3)):
        with pytest.raises(rs.InputError) as caught:
            build(texts, ["x", "y"]).solve([1.0, 1.0], options=rs.SolveOptions(method=method))
        assert caught.value.field == "options.method"
        assert (
            f"{method.name.lower()} needs as many equations as variables; found {m} equations" in caught.value.message
        )
