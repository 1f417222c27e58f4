"""Derivatives: a caller's own expressions, and the views of the Jacobian."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import raphson
from raphson.jacobian_argument import to_mode_and_rows
from raphson.problem import to_problem
from raphson.v1.array_pb2 import DoubleArray
from raphson.v1.jacobian_pb2 import Determinant, EvaluateResponse

if TYPE_CHECKING:
    from tests.client.conftest import ScriptedServer

SYSTEM_ID = "ab" * 32
EQUATIONS = ["x**2 + y**2 = r**2", "exp(x) + y = 1"]
START = {"x": 1.0, "y": -1.7}


# --- a caller's own Jacobian
def test_rows_of_expressions_are_sent(scripted: ScriptedServer, talking: raphson.Client) -> None:
    talking.solve(["x**2 - y", "y"], {"x": 1.0, "y": 1.0}, jacobian=[["2*x", -1], [0, 1.0]])
    rows = scripted.requests[0].system.definition.jacobian
    assert [list(row.entries) for row in rows] == [["2*x", "-1.0"], ["0.0", "1.0"]]
    assert scripted.requests[0].options.jacobian == raphson.JacobianMode.ANALYTIC


def test_entries_that_are_not_zero_are_enough() -> None:
    problem = to_problem(
        ["t := u[0] - 1", "t*x", "u[1]", "u[0]"],
        {"x": 1.0, "u": np.ones(2)},
        None,
        {(0, "x"): "t", (0, "u[0]"): "x", (1, 2): 1, (2, "u[0]"): "1"},
    )
    assert problem.definition.jacobian == (("t", "x", "0"), ("0", "0", "1.0"), ("0", "1", "0"))
    assert problem.mode is raphson.JacobianMode.ANALYTIC


def test_a_handle_takes_another_jacobian(scripted: ScriptedServer, talking: raphson.Client) -> None:
    system = talking.compile("x**2 = 2", variables=["x"])
    talking.jacobian(system, START, None, [["2*x"]])
    definition = scripted.requests[1].system.definition
    assert list(definition.equations) == ["x**2 = 2"]
    assert [list(row.entries) for row in definition.jacobian] == [["2*x"]]


@pytest.mark.parametrize(
    ("jacobian", "field", "said"),
    [
        (["2*x"], "jacobian[0]", "'2*x' is not a row"),
        ([[None]], "jacobian[0][0]", "None is not an expression"),
        ([[float("nan")]], "jacobian[0][0]", "nan is not an expression"),
        ({"x": "1"}, "jacobian['x']", "expected (equation number from 0, unknown)"),
        ({(0, "z"): "1"}, "jacobian[(0, 'z')]", "'z' is not an unknown; expected one of x, y"),
        ({(0, 2): "1"}, "jacobian[(0, 2)]", "2 is not an unknown"),
        ({(-1, "x"): "1"}, "jacobian[(-1, 'x')]", "from 0"),
        (3, "jacobian", "3 is not known; expected one of 'exact'"),
    ],
)
def test_a_jacobian_that_makes_no_sense_is_refused(jacobian: Any, field: str, said: str) -> None:
    with pytest.raises(raphson.InvalidRequestError) as caught:
        to_mode_and_rows(jacobian, [("x", ()), ("y", ())], 2, "jacobian")
    assert said in str(caught.value)
    assert caught.value.fields[0].field == field
    assert caught.value.code.name == "INVALID_ARGUMENT"


# --- views of the Jacobian
def reply(numbers: list[float], shape: list[int]) -> DoubleArray:
    return DoubleArray(shape=shape, data=np.array(numbers).tobytes())


def test_views_are_asked_for_and_read(scripted: ScriptedServer, talking: raphson.Client) -> None:
    scripted.reply(EvaluateResponse(value=reply([1.0, 2.0], [2]), system_id=SYSTEM_ID))
    scripted.reply(EvaluateResponse(matrix=reply([1.0, 2.0, 3.0, 4.0], [2, 2])))
    scripted.reply(EvaluateResponse(jvp=reply([5.0, 6.0], [2])))
    scripted.reply(EvaluateResponse(vjp=reply([7.0, 8.0], [2])))
    found = Determinant(sign=reply([-1.0], []), log_abs=reply([np.log(2.0)], []))
    scripted.reply(EvaluateResponse(determinant=found))
    asked = (EQUATIONS, START, {"r": 2.0})
    assert talking.value(*asked).tolist() == [1.0, 2.0]
    assert talking.jacobian(*asked, "forward").tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert talking.jvp(*asked, v={"y": 2.0, "x": 1.0}).tolist() == [5.0, 6.0]
    assert talking.vjp(*asked, v=[1, 0]).tolist() == [7.0, 8.0]
    assert talking.determinant(*asked).value == pytest.approx(-2.0)
    value, matrix, jvp, vjp, determinant = scripted.requests
    assert value.value
    assert matrix.matrix
    assert matrix.mode == raphson.JacobianMode.FORWARD
    assert np.frombuffer(jvp.jvp.data).tolist() == [1.0, 2.0]
    assert np.frombuffer(vjp.vjp.data).tolist() == [1.0, 0.0]
    assert determinant.determinant
    assert sum([value.matrix, value.determinant, value.HasField("jvp"), value.HasField("vjp")]) == 0


@pytest.mark.parametrize(
    ("v", "field", "said"),
    [
        ({"x": 1.0}, "v[y]", "is missing"),
        ({"x": 1.0, "y": [1.0]}, "v[y]", "shape (1,); expected ()"),
        ({"x": 1.0, "y": 1.0, "z": 1.0}, "v[z]", "is not a variable"),
        ("up", "v", "'up' of type str"),
    ],
)
def test_a_direction_that_does_not_fit_is_refused(
    scripted: ScriptedServer, talking: raphson.Client, v: Any, field: str, said: str
) -> None:
    with pytest.raises(raphson.InvalidRequestError) as caught:
        talking.jvp(EQUATIONS, START, {"r": 2.0}, v=v)
    assert said in str(caught.value)
    assert caught.value.fields[0].field == field
    assert scripted.requests == []
