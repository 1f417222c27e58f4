"""Messages → a real server, over gRPC: the methods of all its services, some of them streams."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import TYPE_CHECKING, Any

import grpc
import pyarrow as pa
import pyarrow.parquet as pq
from raphson.v1 import job_pb2, solver_pb2

from benchmarks.fuzz import messages
from benchmarks.fuzz.child import Finding, Findings
from benchmarks.processes import children, open_channel, serve

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from google.protobuf.message import Message

CALLERS = 4
DOUBLE_BYTES = 8
DEADLINE_SECONDS, START_SECONDS = 1.0, 60.0
# Beyond its deadline nobody waits for an answer: what is counted here are workers that had to be killed.
GRACE_SECONDS = 1.0
FLAGS = {
    "max_variables": 20_000, "max_parameters": 20_000, "max_written_equations": 400, "max_nodes": 10_000,
    "max_dense_entries": 160_000, "max_family_members": 100_000, "max_families": 50, "workers": 2,
    "cancel_grace_seconds": GRACE_SECONDS,
}  # fmt: skip
NEVER = frozenset({grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.UNIMPLEMENTED})

_SOLVER, _JACOBIAN, _SYSTEM = "raphson.v1.SolverService", "raphson.v1.JacobianService", "raphson.v1.SystemService"
_JOB = "raphson.v1.JobService"
_OF_WORKERS = {
    "SOLVE": (_SOLVER, "Solve"), "EXPLAIN": (_SOLVER, "Explain"), "FIND_ALL": (_SOLVER, "FindAll"),
    "FOLLOW": (_SOLVER, "Follow"), "SOLVE_BATCH": (_SOLVER, "SolveBatch"), "EVALUATE": (_JACOBIAN, "Evaluate"),
    "EVALUATE_CHAIN": (_JACOBIAN, "EvaluateChain"), "CHECK_JACOBIAN": (_JACOBIAN, "CheckJacobian"),
    "TEST_DIFFERENTIABILITY": (_JACOBIAN, "TestDifferentiability"), "COMPILE": (_SYSTEM, "Compile"),
}  # fmt: skip
_STREAMS = frozenset({"FindAll", "Follow", "WatchJob", "ReadResults", "SolveWithProgress"})


def send_all(
    seed: int, count: int, seconds: float, folder: Path, scratch: Path, progress: Callable[[int], None]
) -> tuple[Counter[str], float, Findings]:
    """Send so many messages from a few callers at once.

    Returns
    -------
    outcomes, slowest, findings : Counter, float, Findings
        By status code; the longest that a caller waited, in seconds.
    """
    findings, outcomes, slowest, lock = Findings(folder), Counter[str](), 0.0, threading.Lock()
    files = scratch / "files"
    files.mkdir(parents=True)
    pq.write_table(pa.table({"r": [1.0, 2.0, 3.0]}), files / "a.parquet")
    options = [word for name, value in FLAGS.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    options += ["--jobs", str(scratch / "kept"), "--job-files", str(files), "--job-processes", "1"]
    with serve("--log-level", "ERROR", *options) as served, open_channel(served.address) as channel:
        seeds = _seeds(channel, files)
        before = children(served.process.pid)
        give_up = time.monotonic() + seconds
        numbers = iter(range(count))

        def caller() -> None:
            nonlocal slowest
            while time.monotonic() < give_up:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                random = Random(f"{seed} calls {number}")
                message = random.choice(seeds)
                body = messages.mutated(random, message, seeds)
                began = time.monotonic()
                code, what = _send(channel, message, body, random)
                spent = time.monotonic() - began
                with lock:
                    outcomes[code.name] += 1
                    slowest = max(slowest, spent)
                    if code in NEVER or code is grpc.StatusCode.UNAVAILABLE:
                        kind = code.name if code in NEVER else "crash"
                        findings.add(
                            Finding("calls", kind, number, f"{type(message).__name__}: {what[:60]}", what), body
                        )
                    progress(sum(outcomes.values()))

        with ThreadPoolExecutor(CALLERS) as threads:
            for each in [threads.submit(caller) for _ in range(CALLERS)]:
                each.result()
        lost = set(before) - set(children(served.process.pid))
        if lost or served.process.poll() is not None:
            what = (
                f"{len(lost)} processes of the server are gone: they crashed, or did not stop within {GRACE_SECONDS} s"
            )
            findings.add(Finding("calls", "hang", count, "processes", what), b"")
    return outcomes, slowest, findings


def _seeds(channel: grpc.Channel, files: Path) -> list[Message]:
    """Return good requests for all methods, some of them by the id of a system that the server knows."""
    seeds = messages.by_text()
    # By all callers at once, so that every worker has loaded what it needs: on a busy machine that takes a second.
    with ThreadPoolExecutor(CALLERS) as threads:
        for seed in seeds:
            sent = [
                threads.submit(_send, channel, seed, seed.SerializeToString(), Random(0), START_SECONDS)
                for _ in range(CALLERS)
            ]
            for each in sent:
                code, what = each.result()
                if code is not grpc.StatusCode.OK:
                    raise RuntimeError(f"a good {type(seed).__name__} was refused: {code.name}: {what}")
    reply = channel.unary_unary(f"/{_SOLVER}/Solve")(seeds[0].SerializeToString(), timeout=START_SECONDS)
    of_jobs = messages.of_jobs()
    for message in of_jobs:
        if isinstance(message, job_pb2.CreateJobRequest):
            for table in (message.description.input, message.description.output):
                table.url = str(files / table.url)
    by_id = messages.by_id(solver_pb2.SolveResponse.FromString(reply).system_id)
    return [*seeds, *by_id, *of_jobs, *messages.of_callbacks()]


def _path(message: Message, random: Random) -> tuple[str, str]:
    method = messages.METHODS.get(type(message))
    if isinstance(message, solver_pb2.SolveCallbackRequest):
        return _SOLVER, "SolveCallback"
    if method == "SOLVE" and random.random() < 0.2:
        return _SOLVER, "SolveWithProgress"
    if method is not None:
        return _OF_WORKERS[method]
    name = type(message).__name__.removesuffix("Request")
    return _JOB, random.choice(("GetJob", "WatchJob")) if name == "GetJob" else name


def _send(
    channel: grpc.Channel, message: Message, body: bytes, random: Random, seconds: float = DEADLINE_SECONDS
) -> tuple[grpc.StatusCode, str]:
    """Call a method with bytes; return the code and the message of its status."""
    service, method = _path(message, random)
    path = f"/{service}/{method}"
    try:
        if method == "SolveBatch":
            chunks = [body] * random.choice((1, 1, 2, 3))
            _drain(channel.stream_stream(path)(iter(chunks), timeout=seconds))
        elif method == "SolveCallback":
            _converse(channel.stream_stream(path), body, random, seconds)
        elif method in _STREAMS:
            _drain(channel.unary_stream(path)(body, timeout=seconds))
        else:
            channel.unary_unary(path)(body, timeout=seconds)
    except grpc.RpcError as error:  # also a grpc.Call
        return error.code(), error.details() or ""
    return grpc.StatusCode.OK, ""


def _converse(call: Any, opening: bytes, random: Random, seconds: float) -> None:
    """Open a conversation, and answer what is asked well, or nearly."""
    said: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    said.put(opening)
    replies = call(iter(said.get, None), timeout=seconds)
    try:
        for reply in replies:
            response = solver_pb2.SolveCallbackResponse.FromString(reply)
            if not response.HasField("question") or random.random() < 0.02:
                break
            points = len(response.question.points.data)
            if points % (2 * DOUBLE_BYTES):
                # Of a start that was changed to have other variables.
                break
            answer = messages.answer_to(response.question)
            is_good = random.random() < 0.8
            said.put(answer.SerializeToString() if is_good else messages.mutated(random, answer, [answer]))
    finally:
        replies.cancel()
        said.put(None)


def _drain(replies: Any) -> None:
    with contextlib.closing(replies) if hasattr(replies, "close") else contextlib.nullcontext():
        for _ in replies:
            pass
