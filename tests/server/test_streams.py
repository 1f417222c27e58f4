"""FindAll and Follow: items as they come, and nobody harmed by a reader that stops taking them."""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import pytest
from raphson.v1 import solver_pb2 as wire
from raphson.v1 import solver_pb2_grpc
from raphson.v1.solver_pb2 import BranchPoint, FindAllRequest, FollowRequest, SolveOptions
from raphson.v1.system_pb2 import SystemRef, Variable

from tests.server.calling import between, by_text, endless, long_branch, named, numbers, problem, to_find_all, to_follow
from tests.server.own_service import Mortal, own_service
from tests.server.running import Server, cpu_seconds, wait_until
from tests.server.test_bad_input import check

EASY = by_text("x**2 = 2", start={"x": 1.0})
FREED_SECONDS = 0.25
SLACK_SECONDS = 0.25
FOLD = ("r = x**3 - x", "y = x + r")
FOLD_START = {"x": -2.0, "y": -8.0}
HIMMELBLAU = ("x**2 + y = 11", "x + y**2 = 7")
BOX = between(x=(-5.0, 5.0), y=(-5.0, 5.0))


def fold(**more: Any) -> FollowRequest:
    limits = {"lower": -6.0, "upper": 6.0} | more
    return to_follow(*FOLD, start=FOLD_START, parameters={"r": -6.0}, parameter="r", **limits)


# --- Follow -------------------------------------------------------------------------------------------------


def test_a_branch_round_its_folds(server: Server) -> None:
    *items, last = server.follow(fold())
    points = [item.point for item in items]
    assert points[0].kind == BranchPoint.KIND_START
    assert points[-1].kind == BranchPoint.KIND_END
    assert points[-1].parameter == 6.0
    for point in points:
        assert [named.name for named in point.solution] == ["x", "y"]
        x, y = (float(numbers(named.array)) for named in point.solution)
        assert x**3 - x == pytest.approx(point.parameter, abs=1e-8)
        assert y == pytest.approx(x + point.parameter, abs=1e-8)
    turning = [point.parameter for point in points if point.kind == BranchPoint.KIND_TURNING_POINT]
    np.testing.assert_allclose(turning, [2 / math.sqrt(27), -2 / math.sqrt(27)], rtol=1e-8)
    assert np.all(np.diff([point.arclength for point in points]) > 0)
    assert (last.end.points, last.end.turning_points) == (len(points), 2)
    assert "limit" in last.end.reason
    # The id is good for later requests, of any kind.
    again = fold()
    again.system.CopyFrom(SystemRef(system_id=last.end.system_id))
    assert server.follow(again)[:-1] == items


def test_points_are_limited(server: Server) -> None:
    *items, last = server.follow(fold(max_points=3))
    assert [item.point.kind for item in items] == [
        BranchPoint.KIND_START, BranchPoint.KIND_REGULAR, BranchPoint.KIND_END
    ]  # fmt: skip
    assert "number of points" in last.end.reason
    down = server.follow(fold(lower=-9.0, upper=9.0, max_points=2, downwards=True))
    assert down[1].point.parameter < -6.0


def test_a_branch_that_another_one_crosses(server: Server) -> None:
    request = to_follow("x*(x - r) = 0", start={"x": 0.0}, parameters={"r": -1.0}, parameter="r", lower=-1.0, upper=1.0)
    *items, last = server.follow(request)
    kinds = [item.point.kind for item in items]
    assert kinds.count(BranchPoint.KIND_CROSSING) == 1
    crossing = items[kinds.index(BranchPoint.KIND_CROSSING)].point.parameter
    before = items[kinds.index(BranchPoint.KIND_CROSSING) - 1].point.parameter
    assert before < 0 < crossing
    assert last.end.turning_points == 0


