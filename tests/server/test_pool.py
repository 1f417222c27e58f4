"""Who gets a worker when, and how a request comes to the worker that another has handed over."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest
from raphson_server.configuration import ServerConfig
from raphson_server.frames import NotSentError
from raphson_server.pool import CallEndedError, PoolFullError, WorkerPool, WorkerProcess
from raphson_server.pool.ticket import Ticket
from raphson_server.pool.waiting import Waiting

from tests.server.running import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable


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


def test_one_caller_does_not_fill_the_queue_for_another() -> None:
    config = ServerConfig(workers=1, max_in_flight=1)
    pool = WorkerPool(config, Mock(), Mock())
    pool._open, pool._busy = True, 1
    with pytest.raises(PoolFullError):
        pool.acquire(Ticket(), None)
    kept = Ticket(caller="a")
    with ThreadPoolExecutor(1) as threads:
        waiter = threads.submit(pool.acquire, kept, None)
        wait_until(lambda: pool._waiting.has("a"), 5)
        with pytest.raises(PoolFullError):
            pool.acquire(Ticket(caller="a"), None)
        pool.cancel(kept)
        with pytest.raises(CallEndedError):
            waiter.result(5)
    assert not pool._waiting


def test_who_no_longer_waits_is_forgotten() -> None:
    waiting = Waiting()
    tickets = [Ticket(caller="a"), Ticket(caller="a", is_chunk=True)]
    for ticket in tickets:
        waiting.append(ticket)
    assert [waiting.remove(tickets[0]), waiting.remove(tickets[0]), waiting.has("a"), len(waiting)] == [
        True, False, True, 1
    ]  # fmt: skip
    assert (list(waiting), waiting.remove(tickets[1]), waiting.has("a")) == ([tickets[1]], True, False)


@pytest.fixture
def pool() -> WorkerPool:
    """Return a pool of one worker, which is a mock."""
    pool = WorkerPool(ServerConfig(workers=1, max_in_flight=8), Mock(), Mock())
    pool.add(Mock(WorkerProcess, alive=True, busy=False, cpu_seconds=Mock(return_value=0.0)))
    return pool


def waits_behind(pool: WorkerPool, send: Callable[[], bool]) -> tuple[Ticket, WorkerProcess]:
    """Let a request wait until the one before it hands over its worker; return it, and what it got."""
    first, following = Ticket(), Ticket(send=send)
    pool.acquire(first, None)
    with ThreadPoolExecutor(1) as threads:
        waiter = threads.submit(pool.acquire, following, None)
        wait_until(lambda: len(pool._waiting) == 1, 5)
        pool.release(first)
        return following, waiter.result(5)


def test_whoever_hands_over_a_worker_sends_it_the_next_request(pool: WorkerPool) -> None:
    senders = []

    def send() -> bool:
        senders.append(threading.current_thread())
        return True

    following, worker = waits_behind(pool, send)
    assert senders == [threading.current_thread()]
    assert following.is_sent
    assert following.worker is worker
    pool.release(following, done=False)
    # One that finds its worker idle sends its request itself, at the second try too.
    pool.acquire(following, None)
    assert not following.is_sent
    assert senders == [threading.current_thread()]


def test_a_request_too_large_to_be_sent_for_another_is_sent_by_its_own_thread(pool: WorkerPool) -> None:
    following, _ = waits_behind(pool, lambda: False)
    assert not following.is_sent


@pytest.mark.parametrize("error", [NotSentError, ValueError])
def test_what_sending_for_another_raises_is_the_others_to_hear(pool: WorkerPool, error: type[Exception]) -> None:
    with pytest.raises(error):
        waits_behind(pool, Mock(side_effect=error))
    # And it may try again.
    (holder,) = pool._working
    pool.release(holder, done=False)
    pool.acquire(holder, None)
    assert holder.error is None
