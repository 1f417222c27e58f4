"""The parts that need no server: frames, bounded memory, the size of errors, forms of requests."""

from __future__ import annotations

import math
import socket
import threading
import tracemalloc
from collections.abc import Iterable
from typing import Any
from unittest.mock import Mock

import grpc
import numpy as np
import pytest
import raphson_solver as rs
from google.rpc import code_pb2
from hypothesis import given, settings
from hypothesis import strategies as st
from raphson.v1.solver_pb2 import SolveOptions, SolveRequest
from raphson.v1.system_pb2 import System, SystemRef
from raphson_server.account import SIZE
from raphson_server.bounded_cache import BoundedCache
from raphson_server.failures import CallError, Reason, unexpected
from raphson_server.frames import (
    REPLY,
    ChannelClosedError,
    Method,
    NotSentError,
    Outcome,
    Pieces,
    Reply,
    Request,
    channel_pair,
    receive_acknowledgement,
    receive_reply,
    receive_request,
    send_acknowledgement,
    send_reply,
    send_request,
)
from raphson_server.worker import evaluate_question, solve_question
from raphson_server.worker.call import Call, allowed_seconds
from raphson_server.worker.evaluate_question import EvaluateQuestion
from raphson_server.worker.items import Items
from raphson_server.worker.kept_system import KeptSystem
from raphson_server.worker.particulars import Evidence, Particulars
from raphson_server.worker.read_evaluation import read_evaluation
from raphson_server.worker.request_form import RequestForm, RequestForms
from raphson_server.worker.solve import timeout_seconds
from raphson_server.worker.solve_question import SolveQuestion
from raphson_server.worker.systems import Systems