def test_no_root_to_begin_with_is_a_result(server: Server) -> None:
    request = to_follow("x**2 + r = 0", start={"x": 1.0}, parameters={"r": 1.0}, parameter="r", lower=0.5, upper=2.0)
    (only,) = server.follow(request)
    assert only.end.points == 0
    assert only.end.reason.startswith("no root was found at the start: ")


@pytest.mark.parametrize(
    ("more", "field", "words"),
    [
        ({"parameter": "q"}, "parameter", ["q", "r"]),
        ({"parameter": ""}, "parameter", ["r"]),
        ({"lower": math.nan}, "lower", ["nan"]),
        ({"upper": math.inf}, "upper", ["inf"]),
        ({"lower": -1.0}, "parameter", ["-6.0", "outside"]),
        ({"max_points": 1}, "max_points", ["1", "at least 2"]),
        ({"max_points": -(2**63)}, "max_points", [str(-(2**63))]),
        ({"options": SolveOptions(tolerance=2.0)}, "options.tolerance", ["2"]),
        ({"start": named({"x": 1.0})}, "start[x]", ["twice"]),
    ],
)
def test_branches_that_make_no_sense(server: Server, more: dict[str, Any], field: str, words: list[str]) -> None:
    request = fold()
    request.MergeFrom(FollowRequest(**more))
    if more.get("parameter") == "":
        request.ClearField("parameter")
    check(server.refusal(request), "INVALID_INPUT", field, *words)


def test_branches_need_as_many_equations_as_unknowns(server: Server) -> None:
    request = to_follow("x + y = r", start={"x": 1.0, "y": 1.0}, parameters={"r": 2.0}, parameter="r", upper=3.0)
    check(server.refusal(request), "INVALID_INPUT", "system.definition.equations", "1×2")


def test_an_unknown_id_is_told_before_the_first_item(server: Server) -> None:
    request = fold()
    request.system.CopyFrom(SystemRef(system_id="0" * 64))
    refused = server.refusal(request)
    assert refused.code == grpc.StatusCode.NOT_FOUND
    assert refused.reason == "SYSTEM_NOT_CACHED"


def test_every_worker_learns_the_system_of_a_stream(server: Server) -> None:
    """A stream holds one worker; the other gets the same system by its id, and the definition with it."""
    *_, last = server.follow(long_branch(max_points=3))
    request = long_branch()
    request.system.CopyFrom(SystemRef(system_id=last.end.system_id))
    streams = [server.solver.Follow(request, timeout=20) for _ in range(2)]
    try:
        assert [next(stream).point.kind for stream in streams] == [BranchPoint.KIND_START] * 2
    finally:
        for stream in streams:
            stream.cancel()


# --- FindAll ------------------------------------------------------------------------------------------------


def test_every_root_in_a_box(server: Server) -> None:
    *items, last = server.find_all(to_find_all(*HIMMELBLAU, bounds=BOX, prove=True))
    roots = [[float(numbers(named.array)) for named in item.root.solution] for item in items]
    np.testing.assert_allclose(
        sorted(roots),
        [[-3.779310253, -3.283185991], [-2.805118087, 3.131312518], [3.0, 2.0], [3.584428340, -1.848126527]],
        rtol=1e-8,
    )
    assert all(item.root.certificate.proven for item in items)
    assert all(np.all(np.abs(numbers(item.root.residual)) < 1e-9) for item in items)
    summary = last.summary
    assert (summary.roots, summary.complete) == (4, True)
    assert summary.starts > 1
    assert "proven" in summary.reason
    assert not summary.HasField("undecided_lower")
    again = FindAllRequest(system=SystemRef(system_id=summary.system_id), bounds=BOX)
    assert server.find_all(again)[-1].summary.roots == 4
    assert not server.find_all(again)[-1].summary.complete


