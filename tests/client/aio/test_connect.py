"""`raphson.aio.connect`: a server elsewhere, or one of our own, started while other tasks run."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
from typing import IO, Any

import pytest
import raphson
from raphson import aio, embedded


def test_the_names_of_the_package() -> None:
    assert aio.__all__ == ["Branch", "Client", "RootSearch", "connect"]
    assert raphson.aio is aio


def test_a_server_of_our_own_starts_while_other_tasks_run() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0.01)

    async def use() -> Any:
        counting = asyncio.create_task(count())
        async with aio.connect() as client:
            assert turns > 10
            assert repr(client).startswith("<raphson.aio client of the embedded server at 127.0.0.1:")
            assert (await client.solve("x**2 = 2", {"x": 1.0})).converged
        counting.cancel()
        assert client._server is not None
        return client._server._process

    assert asyncio.run(use()).poll() is not None


@pytest.fixture
def never_ready(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """Let a process that never announces itself stand for the server."""
    started: list[subprocess.Popen[bytes]] = []

    def start(announcement: int, stderr: IO[bytes]) -> subprocess.Popen[bytes]:
        program = textwrap.dedent("import time; time.sleep(60)")
        process = subprocess.Popen([sys.executable, "-c", program], stderr=stderr, pass_fds=(announcement,))
        started.append(process)
        return process

    monkeypatch.setattr(embedded, "start_process", start)
    return started


def test_cancelling_a_start_leaves_no_server(never_ready: list[subprocess.Popen[bytes]]) -> None:
    async def enter() -> None:
        async with aio.connect():
            pytest.fail("nothing is ready")

    async def cancel() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await enter()
        assert never_ready[0].poll() is not None

    asyncio.run(cancel())


def test_a_server_that_is_not_ready_in_time(never_ready: list[subprocess.Popen[bytes]]) -> None:
    async def enter() -> None:
        async with aio.connect(start_timeout_seconds=0.2):
            pytest.fail("nothing is ready")

    with pytest.raises(raphson.EmbeddedServerError, match=r"did not become ready within 0\.2 s"):
        asyncio.run(enter())
    assert never_ready[0].poll() is not None


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"address": "localhost"}, "address"),
        ({"address": 50551}, "address"),
        ({"address": "localhost:1", "timeout_seconds": 0}, "timeout_seconds"),
        ({"start_timeout_seconds": "soon"}, "start_timeout_seconds"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: dict[str, Any], field: str) -> None:
    async def enter() -> None:
        async with aio.connect(**arguments):
            pytest.fail("it was accepted")

    with pytest.raises(raphson.InvalidRequestError) as caught:
        asyncio.run(enter())
    assert caught.value.fields[0].field == field


def test_nobody_at_the_address_is_told_soon() -> None:
    async def call() -> None:
        async with aio.connect("127.0.0.1:1", timeout_seconds=10.0) as client:
            await client.solve("x = 1", {"x": 0.0})

    with pytest.raises(raphson.ServerUnavailableError, match=r"no server answers at 127\.0\.0\.1:1"):
        asyncio.run(call())