from tests.server.calling import array, by_id, by_id_to_evaluate, by_text, named


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 5_000_000])
def test_frames_arrive_whole(size: int) -> None:
    front, worker = channel_pair()
    with front, worker:
        body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
        definitions = {b"f" * 64: b"d" * (size // 3), b"g" * 64: b""}
        sender = threading.Thread(target=send_request, args=(front, Method.SOLVE, 1.5, definitions, body))
        sender.start()
        assert receive_request(worker) == Request(Method.SOLVE, 1.5, definitions, body)
        sender.join()
        sent = Reply(Outcome.OK, body, definitions)
        sender = threading.Thread(target=send_reply, args=(worker, sent))
        sender.start()
        assert receive_reply(front) == sent
        sender.join()


class Wire:
    """A socket that gives what is written to it in pieces of given sizes, 0 for nothing yet, and the rest at once."""

    def __init__(self, sizes: Iterable[int]) -> None:
        self._sizes = iter(sizes)
        self._left = memoryview(b"")

    def sendall(self, part: bytes) -> None:
        self._left = memoryview(bytes(self._left) + part)

    def recv(self, most: int, _flags: int) -> bytes:
        size = min(next(self._sizes, most), most)
        if not size:
            raise BlockingIOError
        piece, self._left = bytes(self._left[:size]), self._left[size:]
        return piece


def taken(pieces: Pieces) -> Reply:
    while (reply := pieces.take()) is None:
        pass
    return reply


some_definitions = st.dictionaries(st.binary(max_size=80), st.binary(max_size=300), max_size=3)


@given(
    sizes=st.lists(st.integers(0, 300)) | st.just([1] * 10_000),
    bodies=st.lists(st.binary(max_size=400), min_size=1, max_size=3),
    definitions=some_definitions,
    account=st.binary(min_size=SIZE, max_size=SIZE),
)
def test_replies_may_come_in_pieces(
    sizes: list[int], bodies: list[bytes], definitions: dict[bytes, bytes], account: bytes
) -> None:
    wire: Any = Wire(sizes)
    pieces = Pieces(wire)
    for body in bodies:
        sent = Reply(Outcome.MORE, body, definitions, account)
        send_reply(wire, sent)
        assert taken(pieces) == sent


@pytest.mark.parametrize("first", [1, REPLY.size - 1, REPLY.size, REPLY.size + 1, 65_536])
@pytest.mark.parametrize("definitions", [{}, {b"f" * 64: b"d" * 100}, {b"f" * 64: b"d" * 2_000_000, b"g": b""}])
def test_a_large_reply_is_copied_once(first: int, definitions: dict[bytes, bytes]) -> None:
    """Each copy of a megabyte holds up the loop, and with it everybody, for a millisecond."""
    body = b"0123456789abcdef" * 300_000
    sent, wire = Reply(Outcome.OK, body, definitions), Wire([first, 65_536])
    send_reply(wire, sent)  # type: ignore[arg-type]
    size, parts = len(wire._left), []
    while wire._left:
        parts.append(wire.recv(1 << 20, 0))
    pieces = Pieces(Mock(recv=Mock(side_effect=parts)))
    tracemalloc.start()
    try:
        reply = taken(pieces)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert reply == sent
    # Definitions are small, as a rule, and are taken apart besides.
    assert most < size + sum(map(len, definitions.values())) + 500_000


def test_a_frame_from_nobody() -> None:
    front, worker = channel_pair()
    with front:
        worker.close()
        with pytest.raises(ChannelClosedError):
            receive_reply(front)
        with pytest.raises(ChannelClosedError):
            send_request(front, Method.SOLVE)


def test_a_request_that_nobody_read() -> None:
    """The worker dies with the request unread: it is safe to send it to another one."""
    front, worker = channel_pair()
    with front:
        send_request(front, Method.SOLVE, 1.0, {}, b"body")
        worker.close()
        with pytest.raises(NotSentError):
            receive_reply(front)
    front, worker = channel_pair()
    with front:
        send_request(front, Method.SOLVE, 1.0, {}, b"body")
        receive_request(worker)
        worker.close()
        with pytest.raises(ChannelClosedError) as caught:
            receive_reply(front)
        assert not isinstance(caught.value, NotSentError)


def test_half_a_frame() -> None:
    front, worker = channel_pair()
    with front, worker:
        worker.sendall(b"\0" * 5)
        worker.shutdown(socket.SHUT_WR)
        with pytest.raises(ChannelClosedError):
            receive_reply(front)


def test_bounded_cache_forgets_what_was_used_longest_ago() -> None:
    cache = BoundedCache[str, int](2)
    cache.put("a", 1)
    cache.put("b", 2)
    assert cache.get("a") == 1
    cache.put("c", 3)
    assert [cache.has(name) for name in "abc"] == [True, False, True]
    assert cache.get("b") is None


def test_bounded_cache_weighs_its_values() -> None:
    cache = BoundedCache[str, bytes](10, 10, weigh=len)
    cache.put("a", b"1234")
    cache.put("b", b"1234")
    cache.put("a", b"12")
    cache.put("c", b"1234")
    assert len(cache) == 3
    cache.put("d", b"1")
    assert not cache.has("b")


def test_bounded_cache_keeps_the_others_when_one_is_too_heavy() -> None:
    cache = BoundedCache[str, bytes](10, 10, weigh=len)
    for name in "abc":
        cache.put(name, b"123")
    cache.put("d", b"x" * 11)
    assert [cache.has(name) for name in "abcd"] == [True, True, True, False]
    cache.put("b", b"x" * 11)
    assert [cache.has(name) for name in "abcd"] == [True, False, True, False]
    cache.put("e", b"1234")
    assert [cache.get(name) for name in "ace"] == [b"123", b"123", b"1234"]


@given(st.text(max_size=4000), st.text(max_size=4000), st.text(max_size=400))
def test_errors_stay_within_three_kilobytes(message: str, field: str, value: str) -> None:
    error = CallError(
        code_pb2.INVALID_ARGUMENT, Reason.LIMIT_EXCEEDED, message,
        field=field, metadata={"limit": value, "value": value, "maximum": value}, retry_seconds=0.1,
    )  # fmt: skip
    assert len(error.status().SerializeToString()) <= 3072


def test_an_unforeseen_error_tells_the_caller_an_id_and_the_log_the_trace(caplog: pytest.LogCaptureFixture) -> None:
    status = unexpected(KeyError("a secret")).status()
    (record,) = caplog.records
    assert status.code == grpc.StatusCode.INTERNAL.value[0]
    assert "secret" not in str(status)
    request_id = status.message.split()[4]
    assert len(request_id) == 32
    assert record.request_id == request_id  # type: ignore[attr-defined]
    assert "a secret" in caplog.text


@given(st.floats(1e-6, 1e6))
def test_time_allowed_ends_a_little_before_the_deadline(remaining: float) -> None:
    now = 0.0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.monotonic", lambda: now)
        timeout = timeout_seconds(remaining)
        assert timeout <= allowed_seconds(remaining) < remaining
        assert timeout >= remaining * 0.88
        assert timeout_seconds(math.inf) == math.inf


@pytest.fixture(scope="module")
def kept() -> KeptSystem:
    start = {"x": 1.0, "u": np.ones((2, 2))}
    equations = ["x = a + b[0]", "u[i,j] = b[i] + j for i in range(2) for j in range(2)"]
    return KeptSystem(rs.compile(equations, start=start, parameters={"a": 1.0, "b": np.ones(2)}))


def read(body: bytes, kept: KeptSystem) -> SolveQuestion:
    """Read a request the long way."""
    request = SolveRequest.FromString(body)
    x, p = kept.point(request.start, "start"), kept.parameters(request.parameters)
    return SolveQuestion(kept, x, p, request.options.SerializeToString(), request.options.return_jacobian)


def form_of(body: bytes, question: SolveQuestion) -> RequestForm[SolveQuestion] | None:
    return RequestForm.of(body, question, solve_question.NUMBERS)


floats = st.floats(-1e100, 1e100)


@settings(max_examples=60)
@given(first=st.lists(floats, min_size=8, max_size=8), second=st.lists(floats, min_size=8, max_size=8))
def test_the_short_way_reads_what_the_long_way_reads(first: list[float], second: list[float], kept: KeptSystem) -> None:
    def body(numbers: list[float]) -> bytes:
        start = {"x": numbers[0], "u": np.reshape(numbers[1:5], (2, 2))}
        parameters = {"a": numbers[5], "b": numbers[6:]}
        return by_id(kept.system.id, start, parameters, SolveOptions(max_iterations=7)).SerializeToString()

    form = form_of(body(first), read(body(first), kept))
    assert form is not None
    short, long = form.read(body(second)), read(body(second), kept)
    assert short is not None
    assert short.p is not None
    assert long.p is not None
    assert short.x.tobytes() == long.x.tobytes()
    assert short.p.tobytes() == long.p.tobytes()
    assert (short.options, short.return_jacobian, short.kept) == (long.options, long.return_jacobian, kept)


def test_the_short_way_is_for_its_own_form_only(kept: KeptSystem) -> None:
    start: dict[str, object] = {"x": 1.0, "u": np.ones((2, 2))}
    parameters = {"a": 1.0, "b": np.ones(2)}
    body = by_id(kept.system.id, start, parameters).SerializeToString()
    form = form_of(body, read(body, kept))
    assert form is not None
    assert form.read(body) is not None
    others = [
        by_id("0" * 64, start, parameters),
        by_id(kept.system.id, start, parameters, SolveOptions(max_iterations=7)),
        by_id(kept.system.id, {"y": 1.0, "u": np.ones((2, 2))}, parameters),
        by_id(kept.system.id, {"x": 1.0, "u": np.ones(4)}, parameters),
        by_text("x = 1", start=start),
    ]
    for other in others:
        assert form.read(other.SerializeToString()) is None


def test_a_request_with_particulars_has_no_form(kept: KeptSystem) -> None:
    start = {"x": 1.0, "u": np.ones((2, 2))}
    body = by_id(kept.system.id, start, {"a": 1.0, "b": np.ones(2)}).SerializeToString()
    question, forms = read(body, kept), RequestForms[SolveQuestion](4, solve_question.NUMBERS)
    question.particulars = Particulars(None, {}, None, Evidence(trace=True))
    forms.learn(body, question)
    assert forms.recognise(body) is None
    question.particulars = None
    forms.learn(body, question)
    assert forms.recognise(body) is not None


def reading(kept: KeptSystem, body: bytes) -> EvaluateQuestion:
    """Read a request for views the long way."""
    systems = Systems(4, rs.Limits())
    systems.by_id(SystemRef(system_id=kept.system.id), {kept.system.id.encode(): kept.definition})
    call = Call(
        systems=systems,
        solves=RequestForms(4, solve_question.NUMBERS),
        evaluations=RequestForms(4, evaluate_question.NUMBERS),
        cancel=rs.CancelFlag(),
        max_message_bytes=1 << 20,
        memory_bytes=0,
        max_callback_bytes=1 << 20,
        items=None,  # type: ignore[arg-type]
    )
    return read_evaluation(body, call)[0]


@settings(max_examples=40)
@given(first=st.lists(floats, min_size=18, max_size=18), second=st.lists(floats, min_size=18, max_size=18))
def test_the_short_way_reads_views_too(first: list[float], second: list[float], kept: KeptSystem) -> None:
    def body(numbers: list[float]) -> bytes:
        at = {"x": numbers[0], "u": np.reshape(numbers[1:5], (2, 2))}
        parameters = {"a": numbers[5], "b": numbers[6:8]}
        request = by_id_to_evaluate(kept.system.id, at, parameters, matrix=True)
        request.jvp.CopyFrom(array(numbers[8:13]))
        request.vjp.CopyFrom(array(numbers[13:18]))
        return request.SerializeToString()

    question = reading(kept, body(first))
    form = RequestForm.of(body(first), question, evaluate_question.NUMBERS)
    assert form is not None
    short, long = form.read(body(second)), reading(kept, body(second))
    assert short is not None
    for name in evaluate_question.NUMBERS:
        ours, theirs = getattr(short, name), getattr(long, name)
        assert (ours is None) == (theirs is None)
        if ours is not None:
            assert ours.shape == theirs.shape
            assert ours.tobytes() == theirs.tobytes()
    assert short.views == long.views == {"matrix", "jvp", "vjp"}


def test_a_request_for_views_at_many_points_has_no_form(kept: KeptSystem) -> None:
    at = {"x": np.ones(1), "u": np.ones((1, 2, 2))}
    request = by_id_to_evaluate(kept.system.id, at, {"a": 1.0, "b": np.ones(2)}, matrix=True, batch_dimensions=1)
    assert not reading(kept, request.SerializeToString()).has_form
    one = by_id_to_evaluate(kept.system.id, {"x": 1.0, "u": np.ones((2, 2))}, {"a": 1.0, "b": np.ones(2)}, matrix=True)
    assert reading(kept, one.SerializeToString()).has_form


def test_items_go_one_at_a_time() -> None:
    """The second item waits until the first one is acknowledged, and so does what ends the stream."""
    front, worker = channel_pair()
    flag = rs.CancelFlag()
    items = Items(worker, flag, 1000)
    with front, worker:
        items.send(System(equations=["x"]))
        sender = threading.Thread(target=items.send, args=(System(equations=["y"]),))
        sender.start()
        assert receive_reply(front) == Reply(Outcome.MORE, System(equations=["x"]).SerializeToString())
        sender.join(0.05)
        assert sender.is_alive()
        send_acknowledgement(front)
        sender.join()
        assert receive_reply(front).body == System(equations=["y"]).SerializeToString()
        send_acknowledgement(front)
        flag.set()
        with pytest.raises(CallError):
            items.send(System(equations=["z"]))
        items.settle()
        flag.clear()
        with pytest.raises(CallError, match="1,003 bytes"):
            items.send(System(equations=["x" * 1000]))
        items.send(System())
        front.close()
        with pytest.raises(ChannelClosedError):
            items.settle()


def test_an_acknowledgement_is_one_byte() -> None:
    front, worker = channel_pair()
    with front, worker:
        send_acknowledgement(front)
        send_request(front, Method.SOLVE)
        receive_acknowledgement(worker)
        assert receive_request(worker) == Request(Method.SOLVE)


def test_a_message_whose_fields_come_twice_has_no_form(kept: KeptSystem) -> None:
    """Protobuf merges them: the bytes do not say which number holds where they lie."""
    start = {"x": 1.0, "u": np.ones((2, 2))}
    body = by_id(kept.system.id, start, {"a": 1.0, "b": np.ones(2)}).SerializeToString()
    twice = SolveRequest(start=named({"x": 5.0})[:1]).SerializeToString()
    merged = SolveRequest(system=SystemRef(system_id=kept.system.id)).SerializeToString()
    question = read(body, kept)
    assert form_of(twice + body, question) is None
    assert form_of(body + merged, question) is not None
