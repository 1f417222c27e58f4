"""What makes no sense is refused with the field, the value and the expectation, and the server is as it was."""

from __future__ import annotations

import math
from typing import Any

import grpc
import numpy as np
import pytest
from raphson.v1 import solver_pb2 as wire
from raphson.v1.array_pb2 import DoubleArray, DoubleList, NamedArray
from raphson.v1.jacobian_pb2 import EvaluateRequest
from raphson.v1.solver_pb2 import SolveOptions, SolveRequest
from raphson.v1.system_pb2 import CompileRequest, JacobianRow, Parameter, System, SystemRef, Variable

from tests.server.calling import Problem, array, between, by_id, by_text, named, problem, to_compile, to_evaluate
from tests.server.running import Server

INVALID = grpc.StatusCode.INVALID_ARGUMENT
X = {"x": 1.0}
XY = {"x": 1.0, "y": 1.0}


def check(refused: Problem, reason: str, field: str, *words: str) -> None:
    assert refused.code == INVALID
    assert (refused.reason, refused.domain) == (reason, "raphson")
    assert refused.field == field
    assert field in refused.message
    assert refused.description
    for word in words:
        assert word in refused.message
    assert refused.size <= 3072
    assert refused.retry_seconds is None
    for secret in ("Traceback", "File ", ".py", "raphson_server", "raphson_solver"):
        assert secret not in refused.message


@pytest.mark.parametrize(
    ("equations", "field", "words"),
    [
        (["sine(x) = 0"], 0, ["sine", "sin"]),
        (["x + z = 0"], 0, ["z"]),
        (["x ? 2 = 0"], 0, ["?"]),
        (["x = 1", "(x + 1 = 0"], 1, []),
        (["x + 1) = 0"], 0, []),
        (["x = 1e999"], 0, ["1e999"]),
        (["__import__('os').system('true')"], 0, []),
        (["x.real = 0"], 0, []),
        (["(lambda: x)() = 0"], 0, []),
        (["[x for i in range(3)] = 0"], 0, []),
        (["x = 1 if"], 0, []),
        ([""], 0, []),
        (["x[3] = 0"], 0, []),
        (["x := 2"], 0, ["x"]),
    ],
    ids=lambda value: str(value)[:24],
)
def test_text_that_makes_no_sense(server: Server, equations: list[str], field: int, words: list[str]) -> None:
    for request, path in (
        (by_text(*equations, start=X), "system.definition.equations"),
        (to_evaluate(*equations, at=X, value=True), "system.definition.equations"),
        (to_compile(*equations, x=()), "definition.equations"),
    ):
        check(server.refusal(request), "INVALID_DEFINITION", f"{path}[{field}]", *words)


def test_the_column_is_told(server: Server) -> None:
    refused = server.refusal(by_text("x + sine(x) = 0", start=X))
    assert refused.metadata["column"] == "4"
    assert "\n" in refused.message
    assert "^" in refused.message
    assert "^" not in (refused.description or "")


def test_index_out_of_range(server: Server) -> None:
    refused = server.refusal(by_text("u[i+1] = 1 for i in range(2)", start={"u": np.ones(2)}))
    check(refused, "INVALID_DEFINITION", "system.definition.equations[0]", "2")


def test_ten_megabytes_of_text(server: Server) -> None:
    refused = server.refusal(by_text("x + " * 2_500_000 + "x", start=X))
    check(refused, "LIMIT_EXCEEDED", "system.definition.equations[0]", "10,000,001")
    assert refused.metadata["limit"] == "max_text_length"
    assert refused.metadata["value"] == "10000001"
    assert int(refused.metadata["maximum"]) < 10_000_001


def test_ten_thousand_parentheses(server: Server) -> None:
    refused = server.refusal(by_text("(" * 10_000 + "x" + ")" * 10_000 + " = 0", start=X))
    check(refused, "LIMIT_EXCEEDED", "system.definition.equations[0]")
    assert refused.metadata["limit"] == "max_depth"


