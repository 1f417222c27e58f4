"""JobService over a real socket: what it does, and what it refuses before anything is queued."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import grpc
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from raphson.v1 import job_pb2
from raphson.v1.solver_pb2 import JACOBIAN_MODE_CENTRAL, STATUS_CONVERGED, STATUS_DOMAIN_ERROR, SolveOptions
from raphson.v1.system_pb2 import JacobianRow, System, Variable
from raphson_server.configuration import ServerConfig
from raphson_server.frames import Method
from raphson_server.front_end.jobs import Jobs
from raphson_server.jobs.record import JobState
from raphson_server.jobs.store import Store

from tests.server.calling import named, problem
from tests.server.jobs.job_calls import (
    JOB_SECONDS,
    JobServer,
    check_circle,
    circle,
    job_server,
    slow,
    state_name,
    write_input,
)
from tests.server.running import START_SECONDS, TICK_SECONDS, children, cpu_seconds, has_ended, wait_until

ROWS = 2_000
ONE = [Variable(name="x")]
NAMED = {
    "GetJob": job_pb2.GetJobRequest,
    "WatchJob": job_pb2.WatchJobRequest,
    "CancelJob": job_pb2.CancelJobRequest,
    "ResumeJob": job_pb2.ResumeJobRequest,
    "DeleteJob": job_pb2.DeleteJobRequest,
    "ReadResults": job_pb2.ReadResultsRequest,
}
EVERY = {**NAMED, "CreateJob": job_pb2.CreateJobRequest, "ListJobs": job_pb2.ListJobsRequest}


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobServer]:
    """A server with jobs, and a table of radii; tests leave no job running."""
    metrics = ("--metrics-address", "127.0.0.1:0")
    with job_server(tmp_path_factory.mktemp("jobs"), *metrics, stderr=subprocess.DEVNULL) as started:
        write_input(started.folder / "in.parquet", ROWS)
        yield started


@pytest.fixture
def paths(jobs: JobServer, request: pytest.FixtureRequest) -> tuple[Path, Path]:
    """The table, and an output of the test's own."""
    name = "".join(letter if letter.isalnum() else "-" for letter in request.node.name)
    return jobs.folder / "in.parquet", jobs.folder / f"{name}.parquet"


def listed(jobs: JobServer) -> list[str]:
    return [job.name for job in jobs.call("ListJobs", job_pb2.ListJobsRequest(page_size=1000)).jobs]


def test_a_job_from_its_beginning_to_its_rows(jobs: JobServer, paths: tuple[Path, Path]) -> None:
    made = jobs.create(circle(*paths))
    assert made.name.startswith("jobs/")
    assert (state_name(made), made.done, made.HasField("error")) == ("QUEUED", False, False)
    assert made.HasField("create_time")
    assert not made.HasField("start_time")
    seen = list(jobs.call("WatchJob", job_pb2.WatchJobRequest(name=made.name), JOB_SECONDS))
    done = [job.progress.rows_done for job in seen]
    assert done == sorted(done)
    assert [job.done for job in seen] == [False] * (len(seen) - 1) + [True]
    last = seen[-1]
    assert (state_name(last), last.progress.rows_total, done[-1]) == ("SUCCEEDED", ROWS, ROWS)
    assert [(count.status, count.rows) for count in last.progress.counts] == [(STATUS_CONVERGED, ROWS)]
    wait_until(lambda: jobs.server.metrics()["raphson_jobs state=succeeded"] >= 1, 10)
    times = [last.create_time, last.start_time, last.end_time]
    assert [time.ToNanoseconds() for time in times] == sorted(time.ToNanoseconds() for time in times)
    assert last.description.input.url == str(paths[0])
    assert last.description.chunk_rows == 500
    radii = np.linspace(1, 3, ROWS)
    check_circle(paths[1], radii)
    table = pq.read_table(paths[1])
    replies = list(jobs.call("ReadResults", job_pb2.ReadResultsRequest(name=made.name)))
    assert sum(reply.rows for reply in replies) == ROWS
    assert [column.name for column in replies[0].columns] == table.schema.names
    wanted = ["residual_norm", "x", "row", "status"]
    some = list(jobs.call("ReadResults", job_pb2.ReadResultsRequest(name=made.name, columns=wanted)))
    assert all([column.name for column in reply.columns] == wanted for reply in some)
    norms, x, rows, statuses = zip(*(reply.columns for reply in some), strict=True)
    assert np.array_equal(np.frombuffer(b"".join(part.numbers.data for part in norms)), table["residual_norm"])
    assert np.array_equal(np.frombuffer(b"".join(part.numbers.data for part in x)), table["x"])
    assert np.array_equal(np.frombuffer(b"".join(part.integers for part in rows), "<i8"), np.arange(ROWS))
    assert set(b"".join(part.statuses for part in statuses)) == {STATUS_CONVERGED}


