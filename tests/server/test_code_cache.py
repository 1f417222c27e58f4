"""Machine code on disk, as a server's operator chooses it, and sees it."""

from __future__ import annotations

import itertools

import pytest
import raphson_solver as rs
from raphson_server.configuration import ServerConfig
from raphson_solver.compiler import object_files

from tests.server.calling import by_text
from tests.server.running import Server, running_server, wait_until

HITS, MISSES = "raphson_code_cache_hits_total", "raphson_code_cache_misses_total"
METRICS = ("--metrics-address", "127.0.0.1:0")


def solve(server: Server, name: str = "x", times: int = 4) -> None:
    """Solve a system until it is compiled in the background; by another name it is another one, with the same code."""
    for _ in range(times):
        server.solve(by_text(f"{name}**2 + exp({name}) = 3.0625", start={name: 1.0}))


def test_the_server_has_the_solvers_default() -> None:
    assert ServerConfig().code_cache_bytes == object_files.DEFAULT_BYTES


def test_what_workers_find_on_disk_is_counted() -> None:
    # This process, at the latest, has left the interpreter there.
    rs.warm_up()
    with running_server(*METRICS) as server:
        solve(server, times=1)
        wait_until(lambda: server.metrics()[HITS] >= 1, 5)

        # The background needs a moment, and tells with the next reply.
        names = (f"y{number}" for number in itertools.count())

        def grows() -> bool:
            before = server.metrics()[HITS]
            solve(server, next(names))
            return server.metrics()[HITS] > before

        solve(server, "first")
        wait_until(grows, 20)


def test_switched_off_all_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    # The setting is what counts in a server.
    monkeypatch.setenv(object_files.VARIABLE, "1000000")
    with running_server(*METRICS, "--code-cache-bytes", "0") as server:
        names = (f"y{number}" for number in itertools.count())

        def grows() -> bool:
            before = server.metrics()[MISSES]
            solve(server, next(names))
            return server.metrics()[MISSES] > before

        wait_until(grows, 20)
        wait_until(grows, 20)
        assert server.metrics()[HITS] == 0
