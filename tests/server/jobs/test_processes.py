"""What becomes of jobs when processes end, by kill -9 or SIGTERM, and of callers that stop reading."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from raphson.v1 import job_pb2, job_pb2_grpc
from raphson_server.jobs.description import JobDescription
from raphson_server.jobs.record import JobState
from raphson_server.jobs.store import Store

from benchmarks.job_faults import VICTIMS, run_faults
from tests.server.jobs.job_calls import check_circle, circle, job_server, slow, state_name, write_input
from tests.server.own_service import own_service
from tests.server.running import START_SECONDS, has_ended, wait_until

SERVE = [sys.executable, "-m", "raphson_server", "serve", "--address", "127.0.0.1:0", "--workers", "1"]


def test_no_row_is_lost_or_twice_whoever_is_killed(tmp_path: Path) -> None:
    """As the benchmark does twenty times: the server, a process that solves, the one that coordinates."""
    faults = list(run_faults(tmp_path, 3, rows=20_000, chunk_rows=250))
    assert [fault.victim for fault in faults] == list(VICTIMS[:3])
    for fault in faults:
        assert (fault.state, fault.lost, fault.twice, fault.wrong, fault.jobs) == ("succeeded", 0, 0, 0, 1)


def test_two_servers_on_one_store(tmp_path: Path) -> None:
    """Each job is run once; a server that stops hands its job to the other, and leaves no process behind."""
    with job_server(tmp_path) as first, job_server(tmp_path) as second:
        servers = [first, second]
        source = first.folder / "in.parquet"
        radii = write_input(source, 1_000)
        made = [servers[i % 2].create(circle(source, first.folder / f"out{i}.parquet")) for i in range(2)]
        for i, job in enumerate(made):
            ended = servers[(i + 1) % 2].finish(job.name)
            assert (state_name(ended), ended.progress.rows_done) == ("SUCCEEDED", 1_000)
            check_circle(first.folder / f"out{i}.parquet", radii)
        long = first.create(slow(source, first.folder / "long.parquet", iterations=15_000))
        first.wait_for(long.name, lambda job: job.progress.rows_done > 0)
        with Store(str(first.store / "jobs.sqlite")) as store:
            owner = store.get(long.name).owner
            stopping, other = servers if str(first.process("runner")) in owner.split("|") else servers[::-1]
            processes = stopping.server.workers()
            stopping.server.process.send_signal(signal.SIGTERM)
            assert stopping.server.process.wait(10) == 0
            wait_until(lambda: all(map(has_ended, processes)), 5)
            # Less than a lease, which is not waited for.
            ended = other.finish(long.name)
            assert (state_name(ended), ended.progress.rows_done) == ("SUCCEEDED", 1_000)
            assert owner != store.get(long.name).owner
            records, _ = store.list()
            assert {record.name for record in records} == {job.name for job in [*made, long]}
            for record in records:
                assert sum(chunk.rows for chunk in store.chunks_done(record.name).values()) == 1_000


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        (["--jobs", "/proc/nowhere"], 1, "cannot keep jobs"),
        (["--jobs", "mysql://host/db"], 1, "expected a path, sqlite:///… or postgresql://…"),
        (["--job-files", "/data"], 2, "jobs is empty"),
        (["--jobs", "kept", "--job-files", "data"], 2, "expected an absolute path"),
        (["--jobs", "kept", "--job-files", "/"], 2, "callers could overwrite it"),
        (["--jobs", "kept", "--jobs-on", "ray://host:1"], 2, "expected dask://host:port"),
        (["--jobs", "kept", "--job-lease-seconds", "0"], 2, "job_lease_seconds is 0"),
    ],
)
def test_jobs_that_cannot_be_kept(tmp_path: Path, flags: list[str], code: int, words: str) -> None:
    run = subprocess.run(
        [*SERVE, *flags], capture_output=True, text=True, timeout=START_SECONDS, check=False, cwd=tmp_path
    )
    assert (run.returncode, words in run.stderr) == (code, True), run.stderr
    assert "Traceback" not in run.stderr


def test_a_password_is_on_no_command_line() -> None:
    """What processes are told of the store goes through a pipe; here they cannot reach it, and say so without it."""
    url = "postgresql://somebody:unspeakable@127.0.0.1:1/db"
    run = subprocess.run(
        SERVE,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
        env=os.environ | {"RAPHSON_SERVE_JOBS": url},
    )
    assert run.returncode == 1
    assert "127.0.0.1" in run.stderr
    assert "unspeakable" not in run.stderr


def test_readers_that_stop_reading(tmp_path: Path) -> None:
    """Their calls end after the server's patience, and make room when they hear of it; nobody is held up meanwhile."""
    files, kept = tmp_path / "files", tmp_path / "kept"
    for folder in (files, kept):
        folder.mkdir()
    target = files / "out.parquet"
    pq.write_table(pa.table({f"x{i}": np.random.default_rng(i).normal(size=300_000) for i in range(4)}), target)
    with Store(str(kept / "jobs.sqlite")) as store:
        # As a job has left it.
        name = store.create(JobDescription(definition=b"", input_url="/none/in.csv", output_url=str(target))).name
        store.claim("the test", 60.0)
        store.finish(name, "the test", JobState.SUCCEEDED)
    choices: dict[str, Any] = {"jobs": str(kept), "job_files": (str(files), "/none")}
    with contextlib.ExitStack() as stack:
        mortal = stack.enter_context(own_service(**choices, job_processes=1, reader_patience_seconds=0.5))
        # So that the reader's side takes little by itself: else a fast machine's windows hold all the results.
        small = (("grpc.http2.lookahead_bytes", 1024), ("grpc.http2.bdp_probe", 0))
        channel = stack.enter_context(contextlib.closing(grpc.insecure_channel(mortal.address, small)))
        stub: Any = job_pb2_grpc.JobServiceStub(channel)
        request = job_pb2.ReadResultsRequest(name=name)
        taken = mortal.service._jobs._seats._taken
        stalled = stub.ReadResults(request, timeout=60)
        assert next(stalled).rows
        assert taken.total() == 1
        assert stub.GetJob(job_pb2.GetJobRequest(name=name), timeout=5).done
        wait_until(mortal.is_idle, 10)
        with pytest.raises(grpc.RpcError, match=r"nothing of this stream was taken for 0\.5 s") as caught:
            list(stalled)
        assert caught.value.code() == grpc.StatusCode.CANCELLED
        wait_until(lambda: not taken, 10)
        # A reader that takes its time, but takes, is not cut off.
        rows = []
        for reply in stub.ReadResults(request, timeout=60):
            rows.append(reply.rows)
            time.sleep(0.1)
        assert sum(rows) == 300_000
        assert 4 * 8 * max(rows) <= 1 << 20
