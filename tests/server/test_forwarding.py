"""Calls that end while a worker is at work on them: what it says then is never the answer to the next call."""

from __future__ import annotations

import asyncio
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Self
from unittest.mock import AsyncMock, Mock

import grpc
import pytest
from raphson_server import frames
from raphson_server.account import STATUSES, Account
from raphson_server.bounded_cache import BoundedCache
from raphson_server.configuration import ServerConfig
from raphson_server.failures import CallError, Reason
from raphson_server.frames import Method, Outcome, Reply
from raphson_server.front_end.batches import _Chunks
from raphson_server.front_end.caller import CALLER, Caller
from raphson_server.front_end.ending import Reader, ReaderGoneError, finish
from raphson_server.front_end.forwarding import Forwarder
from raphson_server.front_end.loop_thread import LoopThread
from raphson_server.front_end.seats import Seats
from raphson_server.pool import Ticket, WorkerPool, WorkerProcess
from raphson_server.tokens import Quotas, TokenEntry

if TYPE_CHECKING:
    from collections.abc import Coroutine

CONFIG = ServerConfig(workers=1, max_in_flight=8)


class Ours(WorkerProcess):
    """A worker's front whose other end is in our hand."""

    def __init__(self) -> None:
        self.known = BoundedCache[bytes, bool](8)
        self.busy = self.reaped = self.killed = False
        self.alive = True
        self._channel, self.theirs = frames.channel_pair()
        self._pieces = frames.Pieces(self._channel)
        self._listener = self._said = None
        self.at_once_bytes = 100_000
        self.send = partial(frames.send_request, self._channel)
        self._flag: Any = bytearray(16)
        self._cpu_clock = time.CLOCK_PROCESS_CPUTIME_ID

    @property
    def pid(self) -> int:
        return 0

    def kill(self) -> None:
        self.killed = True

    def close(self) -> None:
        assert self._loop is not None
        self._loop.remove_reader(self._channel.fileno())
        self._channel.close()

    async def request(self) -> bytes:
        """Read a request."""
        return (await asyncio.to_thread(frames.receive_request, self.theirs)).body

    def answer(self, body: bytes, outcome: Outcome = Outcome.OK) -> None:
        frames.send_reply(self.theirs, Reply(outcome, body))


class Service:
    """A pool of one worker, and who forwards to it."""

    def __init__(self) -> None:
        self.pool = WorkerPool(CONFIG, Mock(), Mock())
        self.worker = Ours()
        self.forwarder = Forwarder(self.pool, BoundedCache(8), CONFIG)
        self.pool.add(self.worker)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.worker.close()
        self.worker.theirs.close()

    def solve(self, body: bytes) -> asyncio.Task[Reply]:
        return asyncio.create_task(self.forwarder.answer(Ticket(), Method.SOLVE, body))


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 20))


@pytest.mark.parametrize("size", [10, 2_000_000], ids=["at once", "in pieces"])
def test_the_last_word_of_a_cancelled_request_is_waited_for(size: int) -> None:
    async def test() -> None:
        with Service() as service:
            worker = service.worker
            first = service.solve(b"a" * size)
            await asyncio.sleep(0.01)
            first.cancel()
            second = service.solve(b"second")
            assert await worker.request() == b"a" * size
            await asyncio.sleep(0.01)
            assert bool(worker._flag[0])
            assert not first.done()
            assert not second.done()
            worker.answer(b"late")
            with pytest.raises(CallError, match="cancelled or passed its deadline"):
                await first
            assert await worker.request() == b"second"
            assert not worker._flag[0]
            worker.answer(b"its own")
            assert (await second).body == b"its own"
            assert not worker.killed

    run(test())


def test_a_request_that_is_cancelled_as_its_answer_comes() -> None:
    async def test() -> None:
        with Service() as service:
            worker = service.worker
            first = service.solve(b"first")
            await worker.request()
            listener = worker._listener
            assert listener is not None
            listener.set_result(Reply(Outcome.OK, b"first"))
            first.cancel()
            with pytest.raises(CallError, match="cancelled"):
                await first
            second = service.solve(b"second")
            await worker.request()
            worker.answer(b"second")
            assert (await second).body == b"second"

    run(test())


