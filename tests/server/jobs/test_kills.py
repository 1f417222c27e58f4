"""kill -9 at random moments: no row is lost, none comes twice, and nothing is done twice for long."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

import numpy as np
import pytest

from tests.server.jobs.killing import work
from tests.server.jobs.working import CIRCLE, CIRCLE_START, describe, directly, left_in, radii, read_table, write_table

ROWS = 600
MOST_SECONDS = 0.05
MOST_RUNS = 40


@pytest.fixture(scope="module")
def ready() -> Iterator[ForkServerContext]:
    """Return what starts processes that have imported everything: a kill then finds them at work."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.server.jobs.killing"])
    yield context
    multiprocessing.forkserver._forkserver._stop()  # type: ignore[attr-defined]


def killed_when(process: ForkServerProcess, folder: Path, chunks: int, delay: float) -> bool:
    """Kill a process some time after so many chunks are committed; return False if it was done before."""
    while process.exitcode is None and len(committed(folder)) < chunks:
        process.join(0.005)
    process.join(delay)
    if process.exitcode is None:
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
    return process.exitcode == -signal.SIGKILL


def committed(folder: Path) -> list[int]:
    """Return the numbers of the chunks that the store has, as often as it has them."""
    path = folder / "out.parquet.raphson-job" / "jobs.sqlite"
    if not path.exists():
        return []
    with closing(sqlite3.connect(path)) as connection:
        try:
            return [number for (number,) in connection.execute("SELECT number FROM raphson_chunks ORDER BY number")]
        except sqlite3.OperationalError:
            # Killed before there was a table.
            return []


@pytest.mark.parametrize("seed", [1])
def test_a_job_that_is_killed_again_and_again_is_done_in_the_end(
    tmp_path: Path, ready: ForkServerContext, seed: int
) -> None:
    table = radii(ROWS, seed)
    write_table(table, tmp_path / "in.parquet")
    description = describe(tmp_path, CIRCLE, carry=("id",), chunk_rows=25).to_json()
    draw = random.Random(seed)
    killed = 0
    done: list[int] = []
    for _ in range(MOST_RUNS):
        process = ready.Process(target=work, args=(description,))
        process.start()
        if not killed_when(process, tmp_path, len(done) + draw.randint(2, 10), draw.uniform(0.0, MOST_SECONDS)):
            assert process.exitcode == 0
            break
        killed += 1
        if (tmp_path / "out.parquet").exists() and not (tmp_path / "out.parquet.raphson-job").exists():
            # Killed on its way out, when all was done.
            break
        now = committed(tmp_path)
        assert len(set(now)) == len(now)
        assert set(done) <= set(now) or not now
        done = now
        assert read_or_none(tmp_path / "out.parquet") in {None, ROWS}
    else:
        process = ready.Process(target=work, args=(description,))
        process.start()
        process.join()
        assert process.exitcode == 0
    assert killed >= 2
    found = read_table(tmp_path / "out.parquet")
    assert found["id"].to_pylist() == list(range(ROWS))
    direct = directly(CIRCLE, CIRCLE_START, table)
    np.testing.assert_allclose(found["x"].to_numpy(), direct["x"], rtol=1e-13)
    np.testing.assert_allclose(found["y"].to_numpy(), direct["y"], rtol=1e-13)
    assert left_in(tmp_path) == ["in.parquet", "out.parquet"]


def read_or_none(path: Path) -> int | None:
    """Return how many rows an output has; None while there is none."""
    return len(read_table(path)) if path.exists() else None
