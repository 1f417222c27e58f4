"""Calls of the awaited client: many at once, cancelled, late, sent again; and the client's life."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import raphson
from raphson import aio
from raphson.access import Access
from raphson.aio.transport import AwaitedTransport
from raphson.channel import open_awaited_channel

from tests.server.running import cpu_seconds

if TYPE_CHECKING:
    from tests.client.conftest import ScriptedServer
    from tests.server.running import Server

EQUATION, START = "x**2 = 2", {"x": 1.0}
# No root, and no method gives up on it before this many steps.
ENDLESS: dict[str, Any] = {"method": "newton", "max_iterations": 10**9}


def endless(client: aio.Client, **options: Any) -> Coroutine[Any, Any, raphson.Solution]:
    return client.solve("x**2 = -1", {"x": 0.7}, **ENDLESS, **options)


# --- many at once
def test_many_solves_at_once(scripted: ScriptedServer) -> None:
    async def solve() -> list[raphson.Solution]:
        async with aio.connect(scripted.address) as client:
            return await asyncio.gather(*[client.solve(EQUATION, {"x": float(x)}) for x in range(200)])

    assert [root["x"] for root in asyncio.run(solve())] == [float(x) for x in range(200)]
    assert len(scripted.requests) == 200


def test_as_many_solves_as_the_server_admits(client: raphson.Client) -> None:
    async def solve() -> list[raphson.Solution]:
        turn = asyncio.Semaphore(50)

        async def one(p: float) -> raphson.Solution:
            async with turn:
                return await awaited.solve("x**2 = p", START, {"p": p})

        async with aio.connect(client.address) as awaited:
            return await asyncio.gather(*[one(float(p)) for p in range(1, 201)])

    roots = asyncio.run(solve())
    assert [root["x"] for root in roots] == pytest.approx([p**0.5 for p in range(1, 201)], rel=1e-12)


def test_other_tasks_run_while_a_call_is_under_way(scripted: ScriptedServer) -> None:
    may_answer = threading.Event()

    def action(request: Any, _: grpc.ServicerContext) -> Any:
        assert may_answer.wait(20)
        return scripted.handle(request, _)

    async def solve() -> raphson.Solution:
        async with aio.connect(scripted.address) as client:
            pending = asyncio.create_task(client.solve(EQUATION, START))
            await until(lambda: bool(scripted.requests))
            assert (await client.solve(EQUATION, START)).converged
            assert not pending.done()
            may_answer.set()
            return await pending

    scripted.script.append(action)
    assert asyncio.run(solve()).converged


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> float:
    """Let other tasks run until a condition holds; return after how long it did."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, f"not within {seconds} s"
        await asyncio.sleep(0.005)
    return time.monotonic() - started


# --- cancelled, and late
def wait_for_the_end(context: grpc.ServicerContext, ended: threading.Event) -> Any:
    if not context.add_callback(ended.set):
        ended.set()
    assert ended.wait(20)
    context.abort(grpc.StatusCode.CANCELLED, "the caller is gone")


async def cancel(client: aio.Client, begun: Callable[[], bool]) -> None:
    pending = asyncio.ensure_future(endless(client))
    await until(begun)
    pending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pending


async def let_time_run_out(client: aio.Client, _: Callable[[], bool]) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(endless(client), 0.5)


async def fail_beside(client: aio.Client, begun: Callable[[], bool]) -> None:
    async def fail() -> None:
        await until(begun)
        raise ZeroDivisionError

    async def both() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(endless(client))
            group.create_task(fail())

    with pytest.raises(ExceptionGroup) as caught:
        await both()
    assert [type(error) for error in caught.value.exceptions] == [ZeroDivisionError]


@pytest.mark.parametrize("leave", [cancel, let_time_run_out, fail_beside])
def test_cancelling_the_task_frees_the_worker(
    server: Server, leave: Callable[[aio.Client, Callable[[], bool]], Awaitable[None]]
) -> None:
    async def run() -> None:
        async with aio.connect(server.address) as client:
            await leave(client, lambda: bool(server.busy_workers(0.05)))
            await until(lambda: not server.busy_workers(0.1), 2)

    workers = server.workers()
    asyncio.run(run())
    assert server.workers() == workers, "the iteration was stopped; no worker had to be killed"