def test_places_that_stay_undecided(server: Server) -> None:
    *_, last = server.find_all(to_find_all("(x - 1)**2 = 0", bounds=between(x=(0.0, 3.0)), prove=True, max_starts=5))
    summary = last.summary
    assert not summary.complete
    lower, upper = numbers(summary.undecided_lower), numbers(summary.undecided_upper)
    assert lower.shape == upper.shape
    assert lower.shape[1] == 1
    assert np.any((lower <= 1) & (upper >= 1))
    assert "undecided" in summary.reason


def test_roots_and_starts_are_limited(server: Server) -> None:
    *items, last = server.find_all(to_find_all("sin(x) = 0", bounds=between(x=(-50.0, 50.0)), max_roots=2))
    assert len(items) == last.summary.roots >= 2
    *_, last = server.find_all(to_find_all("exp(x) = 0", bounds=between(x=(-5.0, 5.0)), max_starts=3))
    assert (last.summary.roots, last.summary.starts) == (0, 3)


@pytest.mark.parametrize(
    ("more", "field", "words"),
    [
        ({"bounds": between(y=(0.0, 1.0))}, "bounds[x].lower", ["missing"]),
        ({"bounds": between(x=(0.0, None), y=(0.0, 1.0))}, "bounds[x].upper", ["missing"]),
        ({"bounds": between(x=(0.0, math.inf), y=(0.0, 1.0))}, "bounds[x].upper", ["infinite"]),
        ({"bounds": between(x=(1.0, 1.0), y=(0.0, 1.0))}, "bounds[x]", ["1.0"]),
        ({"bounds": between(x=(1.0, 0.0), y=(0.0, 1.0))}, "bounds[x]", ["[1.0, 0.0]"]),
        ({"bounds": [*BOX, *BOX]}, "bounds[x]", ["twice"]),
        ({"max_starts": 0}, "max_starts", ["0"]),
        ({"max_roots": -5}, "max_roots", ["-5"]),
        ({"max_boxes": 0}, "max_boxes", ["0"]),
        ({"options": SolveOptions(max_iterations=0)}, "options.max_iterations", ["0"]),
    ],
)
def test_searches_that_make_no_sense(server: Server, more: dict[str, Any], field: str, words: list[str]) -> None:
    request = to_find_all(*HIMMELBLAU, **({"bounds": BOX} | more))
    request.system.definition.variables.extend([Variable(name="x"), Variable(name="y")])
    check(server.refusal(request), "INVALID_INPUT", field, *words)


def test_what_cannot_be_searched(server: Server) -> None:
    few = to_find_all("x + y = 1", bounds=BOX)
    check(server.refusal(few), "INVALID_INPUT", "system.definition.equations", "1", "2")
    wide = to_find_all("u[i] = 1 for i in range(5)", bounds=between(u=(np.zeros(5), 2.0)), prove=True)
    check(server.refusal(wide), "INVALID_INPUT", "prove", "5×5")


# --- callers that go away -----------------------------------------------------------------------------------


@pytest.mark.alone
def test_cancel_midway_frees_the_worker_itself(server: Server) -> None:
    server.settle()
    workers = server.workers()
    streams = [server.solver.Follow(long_branch(), timeout=60) for _ in range(2)]
    for stream in streams:
        assert [next(stream).HasField("point") for _ in range(5)] == [True] * 5
    cancelled = time.monotonic()
    for stream in streams:
        stream.cancel()
    assert server.solve(EASY).status == wire.STATUS_CONVERGED
    assert time.monotonic() - cancelled < FREED_SECONDS + SLACK_SECONDS
    wait_until(lambda: not server.busy_workers(), 2)
    assert server.workers() == workers, "the flag stops the walk; no worker had to be killed"


def test_a_late_cancel_of_a_stream_stops_nobody_else(server: Server) -> None:
    random = np.random.default_rng(11)
    for pause in random.uniform(0, 0.02, size=25):
        doomed = server.solver.Follow(long_branch(max_points=30), timeout=20)
        time.sleep(pause)
        following = [server.solver.Solve.future(EASY, timeout=20) for _ in range(2)]
        doomed.cancel()
        assert {call.result().status for call in following} == {wire.STATUS_CONVERGED}


