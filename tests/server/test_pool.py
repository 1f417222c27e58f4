"""Who gets a worker when, and how a request comes to the worker that another has handed over."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest
from raphson_server import frames
from raphson_server.configuration import ServerConfig
from raphson_server.frames import NotSentError, Outcome, Reply
from raphson_server.pool import CallEndedError, PoolClosedError, PoolFullError, WorkerPool, WorkerProcess
from raphson_server.pool.ticket import Ticket
from raphson_server.pool.waiting import Waiting

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Coroutine, Iterator


def test_callers_take_turns_and_single_requests_go_before_chunks() -> None:
    waiting = Waiting()
    for name, kinds in (("a", "ccsss"), ("b", "s"), ("c", "cs")):
        for number, kind in enumerate(kinds):
            ticket = Ticket(caller=name, is_chunk=kind == "c", cpu_seconds=number)
            waiting.append(ticket)
    order = [waiting.next() for _ in range(len(waiting))]
    assert "".join(ticket.caller for ticket in order) == "abcacaaa"
    assert [ticket.is_chunk for ticket in order if ticket.caller == "a"] == [False, False, False, True, True]
    assert [ticket.cpu_seconds for ticket in order if ticket.caller == "a"] == [2, 3, 4, 0, 1]
    assert not waiting


def test_without_tokens_addresses_take_turns() -> None:
    waiting = Waiting()
    tickets = [Ticket(address=lambda name=name: name) for name in "aaab"]  # type: ignore[misc]
    for ticket in tickets:
        waiting.append(ticket)
    assert waiting.remove(tickets[1])
    assert not waiting.remove(tickets[1])
    assert [waiting.next() for _ in range(len(waiting))] == [tickets[0], tickets[3], tickets[2]]


def test_chunks_are_not_kept_waiting_for_ever() -> None:
    waiting = Waiting()
    waiting.append(Ticket(is_chunk=True))
    for _ in range(20):
        waiting.append(Ticket())
    assert [waiting.next().is_chunk for _ in range(21)].index(True) == 8


def run(test: Coroutine[Any, Any, None]) -> None:
    """Run what needs an event loop."""
    asyncio.run(asyncio.wait_for(test, 20))


def test_one_caller_does_not_fill_the_queue_for_another() -> None:
    async def test() -> None:
        pool = WorkerPool(ServerConfig(workers=1, max_in_flight=1), Mock(), Mock())
        pool._open, pool._busy = True, 1
        with pytest.raises(PoolFullError):
            await pool.wait(Ticket())
        kept = Ticket(caller="a")
        waiter = asyncio.create_task(pool.wait(kept))
        await asyncio.sleep(0)
        assert pool._waiting.has("a")
        with pytest.raises(PoolFullError):
            await pool.wait(Ticket(caller="a"))
        pool.cancel(kept)
        with pytest.raises(CallEndedError):
            await waiter
        assert not pool._waiting

    run(test())


def test_chunks_that_wait_fill_no_queue() -> None:
    """Else a few batches would have everybody's single requests turned away."""

    async def test() -> None:
        pool = WorkerPool(ServerConfig(workers=1, max_in_flight=4), Mock(), Mock())
        pool._open, pool._busy = True, 1
        chunks = [Ticket(address=lambda: "a", is_chunk=True) for _ in range(8)]
        single = Ticket(address=lambda: "b")
        waiters = [asyncio.create_task(pool.wait(chunk, is_admitted=True)) for chunk in chunks]
        waiters.append(asyncio.create_task(pool.wait(single)))
        await asyncio.sleep(0)
        assert (pool._waiting.count, pool._waiting.singles) == (9, 1)
        for ticket in (*chunks, single):
            pool.cancel(ticket)
        assert {type(error) for error in await asyncio.gather(*waiters, return_exceptions=True)} == {CallEndedError}
        assert (pool._waiting.count, pool._waiting.singles) == (0, 0)

    run(test())


def test_a_drain_ends_when_the_pool_is_stopped_whatever_streams_wait_for() -> None:
    async def test() -> None:
        pool = WorkerPool(ServerConfig(workers=1), Mock(), Mock())
        pool.watch(Ticket(), Mock(), Mock())
        pool.close()
        draining = asyncio.create_task(pool.drain(20))
        await pool.stop()
        assert await draining
        # And none begins that would be waited for.
        with pytest.raises(PoolClosedError):
            pool.watch(Ticket(), Mock(), Mock())

    run(test())


def test_what_a_worker_does_while_it_is_idle_is_charged_to_nobody() -> None:
    async def test() -> None:
        pool, first, second = pool_of_one(), Ticket(), Ticket()
        worker: Any = pool._idle[0]
        worker.cpu_seconds.return_value = 1.0
        pool.take(first, None)
        worker.cpu_seconds.return_value = 3.0
        pool.release(first)
        worker.cpu_seconds.return_value = 10.0
        pool.take(second, None)
        worker.cpu_seconds.return_value = 10.5
        pool.release(second)
        assert (first.cpu_seconds, second.cpu_seconds) == (2.0, 0.5)

    run(test())


def test_who_no_longer_waits_is_forgotten() -> None:
    waiting = Waiting()
    tickets = [Ticket(caller="a"), Ticket(caller="a", is_chunk=True)]
    for ticket in tickets:
        waiting.append(ticket)
    assert [waiting.remove(tickets[0]), waiting.remove(tickets[0]), waiting.has("a"), len(waiting)] == [
        True, False, True, 1
    ]  # fmt: skip
    assert (list(waiting), waiting.remove(tickets[1]), waiting.has("a")) == ([tickets[1]], True, False)