def test_every_call_has_a_deadline(scripted: ScriptedServer) -> None:
    async def call() -> None:
        async with aio.connect(scripted.address, timeout_seconds=7.0) as client:
            await client.solve(EQUATION, START)
            await client.solve(EQUATION, START, timeout_seconds=20.0)
            await client.jacobian(EQUATION, START, timeout_seconds=3.0)
            await client.compile(EQUATION, START, timeout_seconds=2.0)

    asyncio.run(call())
    for deadline, limit in zip(scripted.deadlines, [7, 25, 3, 2], strict=True):
        assert limit - 1 < deadline < limit + 0.5


def test_a_deadline_that_passes_is_told_and_ends_the_call(scripted: ScriptedServer) -> None:
    ended = threading.Event()

    async def call() -> None:
        async with aio.connect(scripted.address, timeout_seconds=0.2) as client:
            with pytest.raises(raphson.DeadlineExceededError, match=r"within 0\.2 s"):
                await client.solve(EQUATION, START)

    scripted.script.append(lambda _, context: wait_for_the_end(context, ended))
    asyncio.run(call())
    assert ended.wait(2)


def test_a_time_limit_is_a_result(server: Server) -> None:
    async def call() -> raphson.Solution:
        async with aio.connect(server.address) as client:
            return await endless(client, timeout_seconds=0.1)

    assert asyncio.run(call()).status is raphson.Status.TIME_LIMIT


def test_ctrl_c_cancels_the_call_on_the_server(scripted: ScriptedServer) -> None:
    ended = threading.Event()

    def action(_: Any, context: grpc.ServicerContext) -> Any:
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        return wait_for_the_end(context, ended)

    async def call() -> None:
        async with aio.connect(scripted.address) as client:
            await client.solve(EQUATION, START)

    scripted.script.append(action)
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(call())
    assert ended.wait(2)


# --- sent again
def test_a_killed_worker_is_not_noticed(server: Server) -> None:
    async def call() -> None:
        async with aio.connect(server.address) as client:
            pending = asyncio.ensure_future(endless(client, timeout_seconds=1.0))
            before = {pid: cpu_seconds(pid) for pid in server.workers()}
            await until(lambda: any(cpu_seconds(pid) - spent > 0.05 for pid, spent in before.items()))
            busiest = max(before, key=lambda pid: cpu_seconds(pid) - before[pid])
            os.kill(busiest, signal.SIGKILL)
            assert (await pending).status is raphson.Status.TIME_LIMIT
            assert busiest not in server.workers()

    asyncio.run(call())
    server.settle()


@pytest.mark.parametrize(
    ("code", "requests"),
    [(grpc.StatusCode.UNAVAILABLE, 2), (grpc.StatusCode.INTERNAL, 1), (grpc.StatusCode.RESOURCE_EXHAUSTED, 1)],
)
def test_only_what_is_safe_is_sent_again(scripted: ScriptedServer, code: grpc.StatusCode, requests: int) -> None:
    async def call() -> raphson.Solution | raphson.RaphsonError:
        async with aio.connect(scripted.address) as client:
            try:
                return await client.solve(EQUATION, START)
            except raphson.RaphsonError as error:
                return error

    scripted.fail(code, "no")
    found = asyncio.run(call())
    assert isinstance(found, raphson.Solution) == (requests == 2)
    assert len(scripted.requests) == requests


def test_a_server_that_has_forgotten_is_sent_the_text_again(scripted: ScriptedServer) -> None:
    async def call() -> None:
        async with aio.connect(scripted.address) as client:
            await client.solve(EQUATION, START)
            scripted.fail(grpc.StatusCode.NOT_FOUND, "gone")
            await client.solve(EQUATION, START)
            await client.solve(EQUATION, START)

    asyncio.run(call())
    ways = [request.system.WhichOneof("ref") for request in scripted.requests]
    assert ways == ["definition", "system_id", "definition", "system_id"]


