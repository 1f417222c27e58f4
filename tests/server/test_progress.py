"""SolveWithProgress: progress on the way, the same result as Solve, and a solve that waits for no reader."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import numpy as np
import pytest
import raphson_solver as rs
from raphson.v1 import solver_pb2 as wire
from raphson.v1.solver_pb2 import SolveProgress, SolveRequest, SolveWithProgressResponse
from raphson_server import frames
from raphson_server.configuration import ServerConfig
from raphson_server.frames import Method, Outcome, Reply
from raphson_server.front_end import progress
from raphson_server.front_end.seats import Seats
from raphson_server.pool import Ticket
from raphson_server.worker.items import Items

from tests.server.calling import by_id, by_text, endless, numbers, problem, with_evidence
from tests.server.running import Server, wait_until

FOUND = by_text("x**2 + y**2 = r**2", "exp(x) + y = 1", start={"x": 1.0, "y": -1.7}, parameters={"r": 2.0})


def ask(server: Server, request: SolveRequest) -> tuple[list[SolveProgress], wire.SolveResponse]:
    *items, last = server.solver.SolveWithProgress(request, timeout=20)
    assert all(item.HasField("progress") for item in items)
    assert last.HasField("result")
    return [item.progress for item in items], last.result


def test_the_result_is_that_of_a_solve(server: Server) -> None:
    plain = server.solve(FOUND)
    said, result = ask(server, by_id(plain.system_id, {"x": 1.0, "y": -1.7}, {"r": 2.0}))
    for one in (plain, result):
        one.elapsed_seconds = 0.0
    assert result == plain
    assert [said[0].iteration, said[-1].iteration] == [0, plain.iterations]
    assert said[-1].residual_norm == plain.residual_norm
    assert said[-1].scaled_residual == np.max(numbers(plain.scaled_residual))
    assert (said[0].method, said[0].linear_solver) == (wire.METHOD_NEWTON, "dense LU")
    assert not said[0].HasField("linear_seconds")


def test_evidence_and_families(server: Server) -> None:
    said, result = ask(server, with_evidence(by_text("x**2 = 2", start={"x": 1.0}), trace=True))
    assert len(result.trace) == result.iterations + 1
    n = 12_000
    said, result = ask(server, by_text(f"x[i]**2 = i + 1 for i in range({n})", start={"x": np.ones(n)}))
    assert result.status == wire.STATUS_CONVERGED
    assert "sparse" in said[0].linear_solver
    assert "sparse LU along a fixed pattern" in said[-1].linear_solver


def test_a_long_solve_tells_until_it_is_cancelled(server: Server) -> None:
    request = endless()
    call = server.solver.SolveWithProgress(request, timeout=20)
    told = [next(call).progress for _ in range(4)]
    assert told[0].iteration == 0
    assert told[3].iteration > told[1].iteration > 0
    assert told[3].elapsed_seconds > 0.15
    assert len(server.wait_for_busy_workers(1)) == 1
    call.cancel()
    wait_until(lambda: not server.busy_workers(), 5)


def test_the_deadline_ends_it_with_the_best_point(server: Server) -> None:
    *_, last = server.solver.SolveWithProgress(endless(), timeout=4.0)
    assert last.result.status == wire.STATUS_TIME_LIMIT


def test_bad_input_is_named_as_for_a_solve(server: Server) -> None:
    for request in (by_text("x**2 = y", start={"x": 1.0}), by_text("x = 1", start={"x": np.nan}), by_id("0" * 64, {})):
        expected = server.refusal(request)
        with pytest.raises(grpc.RpcError) as caught:
            list(server.solver.SolveWithProgress(request, timeout=20))
        assert problem(caught.value) == expected


# --- a reader that is slow -----------------------------------------------------------------------------------


class _Context:
    """A call whose reader takes one message, and the others when it is told to."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.goes_on = asyncio.Event()
        self.aborted: tuple[Any, str] | None = None

    async def write(self, message: bytes) -> None:
        self.taken.append(message)
        if len(self.taken) == 1:
            await self.goes_on.wait()

    async def send_initial_metadata(self, metadata: Any) -> None:
        pass

    def peer(self) -> str:
        return "ipv4:10.0.0.7:50312"

    def set_trailing_metadata(self, metadata: Any) -> None:
        pass

    async def abort(self, code: Any, message: str) -> None:
        self.aborted = code, message
        raise grpc.aio.AbortError