def test_a_stream_that_nobody_reads_any_more_is_read_to_its_end() -> None:
    async def test() -> None:
        with Service() as service:
            worker = service.worker

            async def gone(_: bytes) -> None:
                raise ReaderGoneError

            stream = asyncio.create_task(service.forwarder.stream(Ticket(), Method.FOLLOW, b"stream", gone))
            await worker.request()
            for number in range(3):
                worker.answer(bytes([number]), Outcome.MORE)
                assert await asyncio.to_thread(frames.receive_acknowledgement, worker.theirs)
            worker.answer(b"", Outcome.FAILED)
            with pytest.raises(ReaderGoneError):
                await stream
            second = service.solve(b"second")
            await worker.request()
            worker.answer(b"second")
            assert (await second).body == b"second"
            assert not worker.killed

    run(test())


def test_a_worker_that_still_owes_an_answer_is_ended() -> None:
    async def test() -> None:
        with Service() as service:
            worker = service.worker

            async def fails(_: bytes) -> None:
                raise RuntimeError("odd")

            stream = asyncio.create_task(service.forwarder.stream(Ticket(), Method.FOLLOW, b"stream", fails))
            await worker.request()
            worker.answer(b"item", Outcome.MORE)
            with pytest.raises(RuntimeError, match="odd"):
                await stream
            assert worker.killed
            assert not service.pool._idle

    run(test())


@pytest.mark.parametrize(
    ("error", "expected"), [(RuntimeError("odd"), RuntimeError), (grpc.aio.UsageError("over"), CallError)]
)
def test_a_batch_whose_chunks_cannot_be_read_ends(error: Exception, expected: type[Exception]) -> None:
    async def test() -> None:
        with Service() as service:
            context = Mock(read=AsyncMock(side_effect=error), time_remaining=Mock(return_value=None))
            chunks = _Chunks(service.forwarder, service.pool, Method.SOLVE_BATCH, context, CONFIG)
            with pytest.raises(expected):
                await chunks.answer()
            assert not service.pool._streams

    run(test())


class Batch:
    """A call by a token that may have a hundred members, in which chunks come when they are told to."""

    def __init__(self, service: Service, workers: int = 1) -> None:
        entry = TokenEntry(name="a", sha256=b"", scopes=frozenset({"solve"}), quotas=Quotas(largest_members=100))
        CALLER.set(Caller(entry))
        self.chunks: asyncio.Queue[bytes] = asyncio.Queue()
        self.written: asyncio.Queue[bytes] = asyncio.Queue()
        context = AsyncMock(read=self.chunks.get, write=self.written.put, time_remaining=Mock(return_value=None))
        config = ServerConfig(workers=workers, max_in_flight=8)
        self._worker = service.worker
        self._worker.theirs.settimeout(10)
        self._chunks = _Chunks(service.forwarder, service.pool, Method.SOLVE_BATCH, context, config)
        self.answering = asyncio.create_task(self._chunks.answer())

    async def largest_members(self) -> int:
        return (await asyncio.to_thread(frames.receive_request, self._worker.theirs)).largest_members

    def answer(self, members: int) -> None:
        account = Account()
        account.solve_members(0.0, [0, members, *(STATUSES - 2) * [0]], 1, members)
        frames.send_reply(self._worker.theirs, Reply(Outcome.OK, b"%d" % members, account=account.to_bytes()))

    async def refusal(self) -> dict[str, str]:
        await asyncio.wait({self.answering}, timeout=5)
        assert self.answering.done()
        error = self.answering.exception()
        assert isinstance(error, CallError)
        assert error.reason is Reason.LIMIT_EXCEEDED
        return error.metadata

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._worker.theirs.close()
        await asyncio.wait({self.answering}, timeout=5)


def test_a_chunk_may_have_the_members_that_are_left() -> None:
    """Only its worker reads a chunk: one of many empty fields would hold up the loop, and with it everybody."""

    async def test() -> None:
        with Service() as service:
            async with Batch(service) as batch:
                for members, left in ((60, 100), (30, 40), (10, 10)):
                    batch.chunks.put_nowait(b"no message at all")
                    assert await batch.largest_members() == left
                    batch.answer(members)
                    assert await batch.written.get() == b"%d" % members
                batch.chunks.put_nowait(b"one too many")
                assert await batch.refusal() == {"quota": "largest_members", "value": "101", "maximum": "100"}
                assert service.pool._idle

    run(test())


