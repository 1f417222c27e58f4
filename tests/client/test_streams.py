"""`Client.find_all` and `Client.follow`: items as they come, how it ended, and how a call is cancelled."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest
import raphson
from google.rpc.error_details_pb2 import BadRequest
from raphson import BranchPointKind
from raphson.arrays import from_message
from raphson.v1.solver_pb2 import BranchPoint, FollowResponse

from tests.client.conftest import SYSTEM_ID, found, roots_at

if TYPE_CHECKING:
    from tests.client.conftest import ScriptedServer

BOX = {"x": (-10.0, 10.0)}
BRANCH: dict[str, Any] = {"parameter": "r", "lower": -1.0, "upper": 4.0}


# --- roots
def test_roots_come_one_by_one(talking: raphson.Client) -> None:
    search = talking.find_all("x**2 - 3*x = -2", BOX)
    assert search.summary is None
    roots = []
    for root in search:
        roots.append(root["x"])
        assert root.certificate.proven
        assert root.residual.tolist() == [0.0]
        assert dict(root) == {"x": root["x"]}
    assert roots == [1.0, 2.0]
    assert search.summary is not None
    assert (search.summary.roots, search.summary.starts, search.summary.complete) == (2, 7, True)
    assert search.summary.undecided_lower.shape == (0, 0)
    assert str(search.summary) == "2 roots from 7 starts: every box is decided"
    assert list(search) == []


def test_all_roots_at_once(talking: raphson.Client) -> None:
    search = talking.find_all("x**2 - 3*x = -2", BOX)
    assert [repr(root) for root in search.all()] == [
        "FoundRoot(x=1; proven: exactly one root within 3e-16)",
        "FoundRoot(x=2; proven: exactly one root within 3e-16)",
    ]
    assert search.summary is not None
    with pytest.raises(KeyError, match="'y' is not a variable"):
        _ = next(talking.find_all("x = 1", BOX))["y"]


def test_the_box_and_the_options_are_sent(scripted: ScriptedServer, talking: raphson.Client) -> None:
    talking.find_all(
        ["x = r", "u[i] = x for i in range(2)"],
        {"x": (0, 1), "u": (np.zeros(2), [2, 3])},
        {"r": 2.0},
        prove=True,
        max_starts=5,
        max_roots=6,
        max_boxes=7,
        tolerance=1e-9,
        method="trust_region",
        timeout_seconds=3.0,
    ).all()
    request = scripted.requests[0]
    assert [(v.name, list(v.shape)) for v in request.system.definition.variables] == [("x", []), ("u", [2])]
    assert [from_message(bound.upper).tolist() for bound in request.bounds] == [1.0, [2.0, 3.0]]
    assert (request.prove, request.max_starts, request.max_roots, request.max_boxes) == (True, 5, 6, 7)
    assert (request.options.tolerance, request.options.method) == (1e-9, raphson.Method.TRUST_REGION)
    assert 2 < scripted.deadlines[0] < 3.5


def test_a_function_and_a_compiled_system_take_a_pair(scripted: ScriptedServer, talking: raphson.Client) -> None:
    talking.find_all(lambda x: [x[0] - 1, x[1]], ([0, 0], [1, 2])).all()
    system = talking.compile(["x = 1", "y = 2"], variables=["x", "y"])
    talking.find_all(system, ([0, 0], [1, 2])).all()
    talking.find_all(system, {"x": (0, 1), "y": (0, 2)}).all()
    by_function, _, by_pair, by_name = scripted.requests
    assert [bound.name for bound in by_function.bounds] == ["x"]
    assert by_pair.bounds == by_name.bounds
    assert by_pair.system.system_id


@pytest.mark.parametrize(
    ("bounds", "field", "said"),
    [
        ({"x": (0, None)}, "bounds[x].upper", "is missing; expected both sides"),
        ({"x": (0, float("inf"))}, "bounds[x].upper", "inf is not finite"),
        ({"x": ([0, 1], [0, 1, 2])}, "bounds[x]", "shapes (2,) and (3,) differ"),
        ({"x": 3}, "bounds[x]", "is not a pair"),
        ((0, 1), "bounds", "expected name → (lower, upper) for each unknown"),
    ],
)
def test_a_box_that_makes_no_sense_is_refused_at_once(
    scripted: ScriptedServer, talking: raphson.Client, bounds: Any, field: str, said: str
) -> None:
    with pytest.raises(raphson.InvalidRequestError) as caught:
        talking.find_all("x = 1", bounds)
    assert said in str(caught.value)
    assert caught.value.fields[0].field == field
    assert scripted.requests == []


# --- branches
def test_points_come_one_by_one(scripted: ScriptedServer, talking: raphson.Client) -> None:
    branch = talking.follow("x**2 = r", {"x": 1.0}, {"r": 1.0}, downwards=True, max_points=9, **BRANCH)
    first = next(branch)
    assert (first.kind, first.parameter, first["x"], first.arclength) == (BranchPointKind.START, 0.0, 0.0, 0.0)
    second = next(branch)
    assert second.is_turning_point
    assert repr(second) == "BranchPoint(turning point at 1: x=10)"
    with pytest.raises(StopIteration):
        next(branch)
    assert branch.end is not None
    assert str(branch.end) == "2 points, 1 turning point: the parameter reached its limit"
    request = scripted.requests[0]
    assert (request.parameter, request.lower, request.upper) == ("r", -1.0, 4.0)
    assert (request.downwards, request.max_points) == (True, 9)
    assert request.start[0].name == "x"


def test_a_kind_of_another_version_is_told(scripted: ScriptedServer, talking: raphson.Client) -> None:
    scripted.stream(FollowResponse(point=BranchPoint(kind=99)))  # type: ignore[arg-type]
    with pytest.raises(raphson.IncompatibleServerError, match="kind 99"):
        talking.follow("x = r", {"x": 1.0}, {"r": 1.0}, **BRANCH).all()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"parameter": 3}, "parameter"),
        ({"lower": None}, "lower"),
        ({"upper": "4"}, "upper"),
        ({"max_points": 1.5},) * 2,
    ],
)
def test_a_branch_that_makes_no_sense_is_refused_at_once(
    scripted: ScriptedServer, talking: raphson.Client, change: dict[str, Any], field: Any
) -> None:
    with pytest.raises(raphson.InvalidRequestError) as caught:
        talking.follow("x = r", {"x": 1.0}, {"r": 1.0}, **BRANCH | change)
    assert caught.value.fields[0].field in field
    assert scripted.requests == []


# --- text once, then its id
def test_the_text_is_sent_once_and_then_its_id(scripted: ScriptedServer, talking: raphson.Client) -> None:
    for _ in range(2):
        talking.find_all("x = 1", BOX).all()
    talking.solve("x = 1", {"x": 1.0})
    talking.follow("x = 1", {"x": 1.0}, {}, **BRANCH).all()
    ways = [request.system.WhichOneof("ref") for request in scripted.requests]
    assert ways == ["definition", "system_id", "system_id", "system_id"]
    assert scripted.requests[1].system.system_id == SYSTEM_ID


def test_a_server_that_has_forgotten_is_sent_the_text_again(scripted: ScriptedServer, talking: raphson.Client) -> None:
    talking.find_all("x = 1", BOX).all()
    scripted.fail(grpc.StatusCode.NOT_FOUND, "gone")
    assert len(talking.find_all("x = 1", BOX).all()) == 2
    assert [request.system.WhichOneof("ref") for request in scripted.requests] == [
        "definition",
        "system_id",
        "definition",
    ]


# --- failures
def test_a_failure_is_typed(scripted: ScriptedServer, talking: raphson.Client) -> None:
    violation = BadRequest.FieldViolation(field="bounds[x]", description="is empty")
    scripted.fail(grpc.StatusCode.INVALID_ARGUMENT, "bounds[x]: is empty", BadRequest(field_violations=[violation]))
    search = talking.find_all("x = 1", BOX)
    with pytest.raises(raphson.InvalidRequestError, match="is empty") as caught:
        next(search)
    assert caught.value.fields == [("bounds[x]", "is empty")]


def test_what_was_found_before_a_failure_is_kept(scripted: ScriptedServer, talking: raphson.Client) -> None:
    def action(_: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        yield found(1.0)
        context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "full")

    scripted.script.append(action)
    search = talking.find_all("x = 1", BOX)
    assert next(search)["x"] == 1.0
    with pytest.raises(raphson.ServerBusyError, match="full"):
        next(search)
    assert search.summary is None


def test_a_stream_without_an_end_is_told(scripted: ScriptedServer, talking: raphson.Client) -> None:
    scripted.stream(found(1.0))
    with pytest.raises(raphson.IncompatibleServerError, match="without saying how"):
        talking.find_all("x = 1", BOX).all()


def test_a_deadline_that_passes_is_told(scripted: ScriptedServer, talking: raphson.Client) -> None:
    scripted.script.append(Endless())
    search = talking.find_all("x = 1", BOX, timeout_seconds=0.3)
    assert next(search)["x"] == 1.0
    with pytest.raises(raphson.DeadlineExceededError, match=r"within 0\.3 s"):
        next(search)


def test_a_closed_client_says_so(talking: raphson.Client) -> None:
    search = talking.find_all("x = 1", BOX)
    talking.close()
    with pytest.raises(raphson.ClientStateError, match="is closed"):
        next(search)


# --- cancelling
class Endless:
    """Finds one root and then looks on until the caller is gone."""

    def __init__(self) -> None:
        self.ended = threading.Event()

    def __call__(self, _: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        if not context.add_callback(self.ended.set):
            self.ended.set()
        yield found(1.0)
        assert self.ended.wait(20)


def leave_the_loop(search: raphson.RootSearch) -> None:
    for _ in search:
        break


def close(search: raphson.RootSearch) -> None:
    next(search)
    search.close()
    search.close()


def leave_the_block(search: raphson.RootSearch) -> None:
    with search:
        next(search)


def fail_in_the_loop(search: raphson.RootSearch) -> None:
    with pytest.raises(ZeroDivisionError):
        _ = [1 / 0 for _ in search]


def interrupt(search: raphson.RootSearch) -> None:
    next(search)
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        next(search)


@pytest.mark.parametrize("leave", [leave_the_loop, close, leave_the_block, fail_in_the_loop, interrupt])
def test_leaving_cancels_the_call_on_the_server(
    scripted: ScriptedServer, talking: raphson.Client, leave: Callable[[raphson.RootSearch], None]
) -> None:
    endless = Endless()
    scripted.script.append(endless)
    search = talking.find_all("x = 1", BOX)
    leave(search)
    assert endless.ended.wait(2)
    assert search.summary is None
    assert list(search) == []
    assert talking.solve("x = 1", {"x": 1.0}).converged


def test_dropping_the_search_cancels_the_call(scripted: ScriptedServer, talking: raphson.Client) -> None:
    endless = Endless()
    scripted.script.append(endless)
    search = talking.find_all("x = 1", BOX)
    next(search)
    del search
    assert endless.ended.wait(2)


def test_nothing_is_sent_before_the_first_item_is_asked_for(scripted: ScriptedServer, talking: raphson.Client) -> None:
    search = talking.find_all("x = 1", BOX)
    time.sleep(0.1)
    assert scripted.requests == []
    search.close()
    assert list(search) == []
    assert scripted.requests == []


def test_closing_the_client_ends_the_stream(scripted: ScriptedServer, talking: raphson.Client) -> None:
    scripted.script.append(Endless())
    search = talking.find_all("x = 1", BOX)
    next(search)
    threading.Timer(0.1, talking.close).start()
    with pytest.raises((raphson.CancelledError, raphson.ClientStateError)):
        next(search)


def test_a_search_of_no_roots(scripted: ScriptedServer, talking: raphson.Client) -> None:
    scripted.stream(*roots_at())
    search = talking.find_all("x = 1", BOX)
    assert search.all() == []
    assert search.summary is not None
    assert str(search.summary).startswith("0 roots from 7 starts: ")
