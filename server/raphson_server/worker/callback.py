"""SolverService.SolveCallback, one turn of it: an opening or an answer in, a question or the result out."""

from __future__ import annotations

import pickle
import re
import time
from dataclasses import dataclass

import numpy as np
import raphson_solver as rs
from google.rpc.code_pb2 import INVALID_ARGUMENT
from raphson.v1.array_pb2 import NamedArray
from raphson.v1.solver_pb2 import (
    ActiveBound,
    CallbackAnswer,
    CallbackOpening,
    CallbackQuestion,
    SolveCallbackRequest,
    SolveCallbackResponse,
    SolveResponse,
)
from raphson_solver.callback import CallbackProblem, CallbackSolution, Question, Search
from raphson_solver.explanation import element_names
from raphson_solver.solution.packing import Declared, pack
from raphson_solver.solution.region import pack_bounds, pack_nominal, pack_nominal_residual

from raphson_server import turns
from raphson_server.failures import CallError, Reason, invalid_input
from raphson_server.worker.call import Answer, Call, allowed_seconds, check_allowed, parsed, too_large
from raphson_server.worker.conversion import WIRE, Array, from_array, to_array, to_arrays, to_options, to_vector
from raphson_server.worker.region import SIDES, to_sides

# J as asked and as corrected, the differences on their way to it, and one more while they are joined.
_MATRICES = 4
# The fields around a message's array.
_ENVELOPE_BYTES = 1024
_QUANTITIES = {False: CallbackQuestion.QUANTITY_VALUE, True: CallbackQuestion.QUANTITY_JACOBIAN}
_NAME = re.compile(r"^(bounds|nominal|start)\.([^.]+)")


@dataclass(slots=True)
class _Session:
    """A search with what the wire needs of it; pickled between turns, for the next worker.

    Attributes
    ----------
    search : Search
    variables : tuple of (name, shape)
        In the order of x.
    return_jacobian : bool
        Whether the result has J.
    deadline : float
        Of the option `timeout_seconds`, on the machine's monotonic clock, which all workers share.
    seconds : float
        What turns have taken.
    """

    search: Search
    variables: Declared
    return_jacobian: bool
    deadline: float
    seconds: float = 0.0


def solve_callback(body: bytes, call: Call) -> Answer:
    """Take a turn."""
    began = time.monotonic()
    state, message = turns.unpacked(body)
    request = parsed(SolveCallbackRequest, message)
    kind = request.WhichOneof("message")
    if not state:
        if kind != "opening":
            raise invalid_input("message", f"{kind or 'nothing'} came first; expected an opening")
        session = _open(request.opening, call)
    else:
        if kind != "answer":
            raise invalid_input("message", f"{kind or 'nothing'} came; expected an answer to the question before")
        # Only ever written by a worker of this service.
        session = pickle.loads(state)  # noqa: S301
        _answer(session, request.answer, call)
    search = session.search
    if search.question is not None and _is_time_up(session, call):
        search.stop(rs.Status.TIME_LIMIT)
    session.seconds += time.monotonic() - began
    if search.question is None:
        found = search.result
        call.account.solve(began, int(found.status), search.problem.n, found.iterations)
        return Answer(SolveCallbackResponse(result=_from_result(session, found)), state=b"")
    response = SolveCallbackResponse(question=_from_question(search.question))
    return Answer(response, state=pickle.dumps(session, pickle.HIGHEST_PROTOCOL))


def _is_time_up(session: _Session, call: Call) -> bool:
    return time.monotonic() > session.deadline or allowed_seconds(call.deadline) <= 0


def _open(opening: CallbackOpening, call: Call) -> _Session:
    """Begin a search.

    Raises
    ------
    CallError
        For a start, bounds, sizes or options that make no sense, or more variables than a session may have.
    """
    start = to_arrays(opening.start, "opening.start")
    if not start:
        raise invalid_input("opening.start", "empty; expected each variable once")
    variables = tuple((name, array.shape) for name, array in start.items())
    n = sum(array.size for array in start.values())
    check_allowed(n, call, "opening.start")
    _check_memory(n, n, call, "opening.start")
    if opening.max_points < 0:
        raise invalid_input("opening.max_points", f"{opening.max_points}; expected at least 1, or 0 for no limit")
    try:
        options = to_options(opening.options)
        sides = to_sides(opening.bounds)
        nominal = to_arrays(opening.nominal, "opening.nominal")
        problem = CallbackProblem(
            start=pack(start, variables, "start"),
            options=options,
            bounds=pack_bounds(sides, variables, n) if sides else None,
            nominal=pack_nominal(nominal, variables, n) if nominal else None,
            nominal_residual=_to_sizes(opening),
            has_jacobian=opening.has_jacobian,
            largest_block=_largest_block(opening.max_points, n, call),
        )
    except rs.InputError as error:
        raise _blamed(error, "opening.") from None
    except CallError as error:
        raise _deeper(error) from None
    deadline = time.monotonic() + (np.inf if options.timeout_seconds is None else options.timeout_seconds)
    return _Session(Search(problem), variables, opening.options.return_jacobian, deadline)