class _Pool:
    """Counts the readers that it watches."""

    def __init__(self) -> None:
        self.watched: list[Ticket] = []

    def watch(self, ticket: Ticket, *_: Any) -> None:
        self.watched.append(ticket)

    def release(self, ticket: Ticket) -> None:
        self.watched.remove(ticket)


class _Forwarder:
    """Answers with a hundred messages and an end, and tells when it was asked for the last of them."""

    def __init__(self, end: Reply | Exception) -> None:
        self.is_read = asyncio.Event()
        self.seats = Seats(2, "streams", "max_in_flight", share=1.0)
        self._end = end

    def ticket(self, _: Any) -> Ticket:
        return Ticket()

    async def stream(self, _ticket: Ticket, _method: Method, _body: bytes, write: Any) -> Reply:
        for number in range(100):
            await write(bytes([number]))
            await asyncio.sleep(0)
        self.is_read.set()
        if isinstance(self._end, Exception):
            raise self._end
        return self._end


async def answer(end: Reply | Exception) -> _Context:
    """Have a call answered whose reader is slow."""
    forwarder, pool, context = _Forwarder(end), _Pool(), _Context()
    handle: Any = progress.progress_handler(
        forwarder,
        pool,
        ServerConfig(),
        Method.SOLVE_WITH_PROGRESS,  # type: ignore[arg-type]
    )
    answering = asyncio.create_task(handle(b"", context))
    # The worker is read to its end though nobody reads here.
    await forwarder.is_read.wait()
    (reader,) = pool.watched
    await asyncio.sleep(0.01)
    assert reader.offered < np.inf, "the result waits"
    context.goes_on.set()
    await asyncio.wait({answering})
    assert (answering.exception() is None) == isinstance(end, Reply)
    assert pool.watched == []
    return context


def test_a_slow_reader_loses_old_progress_and_never_the_result() -> None:
    taken = asyncio.run(asyncio.wait_for(answer(Reply(Outcome.OK, b"result")), 10)).taken
    assert taken[-1] == b"result"
    assert taken[-17:-1] == [bytes([number]) for number in range(84, 100)]
    assert len(taken) <= 1 + 16 + 1


def test_an_error_ends_it_after_the_progress() -> None:
    context = asyncio.run(asyncio.wait_for(answer(RuntimeError("odd")), 10))
    assert context.taken[-1] == bytes([99])
    assert context.aborted is not None
    assert context.aborted[0] is grpc.StatusCode.INTERNAL


def test_a_worker_offers_without_waiting_and_leaves_the_newest() -> None:
    ours, theirs = frames.channel_pair()
    with ours, theirs:
        items = Items(theirs, rs.CancelFlag(), 1 << 20)

        def read() -> int:
            return SolveWithProgressResponse.FromString(frames.receive_reply(ours).body).progress.iteration

        def offer(number: int) -> None:
            items.offer(SolveWithProgressResponse(progress=SolveProgress(iteration=number)))

        for number in range(1, 6):
            offer(number)
        assert read() == 1
        frames.send_acknowledgement(ours)
        offer(6)
        offer(7)
        assert read() == 6
        frames.send_acknowledgement(ours)
        items.flush()
        assert read() == 7
        frames.send_acknowledgement(ours)
        items.settle()
        items.flush()
        ours.setblocking(False)
        with pytest.raises(BlockingIOError):
            ours.recv(1)
