"""What the client sends to have jobs done, and what it makes of what it is told of them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import raphson
from google.protobuf.empty_pb2 import Empty
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from raphson.v1 import job_pb2, job_pb2_grpc
from raphson.v1.array_pb2 import DoubleArray
from raphson.v1.job_pb2 import Column, Job, JobProgress, ListJobsResponse, ReadResultsResponse, StatusCount, Texts

from tests.client.conftest import packed

NAME = "jobs/" + "0" * 26


def a_job(state: str = "RUNNING", done: int = 5, total: int | None = 10, **more: Any) -> Job:
    progress = JobProgress(rows_done=done, rows_total=total, counts=[StatusCount(status="STATUS_CONVERGED", rows=done)])
    job = Job(
        name=NAME, state=f"STATE_{state}", done=state in {"SUCCEEDED", "FAILED", "CANCELLED"}, progress=progress, **more
    )
    job.description.input.url, job.description.output.url = "/data/in.parquet", "/data/out.parquet"
    return job


class Scripted:
    """Answers with the next of its script; keeps what it was asked."""

    def __init__(self) -> None:
        self.script: list[Callable[[Any, grpc.ServicerContext], Any]] = []
        self.requests: list[Any] = []

    def reply(self, *messages: Any) -> None:
        self.script.extend(lambda _, __, message=message: message for message in messages)

    def stream(self, *messages: Any) -> None:
        self.script.append(lambda _, __: iter(messages))

    def fail(self, code: grpc.StatusCode, message: str, *details: Any) -> None:
        def action(_: Any, context: grpc.ServicerContext) -> Any:
            context.set_trailing_metadata((("grpc-status-details-bin", packed(*details)),))
            context.abort(code, message)

        self.script.append(action)

    def __getattr__(self, name: str) -> Any:
        if not name[:1].isupper():
            raise AttributeError(name)
        is_stream = name in {"WatchJob", "ReadResults"}

        def stream(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            self.requests.append(request)
            yield from self.script.pop(0)(request, context)

        def unary(request: Any, context: grpc.ServicerContext) -> Any:
            self.requests.append(request)
            return self.script.pop(0)(request, context)

        return stream if is_stream else unary


@pytest.fixture
def service() -> Iterator[tuple[Scripted, raphson.Client]]:
    """A server that says what a test scripts, and its client."""
    with ThreadPoolExecutor(4) as threads:
        server, scripted = grpc.server(threads), Scripted()
        job_pb2_grpc.add_JobServiceServicer_to_server(scripted, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        with raphson.connect(f"127.0.0.1:{port}", timeout_seconds=5) as client:
            yield scripted, client
        server.stop(None).wait()


Service = tuple[Scripted, raphson.Client]


def created(service: Service, *arguments: Any, **more: Any) -> job_pb2.CreateJobRequest:
    """Have a job created; return what was sent."""
    scripted, client = service
    scripted.reply(a_job("QUEUED", 0))
    job = client.create_job(*arguments, **more)
    assert (job.name, job.state) == (NAME, raphson.JobState.QUEUED)
    (request,) = scripted.requests
    return request


def numbers(array: DoubleArray) -> list[float]:
    return np.frombuffer(array.data).tolist()


def test_what_is_sent_of_texts(service: Service) -> None:
    request = created(
        service,
        ["x**2 + h[0] = r*s", "y = 1"],
        Path("/data/in.csv"),
        "s3://bucket/out",
        {"x": 1.0, "y": 2.0},
        {"r": None, "h": None, "s": 3.0},
        shapes={"h": (2,)},
        carry=["id"],
        input_format="csv",
        output_format="arrow",
        overwrite=True,
        chunk_rows=100,
        warm_start=True,
        method="newton",
        tolerance=1e-9,
        max_iterations=7,
        request_id="once",
    )
    sent = request.description
    assert request.request_id == "once"
    assert [(each.name, list(each.shape)) for each in sent.definition.variables] == [("x", []), ("y", [])]
    assert [(p.name, list(p.shape)) for p in sent.definition.parameters] == [("r", []), ("h", [2]), ("s", [])]
    assert [(each.name, numbers(each.array)) for each in sent.start] == [("x", [1.0]), ("y", [2.0])]
    assert [(each.name, numbers(each.array)) for each in sent.parameters] == [("s", [3.0])]
    assert (sent.input.url, sent.input.format) == ("/data/in.csv", job_pb2.TABLE_FORMAT_CSV)
    assert (sent.output.url, sent.output.format) == ("s3://bucket/out", job_pb2.TABLE_FORMAT_ARROW)
    assert (list(sent.carry), sent.chunk_rows, sent.overwrite, sent.warm_start) == (["id"], 100, True, True)
    assert (sent.options.tolerance, sent.options.max_iterations) == (1e-9, 7)


def test_what_is_sent_of_a_function(service: Service) -> None:
    """Its constants go along; what rows give is no constant."""
    table = np.random.default_rng(1).normal(size=200)
    request = created(
        service, lambda x, r: x - r * table, "/i.parquet", "/o.parquet", {"x": np.zeros(200)}, {"r": None}
    )
    declared = {each.name: list(each.shape) for each in request.description.definition.parameters}
    assert declared.pop("r") == []
    constants = {each.name: numbers(each.array) for each in request.description.parameters}
    assert list(constants) == list(declared)
    (sent,) = constants.values()
    assert np.array_equal(np.abs(sent), np.abs(table))


def test_a_description_is_sent_as_it_is(service: Service) -> None:
    scripted, client = service
    scripted.reply(a_job())
    description = a_job().description
    client.queue_job(description, request_id="a")
    assert scripted.requests == [job_pb2.CreateJobRequest(description=description, request_id="a")]


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"input_format": "xlsx"}, "input_format"),
        ({"output_format": "feather"}, "output_format"),
        ({"carry": "id"}, "carry"),
        ({"chunk_rows": 0}, "chunk_rows"),
        ({"chunk_rows": 1.5}, "chunk_rows"),
        ({"start": None}, "start"),
        ({"start": [1.0]}, "start"),
        ({"parameters": ["r"]}, "parameters"),
        ({"shapes": {"x": (2,)}}, "shapes[x]"),
        ({"input_url": 7}, "input"),
        ({"output_url": ""}, "output"),
        ({"method": "magic"}, "method"),
    ],
)
def test_what_is_refused_before_it_is_sent(service: Service, more: dict[str, Any], field: str) -> None:
    scripted, client = service
    given = {"input_url": "/i.parquet", "output_url": "/o.parquet", "start": {"x": 1.0}, "parameters": {"r": None}}
    with pytest.raises(raphson.InvalidRequestError) as caught:
        client.create_job("x = r", **(given | more))
    assert [violation.field for violation in caught.value.fields] == [field]
    assert scripted.requests == []


def test_names_and_pages(service: Service) -> None:
    """Pages are asked for when they are needed."""
    scripted, client = service
    scripted.reply(a_job())
    assert client.job("0" * 26).name == NAME
    assert scripted.requests.pop().name == NAME
    scripted.reply(
        ListJobsResponse(jobs=[a_job(), a_job("SUCCEEDED", 10)], next_page_token="more"),
        ListJobsResponse(jobs=[a_job()]),
    )
    jobs = client.jobs()
    assert [next(jobs).done, next(jobs).done] == [False, True]
    assert len(scripted.requests) == 1
    assert [job.state for job in jobs] == [raphson.JobState.RUNNING]
    assert [request.page_token for request in scripted.requests] == ["", "more"]


def test_errors_by_their_names(service: Service) -> None:
    scripted, client = service
    scripted.fail(grpc.StatusCode.NOT_FOUND, "no such job", ErrorInfo(reason="JOB_NOT_FOUND", domain="raphson"))
    with pytest.raises(raphson.JobNotFoundError, match="no such job"):
        client.job(NAME)
    where = BadRequest(field_violations=[{"field": "description.output.url", "description": "outside"}])
    for code, reason in (
        (grpc.StatusCode.PERMISSION_DENIED, "PATH_NOT_ALLOWED"),
        (grpc.StatusCode.ALREADY_EXISTS, "X"),
    ):
        scripted.fail(code, "description.output.url: outside", where, ErrorInfo(reason=reason, domain="raphson"))
        with pytest.raises(raphson.InvalidRequestError) as caught:
            client.job(NAME)
        assert (caught.value.code, caught.value.reason) == (code, reason)
        assert caught.value.fields == [("output.url", "outside")]


def test_a_watch_outlives_its_server(service: Service) -> None:
    """What was lost is asked for again; each state is seen in its order."""
    scripted, client = service
    scripted.reply(a_job("QUEUED", 0, None))
    job = client.job(NAME)
    scripted.stream(a_job("QUEUED", 0, None), a_job("RUNNING", 3))
    scripted.script.append(lambda _, context: context.abort(grpc.StatusCode.UNAVAILABLE, "away"))
    scripted.stream(a_job("RUNNING", 6), a_job("SUCCEEDED", 10))
    scripted.script[0] = lambda _, context: _then_lost(context, a_job("QUEUED", 0, None), a_job("RUNNING", 3))
    seen = [(each.state.name, each.progress.rows_done) for each in job.watch()]
    assert seen == [("QUEUED", 0), ("RUNNING", 3), ("RUNNING", 6), ("SUCCEEDED", 10)]
    assert job.done


def _then_lost(context: grpc.ServicerContext, *messages: Job) -> Iterator[Job]:
    yield from messages
    context.abort(grpc.StatusCode.UNAVAILABLE, "killed")


def test_waiting_has_an_end(service: Service) -> None:
    scripted, client = service
    scripted.reply(a_job())
    job = client.job(NAME)

    def slowly(_: Any, context: grpc.ServicerContext) -> Iterator[Job]:
        yield a_job("RUNNING", 7)
        while context.is_active():
            time.sleep(0.01)

    scripted.script.append(slowly)
    with pytest.raises(raphson.DeadlineExceededError, match="it goes on"):
        job.wait(timeout_seconds=0.3)
    assert job.progress.rows_done == 7
    scripted.stream(a_job("SUCCEEDED", 10))
    assert job.wait(timeout_seconds=5) is job
    assert job.done


def test_a_server_that_stays_away_is_an_error(service: Service) -> None:
    scripted, client = service
    scripted.reply(a_job())
    client.timeout_seconds = 0.2
    job = client.job(NAME)
    scripted.script += [lambda _, context: context.abort(grpc.StatusCode.UNAVAILABLE, "away")] * 40
    with pytest.raises(raphson.ServerUnavailableError):
        job.wait()


def create(client: raphson.Client) -> raphson.Job:
    return client.create_job("x = r", "/i.parquet", "/o.parquet", {"x": 1.0}, {"r": None})


@pytest.mark.parametrize(
    ("act", "reply"),
    [
        (create, a_job()),
        (lambda client: client.queue_job(a_job().description), a_job()),
        (lambda client: client.job(NAME), a_job()),
        (lambda client: list(client.jobs()), ListJobsResponse()),
        (lambda client: known(client).refresh(), a_job()),
        (lambda client: known(client).cancel(), a_job()),
        (lambda client: next(known(client)._watch_once(None)), iter([a_job("SUCCEEDED")])),
        (lambda client: known(client).results().all(), iter([ReadResultsResponse(rows=0)])),
    ],
)
def test_what_a_second_call_does_not_change_is_sent_again(
    service: Service, act: Callable[[raphson.Client], Any], reply: Any
) -> None:
    scripted, client = service
    scripted.fail(grpc.StatusCode.UNAVAILABLE, "the job service is starting", ErrorInfo(reason="NOT_SERVING"))
    scripted.reply(reply)
    act(client)
    first, second = scripted.requests
    assert first == second


@pytest.mark.parametrize("act", [raphson.Job.resume, raphson.Job.delete])
def test_what_a_second_call_would_refuse_is_not(service: Service, act: Callable[[raphson.Job], Any]) -> None:
    scripted, client = service
    scripted.fail(grpc.StatusCode.UNAVAILABLE, "the job service is starting", ErrorInfo(reason="NOT_SERVING"))
    with pytest.raises(raphson.ServerUnavailableError):
        act(known(client))
    assert len(scripted.requests) == 1


def test_every_job_that_is_made_has_an_id_of_its_own(service: Service) -> None:
    """By it the server knows a request that it has had before."""
    scripted, client = service
    scripted.reply(a_job(), a_job())
    for _ in range(2):
        create(client)
    ids = {request.request_id for request in scripted.requests}
    assert len(ids) == 2
    assert all(re.fullmatch("[A-Za-z0-9-]{1,64}", each) for each in ids)


def known(client: raphson.Client) -> raphson.Job:
    """Return a job that was heard of before."""
    return client._job(a_job())


def test_what_else_can_be_asked(service: Service) -> None:
    scripted, client = service
    scripted.reply(a_job(), a_job(cancel_requested=True), a_job("QUEUED"), a_job(done=8), Empty())
    job = client.job(NAME)
    assert job.cancel() is job
    assert "asked to stop" in str(job)
    assert job.resume().state is raphson.JobState.QUEUED
    assert job.refresh().progress.rows_done == 8
    job.delete()
    assert [type(request).__name__ for request in scripted.requests] == [
        "GetJobRequest",
        "CancelJobRequest",
        "ResumeJobRequest",
        "GetJobRequest",
        "DeleteJobRequest",
    ]
    assert {request.name for request in scripted.requests} == {NAME}


def test_how_a_job_prints(service: Service) -> None:
    scripted, client = service
    failed = a_job("FAILED", 1_234_567, 2_000_000)
    failed.error.message = "the disk is full"
    failed.error.details.add().Pack(ErrorInfo(reason="DISK_FULL"))
    running = a_job("RUNNING", 500, 10_500)
    running.progress.rows_per_second, running.progress.seconds_left = 12_345.6, 125.0
    running.create_time.FromSeconds(0)
    scripted.reply(failed, running)
    job = client.job(NAME)
    assert str(job) == (
        f"{NAME}: failed\n"
        "  /data/in.parquet → /data/out.parquet\n"
        "  1,234,567 of 2,000,000 rows\n"
        "    1,234,567 converged\n"
        "  the disk is full"
    )
    assert job.error == raphson.JobFailure(message="the disk is full", reason="DISK_FULL")
    job.refresh()
    assert repr(job) == f"<Job {NAME}, running: 500 of 10,500 rows, 12,346/s, 2:05 min left>"
    assert job.error is None
    assert job.created is not None
    assert job.created.isoformat() == "1970-01-01T00:00:00+00:00"
    assert (job.started, job.ended) == (None, None)


def some_rows(first: int, count: int) -> ReadResultsResponse:
    rows = np.arange(first, first + count)
    return ReadResultsResponse(
        rows=count,
        columns=[
            Column(
                name="x",
                numbers=DoubleArray(shape=[count, 2], data=np.column_stack([rows, -rows]).astype(float).tobytes()),
            ),
            Column(name="id", integers=rows.astype("<i8").tobytes()),
            Column(name="status", statuses=bytes([1] * count)),
            Column(
                name="tag",
                texts=Texts(values=[f"t{row}" if row else "" for row in rows], missing=[0] if not first else []),
            ),
        ],
    )


def test_results_come_as_columns(service: Service) -> None:
    scripted, client = service
    scripted.reply(a_job("SUCCEEDED"))
    job = client.job(NAME)
    scripted.stream(some_rows(0, 3), some_rows(3, 2))
    found = job.results(["x", "id"]).all()
    assert list(scripted.requests[-1].columns) == ["x", "id"]
    assert np.array_equal(found["x"], [[0, 0], [1, -1], [2, -2], [3, -3], [4, -4]])
    assert np.array_equal(found["id"], np.arange(5))
    assert (found["status"].dtype, found["status"].tolist()) == (np.int8, [raphson.Status.CONVERGED] * 5)
    assert found["tag"].tolist() == [None, "t1", "t2", "t3", "t4"]
    scripted.stream(some_rows(0, 3), some_rows(3, 2))
    with job.results() as results:
        assert [len(columns["id"]) for columns in results] == [3, 2]


def test_results_that_do_not_fit_are_refused(service: Service) -> None:
    scripted, client = service
    scripted.reply(a_job("SUCCEEDED"))
    job = client.job(NAME)
    for column, words in (
        (Column(name="x"), "unknown kind"),
        (Column(name="x", integers=bytes(16)), "2,\\) of 3 rows"),
    ):
        scripted.stream(ReadResultsResponse(rows=3, columns=[column]))
        with pytest.raises(raphson.IncompatibleServerError, match=words):
            job.results().all()