def test_arrays_texts_and_rows_without_numbers(jobs: JobServer, paths: tuple[Path, Path]) -> None:
    """Arrays come in their shape, gaps are told, and a row that is not finite is a row with a status."""
    source = jobs.folder / "arrays.parquet"
    centres = [[1.0, 2.0], [3.0, float("nan")], [5.0, 6.0]]
    pq.write_table(pa.table({"c": pa.array(centres, pa.list_(pa.float64(), 2)), "tag": ["a", None, "c"]}), source)
    system = System(
        equations=["u[i] = c[i] + 1 for i in range(2)"],
        variables=[Variable(name="u", shape=[2])],
        parameters=[{"name": "c", "shape": [2]}],
    )
    made = jobs.create(
        circle(source, paths[1], definition=system, start=named({"u": [0.0, 0.0]}), carry=["*"], chunk_rows=2)
    )
    ended = jobs.finish(made.name)
    assert state_name(ended) == "SUCCEEDED"
    counts = {count.status: count.rows for count in ended.progress.counts}
    assert counts == {STATUS_CONVERGED: 2, STATUS_DOMAIN_ERROR: 1}
    columns: dict[str, list[Any]] = {}
    for reply in jobs.call("ReadResults", job_pb2.ReadResultsRequest(name=made.name)):
        for column in reply.columns:
            columns.setdefault(column.name, []).append(column)
    assert [list(part.texts.values) for part in columns["tag"]] == [["a", ""], ["c"]]
    assert [list(part.texts.missing) for part in columns["tag"]] == [[1], []]
    assert [list(part.numbers.shape) for part in columns["u"]] == [[2, 2], [1, 2]]
    first, last = (np.frombuffer(part.numbers.data).reshape(-1, 2) for part in columns["u"])
    assert np.allclose(first[0], [2, 3], rtol=1e-14, atol=0)
    assert np.allclose(last[0], [6, 7], rtol=1e-14, atol=0)


def test_a_request_that_is_sent_twice_makes_one_job(jobs: JobServer, paths: tuple[Path, Path]) -> None:
    before = len(listed(jobs))
    made = jobs.create(circle(*paths), "abc-1")
    assert jobs.create(circle(*paths), "abc-1").name == made.name
    jobs.finish(made.name)
    # Its output is there by now, which would be refused to another request.
    assert jobs.create(circle(*paths), "abc-1").name == made.name
    assert len(listed(jobs)) == before + 1
    other = job_pb2.CreateJobRequest(description=circle(*paths, chunk_rows=7), request_id="abc-1")
    refused = jobs.refusal("CreateJob", other)
    assert (refused.code, refused.reason) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_USED")
    assert refused.field == "request_id"
    assert made.name in refused.message
    malformed = jobs.refusal("CreateJob", job_pb2.CreateJobRequest(description=circle(*paths), request_id="a b"))
    assert (malformed.code, malformed.field) == (grpc.StatusCode.INVALID_ARGUMENT, "request_id")


@pytest.mark.parametrize("method", NAMED)
@pytest.mark.parametrize("name", ["jobs/00000000000000000000000000", "jobs/' OR 1=1 --", "nothing", ""])
def test_names_of_no_job(jobs: JobServer, method: str, name: str) -> None:
    refused = jobs.refusal(method, NAMED[method](name=name))
    assert (refused.code, refused.reason, refused.field) == (grpc.StatusCode.NOT_FOUND, "JOB_NOT_FOUND", "name")