def test_a_million_equations_from_one_line(server: Server) -> None:
    refused = server.refusal(by_text("x = i for i in range(1000000000)", start=X))
    assert refused.reason == "LIMIT_EXCEEDED"


def test_no_equations_and_no_variables(server: Server) -> None:
    check(server.refusal(by_text(start=X)), "INVALID_DEFINITION", "system.definition.equations")
    check(server.refusal(by_text("1 = 1", start={})), "INVALID_DEFINITION", "start")
    check(server.refusal(to_compile("x = 1")), "INVALID_INPUT", "definition.variables", "empty")


@pytest.mark.parametrize("name", ["sin", "pi", "if", "2x", "a b", "", "9" * 3000])
def test_names_that_cannot_be(server: Server, name: str) -> None:
    refused = server.refusal(by_text("x = 1", start={"x": 1.0, name: 1.0}))
    assert refused.code == INVALID
    assert refused.reason in {"INVALID_DEFINITION", "LIMIT_EXCEEDED"}
    assert (refused.field or "").startswith("start[")
    assert refused.size <= 3072


def test_a_name_for_two_things(server: Server) -> None:
    shadowing = server.refusal(by_text("x = 1", start=X, parameters=X))
    check(shadowing, "INVALID_DEFINITION", "parameters[x]", "x")
    declared = [Variable(name="x"), Variable(name="x")]
    twice = server.refusal(CompileRequest(definition=System(equations=["x = 1"], variables=declared)))
    check(twice, "INVALID_DEFINITION", "definition.variables[x]", "x")


def test_names_given_twice(server: Server) -> None:
    request = by_text("x = 1", start=X)
    request.start.append(request.start[0])
    check(server.refusal(request), "INVALID_INPUT", "start[x]", "twice")
    request = by_text("x = a", start=X, parameters={"a": 1.0})
    request.parameters.append(request.parameters[0])
    check(server.refusal(request), "INVALID_INPUT", "parameters[a]", "twice")


@pytest.mark.parametrize(
    ("start", "field", "words"),
    [
        ({"x": 1.0}, "start[y]", ["y"]),
        ({"x": 1.0, "y": 1.0, "z": 1.0}, "start[z]", ["z"]),
        ({"x": 1.0, "y": [1.0, 2.0]}, "start[y]", ["(2,)"]),
        ({"x": math.nan, "y": 1.0}, "start[x]", ["nan"]),
        ({"x": 1.0, "y": -math.inf}, "start[y]", ["inf"]),
    ],
)
def test_starts_that_do_not_fit_a_system_by_id(
    server: Server, start: dict[str, Any], field: str, words: list[str]
) -> None:
    system_id = server.solve(by_text("x = 1", "y = x", start=XY)).system_id
    assert server.solve(by_id(system_id, XY)).status == wire.STATUS_CONVERGED
    check(server.refusal(by_id(system_id, start)), "INVALID_INPUT", field, *words)
    at = EvaluateRequest(system=SystemRef(system_id=system_id), at=named(start), value=True)
    check(server.refusal(at), "INVALID_INPUT", field.replace("start", "at"), *words)


@pytest.mark.parametrize(
    ("parameters", "field"),
    [({}, "parameters[a]"), ({"a": 1.0, "b": 1.0}, "parameters[b]"), ({"a": math.nan}, "parameters[a]")],
)
def test_parameters_that_do_not_fit_a_system_by_id(server: Server, parameters: dict[str, float], field: str) -> None:
    system_id = server.solve(by_text("x = a", start=X, parameters={"a": 1.0})).system_id
    check(server.refusal(by_id(system_id, X, parameters)), "INVALID_INPUT", field)


def test_what_needs_a_square_system(server: Server) -> None:
    check(server.refusal(to_evaluate("x + y", at=XY, determinant=True)), "INVALID_INPUT", "determinant", "1×2")
    options = SolveOptions(method=wire.METHOD_BROYDEN)
    check(server.refusal(by_text("x + y = 1", start=XY, options=options)), "INVALID_INPUT", "options.method", "1", "2")


