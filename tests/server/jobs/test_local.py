"""Chunks solved by processes of this machine: one that is lost is replaced, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, wait
from pathlib import Path

import pyarrow as pa
import pytest
from raphson_server.jobs.errors import JobError, JobErrorCode
from raphson_server.jobs.executor import Chunk, ChunkResult
from raphson_server.jobs.local import LocalExecutor
from raphson_server.jobs.record import JobState
from raphson_server.jobs.solve_chunk import solve_chunk, write_plan, write_rows
from raphson_server.jobs.store import Store

from tests.server.jobs.working import CIRCLE, describe, radii, read_table, run_job, write_table

SECONDS = 60.0
# A system that takes the engine a while: no root, and so every attempt, for each row.
SLOW = type(CIRCLE)(
    equations=["x**2 + 1 = a*0", "y**2 + x**2 + exp(y*x) = a - 9"],
    variables=[{"name": "x"}, {"name": "y"}],
    parameters=[{"name": "a"}],
)


def chunk_of(table: pa.Table, folder: Path, number: int = 0, system: type = CIRCLE) -> Chunk:
    batch = table.combine_chunks().to_batches()[0]
    start = {"x": 1.0, "y": -1.7}
    plan = write_plan(describe(folder, system, start=start), batch.slice(0, 64), in_lanes=False)
    first_row = 100 * number
    return Chunk(
        number=number,
        first_row=first_row,
        row_count=batch.num_rows,
        plan=plan,
        rows=write_rows(batch, first_row),
    )


def slow(folder: Path, rows: int) -> Chunk:
    return chunk_of(pa.table({"a": [0.5] * rows}), folder, 7, SLOW)


@pytest.fixture
def two() -> Iterator[LocalExecutor]:
    with LocalExecutor(2) as executor:
        yield executor


def started(executor: LocalExecutor, count: int = 1) -> list[int]:
    end = time.monotonic() + SECONDS
    while len(executor.pids) < count:
        assert time.monotonic() < end
        time.sleep(0.01)
    return executor.pids


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_processes_give_what_this_one_gives_and_errors_come_back(tmp_path: Path, two: LocalExecutor) -> None:
    chunks = [chunk_of(radii(100, seed).drop(["id"]), tmp_path, seed) for seed in range(5)]
    futures = [two.submit(chunk) for chunk in chunks]
    ragged = chunk_of(pa.table({"r": [[1.0]]}), tmp_path, 3)
    wrong = two.submit(ragged)
    for chunk, future in zip(chunks, futures, strict=True):
        here, there = solve_chunk(chunk.plan, chunk.rows), future.result(SECONDS)
        assert there.part == here.part
        assert (there.rows, there.status_counts) == (100, {"converged": 100})
    with pytest.raises(JobError, match=r"column 'r' is list<.*>; expected numbers") as raised:
        wrong.result(SECONDS)
    assert raised.value.code is JobErrorCode.INVALID_COLUMNS
    assert two.submit(chunks[0]).result(SECONDS).part == futures[0].result().part


def test_a_chunk_whose_process_is_killed_is_solved_by_another(tmp_path: Path) -> None:
    with LocalExecutor(1) as executor:
        before = executor.submit(chunk_of(radii(100).drop(["id"]), tmp_path)).result(SECONDS)
        future: Future[ChunkResult] = executor.submit(chunk_of(radii(100).drop(["id"]), tmp_path))
        os.kill(started(executor)[0], signal.SIGKILL)
        assert future.result(SECONDS).part == before.part


def test_a_chunk_that_ends_three_processes_is_told_by_its_rows(tmp_path: Path) -> None:
    with LocalExecutor(1) as executor:
        future = executor.submit(slow(tmp_path, 100_000))
        seen: set[int] = set()
        while not future.done():
            for pid in set(executor.pids) - seen:
                seen.add(pid)
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)
        with pytest.raises(
            JobError, match=r"rows 700 to 100,699 \(chunk 7\) ended their worker 3 times \(SIGKILL"
        ) as it:
            future.result()
        assert it.value.code is JobErrorCode.WORKER_LOST
        assert len(seen) == 3
        # The executor goes on with others.
        assert executor.submit(chunk_of(radii(10).drop(["id"]), tmp_path)).result(SECONDS).rows == 10


@pytest.mark.alone
def test_leaving_stops_what_is_under_way_at_once(tmp_path: Path) -> None:
    with LocalExecutor(2) as executor:
        futures = [executor.submit(slow(tmp_path, 100_000)) for _ in range(4)]
        pids = started(executor, 2)
        began = time.monotonic()
    assert time.monotonic() - began < 1.0
    wait(futures, 1.0)
    assert not any(map(is_running, pids))
    assert all(future.cancelled() or future.exception() is not None for future in futures[:2])


def test_a_job_survives_the_loss_of_its_workers(tmp_path: Path, store: Store) -> None:
    write_table(radii(3000), tmp_path / "in.parquet")
    executor = LocalExecutor(2)
    killed: list[int] = []

    def kill(_: object) -> None:
        pids = [pid for pid in executor.pids if pid not in killed]
        if pids and len(killed) < 2:
            killed.append(pids[0])
            os.kill(pids[0], signal.SIGKILL)

    ended = run_job(describe(tmp_path, CIRCLE, carry=("id",)), store, executor, on_progress=kill)
    assert (ended.state, ended.rows_done) == (JobState.SUCCEEDED, 3000)
    assert len(killed) == 2
    assert read_table(tmp_path / "out.parquet")["id"].to_pylist() == list(range(3000))