@pytest.mark.parametrize("method", EVERY)
def test_bytes_that_are_no_message(jobs: JobServer, method: str) -> None:
    make = (
        jobs.server.channel.unary_stream if method in {"WatchJob", "ReadResults"} else jobs.server.channel.unary_unary
    )
    call = make(f"/raphson.v1.JobService/{method}")
    with pytest.raises(grpc.RpcError) as caught:
        [*call(b"\xff\xff\xff", timeout=5)]
    refused = problem(caught.value)
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_MESSAGE")


def test_pages(jobs: JobServer, paths: tuple[Path, Path]) -> None:
    source, target = paths
    made = [jobs.create(circle(source, target.with_suffix(f".{i}.parquet"))).name for i in range(3)]
    found: list[str] = []
    token = ""
    while True:
        reply = jobs.call("ListJobs", job_pb2.ListJobsRequest(page_size=2, page_token=token))
        assert len(reply.jobs) <= 2
        found += [job.name for job in reply.jobs]
        token = reply.next_page_token
        if not token:
            break
    assert found == sorted(set(found), reverse=True) == listed(jobs)
    assert found[:3] == made[::-1]
    for request, field in (
        (job_pb2.ListJobsRequest(page_token="2"), "page_token"),
        (job_pb2.ListJobsRequest(page_token="'; DROP TABLE raphson_jobs"), "page_token"),
        (job_pb2.ListJobsRequest(page_size=-1), "page_size"),
    ):
        refused = jobs.refusal("ListJobs", request)
        assert (refused.code, refused.field) == (grpc.StatusCode.INVALID_ARGUMENT, field)
    for name in made:
        jobs.finish(name)


def test_places_that_are_not_allowed(jobs: JobServer, paths: tuple[Path, Path], tmp_path: Path) -> None:
    source, target = paths
    outside = tmp_path / "in.parquet"
    write_input(outside, 3)
    (jobs.folder / "way-out").symlink_to(tmp_path)
    (jobs.folder / "link.parquet").symlink_to(outside)
    before = listed(jobs)
    for field, given in (
        ("input", circle(outside, target)),
        ("input", circle(jobs.folder / "way-out" / "in.parquet", target)),
        ("input", circle(jobs.folder / "link.parquet", target)),
        ("input", circle(f"{jobs.folder}/../{jobs.folder.name}/in.parquet", target)),
        ("input", circle("in.parquet", target)),
        ("input", circle(f"file://{outside}", target)),
        ("input", circle(f"simplecache::file://{source}", target)),
        ("input", circle("s3://bucket/in.parquet", target)),
        ("input", circle(f"{source}\0", target)),
        ("output", circle(source, tmp_path / "out.parquet")),
        ("output", circle(source, jobs.folder / "way-out" / "out.parquet")),
        ("output", circle(source, f"{jobs.folder}-2/out.parquet")),
        ("output", circle(source, jobs.folder)),
    ):
        refused = jobs.refusal("CreateJob", job_pb2.CreateJobRequest(description=given))
        assert (refused.code, refused.reason) == (grpc.StatusCode.PERMISSION_DENIED, "PATH_NOT_ALLOWED"), given
        assert refused.field == f"description.{field}.url"
        assert repr(getattr(given, field).url) in refused.message
    assert str(jobs.folder) in refused.message
    assert listed(jobs) == before
    assert not list(tmp_path.glob("out*"))


def test_an_output_that_is_the_input(jobs: JobServer, paths: tuple[Path, Path]) -> None:
    source, target = paths
    content = source.read_bytes()
    os.link(source, target)
    (jobs.folder / "again.parquet").symlink_to(source)
    for output in (source, f"file://{source}", target, jobs.folder / "again.parquet"):
        given = job_pb2.CreateJobRequest(description=circle(source, output, overwrite=True))
        refused = jobs.refusal("CreateJob", given)
        assert (refused.code, refused.field) == (grpc.StatusCode.INVALID_ARGUMENT, "description.output.url")
        assert "is the input" in refused.message
    assert source.read_bytes() == content


def bad(name: str, **columns: Any) -> Callable[[Path], Path]:
    """Return what writes a table that is not what is wanted."""

    def write(folder: Path) -> Path:
        path = folder / f"{name}.parquet"
        pq.write_table(pa.table(columns), path)
        return path

    return write