def test_a_stream_waits_for_a_worker_like_any_call(server: Server) -> None:
    held = [server.solver.Follow(long_branch(), timeout=60) for _ in range(2)]
    for stream in held:
        next(stream)
    waiting = server.solver.Follow(long_branch(max_points=3), timeout=60)
    waiting_too = server.solver.Follow(long_branch(), timeout=60)
    time.sleep(0.1)
    waiting_too.cancel()
    held[0].cancel()
    assert len(list(waiting)) == 4
    held[1].cancel()
    wait_until(lambda: not server.busy_workers(), 2)


@pytest.mark.alone
def test_the_deadline_ends_a_branch(server: Server) -> None:
    workers = server.workers()
    began = time.monotonic()
    stream = server.solver.Follow(long_branch(), timeout=0.5)
    items = []
    with pytest.raises(grpc.RpcError) as caught:
        items.extend(iter(stream))
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert time.monotonic() - began < 0.5 + SLACK_SECONDS
    wait_until(lambda: not server.busy_workers(), 2)
    assert server.workers() == workers


@pytest.mark.alone
def test_the_deadline_ends_a_search(server: Server) -> None:
    """Hours of starts, each of which finds a root; half a second to find them."""
    find = server.find_all(to_find_all("x = 1", bounds=between(x=(0.0, 2.0)), max_starts=1))
    assert find[-1].summary.starts == 1  # what a worker loads for its first search is there
    request = to_find_all(
        "sin(u[i]) = 0 for i in range(4)", bounds=between(u=(np.full(4, -1e4), 1e4)), max_starts=10**12
    )
    began = time.monotonic()
    found: list[Any] = []
    with pytest.raises(grpc.RpcError) as caught:
        found.extend(iter(server.solver.FindAll(request, timeout=0.6)))
    assert len(found) > 3, "each root comes when it is found"
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert time.monotonic() - began < 0.6 + SLACK_SECONDS
    wait_until(lambda: not server.busy_workers(), 2)
    server.settle()
    assert server.solve(EASY).status == wire.STATUS_CONVERGED


# --- a server of one worker, which is maltreated ------------------------------------------------------------


@pytest.fixture(scope="module")
def mortal() -> Iterator[Mortal]:
    with own_service(max_in_flight=2, reader_patience_seconds=0.4) as started:
        yield started


def test_a_server_stops_although_streams_go_on() -> None:
    """One is read, one waits for a worker, and the first one's reader sleeps."""
    with own_service(drain_seconds=0.1) as service:
        stub = service.stub(("grpc.http2.lookahead_bytes", 1024), ("grpc.http2.bdp_probe", 0))
        running = stub.Follow(long_branch(n=60), timeout=60)
        next(running)
        # Begun together, either of the two might get the worker.
        waiting = stub.Follow(long_branch(n=60), timeout=60)
        wait_until(lambda: len(service.pool._waiting) == 1, 2)
        began = time.monotonic()
        service.service.stop()
        assert time.monotonic() - began < 3
        for stream in (running, waiting):
            with pytest.raises(grpc.RpcError) as caught:
                list(stream)
            assert caught.value.code() == grpc.StatusCode.UNAVAILABLE


def test_a_worker_killed_midway(mortal: Mortal) -> None:
    stream = mortal.stub().Follow(long_branch(), timeout=20)
    for _ in range(3):
        next(stream)
    os.kill(mortal.worker(), signal.SIGKILL)
    with pytest.raises(grpc.RpcError) as caught:
        list(stream)
    lost = problem(caught.value)
    assert lost.code == grpc.StatusCode.UNAVAILABLE
    assert lost.reason == "WORKER_LOST"
    wait_until(mortal.is_idle, 2)
    assert mortal.stub().Solve(EASY, timeout=20).status == wire.STATUS_CONVERGED
    wait_until(lambda: mortal.pool._spare is not None, 60)