@pytest.mark.parametrize(
    ("message", "field", "words"),
    [
        (DoubleArray(), "start[x].array", ["neither"]),
        (DoubleArray(data=b""), "start[x].array", ["no numbers"]),
        (DoubleArray(list=DoubleList()), "start[x].array", ["no numbers"]),
        (DoubleArray(data=b"1234567"), "start[x].array.data", ["7 bytes", "8"]),
        (DoubleArray(shape=[2], data=bytes(8)), "start[x].array", ["1 numbers", "(2,)", "2"]),
        (DoubleArray(shape=[-1], data=bytes(8)), "start[x].array.shape", ["-1"]),
        (DoubleArray(shape=[0], data=b""), "start[x].array.shape", ["0"]),
        (DoubleArray(shape=[2**62, 2**62, 4], data=bytes(8)), "start[x].array", [str(2**126)]),
        (DoubleArray(shape=[1] * 40, data=bytes(8)), "start[x].array.shape", ["40 dimensions"]),
    ],
)
def test_arrays_that_are_none(server: Server, message: DoubleArray, field: str, words: list[str]) -> None:
    check(server.refusal(by_text("x = 1", start={"x": message})), "INVALID_INPUT", field, *words)


@pytest.mark.parametrize(
    ("options", "field", "words"),
    [
        (SolveOptions(tolerance=math.nan), "options.tolerance", ["nan"]),
        (SolveOptions(tolerance=0), "options.tolerance", ["0"]),
        (SolveOptions(tolerance=1), "options.tolerance", ["1"]),
        (SolveOptions(absolute_tolerance=-1), "options.absolute_tolerance", ["-1"]),
        (SolveOptions(absolute_tolerance=math.nan), "options.absolute_tolerance", ["nan"]),
        (SolveOptions(max_iterations=0), "options.max_iterations", ["0"]),
        (SolveOptions(max_iterations=-(2**63)), "options.max_iterations", [str(-(2**63))]),
        (SolveOptions(timeout_seconds=0), "options.timeout_seconds", ["0"]),
        (SolveOptions(timeout_seconds=math.nan), "options.timeout_seconds", ["nan"]),
        (SolveOptions(method=99), "options.method", ["99", "METHOD_NEWTON (2)"]),  # type: ignore[arg-type]
        (SolveOptions(jacobian=-3), "options.jacobian", ["-3", "JACOBIAN_MODE_EXACT (1)"]),  # type: ignore[arg-type]
        (SolveOptions(jacobian=wire.JACOBIAN_MODE_ANALYTIC), "options.jacobian", []),
        (SolveOptions(jacobian=wire.JACOBIAN_MODE_COMPLEX_STEP), "options.jacobian", ["complex step", "at points"]),
    ],
)
def test_options_out_of_range(server: Server, options: SolveOptions, field: str, words: list[str]) -> None:
    check(server.refusal(by_text("x = 1", start=X, options=options)), "INVALID_INPUT", field, *words)