def _to_sizes(opening: CallbackOpening) -> Array | None:
    if not opening.HasField("nominal_residual"):
        return None
    sizes = to_vector(opening.nominal_residual, "opening.nominal_residual")
    return pack_nominal_residual(sizes, sizes.size)


def _answer(session: _Session, answer: CallbackAnswer, call: Call) -> None:
    """Let the search have an answer.

    Raises
    ------
    CallError
        If it is to another question, or has another shape than that asks for.
    """
    question = session.search.question
    assert question is not None
    if answer.number != question.number:
        raise invalid_input("answer.number", f"{answer.number}; expected {question.number}, the open question's")
    values = _to_values(answer, question)
    sizes = session.search.problem.nominal_residual
    if question.m is None:
        m = values.shape[-1] if values.ndim else 1
        _check_memory(m, session.search.problem.n, call, "answer.values")
        if sizes is not None and sizes.size != m:
            raise invalid_input(
                "opening.nominal_residual", f"shape ({sizes.size},); expected ({m},), a number an equation"
            )
        session.search.limit_block(_largest_block(0, max(m, session.search.problem.n), call))
    try:
        session.search.answer(values)
    except rs.InputError as error:
        raise _blamed(error, "answer.") from None


def _to_values(answer: CallbackAnswer, question: Question) -> Array:
    values = to_array(answer.values, "answer.values")
    if question.wants_jacobian:
        if answer.undefined:
            raise invalid_input(
                "answer.undefined", "a point of a Jacobian; expected NaN among the values where J is not defined"
            )
        return values
    count = len(question.points)
    if count == 1 and values.ndim <= 1:
        values = values.reshape(1, -1)
    if not answer.undefined:
        return values
    values = values.copy()
    for place in answer.undefined:
        if not 0 <= place < min(count, len(values)):
            raise invalid_input("answer.undefined", f"{place}; expected places from 0 to {count - 1}")
        values[place] = np.nan
    return values


def _largest_block(wanted: int, numbers: int, call: Call) -> int:
    """Return how many points fit a message, whose rows have so many numbers in the question or the answer."""
    fitting = max(1, (call.max_message_bytes - _ENVELOPE_BYTES) // (WIRE.itemsize * numbers))
    return min(wanted, fitting) if wanted else fitting


def _check_memory(m: int, n: int, call: Call, field: str) -> None:
    size, maximum = _MATRICES * WIRE.itemsize * m * n, call.max_callback_bytes
    if size > maximum:
        raise too_large(
            size,
            f"a search with {m:,}×{n:,} derivatives keeps {size:,} bytes",
            "solve a smaller system, or give it as text, where large ones are sparse",
            maximum,
            field,
            limit="max_callback_bytes",
            what_limit="a callback",
        )


def _blamed(error: rs.InputError, root: str) -> CallError:
    """Write a solver's error in the terms of the message."""
    field = root + _NAME.sub(r"\1[\2]", error.field)
    message = f"{field}: {error.message}"
    return CallError(INVALID_ARGUMENT, Reason.INVALID_INPUT, message, field=field, description=error.message)


def _deeper(error: CallError) -> CallError:
    """Write an error about a part of the opening with its whole path."""
    field = error.field or ""
    if field.startswith("opening"):
        return error
    return CallError(error.code, error.reason, f"opening.{error.message}", field=f"opening.{field}")


# --- what is sent -------------------------------------------------------------------------------------------------


def _from_question(question: Question) -> CallbackQuestion:
    return CallbackQuestion(
        number=question.number, quantity=_QUANTITIES[question.wants_jacobian], points=from_array(question.points)
    )


def _from_result(session: _Session, found: CallbackSolution) -> SolveResponse:
    response = SolveResponse(
        status=int(found.status),  # type: ignore[arg-type]
        message=found.message,
        remedy=found.remedy,
        solution=_from_point(found.x, session.variables),
        residual=from_array(found.residual),
        scaled_residual=from_array(found.scaled_residual),
        residual_norm=found.residual_norm,
        iterations=found.iterations,
        evaluations=found.evaluations,
        jacobian_evaluations=found.jacobian_evaluations,
        elapsed_seconds=session.seconds,
        method=int(found.method),  # type: ignore[arg-type]
    )
    if session.return_jacobian and found.jacobian is not None:
        response.jacobian.CopyFrom(from_array(found.jacobian))
    elements = element_names(session.variables)
    response.active_bounds.extend(
        ActiveBound(element=elements[place], side=SIDES[side]) for place, side in found.active_bounds
    )
    return response


def _from_point(x: Array, variables: Declared) -> list[NamedArray]:
    """Write x, each variable with its own shape."""
    named, place = [], 0
    for name, shape in variables:
        size = int(np.prod(shape, dtype=np.int64))
        named.append(NamedArray(name=name, array=from_array(x[place : place + size].reshape(shape))))
        place += size
    return named
