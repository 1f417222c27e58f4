"""Jobs on a Dask cluster of several processes, some of which are killed."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import distributed
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from raphson.v1.system_pb2 import Parameter, System, Variable
from raphson_server.cli import main
from raphson_server.jobs.description import JobDescription
from raphson_server.jobs.errors import JobError, JobErrorCode
from raphson_server.jobs.executor import Chunk
from raphson_server.jobs.local import LocalExecutor
from raphson_server.jobs.on_dask import DaskExecutor
from raphson_server.jobs.record import JobRecord, JobState
from raphson_server.jobs.run import run
from raphson_server.jobs.store import Store

from tests.server.jobs.cluster import Cluster, running_cluster
from tests.server.running import wait_until

ROWS = 24_000
CHUNK_ROWS = 1_000
OWNER = "the test"
LEASE_SECONDS = 30.0

NONSENSE = Chunk(number=7, first_row=700, row_count=100, plan=b"no plan", rows=b"")
CIRCLE = System(
    equations=["x**2 + y**2 = r**2", "exp(x) + y = 1"],
    variables=[Variable(name="x"), Variable(name="y")],
    parameters=[Parameter(name="r")],
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of three workers; tests kill some, the last of them all."""
    with running_cluster(tmp_path_factory.mktemp("dask"), 3) as started:
        yield started


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(str(tmp_path / "store.sqlite")) as opened:
        yield opened


@pytest.fixture
def claimed(tmp_path: Path, store: Store) -> Callable[[], JobRecord]:
    """The way to a job that is claimed."""
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table({"r": np.linspace(1, 3, ROWS), "row": np.arange(ROWS)}), path)
    numbers = iter(range(10))

    def claim() -> JobRecord:
        store.create(
            JobDescription(
                definition=CIRCLE.SerializeToString(),
                input_url=str(path),
                output_url=str(tmp_path / f"out{next(numbers)}.parquet"),
                start={"x": 1.0, "y": -1.7},
                carry=("row",),
                chunk_rows=CHUNK_ROWS,
            )
        )
        record = store.claim(OWNER, LEASE_SECONDS)
        assert record is not None
        return record

    return claim


def check_whole(record: JobRecord) -> pa.Table:
    """Every row once, in order, and a root: by the equations themselves. Return the output."""
    assert (record.state, record.error_message) == (JobState.SUCCEEDED, "")
    table = pq.read_table(record.description.output_url)
    assert np.array_equal(table["row"], np.arange(ROWS))
    x, y, r = table["x"].to_numpy(), table["y"].to_numpy(), np.linspace(1, 3, ROWS)
    assert np.abs(x**2 + y**2 - r**2).max() < 1e-11
    assert np.abs(np.exp(x) + y - 1).max() < 1e-11
    return table


def killing(pid: int, after_rows: int) -> Callable[[Any], None]:
    """Return what kills a process once so many rows were committed."""
    left = [pid]

    def look(progress: Any) -> None:
        if progress.rows_now >= after_rows and left:
            os.kill(left.pop(), signal.SIGKILL)

    return look


def test_the_same_rows_as_here(cluster: Cluster, store: Store, claimed: Callable[[], JobRecord]) -> None:
    with DaskExecutor(cluster.address) as executor:
        assert executor.most_in_flight == 6
        there = run(claimed(), store, OWNER, executor)
    with LocalExecutor(1) as local:
        here = run(claimed(), store, OWNER, local)
    first, second = check_whole(there), check_whole(here)
    assert first.schema.equals(second.schema, check_metadata=True)
    assert first["status"].equals(second["status"])
    for name in ("x", "y"):
        np.testing.assert_array_max_ulp(first[name].to_numpy(), second[name].to_numpy(), maxulp=8)


def test_from_the_command_line(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "model.toml").write_text('equations = ["x**2 = r"]\n[start]\nx = 1.0\n')
    (tmp_path / "in.csv").write_text("r\n4.0\n9.0\n")
    files = [str(tmp_path / name) for name in ("model.toml", "in.csv", "out.csv")]
    result = CliRunner().invoke(main, ["batch", *files[:2], "-o", files[2], "--on", cluster.address])
    assert result.exit_code == 0, result.output
    found = np.genfromtxt(files[2], delimiter=",", names=True, dtype=None, encoding=None)
    assert np.allclose(found["x"], [2.0, 3.0], rtol=1e-14, atol=0)


def test_a_lost_worker_loses_no_row(cluster: Cluster, store: Store, claimed: Callable[[], JobRecord]) -> None:
    """One of three is killed with chunks on it, which the others then solve."""
    victim = cluster.workers[0]
    with DaskExecutor(cluster.address) as executor:
        record = run(claimed(), store, OWNER, executor, killing(victim.pid, 3 * CHUNK_ROWS))
    assert victim.wait(10) == -signal.SIGKILL
    check_whole(record)
    assert sum(chunk.rows for chunk in store.chunks_done(record.name).values()) == ROWS


def test_what_a_chunk_raises_is_told(cluster: Cluster) -> None:
    with DaskExecutor(cluster.address) as executor, pytest.raises(pa.ArrowInvalid):
        executor.submit(NONSENSE).result(20)
    assert cluster.workers[1].poll() is None


def test_a_chunk_that_ends_its_workers(tmp_path: Path) -> None:
    """A cluster that forgives no loss: whoever waits is told which rows it was."""
    with running_cluster(tmp_path, 1, allowed_failures=0) as strict, DaskExecutor(strict.address) as executor:
        (worker,) = strict.workers
        worker.send_signal(signal.SIGSTOP)
        answer = executor.submit(NONSENSE)
        # Killed once the scheduler has given it the chunk.
        with distributed.Client(strict.address.replace("dask", "tcp"), set_as_default=False) as client:
            wait_until(lambda: any(map(len, client.processing().values())), 10)
        worker.kill()
        with pytest.raises(JobError) as caught:
            answer.result(20)
    assert caught.value.code is JobErrorCode.WORKER_LOST
    assert "rows 700 to 799 (chunk 7)" in caught.value.message


def test_a_lost_scheduler_is_an_error_to_resume_from(
    cluster: Cluster, store: Store, claimed: Callable[[], JobRecord]
) -> None:
    with DaskExecutor(cluster.address) as executor:
        record = run(claimed(), store, OWNER, executor, killing(cluster.scheduler.pid, 3 * CHUNK_ROWS))
    assert record.state is JobState.FAILED
    assert record.error_code == JobErrorCode.EXECUTOR_LOST
    assert "scheduler was lost" in record.error_message
    assert "resume" in record.error_message
    assert 3 * CHUNK_ROWS <= record.rows_done < ROWS
    store.resume(record.name)
    again = store.claim(OWNER, LEASE_SECONDS)
    assert again is not None
    solved_now: list[int] = []
    with LocalExecutor(1) as local:
        ended = run(again, store, OWNER, local, lambda progress: solved_now.append(progress.rows_now))
    check_whole(ended)
    assert solved_now[-1] == ROWS - record.rows_done


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"dask://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(JobError) as caught, DaskExecutor(address, connect_seconds=0.5):
        pass
    assert caught.value.code is JobErrorCode.EXECUTOR_LOST
    assert address in caught.value.message
    assert "no scheduler answers" in caught.value.message


def test_no_workers(tmp_path: Path) -> None:
    with (
        running_cluster(tmp_path, 0) as empty,
        pytest.raises(JobError, match="has no workers"),
        DaskExecutor(empty.address, connect_seconds=1.0),
    ):
        pass