def test_views_that_do_not_fit(server: Server) -> None:
    two_by_two = {"at": XY}
    for views, field, words in (
        ({}, "value", ["no view"]),
        ({"jvp": array([1.0])}, "jvp", ["(2,)"]),
        ({"vjp": array([1.0, 2.0, 3.0])}, "vjp", ["(2,)"]),
        ({"jvp": DoubleArray()}, "jvp", ["neither"]),
        ({"matrix": True, "mode": 17}, "mode", ["17"]),
        ({"matrix": True, "mode": wire.JACOBIAN_MODE_ANALYTIC}, "mode", []),
        ({"jvp": array(np.ones((2, 3)))}, "jvp", ["(2, 3)", "(2,)", "(k, 2)"]),
        ({"gradient": True}, "gradient", ["one equation", "2×2"]),
        ({"hessian_vector": array([1.0, 1.0])}, "hessian_vector", ["one equation", "2×2"]),
        ({"error_estimate": True}, "error_estimate", ["JACOBIAN_MODE_EXACT", "JACOBIAN_MODE_CENTRAL"]),
        ({"log_density": array([1.0, 2.0])}, "log_density", ["(2,)", "()"]),
        ({"covariance": array([1.0])}, "covariance", ["(1,)", "(2,)", "(2, 2)"]),
        ({"covariance": array(np.ones((2, 3)))}, "covariance", ["(2, 3)", "(2, 2)"]),
        ({"covariance": array([[1.0, 0.5], [0.4, 1.0]])}, "covariance", ["symmetric", "0.5", "0.4"]),
        ({"covariance": array([[1.0, 2.0], [2.0, 1.0]])}, "covariance", ["positive semidefinite"]),
        ({"covariance": array([-1.0, 1.0])}, "covariance", ["at least 0", "-1.0"]),
        ({"covariance": array([math.inf, 1.0])}, "covariance", ["finite"]),
        ({"value": True, "bounds": between(z=(0.0, 1.0))}, "bounds[z]", ["'z'"]),
        ({"value": True, "bounds": between(x=(2.0, 1.0))}, "bounds[x]", ["2.0", "1.0"]),
    ):
        refused = server.refusal(to_evaluate("x*y = 1", "x = y", **two_by_two, **views))
        check(refused, "INVALID_INPUT", field, *words)


def test_views_that_a_shape_does_not_have(server: Server) -> None:
    for equations, views, field in (
        (["x + y"], {"determinant": True}, "determinant"),
        (["x", "y", "x*y"], {"determinant": True}, "determinant"),
        (["x + y"], {"log_density": array(0.0)}, "log_density"),
    ):
        refused = server.refusal(to_evaluate(*equations, at=XY, **views))
        check(refused, "INVALID_INPUT", field, "square", f"{len(equations)}×2")
    second = to_evaluate("x*y", at=XY, hessian_vector=array([1.0, 0.0]), mode=wire.JACOBIAN_MODE_CENTRAL)
    check(server.refusal(second), "INVALID_INPUT", "mode", "exact")


@pytest.mark.parametrize("text", ["abs(x)*y", "minimum(x, y)", "floor(x) + y"])
def test_a_complex_step_through_what_is_not_analytic(server: Server, text: str) -> None:
    function = text.partition("(")[0]
    refused = server.refusal(to_evaluate(text, at=XY, matrix=True, mode=wire.JACOBIAN_MODE_COMPLEX_STEP))
    check(refused, "INVALID_INPUT", "mode", function, "equations[0]")


@pytest.mark.parametrize(
    ("rows", "field"),
    [
        ([["1", "0"]], "system.definition.jacobian"),
        ([["1", "0"], ["1"]], "system.definition.jacobian[1]"),
        ([["1", "0"], ["1", "sine(x)"]], "system.definition.jacobian[1].entries[1]"),
    ],
)
def test_analytic_jacobians_that_do_not_fit(server: Server, rows: list[list[str]], field: str) -> None:
    jacobian = [JacobianRow(entries=row) for row in rows]
    refused = server.refusal(to_evaluate("x = 1", "y = x", at=XY, jacobian=jacobian, matrix=True))
    check(refused, "INVALID_DEFINITION", field)


def test_structural_values_that_do_not_fit(server: Server) -> None:
    family = "u[i] = i for i in range(n)"
    u = {"u": np.ones(2)}
    fraction = server.refusal(by_text(family, start=u, parameters={"n": 2.5}))
    assert (fraction.code, fraction.reason) == (INVALID, "INVALID_DEFINITION")
    missing = server.refusal(by_text(family, start=u))
    assert (missing.code, missing.reason) == (INVALID, "INVALID_DEFINITION")
    parameters = [Parameter(name="n", shape=[2], value=array(2.0))]
    definition = System(equations=[family], variables=[Variable(name="u", shape=[2])], parameters=parameters)
    check(server.refusal(CompileRequest(definition=definition)), "INVALID_INPUT", "definition.parameters[n].value")
    unknown = System(equations=[family], variables=[Variable(name="u", shape=[-2])])
    check(server.refusal(CompileRequest(definition=unknown)), "INVALID_INPUT", "definition.variables[u].shape", "-2")