def pool_of_one() -> WorkerPool:
    """Return a pool of one worker, which is a mock."""
    pool = WorkerPool(ServerConfig(workers=1, max_in_flight=8), Mock(), Mock())
    pool.add(Mock(WorkerProcess, alive=True, busy=False, cpu_seconds=Mock(return_value=0.0)))
    return pool


async def waits_behind(pool: WorkerPool, send: Callable[[], bool]) -> tuple[Ticket, WorkerProcess]:
    """Let a request wait until the one before it hands over its worker; return it, and what it got."""
    first, following = Ticket(), Ticket(send=send)
    pool.take(first, None)
    assert pool.take(following, None) is None
    waiter = asyncio.create_task(pool.wait(following))
    await asyncio.sleep(0)
    assert len(pool._waiting) == 1
    pool.release(first)
    return following, await waiter


def test_whoever_hands_over_a_worker_sends_it_the_next_request() -> None:
    async def test() -> None:
        pool, senders = pool_of_one(), []

        def send() -> bool:
            senders.append(asyncio.current_task())
            return True

        following, worker = await waits_behind(pool, send)
        assert senders == [asyncio.current_task()]
        assert following.is_sent
        assert following.worker is worker
        pool.release(following, done=False)
        # One that finds its worker idle sends its request itself, at the second try too.
        pool.take(following, None)
        assert not following.is_sent
        assert senders == [asyncio.current_task()]

    run(test())


def test_a_request_too_large_to_be_sent_for_another_is_sent_by_its_own_task() -> None:
    async def test() -> None:
        following, _ = await waits_behind(pool_of_one(), lambda: False)
        assert not following.is_sent

    run(test())


@pytest.mark.parametrize("error", [NotSentError, ValueError])
def test_what_sending_for_another_raises_is_the_others_to_hear(error: type[Exception]) -> None:
    async def test() -> None:
        pool = pool_of_one()
        with pytest.raises(error):
            await waits_behind(pool, Mock(side_effect=error))
        # And it may try again.
        (holder,) = pool._working
        pool.release(holder, done=False)
        pool.take(holder, None)
        assert holder.error is None

    run(test())


def test_a_call_that_ends_as_it_gets_a_worker_has_it() -> None:
    """The request may have been sent: somebody has to hear the answer before the next one asks."""

    async def test() -> None:
        pool, first, following = pool_of_one(), Ticket(), Ticket(send=lambda: True)
        worker = pool.take(first, None)
        assert pool.take(following, None) is None
        waiter = asyncio.create_task(pool.wait(following))
        await asyncio.sleep(0)
        pool.release(first)
        waiter.cancel()
        assert await waiter is worker
        assert following.is_sent
        assert following.cancelled
        worker.set_cancel_flag.assert_called_once_with()  # type: ignore[attr-defined] # a mock's

    run(test())


# --- what a worker says -----------------------------------------------------------------------------------------------


@contextlib.contextmanager
def worker_of_ours() -> Iterator[tuple[WorkerProcess, socket.socket]]:
    """Yield a worker's front, with its socket's other end in our hand; for within a loop."""
    ours, theirs = frames.channel_pair()
    worker: Any = object.__new__(WorkerProcess)
    worker._channel, worker._pieces, worker._listener, worker._said = ours, frames.Pieces(ours), None, None
    with ours, theirs:
        worker.listen(asyncio.get_running_loop())
        yield worker, theirs
        asyncio.get_running_loop().remove_reader(ours.fileno())


def test_replies_large_and_small_and_cut_anywhere() -> None:
    async def test() -> None:
        with worker_of_ours() as (worker, theirs), ThreadPoolExecutor(1) as threads:
            for size in (0, 10, 65_000, 66_000, 3_000_000):
                sent = Reply(Outcome.OK, bytes(size), {b"id": b"definition"} if size % 3 else {})
                sending = threads.submit(frames.send_reply, theirs, sent)
                assert await worker.reply() == sent
                sending.result()
            frame = frames.REPLY.pack(0, 5, Outcome.OK, b"") + b"whole"
            for cut in (1, frames.REPLY.size, len(frame) - 1):
                coming = worker.reply()
                theirs.sendall(frame[:cut])
                await asyncio.sleep(0.01)
                assert not coming.done()
                theirs.sendall(frame[cut:])
                assert (await coming).body == b"whole"

    run(test())


def test_a_reply_that_came_while_nobody_listened_is_the_next_ones() -> None:
    async def test() -> None:
        with worker_of_ours() as (worker, theirs):
            coming = worker.reply()
            coming.cancel()
            frames.send_reply(theirs, Reply(Outcome.OK, b"late"))
            await asyncio.sleep(0.01)
            assert (await worker.reply()).body == b"late"
            assert not worker.reply().done()

    run(test())


def test_a_worker_that_ended_says_so_each_time() -> None:
    async def test() -> None:
        with worker_of_ours() as (worker, theirs):
            coming = worker.reply()
            theirs.close()
            for _ in range(2):
                with pytest.raises(frames.ChannelClosedError):
                    await coming
                coming = worker.next_reply()
            with pytest.raises(frames.ChannelClosedError):
                await coming

    run(test())


def test_a_worker_that_ends_within_a_reply() -> None:
    async def test() -> None:
        with worker_of_ours() as (worker, theirs):
            coming = worker.reply()
            theirs.sendall(frames.REPLY.pack(0, 100_000, Outcome.OK, b"") + b"not all")
            await asyncio.sleep(0.01)
            theirs.close()
            with pytest.raises(frames.ChannelClosedError):
                await coming

    run(test())