def test_a_reader_that_takes_nothing(mortal: Mortal) -> None:
    """It holds the worker, which waits and does not work ahead, until patience ends; the worker is not killed."""
    worker = mortal.worker()
    # A small window, so that the reader's side takes little by itself.
    stub = mortal.stub(("grpc.http2.lookahead_bytes", 1024), ("grpc.http2.bdp_probe", 0))
    stream = stub.Follow(long_branch(n=60), timeout=60)
    next(stream)
    began = time.monotonic()
    assert mortal.stub().Solve(EASY, timeout=20).status == wire.STATUS_CONVERGED
    assert 0.2 < time.monotonic() - began < 5
    wait_until(mortal.is_idle, 1)
    assert mortal.worker() == worker
    with pytest.raises(grpc.RpcError) as caught:
        list(stream)
    assert caught.value.code() == grpc.StatusCode.CANCELLED


def test_a_slow_reader_that_reads_is_left_alone(mortal: Mortal) -> None:
    stream = mortal.stub().Follow(long_branch(max_points=6), timeout=20)
    count = 0
    for _ in stream:
        time.sleep(0.2)
        count += 1
    assert count == 7


def test_a_reader_whose_connection_is_gone(mortal: Mortal) -> None:
    worker = mortal.worker()
    channel = grpc.insecure_channel(mortal.address)
    stream = solver_pb2_grpc.SolverServiceStub(channel).Follow(long_branch(n=20), timeout=60)
    next(stream)
    assert not mortal.is_idle()
    channel.close()
    wait_until(mortal.is_idle, 1)
    assert mortal.worker() == worker


def test_streams_are_admitted_like_other_calls(mortal: Mortal) -> None:
    stub = mortal.stub()
    stream = stub.Follow(long_branch(), timeout=20)
    next(stream)
    waiting = stub.Solve.future(endless(), timeout=20)
    wait_until(lambda: len(mortal.pool._waiting) == 1, 2)
    with pytest.raises(grpc.RpcError) as caught:
        next(stub.Follow(long_branch(), timeout=20))
    refused = problem(caught.value)
    assert refused.code == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert refused.reason == "OVERLOADED"
    assert refused.retry_seconds is not None
    stream.cancel()
    waiting.cancel()
    wait_until(mortal.is_idle, 2)


def test_a_search_that_cannot_be_stopped_is_killed_after_the_grace(mortal: Mortal) -> None:
    """One solve of a search polls no flag of its own; after the grace the spare takes the worker's place."""
    wait_until(lambda: mortal.pool._spare is not None, 60)
    worker = mortal.worker()
    options = SolveOptions(method=wire.METHOD_NEWTON, max_iterations=10**9)
    stream = mortal.stub().FindAll(
        to_find_all("x**2 + 1 = 0", bounds=between(x=(-1e150, 1e151)), options=options), timeout=60
    )
    before = cpu_seconds(worker)
    # Importing what searches need takes a second; then the one solve is under way.
    wait_until(lambda: cpu_seconds(worker) > before + 3.0, 20)
    stream.cancel()
    wait_until(mortal.is_idle, FREED_SECONDS + 4 * SLACK_SECONDS)
    assert mortal.stub().Solve(EASY, timeout=20).status == wire.STATUS_CONVERGED
    assert mortal.worker() != worker


def test_a_complex_step_differentiates_no_searches(server: Server) -> None:
    options = SolveOptions(jacobian=wire.JACOBIAN_MODE_COMPLEX_STEP)
    searches = (
        to_find_all("x**2 = 2", bounds=between(x=(-3.0, 3.0)), options=options),
        to_follow(
            "x**2 = r", start={"x": 1.0}, parameters={"r": 1.0}, parameter="r", lower=0.0, upper=2.0, options=options
        ),
    )
    for request in searches:
        check(server.refusal(request), "INVALID_INPUT", "options.jacobian", "at points, not while solving")