def test_a_request_without_a_system(server: Server) -> None:
    check(server.refusal(SolveRequest(start=named(X))), "INVALID_INPUT", "system", "system_id")
    check(server.refusal(EvaluateRequest(at=named(X), value=True)), "INVALID_INPUT", "system", "system_id")
    check(server.refusal(CompileRequest()), "INVALID_INPUT", "definition", "missing")


@pytest.mark.parametrize("system_id", ["0" * 64, "", "nonsense", "é" * 5000])
def test_unknown_ids(server: Server, system_id: str) -> None:
    workers = server.workers()
    refused = server.refusal(by_id(system_id, X))
    assert refused.code == grpc.StatusCode.NOT_FOUND
    assert (refused.reason, refused.domain) == ("SYSTEM_NOT_CACHED", "raphson")
    assert refused.field == "system.system_id"
    assert "definition" in refused.message
    assert refused.size <= 3072
    assert server.workers() == workers


@pytest.mark.parametrize("method", ["SolverService/Solve", "JacobianService/Evaluate", "SystemService/Compile"])
@pytest.mark.parametrize("body", [b"\xff\xff\xff", b"\x0a\x42\x12\x40short", bytes(range(256)) * 100])
def test_garbage(server: Server, method: str, body: bytes) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        server.channel.unary_unary(f"/raphson.v1.{method}")(body, timeout=5)
    refused = problem(caught.value)
    assert refused.code == INVALID
    assert refused.reason == "MALFORMED_MESSAGE"
    assert f"{len(body)} bytes" in refused.message


def test_mutated_messages(server: Server) -> None:
    """Whatever bytes come in, a reply or a clear refusal comes out, and no worker is lost."""
    random = np.random.default_rng(20261122)
    original = by_text("x**2 + a*y = 2", "exp(x) = y", start=XY, parameters={"a": 0.5}).SerializeToString()
    workers = server.workers()
    solve = server.channel.unary_unary("/raphson.v1.SolverService/Solve")
    outcomes: dict[grpc.StatusCode, int] = {}
    for _ in range(400):
        body = bytearray(original)
        for place in random.integers(len(body), size=random.integers(1, 4)):
            body[place] = random.integers(256)
        try:
            solve(bytes(body), timeout=5)
            code = grpc.StatusCode.OK
        except grpc.RpcError as error:
            code = problem(error).code
        outcomes[code] = outcomes.get(code, 0) + 1
    assert set(outcomes) <= {grpc.StatusCode.OK, INVALID, grpc.StatusCode.NOT_FOUND}
    assert outcomes[INVALID] > 50
    assert server.workers() == workers


def test_a_message_over_the_cap(server: Server) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        server.solve(by_text("x" * (17 << 20), start=X))
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_jacobian_over_the_cap_is_refused_before_it_is_computed(server: Server) -> None:
    u = {"u": np.ones(1500)}
    family = "u[i]**2 = 2 for i in range(1500)"
    check(
        server.refusal(to_evaluate(family, at=u, matrix=True)),
        "LIMIT_EXCEEDED", "matrix", "1500×1500", "18,000,000",
    )  # fmt: skip
    options = SolveOptions(return_jacobian=True)
    refused = server.refusal(by_text(family, start=u, options=options))
    check(refused, "LIMIT_EXCEEDED", "options.return_jacobian", "1500×1500")


def test_a_name_that_is_not_text(server: Server) -> None:
    body = SolveRequest(system=SystemRef(definition=System(equations=["x = 1"])), start=[NamedArray(name="QQ")])
    broken = body.SerializeToString().replace(b"QQ", b"\xff\xfe")
    with pytest.raises(grpc.RpcError) as caught:
        server.channel.unary_unary("/raphson.v1.SolverService/Solve")(broken, timeout=5)
    assert problem(caught.value).reason == "MALFORMED_MESSAGE"
