"""Every failure of an RPC has a name, and carries what the server said."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import grpc
import pytest
import raphson
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from raphson.failures import short_field

if TYPE_CHECKING:
    from tests.client.conftest import ScriptedServer

Code = grpc.StatusCode


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (Code.INVALID_ARGUMENT, raphson.InvalidRequestError),
        (Code.OUT_OF_RANGE, raphson.InvalidRequestError),
        (Code.FAILED_PRECONDITION, raphson.InvalidRequestError),
        (Code.NOT_FOUND, raphson.SystemNotFoundError),
        (Code.RESOURCE_EXHAUSTED, raphson.ServerBusyError),
        (Code.UNIMPLEMENTED, raphson.IncompatibleServerError),
        (Code.DEADLINE_EXCEEDED, raphson.DeadlineExceededError),
        (Code.CANCELLED, raphson.CancelledError),
        (Code.INTERNAL, raphson.InternalServerError),
        (Code.UNKNOWN, raphson.InternalServerError),
        (Code.DATA_LOSS, raphson.InternalServerError),
        (Code.PERMISSION_DENIED, raphson.InvalidRequestError),
        (Code.UNAUTHENTICATED, raphson.AccessDeniedError),
    ],
)
def test_a_code_has_an_error(
    scripted: ScriptedServer, talking: raphson.Client, code: Code, kind: type[raphson.RaphsonError]
) -> None:
    scripted.fail(code, "because of this", ErrorInfo(reason="WHY", domain="raphson"))
    with pytest.raises(kind) as caught:
        talking.solve("x", {"x": 1.0})
    assert type(caught.value) is kind
    assert caught.value.code is code
    assert caught.value.reason == "WHY"
    assert "because of this" in str(caught.value) or code is Code.DEADLINE_EXCEEDED
    assert isinstance(caught.value.__cause__, grpc.RpcError)


def test_an_unavailable_server_is_named(scripted: ScriptedServer, talking: raphson.Client) -> None:
    for _ in range(4):
        scripted.fail(Code.UNAVAILABLE, "nobody home")
    with pytest.raises(raphson.ServerUnavailableError) as caught:
        talking.solve("x", {"x": 1.0})
    assert str(caught.value) == f"no server answers at {scripted.address}: nobody home"
    assert caught.value.code is Code.UNAVAILABLE


def test_field_violations_name_the_clients_own_arguments(scripted: ScriptedServer, talking: raphson.Client) -> None:
    field = "system.definition.equations[0]"
    violation = BadRequest.FieldViolation(field=field, description="unknown function 'sine'")
    another = BadRequest.FieldViolation(field="start[x]", description="expected finite numbers, found nan")
    scripted.fail(
        Code.INVALID_ARGUMENT,
        f"{field}: unknown function 'sine'",
        BadRequest(field_violations=[violation, another]),
        ErrorInfo(reason="INVALID_DEFINITION"),
    )
    with pytest.raises(raphson.InvalidRequestError) as caught:
        talking.solve("sine(x)", {"x": 1.0})
    assert caught.value.fields == [
        ("equations[0]", "unknown function 'sine'"),
        ("start[x]", "expected finite numbers, found nan"),
    ]
    assert str(caught.value) == (
        "equations[0]: unknown function 'sine'\n  start[x]: expected finite numbers, found nan"
    )
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("wire", "short"),
    [
        ("definition.jacobian[0].entries[1]", "jacobian[0].entries[1]"),
        ("system.definition.equations[3]", "equations[3]"),
        ("options.tolerance", "options.tolerance"),
    ],
)
def test_fields_lose_the_wires_envelope(wire: str, short: str) -> None:
    assert short_field(wire) == short


def test_a_full_server_says_when_to_come_back(scripted: ScriptedServer, talking: raphson.Client) -> None:
    retry = RetryInfo(retry_delay=Duration(seconds=1, nanos=500_000_000))
    scripted.fail(Code.RESOURCE_EXHAUSTED, "64 requests in flight", retry, ErrorInfo(reason="OVERLOADED"))
    with pytest.raises(raphson.ServerBusyError, match="64 requests in flight") as caught:
        talking.solve("x", {"x": 1.0})
    assert caught.value.retry_seconds == 1.5
    assert caught.value.reason == "OVERLOADED"
    assert len(scripted.requests) == 1


@pytest.mark.parametrize("reason", ["REPLY_TOO_LARGE", "OUT_OF_MEMORY"])
def test_a_request_that_asks_too_much_is_not_told_to_come_back(
    scripted: ScriptedServer, talking: raphson.Client, reason: str
) -> None:
    scripted.fail(Code.RESOURCE_EXHAUSTED, "the reply takes 99 bytes", ErrorInfo(reason=reason))
    with pytest.raises(raphson.InvalidRequestError, match="the reply takes 99 bytes") as caught:
        talking.solve("x", {"x": 1.0})
    assert caught.value.code is Code.RESOURCE_EXHAUSTED
    assert caught.value.fields[0].field == "request"


def test_a_message_above_the_cap_is_refused(talking: raphson.Client) -> None:
    with pytest.raises(raphson.InvalidRequestError, match=r"larger than max.*--max-message-bytes") as caught:
        talking.solve("+".join(["x"] * 35_000_000), {"x": 1.0})
    assert caught.value.code is Code.RESOURCE_EXHAUSTED


def test_details_that_cannot_be_read_leave_the_message(scripted: ScriptedServer, talking: raphson.Client) -> None:
    def action(_: object, context: grpc.ServicerContext) -> raphson.Solution:
        context.set_trailing_metadata((("grpc-status-details-bin", b"\xff\xff"),))
        context.abort(Code.INVALID_ARGUMENT, "plain words")
        raise AssertionError

    scripted.script.append(action)  # type: ignore[arg-type]
    with pytest.raises(raphson.InvalidRequestError, match="plain words") as caught:
        talking.solve("x", {"x": 1.0})
    assert caught.value.fields == []
    assert caught.value.reason == ""


@pytest.mark.parametrize(
    "error",
    [
        raphson.InvalidRequestError("m", fields=[("f", "d")], reason="R"),
        raphson.ServerBusyError("m", retry_seconds=2.0),
        raphson.EmbeddedServerError("m", stderr="s"),
        raphson.TraceError("m", filename="f.py", line=3),
        raphson.InternalServerError("m", code=Code.DATA_LOSS),
    ],
)
def test_errors_can_be_pickled(error: raphson.RaphsonError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert vars(copy) == vars(error)
    assert str(copy) == str(error)
