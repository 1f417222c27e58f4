"""What the client sends, and what it makes of the replies."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest
import raphson
from google.rpc.error_details_pb2 import ErrorInfo
from raphson.known_systems import KnownSystems
from raphson.v1.array_pb2 import DoubleArray
from raphson.v1.solver_pb2 import SolveResponse
from raphson.v1.system_pb2 import CompileResponse, Parameter, Variable

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.client.conftest import ScriptedServer

SYSTEM_ID = "ab" * 32
EQUATIONS = ["x**2 + y**2 = r**2", "exp(x) + y = 1"]
START = {"x": 1.0, "y": -1.7}


# --- text once, then its id
def test_the_text_is_sent_once_and_then_its_id(scripted: ScriptedServer, talking: raphson.Client) -> None:
    for r in (2.0, 3.0):
        talking.solve(EQUATIONS, START, {"r": r})
    talking.jacobian(EQUATIONS, START, {"r": 2.0})
    first, second, third = scripted.requests
    assert list(first.system.definition.equations) == EQUATIONS
    assert [variable.name for variable in first.system.definition.variables] == ["x", "y"]
    assert second.system.system_id == SYSTEM_ID
    assert third.system.system_id == SYSTEM_ID
    assert np.frombuffer(second.parameters[0].array.data) == 3.0


@pytest.mark.parametrize(
    ("start", "parameters", "jacobian"),
    [
        ({"x": 1.0}, {}, "exact"),
        ({"x": [1.0, 2.0]}, {"r": 2.0}, "exact"),
        ({"x": [1.0]}, {"r": 2.0}, "exact"),
        ({"x": 1.0}, {"r": [2.0]}, "exact"),
        ({"y": 1.0, "x": 1.0}, {"r": 2.0}, "exact"),
        ({"x": 1.0}, {"r": 2.0}, [["2*x"]]),
    ],
)
def test_another_system_is_not_taken_for_the_same(
    scripted: ScriptedServer, talking: raphson.Client, start: Any, parameters: Any, jacobian: Any
) -> None:
    talking.solve("x = r", {"x": 1.0}, {"r": 2.0})
    talking.solve("x = r", start, parameters, jacobian=jacobian)
    assert scripted.requests[1].system.HasField("definition")


def test_whole_numbers_that_may_be_structure_are_a_part_of_the_system(
    scripted: ScriptedServer, talking: raphson.Client
) -> None:
    family = "u[i] = a for i in range(n)"
    for n, a in ((3, 0.5), (3, 0.25), (4, 0.5)):
        talking.solve(family, {"u": np.zeros(4)}, {"n": n, "a": a})
    known = [request.system.WhichOneof("ref") for request in scripted.requests]
    assert known == ["definition", "system_id", "definition"]
    parameters = scripted.requests[0].system.definition.parameters
    assert [parameter.HasField("value") for parameter in parameters] == [True, False]


def test_whole_numbers_elsewhere_stay_free(scripted: ScriptedServer, talking: raphson.Client) -> None:
    for r in (1, 2, 3):
        talking.solve("x**2 = r", {"x": 1.0}, {"r": r})
    for r in (1, 2, 3):
        talking.solve(lambda x, r: [x[0] ** 2 - r, x[1]], {"x": [1.0, 2.0]}, {"r": r})
    known = [request.system.WhichOneof("ref") for request in scripted.requests]
    assert known == ["definition", "system_id", "system_id"] * 2


def test_a_server_that_has_forgotten_is_sent_the_text_again(scripted: ScriptedServer, talking: raphson.Client) -> None:
    talking.solve(EQUATIONS, START, {"r": 2.0})
    scripted.fail(grpc.StatusCode.NOT_FOUND, "gone", ErrorInfo(reason="SYSTEM_NOT_CACHED"))
    assert talking.solve(EQUATIONS, START, {"r": 2.0}).converged
    assert [request.system.WhichOneof("ref") for request in scripted.requests] == [
        "definition",
        "system_id",
        "definition",
    ]


def test_not_found_for_the_text_itself_is_told(scripted: ScriptedServer, talking: raphson.Client) -> None:
    scripted.fail(grpc.StatusCode.NOT_FOUND, "gone")
    with pytest.raises(raphson.SystemNotFoundError, match="gone") as caught:
        talking.solve(EQUATIONS, START, {"r": 2.0})
    assert caught.value.code is grpc.StatusCode.NOT_FOUND


def test_known_systems_are_bounded() -> None:
    known = KnownSystems(capacity=2)
    for key in "ab":
        known.remember(key, key * 64)
    assert known.find("a") == "a" * 64
    known.remember("c", "c" * 64)
    assert [known.find(key) for key in "abc"] == ["a" * 64, "", "c" * 64]
    known.forget("a")
    known.forget("a")
    assert known.find("a") == ""


# --- handles
def test_a_compiled_system_stands_for_its_equations(scripted: ScriptedServer, talking: raphson.Client) -> None:
    system = talking.compile(EQUATIONS, START, ["r"])
    talking.solve(system, START, {"r": 2.0})
    talking.solve(system, np.array([1.0, -1.7]), {"r": 2.0})
    talking.jacobian(system, START, {"r": 2.0}, "central")
    assert [variable.name for variable in scripted.requests[0].definition.variables] == ["x", "y"]
    assert all(request.system.system_id == SYSTEM_ID for request in scripted.requests[1:])
    assert scripted.requests[1].start == scripted.requests[2].start
    assert scripted.requests[3].mode == raphson.JacobianMode.CENTRAL


def test_a_handle_carries_its_text_to_another_server(scripted: ScriptedServer, talking: raphson.Client) -> None:
    system = pickle.loads(pickle.dumps(talking.compile(EQUATIONS, START, ["r"])))
    scripted.fail(grpc.StatusCode.NOT_FOUND, "not here", ErrorInfo(reason="SYSTEM_NOT_CACHED"))
    assert talking.solve(system, START, {"r": 2.0}).converged
    assert list(scripted.requests[-1].system.definition.equations) == EQUATIONS


def test_a_server_of_another_version_is_asked_by_its_own_id(scripted: ScriptedServer, talking: raphson.Client) -> None:
    system = talking.compile(EQUATIONS, START, ["r"])
    scripted.fail(grpc.StatusCode.NOT_FOUND, "not here")
    scripted.reply(SolveResponse(status="STATUS_CONVERGED", method="METHOD_AUTO", system_id="cd" * 32))
    for _ in range(2):
        talking.solve(system, START, {"r": 2.0})
    assert scripted.requests[-1].system.system_id == "cd" * 32
    assert len(scripted.requests) == 4


def test_a_handle_says_what_is_known(scripted: ScriptedServer, talking: raphson.Client) -> None:
    scripted.reply(
        CompileResponse(
            system_id=SYSTEM_ID,
            variable_count=3,
            equation_count=2,
            variables=[Variable(name="u", shape=[2]), Variable(name="x")],
            parameters=[Parameter(name="n", value=DoubleArray(data=np.float64(2).tobytes()))],
            equation_names=["equations[0] at i=0", "equations[1]"],
            sparsity_rows=[0, 1, 1],
            sparsity_columns=[0, 1, 2],
        )
    )
    system = talking.compile(["u[i] = i for i in range(n)"], variables={"u": (2,), "x": ()}, parameters={"n": 2})
    assert (system.n, system.m, system.id) == (3, 2, SYSTEM_ID)
    assert system.variables == (("u", (2,)), ("x", ()))
    assert system.unknown_names == ("u[0]", "u[1]", "x")
    assert [part.tolist() for part in system.sparsity] == [[0, 1, 1], [0, 1, 2]]
    assert system.fixed["n"] == 2
    assert repr(system) == ("CompiledSystem(2 equations in 3 unknowns: u[2], x; 3 Jacobian entries; id abababababab…)")
    with pytest.raises(AttributeError):
        system.id = "other"  # type: ignore[misc]


def test_what_is_fixed_may_be_left_out_but_not_changed(scripted: ScriptedServer, talking: raphson.Client) -> None:
    def heat(u: Any, n: Any, a: Any) -> Any:
        return [u[i] - a for i in range(n)]

    system = talking.compile(heat, {"u": np.zeros(3)}, {"n": 3, "a": 0.0})
    assert {name: value.tolist() for name, value in system.fixed.items()} == {"n": 3.0}
    talking.solve(system, {"u": np.zeros(3)}, {"a": 1.0})
    talking.solve(system, {"u": np.zeros(3)}, {"a": 1.0, "n": 3})
    assert [parameter.name for parameter in scripted.requests[1].parameters] == ["n", "a"]
    with pytest.raises(raphson.InvalidRequestError, match=r"parameters\[n\]: 4 differs from 3\.0") as caught:
        talking.solve(system, {"u": np.zeros(3)}, {"a": 1.0, "n": 4})
    assert caught.value.code.name == "INVALID_ARGUMENT"
    assert len(scripted.requests) == 3


@pytest.mark.parametrize("arguments", [{}, {"start": START, "variables": ["x"]}])
def test_compiling_needs_the_unknowns_once(talking: raphson.Client, arguments: dict[str, Any]) -> None:
    with pytest.raises(raphson.InvalidRequestError, match="expected either start or variables"):
        talking.compile(EQUATIONS, **arguments)


@pytest.mark.parametrize(
    ("variables", "said"), [("x", "neither a list of names"), ({"x": "wide"}, "expected name → shape")]
)
def test_shapes_are_declared_by_numbers(talking: raphson.Client, variables: Any, said: str) -> None:
    with pytest.raises(raphson.InvalidRequestError, match=said) as caught:
        talking.compile("x", variables=variables)
    assert caught.value.fields[0].field == "variables"


# --- options
def test_options_are_sent(scripted: ScriptedServer, talking: raphson.Client) -> None:
    talking.solve(
        "x",
        {"x": 1},
        method="line_search",
        jacobian="forward",
        tolerance=1e-9,
        absolute_tolerance=0,
        max_iterations=7,
        timeout_seconds=2,
        return_jacobian=True,
    )
    options = scripted.requests[0].options
    assert options.method == raphson.Method.LINE_SEARCH
    assert options.jacobian == raphson.JacobianMode.FORWARD
    assert (options.tolerance, options.absolute_tolerance) == (1e-9, 0.0)
    assert (options.max_iterations, options.timeout_seconds, options.return_jacobian) == (7, 2.0, True)


def test_options_not_given_are_left_to_the_server(scripted: ScriptedServer, talking: raphson.Client) -> None:
    talking.solve("x", {"x": 1})
    options = scripted.requests[0].options
    for name in ("tolerance", "absolute_tolerance", "max_iterations", "timeout_seconds"):
        assert not options.HasField(name)


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("method", "secant", "'secant' is not known"),
        ("jacobian", "sparse", "'sparse' is not known"),
        ("tolerance", "small", "'small' is not a number"),
        ("absolute_tolerance", [1], "is not a number"),
        ("max_iterations", 1.5, "is not a whole number"),
        ("max_iterations", 2**64, "is not a whole number"),
        ("timeout_seconds", -1, "expected finite seconds above 0"),
    ],
)
def test_options_that_make_no_sense_are_refused_before_sending(
    scripted: ScriptedServer, talking: raphson.Client, option: str, value: Any, said: str
) -> None:
    with pytest.raises(raphson.InvalidRequestError, match=said) as caught:
        talking.solve("x", {"x": 1.0}, **{option: value})
    assert caught.value.fields[0].field.endswith(option)
    assert caught.value.code.name == "INVALID_ARGUMENT"
    assert scripted.requests == []


# --- equations, start and parameters
@pytest.mark.parametrize(
    ("equations", "start", "parameters", "field", "said"),
    [
        ("x", [1.0], None, "start", "is not a mapping; expected name → value"),
        ("x", {1: 1.0}, None, "start", "1 is not a name"),
        ("x", {"x": "one"}, None, "start[x]", "'one' of type str"),
        ("x", {"x": 1.0}, [2.0], "parameters", "is not a mapping"),
        ("x", {"x": 1.0}, {"r": None}, "parameters[r]", "None of type NoneType"),
        (["x", 2], {"x": 1.0}, None, "equations[1]", "2 is not text"),
        (7, {"x": 1.0}, None, "equations", "7 is neither text"),
        (lambda x: x, {"x": 1.0}, {"x": 1.0}, "parameters[x]", "is a variable too"),
        (lambda x: x, {"y": 1.0}, None, "start[y]", "takes no argument 'y'"),
        (lambda x: x, ["a"], None, "start", "is not a real number"),
    ],
)
def test_mistakes_are_found_before_sending(
    scripted: ScriptedServer,
    talking: raphson.Client,
    equations: Any,
    start: Any,
    parameters: Any,
    field: str,
    said: str,
) -> None:
    with pytest.raises(raphson.InvalidRequestError) as caught:
        talking.solve(equations, start, parameters)
    assert said in str(caught.value)
    assert caught.value.fields[0].field == field
    assert caught.value.code.name == "INVALID_ARGUMENT"
    assert scripted.requests == []


def test_a_function_is_traced_from_a_plain_array(scripted: ScriptedServer, talking: raphson.Client) -> None:
    root = talking.solve(lambda x: [x[0] ** 2 - 2], start=[1.0])
    assert list(scripted.requests[0].system.definition.equations) == ["x[0]**2 - 2"]
    assert scripted.requests[0].start[0].name == "x"
    assert root.x.tolist() == [1.0]


def test_a_function_is_traced_by_name(scripted: ScriptedServer, talking: raphson.Client) -> None:
    talking.solve(lambda x, u, r: [x - r, *(u * x)], {"x": 1.0, "u": np.ones(3)}, {"r": 2.0})
    assert list(scripted.requests[0].system.definition.equations) == ["x - r", "u[0]*x", "u[1]*x", "u[2]*x"]


# --- replies
def test_a_reply_of_another_version_is_told(scripted: ScriptedServer, talking: raphson.Client) -> None:
    scripted.reply(SolveResponse(status=99, method="METHOD_AUTO"))  # type: ignore[arg-type]
    with pytest.raises(raphson.IncompatibleServerError, match="status 99") as caught:
        talking.solve("x", {"x": 1.0})
    assert caught.value.code is grpc.StatusCode.UNIMPLEMENTED


def test_variables_keep_their_shapes(
    scripted: ScriptedServer, talking: raphson.Client, named: Callable[..., Any]
) -> None:
    scripted.reply(
        SolveResponse(
            status="STATUS_CONVERGED",
            method="METHOD_NEWTON",
            solution=[named("x", np.float64(5).tobytes()), named("A", np.arange(4.0).tobytes(), (2, 2))],
            jacobian=DoubleArray(shape=[5, 5], data=np.arange(25.0).tobytes()),
            system_id=SYSTEM_ID,
        )
    )
    root = talking.solve("x", {"x": 1.0}, return_jacobian=True)
    assert root.x.tolist() == [5.0, 0.0, 1.0, 2.0, 3.0]
    assert root["x"] == 5.0
    assert isinstance(root["x"], float)
    assert np.array_equal(root["A"], [[0.0, 1.0], [2.0, 3.0]])
    assert root.jacobian is not None
    assert root.jacobian.shape == (5, 5)