def garbage(folder: Path) -> Path:
    path = folder / "garbage.parquet"
    path.write_bytes(b"PAR1 and then no table")
    return path


@pytest.mark.parametrize(
    ("write", "reason", "words"),
    [
        (bad("missing", row=[1]), "INVALID_COLUMNS", ["'r'"]),
        (bad("unknown", r=[1.0], row=[1], rr=[1.0]), "INVALID_COLUMNS", ["'rr'", "'r'"]),
        (bad("texts", r=["one"], row=[1]), "INVALID_COLUMNS", ["'r'", "string"]),
        (bad("uncarried", r=[1.0]), "INVALID_COLUMNS", ["'row'"]),
        (garbage, "INPUT_MALFORMED", ["garbage.parquet", "Parquet"]),
        (lambda folder: folder / "nowhere.parquet", "INPUT_UNREADABLE", ["nowhere.parquet"]),
    ],
    ids=["missing", "unknown", "texts", "uncarried", "garbage", "nowhere"],
)
def test_tables_are_refused_before_anything_is_queued(
    jobs: JobServer, paths: tuple[Path, Path], write: Callable[[Path], Path], reason: str, words: list[str]
) -> None:
    before = listed(jobs)
    given = job_pb2.CreateJobRequest(description=circle(write(jobs.folder), paths[1]))
    refused = jobs.refusal("CreateJob", given)
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, reason)
    assert refused.field is not None
    assert refused.field.startswith("description.input")
    assert all(word in refused.message for word in words), refused.message
    assert listed(jobs) == before
    assert not paths[1].exists()


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"definition": System(equations=["x**2 = ("], variables=[Variable(name="x")])}, "definition.equations[0]"),
        ({"definition": System(equations=["x = 1"])}, "definition.variables"),
        ({"definition": None}, "definition"),
        (
            {"definition": System(equations=["x = 1"], variables=ONE, jacobian=[JacobianRow(entries=["1 +"])])},
            "definition.jacobian[0].entries[0]",
        ),
        ({"definition": System(equations=["x = a"], variables=ONE)}, "definition.equations[0]"),
        ({"options": SolveOptions(return_jacobian=True)}, "options.return_jacobian"),
        ({"options": SolveOptions(timeout_seconds=1.0)}, "options.timeout_seconds"),
        ({"options": SolveOptions(jacobian=JACOBIAN_MODE_CENTRAL)}, "options.jacobian"),
        ({"start": [*named({"x": 1.0}), *named({"x": 1.0})]}, "start[x]"),
        ({"chunk_rows": -1}, "chunk_rows"),
    ],
)
def test_descriptions_that_make_no_sense(
    jobs: JobServer, paths: tuple[Path, Path], more: dict[str, Any], field: str
) -> None:
    refused = jobs.refusal("CreateJob", job_pb2.CreateJobRequest(description=circle(*paths, **more)))
    assert (refused.code, refused.field) == (grpc.StatusCode.INVALID_ARGUMENT, f"description.{field}")


def test_a_worker_is_sent_a_new_job_as_it_came(tmp_path: Path) -> None:
    """A message of many empty fields would hold up the loop, and with it everybody, for seconds."""
    sent: list[bytes] = []

    async def handle(body: bytes, _: object) -> bytes:
        sent.append(body)
        raise grpc.aio.AbortError

    async def test() -> None:
        forwarder = Mock(handler=Mock(return_value=handle))
        config = ServerConfig(workers=1, jobs=str(tmp_path / "kept"), job_files=(str(tmp_path / "files"),))
        jobs = Jobs(config, forwarder, Mock(), Mock(), Mock())
        with pytest.raises(grpc.aio.AbortError):
            await jobs.handlers()["CreateJob"].unary_unary(b"no message at all", Mock())
        forwarder.handler.assert_called_once_with(Method.COMPILE_JOB)
        await jobs.stop()

    asyncio.run(test())
    assert sent == [b"no message at all"]


