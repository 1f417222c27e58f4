"""SolveCallback: f is the caller's, who may be right, wrong, slow or gone."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import grpc
import numpy as np
import pytest
import raphson_solver as rs
from raphson.v1 import solver_pb2 as wire
from raphson.v1.solver_pb2 import CallbackAnswer, CallbackQuestion, SolveCallbackRequest, SolveOptions
from raphson_solver.callback import solve_callback

from benchmarks.faults.proxy import Proxy
from tests.server.calling import array, by_text, numbers, problem
from tests.server.conversing import Conversation, inside, opening, solve
from tests.server.running import CALL_SECONDS, START_SECONDS, Server, running_server, wait_until

EASY = by_text("x**2 = 2", start={"x": 1.0})
START = {"u": [1.0, -1.7]}


def two(x: np.ndarray) -> np.ndarray:
    return np.array([x[0] ** 2 + x[1] ** 2 - 4, np.exp(x[0]) + x[1] - 1])


def slopes(x: np.ndarray) -> np.ndarray:
    return np.array([[2 * x[0], 2 * x[1]], [np.exp(x[0]), 1.0]])


def refused(act: Callable[[], Any]) -> Any:
    with pytest.raises(grpc.RpcError) as caught:
        act()
    return problem(caught.value)


def test_the_wire_finds_what_the_library_finds_bit_for_bit(server: Server) -> None:
    found, asked = solve(server, opening(START, options=SolveOptions(return_jacobian=True)), two)
    directly = solve_callback(two, START["u"])
    assert found.status == wire.STATUS_CONVERGED
    assert [each.name for each in found.solution] == ["u"]
    assert numbers(found.solution[0].array).tolist() == directly.x.tolist()
    assert numbers(found.residual).tolist() == directly.residual.tolist()
    assert numbers(found.jacobian).tolist() == directly.jacobian.tolist()
    assert found.evaluations == directly.evaluations == sum(each.points.shape[0] for each in asked)
    assert [each.number for each in asked] == list(range(1, len(asked) + 1))
    assert 0 < found.elapsed_seconds < CALL_SECONDS


def test_columns_of_a_jacobian_are_asked_together_and_variables_keep_their_shapes(server: Server) -> None:
    found, asked = solve(server, opening({"A": [[1.0, 2.0], [3.0, 4.0]], "b": 1.0}), lambda x: x**3 - np.arange(1, 6))
    assert [tuple(each.points.shape) for each in asked][:2] == [(1, 5), (5, 5)]
    assert tuple(found.solution[0].array.shape) == (2, 2)
    assert tuple(found.solution[1].array.shape) == ()
    assert numbers(found.solution[1].array) == pytest.approx(5 ** (1 / 3))
    few, asked = solve(server, opening({"x": np.ones(5)}, max_points=2), lambda x: x**3 - 2)
    assert max(each.points.shape[0] for each in asked) == 2
    assert few.status == wire.STATUS_CONVERGED


def test_the_callers_own_jacobian_is_asked(server: Server) -> None:
    found, asked = solve(server, opening(START, has_jacobian=True), two, slopes)
    assert CallbackQuestion.QUANTITY_JACOBIAN in [each.quantity for each in asked]
    assert found.status == wire.STATUS_CONVERGED
    assert found.evaluations == sum(each.quantity == CallbackQuestion.QUANTITY_VALUE for each in asked)


def test_bounds_hold_and_are_named(server: Server) -> None:
    found, asked = solve(server, opening({"x": 5.0}, bounds=inside(x=(3.0, 9.0))), lambda x: x * x - 2)
    assert all(np.all(numbers(each.points) >= 3) for each in asked)
    assert [(each.element, each.side) for each in found.active_bounds] == [("x", wire.ActiveBound.SIDE_LOWER)]


def test_a_point_where_f_is_not_defined_is_left(server: Server) -> None:
    conversation = Conversation(server)
    said = conversation.open(opening({"x": 5.0}))
    while said.HasField("question"):
        points = numbers(said.question.points)[:, 0]
        undefined = [int(place) for place in np.flatnonzero(points < 0)]
        said = conversation.answer(said.question.number, np.sqrt(np.abs(points))[:, None] - 1e-3, undefined=undefined)
    assert said.result.status == wire.STATUS_CONVERGED
    assert numbers(said.result.solution[0].array) == pytest.approx(1e-6)


def test_time_that_is_up_returns_the_best_point(server: Server) -> None:
    conversation = Conversation(server)
    said = conversation.open(opening({"x": 5.0}, options=SolveOptions(timeout_seconds=1e-3)))
    time.sleep(2e-3)  # a quick server asks before the time is up
    said = conversation.answer(1, [23.0]) if said.HasField("question") else said
    assert said.result.status == wire.STATUS_TIME_LIMIT
    assert numbers(said.result.solution[0].array) == 5.0


def test_while_callers_think_others_are_served(server: Server) -> None:
    conversations = [Conversation(server) for _ in range(6)]
    said = [each.open(opening({"x": 5.0})) for each in conversations]
    # Two workers, six questions open.
    assert server.solve(EASY).status == wire.STATUS_CONVERGED
    said = [each.answer(1, [23.0]) for each in conversations]
    assert [each.question.number for each in said] == [2] * 6
    for conversation in conversations:
        conversation.close()


@pytest.mark.parametrize(
    ("message", "field", "words"),
    [
        (opening({}), "opening.start", "expected each variable once"),
        (opening({"x": np.nan}), "opening.start[x]", "expected finite numbers, found nan"),
        (opening({"x": 1.0}, bounds=inside(x=(2.0, 3.0))), "opening.start", "outside its bounds"),
        (opening({"x": 1.0}, bounds=inside(y=(2.0, 3.0))), "opening.bounds[y]", "no variable 'y'"),
        (opening({"x": 1.0}, options=SolveOptions(tolerance=2)), "opening.options.tolerance", "below 1"),
        (opening({"x": 1.0}, options=SolveOptions(method=99)), "opening.options.method", "99 is not known"),
        (
            opening({"x": 1.0}, options=SolveOptions(method="METHOD_BROYDEN")),
            "opening.options.method",
            "not for callbacks",
        ),
        (opening({"x": 1.0}, max_points=-1), "opening.max_points", "-1; expected at least 1"),
        (opening({"x": np.ones(2000)}), "opening.start", "more than the 67,108,864 of a callback"),
    ],
)
def test_openings_that_make_no_sense(server: Server, message: Any, field: str, words: str) -> None:
    said = refused(lambda: Conversation(server).open(message))
    assert (said.code, said.field) == (grpc.StatusCode.INVALID_ARGUMENT, field)
    assert words in said.message


@pytest.mark.parametrize(
    ("number", "values", "more", "field", "words"),
    [
        (7, [1.0], {}, "answer.number", "7; expected 1, the open question's"),
        (1, [[1.0], [2.0]], {}, "answer.values", "shape (2, 1) for 1 point; expected (1, m)"),
        (1, [1.0], {"undefined": [3]}, "answer.undefined", "3; expected places from 0 to 0"),
    ],
)
def test_answers_that_make_no_sense(
    server: Server, number: int, values: Any, more: Any, field: str, words: str
) -> None:
    conversation = Conversation(server)
    conversation.open(opening({"x": 5.0}))
    said = refused(lambda: conversation.answer(number, values, **more))
    assert (said.code, said.field) == (grpc.StatusCode.INVALID_ARGUMENT, field)
    assert words in said.message


def test_messages_in_the_wrong_place(server: Server) -> None:
    conversation = Conversation(server)
    said = refused(lambda: conversation.answer(1, [1.0]))
    assert "answer came first; expected an opening" in said.message
    conversation = Conversation(server)
    conversation.open(opening({"x": 5.0}))
    said = refused(lambda: conversation.open(opening({"x": 5.0})))
    assert "opening came; expected an answer" in said.message
    conversation = Conversation(server)
    conversation.open(opening({"x": 5.0}))
    said = refused(conversation.end)
    assert "the caller's stream ended; expected an answer to question 1" in said.message
    raw = server.channel.stream_stream("/raphson.v1.SolverService/SolveCallback")
    said = refused(lambda: next(raw(iter([b"\xff"]), timeout=CALL_SECONDS)))
    assert said.reason == "MALFORMED_MESSAGE"


def test_a_second_answer_is_not_kept_for_a_later_question(server: Server) -> None:
    conversation = Conversation(server)
    conversation.open(opening({"x": 5.0}))
    conversation._said.put(SolveCallbackRequest(answer=CallbackAnswer(number=1, values=array([23.0]))))
    said = refused(lambda: (conversation.answer(1, [23.0]), next(conversation.call)))
    assert said.field == "answer.number"


def test_limits_patience_and_lost_workers() -> None:
    with running_server("--max-callbacks", "1", "--answer-patience-seconds", "0.3", workers=1) as server:
        conversation = Conversation(server)
        conversation.open(opening({"x": 5.0}))
        said = refused(lambda: Conversation(server).open(opening({"x": 5.0})))
        assert said.code == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert said.metadata == {"limit": "max_callbacks", "maximum": "1"}
        said = refused(lambda: next(conversation.call))
        assert (said.code, said.reason) == (grpc.StatusCode.ABORTED, "ANSWER_LATE")
        assert "question 1 was not answered within 0.3 s" in said.message
        # The place is free again; and no search is lost with the worker that took its last turn.
        # Workers have to start anew.
        found, _ = solve(server, opening(START), _killing(server), timeout=START_SECONDS)
        assert found.status == wire.STATUS_CONVERGED
        assert server.serving()


def test_one_address_leaves_seats_to_others() -> None:
    with running_server("--max-callbacks", "4", workers=1) as server, Proxy(server.address, "127.0.0.2") as proxy:
        conversations = [Conversation(replace(server)) for _ in range(2)]  # each by a connection of its own
        for each in conversations:
            each.open(opening({"x": 5.0}))
        said = refused(lambda: Conversation(replace(server)).open(opening({"x": 5.0})))
        assert (said.code, said.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
        assert said.metadata == {"limit": "max_caller_share", "maximum": "0.5"}
        assert "2 callbacks from 127.0.0.1 are under way, as many of the 4 as one caller may have" in said.message
        assert "raphson serve --max-caller-share" in said.message
        found, _ = solve(replace(server, address=proxy.address), opening(START), two)
        assert found.status == wire.STATUS_CONVERGED
        # What one has finished with it may have again.
        conversations[0].close()
        wait_until(lambda: _finds_a_seat(server), CALL_SECONDS)


def _finds_a_seat(server: Server) -> bool:
    conversation = Conversation(server)
    try:
        return conversation.open(opening({"x": 5.0})).HasField("question")
    except grpc.RpcError as error:
        if problem(error).reason != "OVERLOADED":
            raise
        return False
    finally:
        conversation.close()


def test_a_server_that_stops_finishes_them_and_cuts_off_whoever_is_silent() -> None:
    with running_server("--drain-seconds", "60") as server:
        talking, silent = Conversation(server), Conversation(server)
        said = talking.open(opening({"x": 5.0}))
        assert silent.open(opening({"x": 5.0})).question.number == 1
        server.process.terminate()
        wait_until(lambda: not server.serving(), 10)
        while said.HasField("question"):
            points = numbers(said.question.points)
            said = talking.answer(said.question.number, points**2 - 2)
        assert said.result.status == wire.STATUS_CONVERGED
        server.process.terminate()  # again: at once
        told = refused(lambda: next(silent.call))
        assert (told.code, told.reason) == (grpc.StatusCode.UNAVAILABLE, "NOT_SERVING")


def _killing(server: Server) -> Callable[[np.ndarray], np.ndarray]:
    """Return f, which ends every worker the first time that it is called."""
    has_killed = False

    def function(x: np.ndarray) -> np.ndarray:
        nonlocal has_killed
        if not has_killed:
            has_killed = True
            for pid in server.workers():
                os.kill(pid, signal.SIGKILL)
        return two(x)

    return function


def test_a_cancelled_call_frees_its_place(server: Server) -> None:
    for _ in range(40):
        wait_until(lambda: _finds_a_seat(server), CALL_SECONDS)
    assert server.solve(EASY).status == rs.Status.CONVERGED
