"""Batches of the awaited client: at most some chunks under way, whoever is slow; cancelled, and gone on with."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest
import raphson
from google.rpc.error_details_pb2 import ErrorInfo
from raphson import aio, batch_solving

from tests.client.conftest import packed, solved_at_start
from tests.server.running import wait_until

if TYPE_CHECKING:
    from tests.client.conftest import ScriptedServer
    from tests.server.running import Server

X = np.arange(100.0)


@pytest.fixture(autouse=True)
def single_members(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Let a chunk have one member where the server is scripted."""
    if "scripted" in request.fixturenames:
        monkeypatch.setattr(batch_solving, "CHUNK_BYTES", 8 + batch_solving.RESULT_BYTES)


@pytest.fixture
def system(scripted: ScriptedServer) -> raphson.CompiledSystem:
    with raphson.connect(scripted.address) as client:
        return client.compile("x = 1", variables=["x"])


class Silent:
    """Reads every chunk there is, and answers none until it is let."""

    def __init__(self) -> None:
        self.kept: list[Any] = []
        self.may_answer = threading.Event()
        self.ended = threading.Event()

    def __call__(self, chunks: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        if not context.add_callback(self.ended.set):
            self.ended.set()
        reader = threading.Thread(target=self.read, args=[chunks], daemon=True)
        reader.start()
        self.may_answer.wait(20)
        answered = 0
        while reader.is_alive() or answered < len(self.kept):
            while answered < len(self.kept):
                yield solved_at_start(self.kept[answered])
                answered += 1
            time.sleep(0.001)

    def read(self, chunks: Iterator[Any]) -> None:
        try:
            self.kept.extend(chunks)
        except grpc.RpcError:
            assert self.ended.is_set(), "only a call that was cancelled stops in the middle"


@pytest.fixture
def silent(scripted: ScriptedServer, system: raphson.CompiledSystem) -> Silent:  # noqa: ARG001 - compiled before it
    silent = Silent()
    scripted.script.append(silent)
    return silent


def test_no_more_chunks_are_sent_than_may_be_in_flight(
    scripted: ScriptedServer, system: raphson.CompiledSystem, silent: Silent
) -> None:
    async def solve() -> raphson.BatchResult:
        async with aio.connect(scripted.address) as client:
            pending = asyncio.create_task(client.solve_batch(system, {"x": X}))
            await asyncio.sleep(0.5)
            assert len(silent.kept) == batch_solving.MOST_IN_FLIGHT
            assert (await client.solve("x = 1", {"x": 1.0})).converged
            silent.may_answer.set()
            return await pending

    assert np.array_equal(asyncio.run(solve()).x[:, 0], X)
    assert len(silent.kept) == len(X)


def test_a_slow_consumer_has_no_more_in_flight(
    scripted: ScriptedServer, system: raphson.CompiledSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody blocks the loop again and again, so that replies wait to be read."""
    unread: list[int] = []
    read = 0
    fill = batch_solving._fill

    def count(*arguments: Any) -> int:
        nonlocal read
        read += 1
        return fill(*arguments)

    def answer(chunks: Iterator[Any], _: grpc.ServicerContext) -> Iterator[Any]:
        for number, chunk in enumerate(chunks, start=1):
            unread.append(number - read)
            yield solved_at_start(chunk)

    async def solve() -> raphson.BatchResult:
        async with aio.connect(scripted.address) as client:
            pending = asyncio.create_task(client.solve_batch(system, {"x": X}))
            while not pending.done():
                time.sleep(0.005)  # noqa: ASYNC251 - the point of it
                await asyncio.sleep(0)
            return await pending

    monkeypatch.setattr(batch_solving, "_fill", count)
    scripted.script.append(answer)
    assert np.array_equal(asyncio.run(solve()).x[:, 0], X)
    assert len(unread) == len(X)
    # A chunk goes as soon as a reply has come, and before that is dealt with.
    assert 2 <= max(unread) <= batch_solving.MOST_IN_FLIGHT + 1


def test_cancelling_ends_the_call(scripted: ScriptedServer, system: raphson.CompiledSystem, silent: Silent) -> None:
    async def cancel() -> None:
        async with aio.connect(scripted.address) as client:
            pending = asyncio.create_task(client.solve_batch(system, {"x": X}))
            await asyncio.sleep(0.3)
            pending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await pending
            assert await asyncio.to_thread(silent.ended.wait, 2)
            silent.may_answer.set()
            assert (await client.solve_batch(system, {"x": X})).converged.all()

    asyncio.run(cancel())
    assert len(silent.kept) == batch_solving.MOST_IN_FLIGHT


def test_cancelling_frees_the_worker(server: Server) -> None:
    async def cancel() -> None:
        async with aio.connect(server.address) as client:
            hopeless = {"p": np.full(200_000, -1.0)}
            pending = asyncio.create_task(
                client.solve_batch("x**2 = p", {"x": 0.7}, hopeless, method="newton", max_iterations=10**6)
            )
            await asyncio.to_thread(wait_until, lambda: bool(server.busy_workers(0.05)), 20)
            pending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await pending
            await asyncio.to_thread(wait_until, lambda: not server.busy_workers(0.1), 2)

    workers = server.workers()
    asyncio.run(cancel())
    assert server.workers() == workers


def failing(after: int, code: grpc.StatusCode, reason: str) -> Any:
    """A conversation that fails after so many chunks."""

    def action(chunks: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        for _ in range(after):
            yield solved_at_start(next(chunks))
        next(chunks)
        context.set_trailing_metadata((("grpc-status-details-bin", packed(ErrorInfo(reason=reason))),))
        context.abort(code, reason)

    return action


@pytest.mark.parametrize(
    ("code", "reason", "compiled"),
    [
        (grpc.StatusCode.NOT_FOUND, "SYSTEM_NOT_CACHED", 2),
        (grpc.StatusCode.UNAVAILABLE, "WORKER_LOST", 1),
        (grpc.StatusCode.UNAVAILABLE, "NOT_SERVING", 1),
    ],
)
def test_what_is_not_solved_is_sent_again(
    scripted: ScriptedServer, system: raphson.CompiledSystem, code: grpc.StatusCode, reason: str, compiled: int
) -> None:
    async def solve() -> raphson.BatchResult:
        async with aio.connect(scripted.address) as client:
            return await client.solve_batch(system, {"x": X})

    scripted.script.append(failing(40, code, reason))
    result = asyncio.run(solve())
    assert np.array_equal(result.x[:, 0], X)
    kinds = [type(request).__name__ for request in scripted.requests]
    assert kinds.count("CompileRequest") == compiled
    assert kinds.count("SolveBatchRequest") <= len(X) + batch_solving.MOST_IN_FLIGHT


def test_a_deadline_that_passes_is_told(
    scripted: ScriptedServer, system: raphson.CompiledSystem, silent: Silent
) -> None:
    async def solve() -> None:
        async with aio.connect(scripted.address) as client:
            with pytest.raises(raphson.DeadlineExceededError, match=r"within 0\.\d+ s"):
                await client.solve_batch(system, {"x": X}, timeout_seconds=0.3)

    asyncio.run(solve())
    assert silent.ended.wait(2)
    silent.may_answer.set()


def test_a_bar_is_shown(
    scripted: ScriptedServer, system: raphson.CompiledSystem, capsys: pytest.CaptureFixture[str]
) -> None:
    async def solve() -> None:
        async with aio.connect(scripted.address) as client:
            await client.solve_batch(system, {"x": X})
            assert capsys.readouterr().err == ""
            await client.solve_batch(system, {"x": X}, progress=True)

    asyncio.run(solve())
    assert "100/100" in capsys.readouterr().err


def test_batches_side_by_side(client: raphson.Client) -> None:
    async def solve() -> list[raphson.BatchResult]:
        async with aio.connect(client.address) as awaited:
            return await asyncio.gather(
                *[awaited.solve_batch("x**2 = p", {"x": 1.0}, {"p": k + np.arange(1.0, 20_001)}) for k in range(4)]
            )

    for k, result in enumerate(asyncio.run(solve())):
        assert np.allclose(result["x"], np.sqrt(k + np.arange(1.0, 20_001)), rtol=1e-11)