def test_an_output_that_is_there(jobs: JobServer, paths: tuple[Path, Path]) -> None:
    source, target = paths
    target.write_bytes(b"somebody's")
    refused = jobs.refusal("CreateJob", job_pb2.CreateJobRequest(description=circle(source, target)))
    assert (refused.code, refused.reason) == (grpc.StatusCode.ALREADY_EXISTS, "OUTPUT_EXISTS")
    assert target.read_bytes() == b"somebody's"
    jobs.finish(jobs.create(circle(source, target, overwrite=True)).name)
    check_circle(target, np.linspace(1, 3, ROWS))


def test_cancel_resume_and_delete(jobs: JobServer, paths: tuple[Path, Path]) -> None:
    source, target = paths
    made = jobs.create(slow(source, target, iterations=6_000))
    running = jobs.wait_for(made.name, lambda job: job.progress.rows_done > 0)
    assert state_name(running) == "RUNNING"
    for method, words in (("DeleteJob", "cancel it"), ("ReadResults", "is running")):
        refused = jobs.refusal(method, NAMED[method](name=made.name))
        assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "JOB_STATE")
        assert words in refused.message
    began = time.monotonic()
    jobs.call("CancelJob", job_pb2.CancelJobRequest(name=made.name))
    cancelled = jobs.finish(made.name)
    assert time.monotonic() - began < 5
    assert state_name(cancelled) == "CANCELLED"
    assert 0 < cancelled.progress.rows_done < ROWS
    assert not target.exists()
    # Cancelling again changes nothing.
    assert jobs.call("CancelJob", job_pb2.CancelJobRequest(name=made.name)) == cancelled
    resumed = jobs.call("ResumeJob", job_pb2.ResumeJobRequest(name=made.name))
    assert (state_name(resumed), resumed.progress.rows_done) == ("QUEUED", cancelled.progress.rows_done)
    ended = jobs.finish(made.name)
    assert (state_name(ended), ended.progress.rows_done) == ("SUCCEEDED", ROWS)
    assert np.array_equal(pq.read_table(target)["row"], np.arange(ROWS))
    refused = jobs.refusal("ResumeJob", job_pb2.ResumeJobRequest(name=made.name))
    assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "JOB_STATE")
    jobs.call("DeleteJob", job_pb2.DeleteJobRequest(name=made.name))
    assert jobs.refusal("GetJob", job_pb2.GetJobRequest(name=made.name)).code == grpc.StatusCode.NOT_FOUND
    assert target.exists()
    assert not list(jobs.folder.glob(f"{target.name}.*"))


def test_a_job_that_fails_says_why_and_can_go_on(jobs: JobServer, paths: tuple[Path, Path]) -> None:
    """Its input goes away while another job runs, and comes back."""
    source, target = paths
    own = jobs.folder / "own.parquet"
    write_input(own, 700)
    before = jobs.create(slow(source, target.with_suffix(".slow.parquet")))
    made = jobs.create(circle(own, target))
    hidden = own.rename(own.with_suffix(".hidden"))
    jobs.call("CancelJob", job_pb2.CancelJobRequest(name=before.name))
    failed = jobs.finish(made.name)
    assert state_name(failed) == "FAILED"
    assert failed.error.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert str(own) in failed.error.message
    refused = jobs.refusal("ReadResults", job_pb2.ReadResultsRequest(name=made.name))
    assert refused.code == grpc.StatusCode.FAILED_PRECONDITION
    assert failed.error.message in refused.message
    hidden.rename(own)
    jobs.call("ResumeJob", job_pb2.ResumeJobRequest(name=made.name))
    ended = jobs.finish(made.name)
    assert (state_name(ended), ended.HasField("error")) == ("SUCCEEDED", False)
    check_circle(target, np.linspace(1, 3, 700))


def test_results_that_are_gone_or_not_there(jobs: JobServer, paths: tuple[Path, Path]) -> None:
    made = jobs.create(circle(*paths))
    jobs.finish(made.name)
    wrong = job_pb2.ReadResultsRequest(name=made.name, columns=["x", "Y"])
    refused = jobs.refusal("ReadResults", wrong)
    assert (refused.code, refused.field) == (grpc.StatusCode.INVALID_ARGUMENT, "columns[1]")
    paths[1].unlink()
    refused = jobs.refusal("ReadResults", job_pb2.ReadResultsRequest(name=made.name))
    assert (refused.code, refused.reason) == (grpc.StatusCode.NOT_FOUND, "OUTPUT_GONE")
    assert str(paths[1]) in refused.message


