"""Streams of the awaited client: items as they come, and the ways to leave."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import raphson
from raphson import aio

from tests.client.conftest import found, roots_at

if TYPE_CHECKING:
    from tests.client.conftest import ScriptedServer

BOX = {"x": (-10.0, 10.0)}


class Endless:
    """Finds one root and then looks on until the caller is gone."""

    def __init__(self) -> None:
        self.ended = threading.Event()

    def __call__(self, _: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        if not context.add_callback(self.ended.set):
            self.ended.set()
        yield found(1.0)
        assert self.ended.wait(20)


async def leave_the_loop(search: aio.RootSearch) -> None:
    async for _ in search:
        break


async def close(search: aio.RootSearch) -> None:
    await anext(search)
    await search.close()
    await search.close()


async def leave_the_block(search: aio.RootSearch) -> None:
    async with search:
        await anext(search)


async def fail_in_the_block(search: aio.RootSearch) -> None:
    with pytest.raises(ZeroDivisionError):
        async with search:
            _ = [1 / 0 async for _ in search]


async def cancel(search: aio.RootSearch) -> None:
    async def go_on(has_one: asyncio.Event) -> None:
        async for _ in search:
            has_one.set()

    has_one = asyncio.Event()
    pending = asyncio.create_task(go_on(has_one))
    await has_one.wait()
    pending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pending


async def let_time_run_out(search: aio.RootSearch) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await search.all()


@pytest.mark.parametrize("leave", [leave_the_loop, close, leave_the_block, fail_in_the_block, cancel, let_time_run_out])
def test_leaving_cancels_the_call_on_the_server(
    scripted: ScriptedServer, leave: Callable[[aio.RootSearch], Awaitable[None]]
) -> None:
    endless = Endless()
    scripted.script.append(endless)

    async def run() -> None:
        async with aio.connect(scripted.address) as client:
            search = client.find_all("x = 1", BOX)
            await leave(search)
            assert await asyncio.to_thread(endless.ended.wait, 2)
            assert search.summary is None
            assert [root async for root in search] == []
            assert (await client.solve("x = 1", {"x": 1.0})).converged

    asyncio.run(run())


def test_dropping_the_search_cancels_the_call(scripted: ScriptedServer) -> None:
    endless = Endless()
    scripted.script.append(endless)

    async def run() -> None:
        async with aio.connect(scripted.address) as client:
            search = client.find_all("x = 1", BOX)
            await anext(search)
            del search
            assert await asyncio.to_thread(endless.ended.wait, 2)

    asyncio.run(run())


def test_closing_while_somebody_waits_cancels_no_task(scripted: ScriptedServer) -> None:
    endless = Endless()
    scripted.script.append(endless)

    async def run() -> None:
        async with aio.connect(scripted.address) as client:
            search = client.find_all("x = 1", BOX)
            await anext(search)
            pending = asyncio.ensure_future(search.all())
            await asyncio.sleep(0.1)
            await search.close()
            with pytest.raises(raphson.CancelledError, match="its stream or its client was closed"):
                await pending

    asyncio.run(run())
    assert endless.ended.wait(2)


def test_items_come_one_by_one_and_then_how_it_ended(scripted: ScriptedServer) -> None:
    async def run() -> None:
        async with aio.connect(scripted.address) as client:
            search = client.find_all("x**2 - 3*x = -2", BOX)
            assert scripted.requests == []
            assert (await anext(search))["x"] == 1.0
            assert search.summary is None
            assert [root["x"] for root in await search.all()] == [2.0]
            assert str(search.summary) == "2 roots from 7 starts: every box is decided"
            with pytest.raises(StopAsyncIteration):
                await anext(search)
            branch = client.follow("x**2 = r", {"x": 1.0}, {"r": 1.0}, parameter="r", lower=0, upper=4)
            assert [point.parameter async for point in branch] == [0.0, 1.0]
            assert branch.end is not None

    asyncio.run(run())


def test_what_was_found_before_a_failure_is_kept(scripted: ScriptedServer) -> None:
    def action(_: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        yield found(1.0)
        context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "full")

    async def run() -> list[Any]:
        roots = []
        async with aio.connect(scripted.address) as client:
            search = client.find_all("x = 1", BOX)
            roots.append((await anext(search))["x"])
            with pytest.raises(raphson.ServerBusyError, match="full"):
                await anext(search)
            assert search.summary is None
        return roots

    scripted.script.append(action)
    assert asyncio.run(run()) == [1.0]


def test_the_text_is_sent_once_and_again_when_it_is_forgotten(scripted: ScriptedServer) -> None:
    async def run() -> None:
        async with aio.connect(scripted.address) as client:
            await client.find_all("x = 1", BOX).all()
            await client.find_all("x = 1", BOX).all()
            scripted.fail(grpc.StatusCode.NOT_FOUND, "gone")
            assert len(await client.find_all("x = 1", BOX).all()) == 2

    asyncio.run(run())
    ways = [request.system.WhichOneof("ref") for request in scripted.requests]
    assert ways == ["definition", "system_id", "system_id", "definition"]


def test_a_stream_without_an_end_is_told(scripted: ScriptedServer) -> None:
    async def run() -> None:
        async with aio.connect(scripted.address) as client:
            with pytest.raises(raphson.IncompatibleServerError, match="without saying how"):
                await client.find_all("x = 1", BOX).all()

    scripted.stream(found(1.0))
    asyncio.run(run())


def test_a_slow_reader_has_all_and_lets_others_go_on(client: raphson.Client) -> None:
    async def run() -> tuple[int, str]:
        async with aio.connect(client.address) as awaited:
            branch = awaited.follow(
                "x**2 = r", {"x": 1.0}, {"r": 1.0}, parameter="r", lower=-1, upper=4, downwards=True
            )
            points = 0
            async for _ in branch:
                points += 1
                await asyncio.sleep(0.01)
                assert (await awaited.solve("x = 1", {"x": 0.0})).converged
            return points, str(branch.end)

    points, end = asyncio.run(run())
    assert end.startswith(f"{points} points, 1 turning point")


def test_streams_side_by_side(scripted: ScriptedServer) -> None:
    async def run() -> list[list[Any]]:
        async with aio.connect(scripted.address) as client:
            searches = await asyncio.gather(*[client.find_all("x = 1", BOX).all() for _ in range(20)])
            return [[root["x"] for root in roots] for roots in searches]

    assert asyncio.run(run()) == [[1.0, 2.0]] * 20


def test_a_loop_that_ends_first_takes_the_call_along(scripted: ScriptedServer) -> None:
    endless = Endless()
    scripted.script.append(endless)
    kept: list[aio.RootSearch] = []

    async def run() -> None:
        async with contextlib.AsyncExitStack() as stack:
            client = await stack.enter_async_context(aio.connect(scripted.address))
            kept.append(client.find_all("x = 1", BOX))
            await anext(kept[0])

    asyncio.run(run())
    assert endless.ended.wait(2)


def test_a_search_of_no_roots(scripted: ScriptedServer) -> None:
    async def run() -> list[Any]:
        async with aio.connect(scripted.address) as client:
            return await client.find_all("x = 1", BOX).all()

    scripted.stream(*roots_at())
    assert asyncio.run(run()) == []
