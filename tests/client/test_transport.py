"""Retries, deadlines, cancelling, and the client's life."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import raphson
from raphson import connection

if TYPE_CHECKING:
    from tests.client.conftest import ScriptedServer

EQUATION = "x**2 = 2"
START = {"x": 1.0}


def test_a_lost_worker_is_not_noticed(scripted: ScriptedServer, talking: raphson.Client) -> None:
    scripted.fail(grpc.StatusCode.UNAVAILABLE, "the worker died")
    scripted.fail(grpc.StatusCode.UNAVAILABLE, "the next one too")
    assert talking.solve(EQUATION, START).converged
    assert len(scripted.requests) == 3


@pytest.mark.parametrize(
    "code",
    [grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL, grpc.StatusCode.RESOURCE_EXHAUSTED],
)
def test_nothing_else_is_sent_again(scripted: ScriptedServer, talking: raphson.Client, code: grpc.StatusCode) -> None:
    scripted.fail(code, "no")
    with pytest.raises(raphson.RaphsonError, match="no"):
        talking.solve(EQUATION, START)
    assert len(scripted.requests) == 1


def test_nobody_at_the_address_is_told_soon() -> None:
    started = time.monotonic()
    with (
        raphson.connect("127.0.0.1:1") as client,
        pytest.raises(raphson.ServerUnavailableError, match=r"no server answers at 127\.0\.0\.1:1") as caught,
    ):
        client.solve(EQUATION, START)
    assert caught.value.code is grpc.StatusCode.UNAVAILABLE
    assert time.monotonic() - started < 10


def test_every_call_has_a_deadline(scripted: ScriptedServer) -> None:
    with raphson.connect(scripted.address, timeout_seconds=7.0) as client:
        client.solve(EQUATION, START)
        client.solve(EQUATION, START, timeout_seconds=0.25)
        client.solve(EQUATION, START, timeout_seconds=20.0)
        client.jacobian(EQUATION, START)
        client.jacobian(EQUATION, START, timeout_seconds=3.0)
        client.compile(EQUATION, START, timeout_seconds=2.0)
    limits = [7, 7, 25, 7, 3, 2]
    for deadline, limit in zip(scripted.deadlines, limits, strict=True):
        assert limit - 1 < deadline < limit + 0.5
    assert [request.options.timeout_seconds for request in scripted.requests[:3]] == [0.0, 0.25, 20.0]
    assert not scripted.requests[0].options.HasField("timeout_seconds")


def test_a_deadline_that_passes_is_told(scripted: ScriptedServer) -> None:
    scripted.script.append(lambda _request, context: wait_for_the_end(context, threading.Event()))
    with (
        raphson.connect(scripted.address, timeout_seconds=0.2) as client,
        pytest.raises(raphson.DeadlineExceededError, match=r"within 0\.2 s") as caught,
    ):
        client.solve(EQUATION, START)
    assert caught.value.code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert isinstance(caught.value, TimeoutError)


def wait_for_the_end(context: grpc.ServicerContext, ended: threading.Event) -> Any:
    if not context.add_callback(ended.set):
        ended.set()
    assert ended.wait(20)
    context.abort(grpc.StatusCode.CANCELLED, "the caller is gone")


def test_ctrl_c_cancels_the_call_on_the_server(scripted: ScriptedServer, talking: raphson.Client) -> None:
    ended = threading.Event()

    def action(_: Any, context: grpc.ServicerContext) -> Any:
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        return wait_for_the_end(context, ended)

    scripted.script.append(action)
    with pytest.raises(KeyboardInterrupt):
        talking.solve(EQUATION, START)
    assert ended.wait(2)
    assert talking.solve(EQUATION, START).converged


def test_threads_share_a_client(scripted: ScriptedServer, talking: raphson.Client) -> None:
    with ThreadPoolExecutor(8) as threads:
        roots = list(threads.map(lambda i: talking.solve(EQUATION, {"x": float(i)})["x"], range(200)))
    assert roots == [float(i) for i in range(200)]
    assert len(scripted.requests) == 200


def test_a_closed_client_says_so(scripted: ScriptedServer) -> None:
    client = raphson.connect(scripted.address)
    assert repr(client) == f"<raphson client of the server at {scripted.address}>"
    client.close()
    client.close()
    assert repr(client).endswith(", closed>")
    with pytest.raises(raphson.ClientStateError, match="is closed; connect again") as caught:
        client.solve(EQUATION, START)
    assert caught.value.code is grpc.StatusCode.FAILED_PRECONDITION


def test_closing_ends_the_calls_under_way(scripted: ScriptedServer) -> None:
    ended = threading.Event()
    client = raphson.connect(scripted.address)

    def action(_: Any, context: grpc.ServicerContext) -> Any:
        threading.Timer(0.1, client.close).start()
        return wait_for_the_end(context, ended)

    scripted.script.append(action)
    with pytest.raises(raphson.CancelledError) as caught:
        client.solve(EQUATION, START)
    assert caught.value.code is grpc.StatusCode.CANCELLED
    assert ended.wait(2)


def test_a_forked_client_says_so(
    scripted: ScriptedServer, talking: raphson.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert talking.solve(EQUATION, START).converged
    pid = os.getpid()
    with monkeypatch.context() as child:
        child.setattr("raphson.transport.os.getpid", lambda: pid + 1)
        with pytest.raises(raphson.ClientStateError, match="before a fork") as caught:
            talking.solve(EQUATION, START)
    assert caught.value.code is grpc.StatusCode.FAILED_PRECONDITION
    assert len(scripted.requests) == 1


@pytest.mark.parametrize("address", ["", "localhost", 50551])
def test_an_address_without_a_port_is_refused(address: Any) -> None:
    with pytest.raises(raphson.InvalidRequestError, match="is not an address; expected") as caught:
        raphson.connect(address)
    assert caught.value.fields[0].field == "address"


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan"), "60", None, True])
def test_a_deadline_must_be_a_time(seconds: Any) -> None:
    with pytest.raises(raphson.InvalidRequestError, match="expected finite seconds above 0") as caught:
        raphson.connect("127.0.0.1:1", timeout_seconds=seconds)
    assert caught.value.fields[0].field == "timeout_seconds"


def test_credentials_are_used(scripted: ScriptedServer) -> None:
    # The scripted server speaks in the clear, so a client that insists on TLS must not get through.
    credentials = grpc.ssl_channel_credentials()
    with (
        connection.connect(scripted.address, credentials=credentials, timeout_seconds=5) as client,
        pytest.raises(raphson.ServerUnavailableError),
    ):
        client.solve(EQUATION, START)
    assert scripted.requests == []