# --- whose client it is
def test_a_closed_client_says_so(scripted: ScriptedServer) -> None:
    async def call() -> None:
        async with aio.connect(scripted.address) as client:
            assert repr(client) == f"<raphson.aio client of the server at {scripted.address}>"
            search = client.find_all(EQUATION, {"x": (0, 9)})
        await client.close()
        assert repr(client).endswith(", closed>")
        with pytest.raises(raphson.ClientStateError, match="is closed; connect again"):
            await client.solve(EQUATION, START)
        with pytest.raises(raphson.ClientStateError, match="is closed; connect again"):
            await anext(search)

    asyncio.run(call())
    assert scripted.requests == []


def test_closing_ends_the_calls_under_way_and_cancels_no_task(scripted: ScriptedServer) -> None:
    ended = threading.Event()

    async def call() -> None:
        async with aio.connect(scripted.address) as client:
            pending = asyncio.ensure_future(client.solve(EQUATION, START))
            await until(lambda: bool(scripted.requests))
            await client.close()
            with pytest.raises(raphson.CancelledError, match="its client was closed") as caught:
                await pending
            assert caught.value.code is grpc.StatusCode.CANCELLED
            assert not pending.cancelled()

    scripted.script.append(lambda _, context: wait_for_the_end(context, ended))
    asyncio.run(call())
    assert ended.wait(2)


def test_a_client_of_a_loop_that_has_ended_says_so(scripted: ScriptedServer) -> None:
    async def connect() -> aio.Client:
        # `aio.connect` itself would close the client with the loop.
        channel = open_awaited_channel(scripted.address, Access())
        client = aio.Client(AwaitedTransport(channel, scripted.address))
        assert (await client.solve(EQUATION, START)).converged
        return client

    async def use(client: aio.Client) -> None:
        with pytest.raises(raphson.ClientStateError, match="opened in an event loop that has ended; connect again"):
            await client.solve(EQUATION, START)
        await client.close()

    asyncio.run(use(asyncio.run(connect())))


def test_a_client_that_nobody_closed_is_closed_with_its_loop(scripted: ScriptedServer) -> None:
    ended = threading.Event()
    kept: list[Any] = []

    async def call() -> None:
        kept.append(aio.connect(scripted.address))
        client = await kept[0].__aenter__()
        kept.append(asyncio.ensure_future(client.solve(EQUATION, START)))
        await until(lambda: bool(scripted.requests))

    scripted.script.append(lambda _, context: wait_for_the_end(context, ended))
    asyncio.run(call())
    assert ended.wait(2)


def test_each_loop_has_its_client(scripted: ScriptedServer) -> None:
    """Two loops in two threads, at the same time: each with a client of its own, neither with the other's."""
    roots: list[float] = []

    async def solve(client: aio.Client) -> None:
        found = await asyncio.gather(*[client.solve(EQUATION, {"x": float(x)}) for x in range(50)])
        roots.extend(root["x"] for root in found)  # type: ignore[misc]

    async def elsewhere(of_another: aio.Client) -> None:
        with pytest.raises(raphson.ClientStateError, match="opened in another event loop; connect again in this one"):
            await of_another.solve(EQUATION, START)
        async with aio.connect(scripted.address) as client:
            await solve(client)

    async def here() -> None:
        async with aio.connect(scripted.address) as client:
            await asyncio.gather(asyncio.to_thread(asyncio.run, elsewhere(client)), solve(client))

    asyncio.run(here())
    assert sorted(roots) == sorted(2 * [float(x) for x in range(50)])


def test_a_forked_client_says_so(scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = os.getpid()

    async def call() -> None:
        async with aio.connect(scripted.address) as client:
            with monkeypatch.context() as child:
                child.setattr("raphson.transport.os.getpid", lambda: pid + 1)
                with pytest.raises(raphson.ClientStateError, match="before a fork"):
                    await client.solve(EQUATION, START)
            assert (await client.solve(EQUATION, START)).converged

    asyncio.run(call())


def test_a_client_that_blocks_works_beside_a_loop(scripted: ScriptedServer) -> None:
    """As in a notebook, whose cells run within a loop."""

    async def call() -> list[float]:
        with raphson.connect(scripted.address) as client:
            assert client.solve(EQUATION, START).converged
            return [root["x"] for root in client.find_all(EQUATION, {"x": (0, 9)})]  # type: ignore[misc]

    assert asyncio.run(call()) == [1.0, 2.0]