def test_a_watch_that_is_cancelled_leaves_the_job_alone(jobs: JobServer, paths: tuple[Path, Path]) -> None:
    made = jobs.create(slow(*paths, iterations=600))
    watch = jobs.call("WatchJob", job_pb2.WatchJobRequest(name=made.name))
    next(watch)
    watch.cancel()
    assert state_name(jobs.finish(made.name)) == "SUCCEEDED"


@pytest.mark.parametrize("method", EVERY)
def test_a_server_without_jobs_says_how_to_have_them(server: Any, method: str) -> None:
    refused = JobServer(server, Path(), Path()).refusal(method, EVERY[method]())
    assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NO_JOBS")
    assert "--jobs" in refused.message
    assert "--job-files" in refused.message


def test_calls_are_answered_while_a_job_computes(jobs: JobServer, paths: tuple[Path, Path]) -> None:
    made = jobs.create(slow(*paths))
    jobs.wait_for(made.name, lambda job: job.progress.rows_done > 0)
    nice = [os.getpriority(os.PRIO_PROCESS, pid) for pid in (jobs.process("desk"), jobs.process("runner"))]
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert nice == [own, min(own + 15, 19)]
    assert jobs.server.serving()
    jobs.call("CancelJob", job_pb2.CancelJobRequest(name=made.name))
    wait_until(lambda: jobs.get(made.name).done, 10)


def test_the_desk_is_started_again(jobs: JobServer, paths: tuple[Path, Path]) -> None:
    """Its end costs the calls that it answers, which may be made again, and no job."""
    made = jobs.create(slow(*paths, iterations=3_000))
    watch = jobs.call("WatchJob", job_pb2.WatchJobRequest(name=made.name))
    next(watch)
    runner = jobs.process("runner")
    os.kill(jobs.process("desk"), signal.SIGKILL)
    with pytest.raises(grpc.RpcError) as caught:
        list(watch)
    told = problem(caught.value)
    assert (told.code, told.reason) == (grpc.StatusCode.UNAVAILABLE, "NOT_SERVING")
    assert told.retry_seconds is not None
    assert state_name(jobs.finish(made.name)) == "SUCCEEDED"
    assert jobs.process("runner") == runner


def test_a_job_that_ends_its_runner_again_and_again_fails(jobs: JobServer, paths: tuple[Path, Path]) -> None:
    """It fails in the end, and the job behind it has its turn."""
    source, target = paths
    behind_it = target.with_suffix(".behind.parquet")
    # One chunk, which is not done before its runner is killed.
    made = jobs.create(slow(source, target, iterations=10**6, chunk_rows=ROWS))
    behind = jobs.create(circle(source, behind_it))
    killed: set[int] = set()
    for _ in range(3):
        owner = jobs.process("runner")
        # It has begun, once its chunk is with a process of the runner's: a runner that is killed between taking a job
        # and saying so has not been ended by it, and it is not counted against the job.
        wait_until(lambda: str(owner) in _owner(jobs.store, made.name).split("|") and _computes(owner), START_SECONDS)  # noqa: B023
        os.kill(owner, signal.SIGKILL)
        killed.add(owner)
        wait_until(lambda: has_ended(owner), 5)  # noqa: B023
    assert len(killed) == 3
    failed = jobs.finish(made.name)
    assert (state_name(failed), failed.progress.rows_done) == ("FAILED", 0)
    assert "3 times" in failed.error.message
    jobs.finish(behind.name)
    check_circle(behind_it, np.linspace(1, 3, ROWS))


def _computes(pid: int) -> bool:
    """Return whether a process has children that have taken some processor time since this was asked."""
    before = {child: cpu_seconds(child) for child in children(pid)}
    time.sleep(0.1)
    return any(cpu_seconds(child) - spent > TICK_SECONDS for child, spent in before.items())


def _owner(store: Path, name: str) -> str:
    with Store(str(store / "jobs.sqlite")) as opened:
        record = opened.get(name)
        return record.owner if record.state is JobState.RUNNING else ""
