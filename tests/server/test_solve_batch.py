"""SolveBatch: a chunk of results for each chunk of members, in order, and nobody harmed on the way."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import grpc
import numpy as np
import pytest
from raphson.v1 import solver_pb2 as wire
from raphson.v1.array_pb2 import DoubleArray, NamedArray
from raphson.v1.solver_pb2 import SolveBatchRequest, SolveBatchResponse, SolveOptions
from raphson.v1.system_pb2 import CompileRequest, Parameter, System, SystemRef, Variable

from tests.server.calling import array, by_id, by_text, chunk, endless, named, numbers, problem
from tests.server.own_service import Mortal, own_service
from tests.server.running import Server, cpu_seconds, wait_until
from tests.server.test_bad_input import check

CANCEL_SECONDS = 0.1
SLACK_SECONDS = 0.25
ROOT = System(
    equations=["x**2 = p", "u[i] = x + i*q for i in range(3)"],
    variables=[Variable(name="x"), Variable(name="u", shape=[3])],
    parameters=[Parameter(name="p"), Parameter(name="q")],
)
START = {"x": 1.0, "u": np.zeros(3)}
EASY = by_text("x**2 = 2", start={"x": 1.0})
RANDOM = np.random.default_rng(5)
# |x² − p| is at most 1e-12 of the terms x², p and x·2x, so that x is as close to √p as half of their sum.
EARNED = 2.1e-12


@pytest.fixture(scope="module")
def root(server: Server) -> str:
    """The id of ROOT."""
    return server.compile(CompileRequest(definition=ROOT)).system_id


def rows(reply: SolveBatchResponse) -> Any:
    return numbers(reply.x)


def statuses(reply: SolveBatchResponse) -> list[int]:
    return list(reply.statuses)


def hopeless(system_id: str, members: int = 200_000) -> SolveBatchRequest:
    """Minutes of work: no member of it has a root, and each takes thousands of steps to say so."""
    p = np.full(members, -1.0)
    options = SolveOptions(method=wire.METHOD_NEWTON, max_iterations=5000)
    return chunk(system_id, members, {"x": 0.7, "u": np.zeros(3)}, {"p": p, "q": 1.0}, options=options)


# --- what members get ---------------------------------------------------------------------------------------


def test_members_get_what_single_solves_get(server: Server, root: str) -> None:
    p, q, x = RANDOM.uniform(0.5, 9, 200), RANDOM.normal(size=200), RANDOM.uniform(1, 2, 200)
    u = RANDOM.normal(size=(200, 3))
    (reply,) = server.solve_batch(chunk(root, 200, {"x": x, "u": u}, {"p": p, "q": q}))
    assert reply.system_id == root
    assert list(reply.x.shape) == [200, 4]
    expected = np.column_stack([np.sqrt(p), np.sqrt(p)[:, None] + np.outer(q, np.arange(3))])
    assert (np.abs(rows(reply) - expected) <= EARNED * np.sqrt(p)[:, None] + 1e-14).all()
    iterations = np.frombuffer(reply.iterations, "<i4")
    assert (iterations.shape, numbers(reply.residual_norms).shape) == ((200,), (200,))
    for member in range(0, 200, 40):
        single = server.solve(by_id(root, {"x": x[member], "u": u[member]}, {"p": p[member], "q": q[member]}))
        assert statuses(reply)[member] == single.status == wire.STATUS_CONVERGED
        assert np.allclose(
            np.hstack([numbers(part.array) for part in single.solution]), rows(reply)[member], rtol=1e-13
        )
        assert iterations[member] >= 2
        assert numbers(reply.residual_norms)[member] <= 4e-12 * p[member]


def test_results_keep_the_order_of_chunks_that_take_unequal_times(server: Server, root: str) -> None:
    sizes = RANDOM.integers(1, 3000, size=60)
    p = np.arange(1.0, sizes.sum() + 1)
    parts = np.split(p, np.cumsum(sizes)[:-1])
    replies = server.solve_batch(*[chunk(root, part.size, START, {"p": part, "q": 0.0}) for part in parts])
    assert [len(reply.statuses) for reply in replies] == sizes.tolist()
    assert np.allclose(np.concatenate([rows(reply)[:, 0] for reply in replies]), np.sqrt(p), rtol=EARNED)


def test_what_holds_for_all_members_is_solved_for_all(server: Server, root: str) -> None:
    (reply,) = server.solve_batch(chunk(root, 5, START, {"p": 4.0, "q": 1.0}))
    assert np.allclose(rows(reply), np.tile([2.0, 2.0, 3.0, 4.0], (5, 1)), rtol=EARNED)
    assert statuses(reply) == [wire.STATUS_CONVERGED] * 5


def test_one_member_may_have_its_dimension_or_not(server: Server, root: str) -> None:
    for p in (4.0, [4.0]):
        (reply,) = server.solve_batch(chunk(root, 1, START, {"p": p, "q": 1.0}))
        assert np.allclose(rows(reply), [[2.0, 2.0, 3.0, 4.0]], rtol=EARNED)


def test_each_member_has_its_own_status(server: Server, root: str) -> None:
    p = RANDOM.uniform(1, 9, 300)
    whole = server.solve_batch(chunk(root, 300, START, {"p": p, "q": 1.0}))[0]
    p[[3, 100, 299]] = np.nan, np.inf, -1.0
    (reply,) = server.solve_batch(chunk(root, 300, START, {"p": p, "q": 1.0}))
    others = np.isfinite(p) & (p > 0)
    assert np.array_equal(rows(reply)[others], rows(whole)[others]), "neighbours do not notice"
    assert set(np.array(statuses(reply))[others]) == {wire.STATUS_CONVERGED}
    assert statuses(reply)[3] == statuses(reply)[100] == wire.STATUS_DOMAIN_ERROR
    assert np.isnan(numbers(reply.residual_norms)[[3, 100]]).all()
    assert statuses(reply)[299] not in {wire.STATUS_CONVERGED, wire.STATUS_DOMAIN_ERROR}
    assert numbers(reply.residual_norms)[299] >= 1.0


def test_options_are_of_each_member(server: Server, root: str) -> None:
    options = SolveOptions(method=wire.METHOD_NEWTON, max_iterations=3)
    p = np.array([1.0, 1e8])
    (reply,) = server.solve_batch(chunk(root, 2, START, {"p": p, "q": 1.0}, options=options))
    assert statuses(reply) == [wire.STATUS_CONVERGED, wire.STATUS_ITERATION_LIMIT]
    assert np.frombuffer(reply.iterations, "<i4")[1] == 3


def test_a_definition_that_declares_its_names_will_do(server: Server) -> None:
    definition = System(
        equations=["u[i]**2 = p + i for i in range(n)"],
        variables=[Variable(name="u", shape=[2])],
        parameters=[Parameter(name="p"), Parameter(name="n", value=array(2.0))],
    )
    request = SolveBatchRequest(
        system=SystemRef(definition=definition),
        members=3,
        start=named({"u": np.ones(2)}),
        parameters=named({"p": [1.0, 4.0, 9.0]}),
    )
    (reply,) = server.solve_batch(request)
    assert np.allclose(rows(reply) ** 2, np.array([[1, 2], [4, 5], [9, 10]]), rtol=2 * EARNED)
    (again,) = server.solve_batch(chunk(reply.system_id, 3, {"u": np.ones(2)}, {"p": [1.0, 4.0, 9.0], "n": 2.0}))
    assert np.array_equal(rows(again), rows(reply))
    changed = chunk(reply.system_id, 3, {"u": np.ones(2)}, {"p": 1.0, "n": [2.0, 2.0, 3.0]})
    check(server.refusal(changed), "INVALID_INPUT", "parameters[n]", "compiled system")


def test_no_chunks_no_results(server: Server) -> None:
    assert server.solve_batch() == []


# --- what is refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"members": 0}, "members", ["0", "at least 1"]),
        ({"members": -3}, "members", ["-3"]),
        ({"start": {"x": np.ones(4), "u": np.zeros(3)}}, "start[x].array.shape", ["(4,)", "(5,)", "()"]),
        ({"start": {"x": 1.0, "u": np.zeros((3, 5))}}, "start[u].array.shape", ["(3, 5)", "(5, 3)"]),
        ({"start": {"x": 1.0, "u": np.zeros((1, 3))}}, "start[u].array.shape", ["(1, 3)"]),
        ({"start": {"x": 1.0}}, "start[u]", ["no value"]),
        ({"start": {"x": 1.0, "u": np.zeros(3), "y": 1.0}}, "start[y]", ["no variable 'y'"]),
        ({"start": {"x": [1, 2, np.nan, 4, 5], "u": np.zeros(3)}}, "start[x]", ["finite", "nan", "place 2"]),
        ({"parameters": {"p": 2.0}}, "parameters[q]", ["no value"]),
        ({"parameters": {"p": np.ones((5, 1)), "q": 1.0}}, "parameters[p].array.shape", ["(5, 1)"]),
        ({"parameters": {"p": 1.0, "q": 1.0, "r": 1.0}}, "parameters[r]", ["no free parameter 'r'"]),
        ({"options": SolveOptions(tolerance=2.0)}, "options.tolerance", ["2.0"]),
        ({"options": SolveOptions(max_iterations=0)}, "options.max_iterations", ["0"]),
        ({"options": SolveOptions(return_jacobian=True)}, "options.return_jacobian", ["batch"]),
        ({"warm_start": 7}, "warm_start", ["7", "WARM_START_NEAREST"]),
        ({"options": SolveOptions(method=99)}, "options.method", ["99"]),  # type: ignore[arg-type]
    ],
)
def test_chunks_that_make_no_sense(
    server: Server, root: str, changes: dict[str, Any], field: str, words: list[str]
) -> None:
    given = {"system_id": root, "members": 5, "start": START, "parameters": {"p": 1.0, "q": 1.0}} | changes
    check(server.refusal(chunk(**given)), "INVALID_INPUT", field, *words)


def test_systems_that_make_no_sense(server: Server) -> None:
    check(server.refusal(SolveBatchRequest(members=1)), "INVALID_INPUT", "system", "missing")
    bare = SystemRef(definition=System(equations=["x = 1"]))
    request = SolveBatchRequest(system=bare, members=2, start=named({"x": [1.0, 2.0]}))
    check(server.refusal(request), "INVALID_INPUT", "system.definition.variables", "empty")
    request.system.definition.variables.add(name="x")
    request.system.definition.equations[0] = "x = y"
    check(server.refusal(request), "INVALID_DEFINITION", "system.definition.equations[0]", "'y'")


def test_an_unknown_id(server: Server) -> None:
    refused = server.refusal(chunk("ab" * 32, 1, {"x": 1.0}))
    assert (refused.code, refused.reason) == (grpc.StatusCode.NOT_FOUND, "SYSTEM_NOT_CACHED")
    assert refused.field == "system.system_id"


def test_broken_arrays_and_broken_messages(server: Server, root: str) -> None:
    request = chunk(root, 2, START, {"p": 1.0})
    request.parameters.append(NamedArray(name="q", array=DoubleArray(shape=[2], data=b"1234567")))
    check(server.refusal(request), "INVALID_INPUT", "parameters[q].array.data", "7 bytes")
    call = server.channel.stream_stream("/raphson.v1.SolverService/SolveBatch")
    with pytest.raises(grpc.RpcError) as caught:
        list(call(iter([b"\xff\xff\xff"]), timeout=20))
    assert problem(caught.value).reason == "MALFORMED_MESSAGE"


def test_results_that_no_message_holds(server: Server, root: str) -> None:
    refused = server.refusal(chunk(root, 10**12, START, {"p": 1.0, "q": 1.0}))
    check(refused, "LIMIT_EXCEEDED", "members", "smaller chunks")
    assert refused.metadata["limit"] == "max_message_bytes"
    assert int(refused.metadata["value"]) == 45 * 10**12


def test_an_error_comes_after_the_results_before_it(server: Server, root: str) -> None:
    good = chunk(root, 3000, START, {"p": np.full(3000, 4.0), "q": 1.0})
    call = server.solver.SolveBatch(iter([good, good, chunk(root, 0, START), good]), timeout=20)
    replies = []
    with pytest.raises(grpc.RpcError) as caught:
        replies.extend(iter(call))
    assert len(replies) == 2
    check(problem(caught.value), "INVALID_INPUT", "members", "0")


def test_an_error_ends_a_call_whose_caller_would_send_on(server: Server, root: str) -> None:
    before = threads_of(server)
    chunks: SimpleQueue[SolveBatchRequest | None] = SimpleQueue()
    chunks.put(chunk(root, 0, START))
    with pytest.raises(grpc.RpcError) as caught:
        list(server.solver.SolveBatch(iter(chunks.get, None), timeout=20))
    chunks.put(None)
    check(problem(caught.value), "INVALID_INPUT", "members")
    wait_until(lambda: threads_of(server) <= before, 5)


def threads_of(server: Server) -> int:
    """How many threads of the front end read chunks; one that ends while we look does not."""
    found = 0
    for task in Path(f"/proc/{server.process.pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found += (task / "comm").read_text().strip() == "raphson-chunks"
    return found


# --- the pace -----------------------------------------------------------------------------------------------


def test_a_reply_does_not_wait_for_the_next_chunk(server: Server, root: str) -> None:
    chunks: SimpleQueue[SolveBatchRequest | None] = SimpleQueue()
    replies = server.solver.SolveBatch(iter(chunks.get, None), timeout=20)
    for p in (1.0, 4.0, 9.0):
        chunks.put(chunk(root, 1, START, {"p": p, "q": 0.0}))
        assert rows(next(replies))[0, 0] == pytest.approx(np.sqrt(p), rel=EARNED)
    chunks.put(None)
    assert list(replies) == []


def test_two_workers_share_a_batch(server: Server, root: str) -> None:
    call = server.solver.SolveBatch(iter([hopeless(root)] * 3), timeout=60)
    server.wait_for_busy_workers(2)
    call.cancel()
    wait_until(lambda: not server.busy_workers(), 2)


@pytest.mark.alone
def test_cancelling_stops_the_work(server: Server, root: str) -> None:
    server.settle()
    workers = server.workers()
    call = server.solver.SolveBatch(iter([hopeless(root)] * 5), timeout=60)
    server.wait_for_busy_workers(2)
    cancelled = time.monotonic()
    call.cancel()
    assert server.solve(EASY).status == wire.STATUS_CONVERGED
    assert time.monotonic() - cancelled < CANCEL_SECONDS + SLACK_SECONDS
    wait_until(lambda: not server.busy_workers(), 2)
    assert server.workers() == workers, "the flag stops the work; no worker had to be killed"


@pytest.mark.alone
def test_the_deadline_ends_a_batch(server: Server, root: str) -> None:
    workers = server.workers()
    began = time.monotonic()
    with pytest.raises(grpc.RpcError) as caught:
        list(server.solver.SolveBatch(iter([hopeless(root)]), timeout=0.5))
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert time.monotonic() - began < 0.5 + SLACK_SECONDS
    wait_until(lambda: not server.busy_workers(), 2)
    assert server.workers() == workers


# --- a server of one worker, which is maltreated ------------------------------------------------------------


@pytest.fixture(scope="module")
def mortal() -> Iterator[Mortal]:
    with own_service(max_in_flight=2, max_caller_share=1.0, reader_patience_seconds=0.4, drain_seconds=0.1) as started:
        yield started


# So that the reader's side takes little by itself; the server's side of gRPC takes more ahead the faster a machine is;
# 44 MB were seen. In the seconds of these tests it would be sent two and four times the bound if it took all.
SMALL_WINDOW = (("grpc.http2.lookahead_bytes", 1024), ("grpc.http2.bdp_probe", 0))
WINDOW_BYTES = 96 << 20


def large(members: int = 20_000) -> SolveBatchRequest:
    """Write a chunk of a megabyte, which is solved in a moment."""
    return SolveBatchRequest(
        system=SystemRef(definition=ROOT),
        members=members,
        start=named({"x": 1.0, "u": np.zeros((members, 3))}),
        parameters=named({"p": np.full(members, 4.0), "q": np.ones(members)}),
    )


class Counted:
    """The same chunk over and over, counted."""

    def __init__(self, request: SolveBatchRequest, most: int = 10**9) -> None:
        self.count = 0
        self.size = request.ByteSize()
        self._request = request
        self._most = most

    def __iter__(self) -> Counted:
        return self

    def __next__(self) -> SolveBatchRequest:
        if self.count == self._most:
            raise StopIteration
        self.count += 1
        return self._request


def test_chunks_are_not_read_ahead_of_a_slow_reader(mortal: Mortal) -> None:
    """A reader that takes a result now and then is left alone, and what it sends waits with it."""
    chunks = Counted(large())
    replies = mortal.stub(*SMALL_WINDOW).SolveBatch(chunks, timeout=60)
    ahead = []
    for taken in range(1, 7):
        next(replies)
        time.sleep(0.2)
        ahead.append(chunks.count - taken)
    replies.cancel()
    assert max(ahead) * chunks.size <= WINDOW_BYTES, ahead
    wait_until(mortal.is_idle, 1)


@pytest.fixture(scope="module")
def patient() -> Iterator[Mortal]:
    with own_service(max_in_flight=2, reader_patience_seconds=2.0, drain_seconds=0.1) as started:
        yield started


def test_a_reader_that_takes_nothing_is_ended(patient: Mortal) -> None:
    mortal, worker = patient, patient.worker()
    chunks = Counted(large())
    replies = mortal.stub(*SMALL_WINDOW).SolveBatch(chunks, timeout=60)
    next(replies)
    wait_until(lambda: mortal.pool._streams and not mortal.pool._busy, 5)
    assert mortal.stub().Solve(EASY, timeout=20).status == wire.STATUS_CONVERGED, "it holds no worker"
    wait_until(mortal.is_idle, 10)
    # Before what waits is read: that makes room for more, which goes out until the caller hears of the end.
    assert chunks.count * chunks.size <= WINDOW_BYTES
    with pytest.raises(grpc.RpcError) as caught:
        list(replies)
    assert caught.value.code() == grpc.StatusCode.CANCELLED
    assert mortal.worker() == worker


def test_a_caller_that_sends_nothing_holds_no_worker(mortal: Mortal) -> None:
    chunks: SimpleQueue[SolveBatchRequest | None] = SimpleQueue()
    replies = mortal.stub().SolveBatch(iter(chunks.get, None), timeout=60)
    chunks.put(large(10))
    assert len(next(replies).statuses) == 10
    time.sleep(0.6)  # beyond the patience, which is with readers
    assert mortal.stub().Solve(EASY, timeout=20).status == wire.STATUS_CONVERGED
    chunks.put(large(20))
    assert len(next(replies).statuses) == 20
    chunks.put(None)
    assert list(replies) == []
    wait_until(mortal.is_idle, 1)


def test_a_worker_killed_midway(mortal: Mortal) -> None:
    wait_until(lambda: mortal.pool._spare is not None, 60)
    system_id = next(mortal.stub().SolveBatch(iter([large(1)]), timeout=20)).system_id
    replies = mortal.stub().SolveBatch(iter([large(10), hopeless(system_id)]), timeout=20)
    assert len(next(replies).statuses) == 10
    before = cpu_seconds(mortal.worker())
    wait_until(lambda: cpu_seconds(mortal.worker()) > before + 0.05, 5)  # it works on it, and has it no longer to read
    os.kill(mortal.worker(), signal.SIGKILL)
    with pytest.raises(grpc.RpcError) as caught:
        list(replies)
    lost = problem(caught.value)
    assert (lost.code, lost.reason) == (grpc.StatusCode.UNAVAILABLE, "WORKER_LOST")
    wait_until(mortal.is_idle, 2)
    assert len(next(mortal.stub().SolveBatch(iter([large(10)]), timeout=20)).statuses) == 10


def test_an_admitted_batch_waits_however_many_others_do(mortal: Mortal) -> None:
    stub = mortal.stub()
    chunks: SimpleQueue[SolveBatchRequest | None] = SimpleQueue()
    replies = stub.SolveBatch(iter(chunks.get, None), timeout=60)
    chunks.put(large(10))
    next(replies)
    others = [stub.Solve.future(endless(timeout_seconds=0.4), timeout=20) for _ in range(2)]
    wait_until(lambda: mortal.pool._busy + len(mortal.pool._waiting) == 2, 2)
    with pytest.raises(grpc.RpcError) as caught:
        list(stub.SolveBatch(iter([large(10)]), timeout=20))
    assert problem(caught.value).reason == "OVERLOADED", "a new one is turned away"
    chunks.put(large(20))
    assert len(next(replies).statuses) == 20
    chunks.put(None)
    assert list(replies) == []
    assert {call.result().status for call in others} == {wire.STATUS_TIME_LIMIT}


def test_one_caller_leaves_batches_to_others(patient: Mortal) -> None:
    chunks: SimpleQueue[SolveBatchRequest | None] = SimpleQueue()
    chunks.put(large(1))
    held = patient.stub().SolveBatch(iter(chunks.get, None), timeout=20)
    next(held)
    with pytest.raises(grpc.RpcError) as caught:
        list(patient.stub().SolveBatch(iter([large(1)]), timeout=20))
    refused = problem(caught.value)
    assert (refused.code, refused.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
    assert refused.metadata == {"limit": "max_caller_share", "maximum": "0.5"}
    chunks.put(None)
    assert list(held) == []


def test_so_many_batches_at_a_time(mortal: Mortal) -> None:
    held: list[tuple[SimpleQueue[SolveBatchRequest | None], Any]] = []
    for _ in range(2):
        chunks: SimpleQueue[SolveBatchRequest | None] = SimpleQueue()
        replies = mortal.stub().SolveBatch(iter(chunks.get, None), timeout=20)
        chunks.put(large(1))
        next(replies)
        held.append((chunks, replies))
    with pytest.raises(grpc.RpcError) as caught:
        list(mortal.stub().SolveBatch(iter([large(1)]), timeout=20))
    refused = problem(caught.value)
    assert (refused.code, refused.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
    for chunks, replies in held:
        chunks.put(None)
        assert list(replies) == []
    wait_until(mortal.is_idle, 1)
    assert len(list(mortal.stub().SolveBatch(iter([large(1)]), timeout=20))) == 1


def test_a_server_stops_although_batches_go_on(mortal: Mortal) -> None:
    """The reader of one sleeps, and the caller of the other sends nothing. The last test of this server."""
    sleeping = mortal.stub(*SMALL_WINDOW).SolveBatch(Counted(large()), timeout=60)
    next(sleeping)
    chunks: SimpleQueue[SolveBatchRequest | None] = SimpleQueue()
    chunks.put(large(1))
    silent = mortal.stub().SolveBatch(iter(chunks.get, None), timeout=60)
    next(silent)
    began = time.monotonic()
    mortal.service.stop()
    assert time.monotonic() - began < 3
    chunks.put(None)
    for replies in (sleeping, silent):
        with pytest.raises(grpc.RpcError) as caught:
            list(replies)
        assert caught.value.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