def test_chunks_that_are_worked_on_at_the_same_time_have_the_members_of_one_batch() -> None:
    async def test() -> None:
        with Service() as service:
            async with Batch(service, workers=2) as batch:
                batch.chunks.put_nowait(b"first")
                batch.chunks.put_nowait(b"second")
                assert await batch.largest_members() == 100
                await asyncio.sleep(0.01)
                batch.answer(60)
                assert await batch.largest_members() == 100
                batch.answer(41)
                assert await batch.refusal() == {"quota": "largest_members", "value": "101", "maximum": "100"}
                assert [batch.written.get_nowait() for _ in range(batch.written.qsize())] == [b"60"]

    run(test())


def test_who_ends_a_call_decides_what_is_told() -> None:
    """Where the server does, the caller hears why; else gRPC is given nothing more, which it could not send."""

    async def call(context: Any, pool: Any, *, by_server: bool) -> None:
        async def stream() -> Reply | None:
            with Reader(pool, context, CONFIG, ticket) as reader:
                await reader.write(b"item")
            return None

        ticket = Ticket()
        task = asyncio.create_task(finish(context, stream, Seats(1, "streams", share=1.0)))
        await asyncio.sleep(0.01)
        if by_server:
            # Its reader's patience and its time may end in the same moment.
            ticket.is_stalled = True
            end_call = pool.watch.call_args.args[1]
            end_call()
            end_call()
        else:
            task.cancel()
        await asyncio.wait({task})
        assert task.cancelled() != by_server
        assert task.cancelled() or isinstance(task.exception(), grpc.aio.AbortError)

    async def test() -> None:
        for by_server in (True, False):
            written = asyncio.Event()

            async def write(_: bytes, written: asyncio.Event = written) -> None:
                await written.wait()

            context = AsyncMock(
                write=write,
                peer=Mock(return_value="ipv4:10.0.0.7:1"),
                set_trailing_metadata=Mock(),
                abort=AsyncMock(side_effect=grpc.aio.AbortError),
            )
            await call(context, Mock(), by_server=by_server)
            assert context.abort.await_count == by_server
            # What was being written comes to its end all the same.
            written.set()
            await asyncio.sleep(0.01)

    run(test())


def test_a_stream_whose_time_is_over_keeps_its_worker_although_its_reader_takes_nothing() -> None:
    """A worker waits with an item until that is taken, or the call is over."""

    async def test() -> None:
        with Service() as service:
            worker, taken = service.worker, asyncio.Event()

            async def write(_: bytes) -> None:
                await taken.wait()

            context = AsyncMock(
                write=write,
                peer=Mock(return_value="ipv4:10.0.0.7:1"),
                time_remaining=Mock(return_value=None),
                set_trailing_metadata=Mock(),
                abort=AsyncMock(side_effect=grpc.aio.AbortError),
            )
            service.pool._grace = 0.1
            config = ServerConfig(workers=1, default_deadline_seconds=0.05)
            forwarder = Forwarder(service.pool, BoundedCache(8), config)
            call = asyncio.create_task(forwarder.stream_handler(Method.FOLLOW)(b"stream", context))
            await worker.request()
            worker.answer(b"item", Outcome.MORE)
            await asyncio.sleep(0.1)
            service.pool._look()
            assert await asyncio.to_thread(frames.receive_acknowledgement, worker.theirs)
            worker.answer(b"", Outcome.FAILED)
            with pytest.raises(grpc.aio.AbortError):
                await call
            assert "default_deadline_seconds" in context.abort.await_args.args[1]
            await asyncio.sleep(0.15)
            assert not worker.killed
            taken.set()

    run(test())


def test_a_request_that_no_worker_reads_is_tried_a_few_times() -> None:
    async def test() -> None:
        with Service() as service:
            request, workers = service.solve(b"deadly"), 0
            while not request.done() and workers < 10:
                workers += 1
                service.worker.theirs.close()
                await asyncio.sleep(0.01)
                service.worker.close()
                service.worker = Ours()
                service.pool.add(service.worker)
                await asyncio.sleep(0.01)
            with pytest.raises(CallError) as caught:
                await request
            assert (caught.value.reason, workers) == (Reason.WORKER_LOST, 3)

    run(test())


def test_what_is_posted_to_a_loop_that_is_closed_is_forgotten() -> None:
    """A second signal may come when the service has just stopped."""
    loop, called = LoopThread(), threading.Event()
    loop.post(called.set)
    assert called.wait(5)
    called.clear()
    loop.close()
    loop.post(called.set)
    assert not called.is_set()
