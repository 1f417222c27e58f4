"""Requests of known forms, answered as machine code: the bytes are those of the long way, whatever comes."""

from __future__ import annotations

import math
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import raphson_solver as rs
from google.rpc import code_pb2
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from hypothesis import given, settings
from hypothesis import strategies as st
from raphson.v1.solver_pb2 import (
    LINEAR_SOLVER_DIRECT,
    STATUS_CANCELLED,
    STATUS_CONVERGED,
    STATUS_TIME_LIMIT,
    SolveBatchResponse,
    SolveOptions,
    SolveRequest,
    SolveResponse,
)
from raphson_server import frames
from raphson_server.account import Account
from raphson_server.frames import Method, Outcome, Reply
from raphson_server.worker import known_requests, loop
from raphson_server.worker.conversion import from_system
from raphson_server.worker_settings import WorkerSettings
from raphson_solver.solution.standing import standing_solve

from tests.server.calling import by_id, chunk

VARIABLES = {"x": 1.0, "u": np.array([0.5, 2.0])}
PARAMETERS = {"a": 2.0, "b": np.array([1.0, 3.0])}
EQUATIONS = ["x**2 = a", "u[i]*x = b[i] for i in range(2)"]
ENDLESS = ["x**2 + 1 = a*0", "u[i] + x = b[i] for i in range(2)"]


