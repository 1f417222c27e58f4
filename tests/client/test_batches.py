"""Many points in one call: what is sent, and what is sent in parts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest
import raphson
from google.rpc.error_details_pb2 import ErrorInfo
from raphson.batch import to_points
from raphson.v1.array_pb2 import DoubleArray
from raphson.v1.jacobian_pb2 import EvaluateResponse

if TYPE_CHECKING:
    from tests.client.conftest import ScriptedServer

SYSTEM_ID = "ab" * 32
EQUATIONS = ["x**2*y + a", "5*x + sin(y)"]
RANDOM = np.random.default_rng(11)


def jacobians(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    rows = [[2 * x * y, x**2], [np.full_like(x, 5.0), np.cos(y)]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


# --- which dimensions count points
def test_a_text_is_told_by_the_caller(scripted: ScriptedServer, talking: raphson.Client) -> None:
    at = {"x": np.ones((5, 2)), "y": np.ones(5)}
    talking.jacobian("x[0]*y + x[1]*a", at, {"a": np.ones(5), "b": 2.0}, batch=1, batched_parameters=["a"])
    (request,) = scripted.requests
    assert request.batch_dimensions == 1
    assert list(request.batched_parameters) == ["a"]
    assert [(variable.name, list(variable.shape)) for variable in request.system.definition.variables] == [
        ("x", [2]),
        ("y", []),
    ]
    assert [list(parameter.shape) for parameter in request.system.definition.parameters] == [[], []]
    assert [(point.name, list(point.array.shape)) for point in request.at] == [("x", [5, 2]), ("y", [5])]
    assert [list(parameter.array.shape) for parameter in request.parameters] == [[5], []]


def test_a_number_holds_for_all_points(scripted: ScriptedServer, talking: raphson.Client) -> None:
    talking.value("x*y", {"x": np.ones((3, 4)), "y": 2.0}, batch=2)
    assert [list(point.array.shape) for point in scripted.requests[0].at] == [[3, 4], [1, 1]]


def test_a_handle_tells_by_its_shapes(client: raphson.Client) -> None:
    system = client.compile("u[i]**2 + a*v for i in range(2)", variables={"u": (2,), "v": ()}, parameters={"a": 1.0})
    one = to_points(system, {"u": np.ones(2), "v": 1.0}, {"a": 1.0}, "exact")
    assert (one.dimensions, one.batched) == (0, ())
    many = to_points(system, {"u": np.ones((7, 2)), "v": 1.0}, {"a": np.ones(7)}, "exact")
    assert (many.dimensions, many.count, many.batched) == (1, 7, ("a",))
    assert {name: np.shape(array) for name, array in many.at.items()} == {"u": (7, 2), "v": (1,)}
    flat = to_points(system, np.arange(18.0).reshape(3, 2, 3), {"a": 1.0}, "exact")
    assert {name: np.shape(array) for name, array in flat.at.items()} == {"u": (3, 2, 2), "v": (3, 2)}
    assert client.jacobian(system, np.ones((3, 2, 3)), {"a": 1.0}).shape == (3, 2, 2, 3)
    assert client.jacobian(system, np.ones(3), {"a": np.ones((4, 1))}).shape == (4, 1, 2, 3)


def test_a_function_is_traced_at_one_point(client: raphson.Client) -> None:
    x = RANDOM.normal(size=(6, 3))
    matrix = client.jacobian(lambda x: [x[0] * x[1], np.exp(x[2])], x, batch=1)
    assert matrix.shape == (6, 2, 3)
    np.testing.assert_allclose(matrix[:, 1, 2], np.exp(x[:, 2]), rtol=1e-15)
    np.testing.assert_allclose(matrix[:, 0, 0], x[:, 1], rtol=1e-15)


@pytest.mark.parametrize(
    ("arguments", "field", "said"),
    [
        ({"at": {"x": np.ones(3), "y": 1.0}, "batch": 2}, "at[x]", "shape (3,); expected 2 dimensions"),
        ({"at": {"x": np.ones((0,)), "y": 1.0}, "batch": 1}, "at[x]", "has no points"),
        ({"batch": -1}, "batch", "-1"),
        ({"batch": "one"}, "batch", "'one'"),
        ({"batch": True}, "batch", "True"),
        ({"batched_parameters": ["a"]}, "batched_parameters", "expected batch=1"),
        ({"batch": 1, "batched_parameters": ["b"]}, "batched_parameters", "'b' is not among"),
        ({"batch": 1, "batched_parameters": "a"}, "batched_parameters", "not a list"),
    ],
)
def test_batches_that_make_no_sense(
    scripted: ScriptedServer, talking: raphson.Client, arguments: dict[str, Any], field: str, said: str
) -> None:
    asked = {"equations": "x*y + a", "at": {"x": np.ones(3), "y": 1.0}, "parameters": {"a": 1.0}} | arguments
    with pytest.raises(raphson.InvalidRequestError) as caught:
        talking.jacobian(**asked)  # type: ignore[call-overload]
    assert caught.value.fields[0].field == field
    assert said in str(caught.value)
    assert scripted.requests == []


@pytest.mark.parametrize(
    ("at", "parameters", "batch", "field", "said"),
    [
        ({"u": np.ones((4, 3)), "v": 1.0}, {"a": 1.0}, None, "at[u]", "shape (4, 3); expected (2,)"),
        ({"u": 1.0, "v": 1.0}, {"a": 1.0}, None, "at[u]", "shape (); expected (2,)"),
        (np.ones((4, 2)), {"a": 1.0}, None, "at", "(4, 2); expected (3,), or (…, 3)"),
        (np.ones((4, 3)), {"a": 1.0}, 2, "batch", "2; the arrays have 1 dimensions"),
        ({"u": np.ones((4, 2)), "v": np.ones(5)}, {"a": 1.0}, None, "at.v", "do not broadcast"),
    ],
)
def test_arrays_that_do_not_fit_a_handle(
    client: raphson.Client, at: Any, parameters: dict[str, Any], batch: int | None, field: str, said: str
) -> None:
    system = client.compile("u[i]**2 + a*v for i in range(2)", variables={"u": (2,), "v": ()}, parameters={"a": 1.0})
    with pytest.raises(raphson.InvalidRequestError) as caught:
        client.jacobian(system, at, parameters, batch=batch)
    assert caught.value.fields[0].field.replace("[", ".").replace("]", "") == field.replace("[", ".").replace("]", "")
    assert said in str(caught.value)


# --- more than a message holds
def reply_for(request: Any, _: grpc.ServicerContext) -> EvaluateResponse:
    """Answer with the points themselves, and how many there were."""
    x = np.frombuffer(request.at[0].array.data)
    return EvaluateResponse(
        value=DoubleArray(shape=[x.size, 1], data=x.tobytes()), evaluations=x.size, system_id=SYSTEM_ID
    )


def test_a_batch_is_cut_where_the_server_says_so(scripted: ScriptedServer, talking: raphson.Client) -> None:
    x = np.arange(1000.0)
    info = ErrorInfo(
        reason="LIMIT_EXCEEDED",
        domain="raphson",
        metadata={"limit": "max_message_bytes", "value": "3200000", "maximum": "1065536"},
    )
    scripted.fail(grpc.StatusCode.INVALID_ARGUMENT, "value: takes 3,200,000 bytes", info)
    scripted.script += [reply_for] * 4
    value = talking.value("x", {"x": x}, batch=1)
    np.testing.assert_array_equal(value[:, 0], x)
    assert [len(request.at[0].array.data) // 8 for request in scripted.requests] == [1000, 312, 312, 312, 64]
    assert not value.flags.writeable
    scripted.requests.clear()
    scripted.script += [reply_for]
    talking.value("x", {"x": x}, batch=1)
    assert len(scripted.requests) == 1


def test_a_request_is_cut_before_it_is_sent(scripted: ScriptedServer, talking: raphson.Client) -> None:
    scripted.script += [reply_for] * 3
    x = np.arange(3_000_000.0)
    np.testing.assert_array_equal(talking.value("x", {"x": x}, batch=1)[:, 0], x)
    assert [request.batch_dimensions for request in scripted.requests] == [1, 1]
    assert all(len(request.at[0].array.data) <= 16 << 20 for request in scripted.requests)


def test_what_grpc_itself_refuses_is_cut_too(scripted: ScriptedServer, talking: raphson.Client) -> None:
    text = "CLIENT: Received message larger than max (240000 vs. 131072)"
    scripted.fail(grpc.StatusCode.RESOURCE_EXHAUSTED, text)
    scripted.script += [reply_for] * 8
    x = np.arange(10_000.0)
    np.testing.assert_array_equal(talking.value("x", {"x": x}, batch=1)[:, 0], x)
    assert 3 < len(scripted.requests) < 8


def test_one_point_that_is_too_large_is_an_error(scripted: ScriptedServer, talking: raphson.Client) -> None:
    info = ErrorInfo(metadata={"limit": "max_message_bytes", "value": "3200000", "maximum": "1065536"})
    for _ in range(3):
        scripted.fail(grpc.StatusCode.INVALID_ARGUMENT, "matrix: a Jacobian takes too much", info)
    with pytest.raises(raphson.InvalidRequestError, match="takes too much"):
        talking.value("x", {"x": np.ones(1)}, batch=1)
    with pytest.raises(raphson.InvalidRequestError, match="takes too much"):
        talking.value("x", {"x": 1.0})
    assert len(scripted.requests) == 2


def test_another_refusal_is_an_error(scripted: ScriptedServer, talking: raphson.Client) -> None:
    scripted.fail(grpc.StatusCode.INVALID_ARGUMENT, "no", ErrorInfo(metadata={"limit": "text", "maximum": "1"}))
    with pytest.raises(raphson.InvalidRequestError, match="no"):
        talking.value("x", {"x": np.ones(10)}, batch=1)
    assert len(scripted.requests) == 1


def test_all_parts_together_have_the_deadline(scripted: ScriptedServer, talking: raphson.Client) -> None:
    def late(request: Any, context: grpc.ServicerContext) -> EvaluateResponse:
        time.sleep(0.5)
        return reply_for(request, context)

    scripted.script += [late, reply_for]
    talking.value("x", {"x": np.ones(3_000_000)}, batch=1, timeout_seconds=9.0)
    first, second = scripted.deadlines
    assert first <= 9.0
    assert 0 < second <= first - 0.4  # gRPC rounds what it sends


def test_batches_larger_than_a_message_come_back_whole(client: raphson.Client) -> None:
    """19 MB of matrices and 38 MB of products, in parts of 16 MiB, in order."""
    count, lead = 600_000, 4
    x, y = RANDOM.normal(size=(2, count))
    a = RANDOM.normal(size=count)
    system = client.compile(EQUATIONS, variables=["x", "y"], parameters=["a"])
    matrix = client.jacobian(system, {"x": x, "y": y}, {"a": a})
    np.testing.assert_allclose(matrix, jacobians(x, y), rtol=1e-14)
    np.testing.assert_allclose(
        client.value(system, {"x": x, "y": y}, {"a": a})[:, 0], x**2 * y + a, rtol=1e-12, atol=1e-13
    )
    v = RANDOM.normal(size=(lead, 1, 2))
    product = client.jvp(system, {"x": x, "y": y}, {"a": 0.0}, v=v)
    assert product.shape == (lead, count, 2)
    np.testing.assert_allclose(product[3], matrix @ v[3, 0], rtol=1e-10, atol=1e-12)