class Worker:
    """A worker's loop in a thread, and the front end's side of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
        self.answered_in_python = 0
        self.replies_from_python = 0
        self.channel, theirs = frames.channel_pair()
        self.cancel = rs.CancelFlag()
        self._definitions: dict[bytes, bytes] = {}
        given: dict[str, Any] = {
            "channel_fd": 0, "flag_fd": 0, "parent_pid": 0, "memory_bytes": 0, "systems": 32, "limits": {},
            "max_message_bytes": 1 << 20, "system_files": (), "max_callback_bytes": 1 << 20, "niceness": 0,
            "hurry": False, "log_level": "ERROR", "log_format": "json",
        }  # fmt: skip
        answer = loop.answer

        def counted(*arguments: Any) -> Reply:
            self.answered_in_python += 1
            return answer(*arguments)

        send = frames.send_reply

        def sent(*arguments: Any) -> None:
            self.replies_from_python += 1
            send(*arguments)

        monkeypatch.setattr(loop, "answer", counted)
        monkeypatch.setattr(known_requests, "send_reply", sent)
        self._theirs = theirs

        def serve() -> None:
            with np.errstate(all="ignore"):
                loop.serve(theirs, self.cancel, WorkerSettings(**given | changes), {})

        self._thread = threading.Thread(target=serve)
        self._thread.start()

    def compile(self, equations: list[str]) -> str:
        """Let it know a system; return the id."""
        system = rs.compile(equations, start=VARIABLES, parameters=PARAMETERS)
        self._definitions[system.id.encode()] = from_system(system).SerializeToString()
        return system.id

    def ask(
        self,
        request: SolveRequest | bytes,
        seconds: float = math.inf,
        most: int = 0,
        definitions: bool = True,
        method: Method = Method.SOLVE,
        members: int = 7,
    ) -> Reply:
        body = request if isinstance(request, bytes) else request.SerializeToString()
        sent = self._definitions if definitions else {}
        frames.send_request(self.channel, method, seconds, sent, body, most, members, b"an id")
        return frames.receive_reply(self.channel)

    def known(self, request: SolveRequest, seconds: float = math.inf, most: int = 0) -> tuple[Reply, bool]:
        """Ask for what it may know; return the reply, and whether Python had no part in it."""
        before = self.answered_in_python
        reply = self.ask(request, seconds, most, definitions=False)
        return reply, self.answered_in_python == before

    def teach(self, request: SolveRequest) -> None:
        """Ask until it is known: first in Python, some of it for the forms of replies."""
        self.ask(request)
        for _ in range(40):
            if self.known(request)[1]:
                return
        raise AssertionError

    def close(self) -> None:
        self.channel.close()
        self._thread.join(10)
        assert not self._thread.is_alive()
        self._theirs.close()


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    started = Worker(monkeypatch)
    yield started
    started.close()


def of(system_id: str, numbers: list[float] | None = None, options: SolveOptions | None = None) -> SolveRequest:
    """Return a request with other numbers than usual."""
    given = numbers or [1.0, 0.5, 2.0, 2.0, 1.0, 3.0]
    start, parameters = {"x": given[0], "u": np.array(given[1:3])}, {"a": given[3], "b": np.array(given[4:])}
    return by_id(system_id, start, parameters, options)


def told(reply: Reply) -> tuple[Outcome, bytes]:
    """Return what a reply says, but for the time that it took."""
    if reply.outcome is not Outcome.OK:
        return reply.outcome, reply.body
    message = SolveResponse.FromString(reply.body)
    assert message.elapsed_seconds > 0
    message.ClearField("elapsed_seconds")
    return reply.outcome, message.SerializeToString(deterministic=True)


numbers = st.floats(allow_nan=True, allow_infinity=True) | st.floats(-10, 10)


def test_replies_are_those_of_the_long_way(worker: Worker) -> None:
    system_id = worker.compile(EQUATIONS)
    worker.teach(of(system_id))
    shortcuts = 0

    @settings(max_examples=200, deadline=None)
    @given(st.lists(numbers, min_size=6, max_size=6))
    def law(given: list[float]) -> None:
        nonlocal shortcuts
        request = of(system_id, given)
        short, is_known = worker.known(request)
        shortcuts += is_known
        # With definitions it is none that machine code knows.
        assert told(short) == told(worker.ask(request))

    law()
    assert shortcuts > 50


def test_a_known_request_needs_no_python_and_has_an_account(worker: Worker) -> None:
    system_id = worker.compile(EQUATIONS)
    worker.teach(of(system_id))
    before = time.monotonic()
    reply, is_known = worker.known(of(system_id))
    after = time.monotonic()
    assert is_known
    assert worker.replies_from_python == 0
    account, message = Account.from_bytes(reply.account), SolveResponse.FromString(reply.body)
    assert (account.status, account.n, account.found, account.compiled) == (STATUS_CONVERGED, 3, 1, 0)
    assert account.iterations == message.iterations > 0
    assert before < account.received <= account.solving <= account.answered < after
    assert account.solve_seconds == message.elapsed_seconds <= account.answered - account.received
    np.testing.assert_allclose(np.frombuffer(message.solution[0].array.data), math.sqrt(2.0), rtol=1e-12)


def test_a_solve_that_ends_as_none_before_is_told_by_python_once(worker: Worker) -> None:
    system_id = worker.compile(EQUATIONS)
    worker.teach(of(system_id))
    far = of(system_id, [1e3, 0.5, 2.0, 2.0, 1.0, 3.0])
    before = time.monotonic()
    first, was_known = worker.known(far)
    after = time.monotonic()
    assert was_known
    assert worker.replies_from_python == 1
    account, message = Account.from_bytes(first.account), SolveResponse.FromString(first.body)
    assert (account.status, account.n, account.found) == (STATUS_CONVERGED, 3, 1)
    assert account.iterations == message.iterations > 5
    assert before < account.received <= account.solving <= account.answered < after
    second, is_known = worker.known(far)
    assert is_known
    assert worker.replies_from_python == 1
    assert told(first) == told(second)
    root = of(system_id, [2.0, 0.5, 1.5, 4.0, 1.0, 3.0])
    assert SolveResponse.FromString(worker.known(root)[0].body).iterations == 0


def test_a_system_of_many_variables_is_left_to_python(worker: Worker) -> None:
    n = known_requests._MOST_VARIABLES + 1
    system = rs.compile(f"v[i]**2 = i + 1 for i in range({n})", start={"v": np.ones(n)})
    request = by_id(system.id, {"v": np.ones(n)})
    worker._definitions[system.id.encode()] = from_system(system).SerializeToString()
    worker.ask(request)
    assert not any(worker.known(request)[1] for _ in range(20))


def test_replies_to_other_options_are_not_mixed_up(worker: Worker) -> None:
    system_id = worker.compile(EQUATIONS)
    # As many steps, and other words.
    sparse = of(system_id, options=SolveOptions(linear_solver=LINEAR_SOLVER_DIRECT))
    told_of_sparse = told(worker.ask(sparse))
    told_of_dense = told(worker.ask(of(system_id)))
    assert told_of_sparse != told_of_dense
    worker.teach(of(system_id))
    for _ in range(20):
        assert told(worker.known(sparse)[0]) == told_of_sparse
        assert told(worker.known(of(system_id))[0]) == told_of_dense


def test_python_looks_again_now_and_then_and_counts(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_requests, "_USES", 20)
    counted: list[int] = []
    use = rs.System._use

    def noted(self: rs.System, times: int = 1) -> None:
        counted.append(times)
        use(self, times)

    monkeypatch.setattr(rs.System, "_use", noted)
    system_id = worker.compile(EQUATIONS)
    worker.teach(of(system_id))
    del counted[:]
    shortcuts = [worker.known(of(system_id))[1] for _ in range(105)]
    assert shortcuts.count(False) == 5
    # All of them, those that Python solved with the others.
    assert abs(sum(counted) - 105) <= 20


def test_better_code_of_a_system_is_taken(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_requests, "_USES", 5)
    made: list[Any] = []

    def noted(system: rs.System, *arguments: Any) -> Any:
        made.append((system, standing_solve(system, *arguments)))
        return made[-1][1]

    monkeypatch.setattr(known_requests, "standing_solve", noted)
    system_id = worker.compile(EQUATIONS)
    worker.teach(of(system_id))
    system, first = made[-1]
    before = told(worker.known(of(system_id))[0])
    system.compile(whole_steps=True)
    assert not first.is_current
    for _ in range(8):
        assert told(worker.known(of(system_id))[0]) == before
    assert made[-1][1].is_current
    assert worker.known(of(system_id))[1]


def test_several_forms_are_known_side_by_side_and_no_more_than_there_is_room_for(worker: Worker) -> None:
    ids = [worker.compile([f"x**2 = a + {k}", "u[i]*x = b[i] for i in range(2)"]) for k in range(18)]
    for system_id in ids:
        worker.teach(of(system_id))
    replies = [worker.known(of(system_id)) for system_id in ids]
    assert [is_known for _, is_known in replies] == [False] * 2 + [True] * 16
    roots = [np.frombuffer(SolveResponse.FromString(reply.body).solution[0].array.data)[0] for reply, _ in replies]
    np.testing.assert_allclose(roots, np.sqrt(np.arange(2.0, 20.0)), rtol=1e-12)


def test_a_time_that_has_passed_is_told_and_one_that_passes_ends_the_solve(worker: Worker) -> None:
    options = SolveOptions(max_iterations=1_000_000_000, whole=True)
    system_id = worker.compile(ENDLESS)
    request = of(system_id, options=options)
    worker.ask(request, seconds=0.02)
    for _ in range(10):
        worker.known(request, seconds=0.02)
    began = time.monotonic()
    reply, is_known = worker.known(request, seconds=0.4)
    assert is_known
    assert 0.3 < time.monotonic() - began < 0.4
    assert SolveResponse.FromString(reply.body).status == STATUS_TIME_LIMIT
    reply, is_known = worker.known(request, seconds=-1.0)
    assert (reply.outcome, is_known) == (Outcome.FAILED, False)
    assert Status.FromString(reply.body).code == code_pb2.DEADLINE_EXCEEDED


def test_the_cancel_flag_ends_a_known_solve(worker: Worker) -> None:
    system_id = worker.compile(ENDLESS)
    request = of(system_id, options=SolveOptions(max_iterations=1_000_000_000, whole=True))
    worker.ask(request, seconds=0.02)
    for _ in range(10):
        worker.known(request, seconds=0.02)
    timer = threading.Timer(0.1, worker.cancel.set)
    timer.start()
    began = time.monotonic()
    reply, is_known = worker.known(request, seconds=30.0)
    assert is_known
    assert time.monotonic() - began < 1.0
    assert SolveResponse.FromString(reply.body).status == STATUS_CANCELLED


def test_the_long_way_writes_no_reply_to_a_call_that_has_ended(worker: Worker) -> None:
    system_id = worker.compile(EQUATIONS)
    worker.cancel.set()
    reply = worker.ask(of(system_id))
    assert reply.outcome is Outcome.FAILED
    assert Status.FromString(reply.body).code == code_pb2.CANCELLED
    assert Account.from_bytes(reply.account).status == STATUS_CANCELLED


def test_a_caller_who_may_not_have_so_many_variables_is_refused(worker: Worker) -> None:
    system_id = worker.compile(EQUATIONS)
    worker.teach(of(system_id))
    assert worker.known(of(system_id), most=3)[1]
    reply, is_known = worker.known(of(system_id), most=2)
    assert (reply.outcome, is_known) == (Outcome.FAILED, False)
    assert Status.FromString(reply.body).code == code_pb2.RESOURCE_EXHAUSTED
    # As a number without a sign.
    assert worker.known(of(system_id), most=2**32 - 1)[1]


@pytest.mark.parametrize("options", [SolveOptions(return_jacobian=True), SolveOptions(timeout_seconds=5.0)])
def test_what_asks_for_more_is_left_to_python(worker: Worker, options: SolveOptions) -> None:
    request = of(worker.compile(EQUATIONS), options=options)
    worker.ask(request)
    assert not any(worker.known(request)[1] for _ in range(20))


def test_bytes_that_were_changed_are_answered_as_the_long_way_does(worker: Worker) -> None:
    system_id = worker.compile(EQUATIONS)
    worker.teach(of(system_id))
    body = of(system_id).SerializeToString()
    # In its id a changed request asks for a system that nobody knows.
    first = body.index(system_id.encode()) + len(system_id)

    @settings(max_examples=300, deadline=None)
    @given(st.integers(first, len(body) - 1), st.integers(1, 255), st.sampled_from(["change", "cut", "insert"]))
    def law(place: int, change: int, how: str) -> None:
        changed = {
            "change": body[:place] + bytes((body[place] ^ change,)) + body[place + 1 :],
            "cut": body[:place] + body[place + 1 :],
            "insert": body[:place] + bytes((change,)) + body[place:],
        }[how]
        assert told(worker.ask(changed, definitions=False)) == told(worker.ask(changed))

    law()


def test_a_request_may_come_in_pieces(worker: Worker) -> None:
    system_id = worker.compile(EQUATIONS)
    request = of(system_id)
    worker.teach(request)
    expected = told(worker.known(request)[0])
    ours, theirs = frames.channel_pair()
    with ours, theirs:
        frames.send_request(ours, Method.SOLVE, math.inf, {}, request.SerializeToString())
        frame = theirs.recv(1 << 16)
    for cut in (1, 8, frames.REQUEST.size - 1, frames.REQUEST.size, frames.REQUEST.size + 1, len(frame) - 1):
        worker.channel.sendall(frame[:cut])
        time.sleep(0.02)
        worker.channel.sendall(frame[cut:])
        assert told(frames.receive_reply(worker.channel)) == expected


def test_other_methods_and_large_requests_come_between(worker: Worker) -> None:
    system_id = worker.compile(EQUATIONS)
    worker.teach(of(system_id))
    for _ in range(3):
        frames.send_request(worker.channel, Method.EVALUATE, math.inf, {}, b"\xff" * 200_000)
        assert frames.receive_reply(worker.channel).outcome is Outcome.FAILED
        assert worker.known(of(system_id))[1]


@pytest.mark.parametrize("most", [0, 3, 2])
def test_a_chunk_has_no_more_members_than_are_left(worker: Worker, most: int) -> None:
    request = chunk(worker.compile(EQUATIONS), 3, VARIABLES, PARAMETERS).SerializeToString()
    reply = worker.ask(request, method=Method.SOLVE_BATCH, members=most)
    if most != 2:
        assert SolveBatchResponse.FromString(reply.body).statuses == bytes([STATUS_CONVERGED] * 3)
        assert sum(Account.from_bytes(reply.account).members_by_status().values()) == 3
        return
    refused, info = Status.FromString(reply.body), ErrorInfo()
    assert refused.code == code_pb2.RESOURCE_EXHAUSTED
    assert refused.details[0].Unpack(info)
    assert info.reason == "LIMIT_EXCEEDED"
    assert info.metadata == {"quota": "largest_members", "value": "3", "maximum": "2"}


def test_a_reply_that_is_larger_than_a_message_may_be_is_refused_still(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(monkeypatch, max_message_bytes=200)
    request = of(worker.compile(EQUATIONS))
    worker.ask(request)
    for _ in range(20):
        reply, is_known = worker.known(request)
        assert (reply.outcome, is_known) == (Outcome.FAILED, False)
    worker.close()


def test_a_front_end_that_is_gone_ends_the_loop(worker: Worker) -> None:
    system_id = worker.compile(EQUATIONS)
    worker.teach(of(system_id))
    # Asked, and gone before there is an answer.
    frames.send_request(worker.channel, Method.SOLVE, math.inf, {}, of(system_id).SerializeToString())
    worker.channel.shutdown(socket.SHUT_RDWR)
