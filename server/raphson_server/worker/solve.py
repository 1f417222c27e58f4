"""SolverService.Solve: a start in, a root or a reason out."""

import dataclasses
import functools
import math
import time

import raphson_solver as rs
from google.rpc import code_pb2
from raphson.v1.solver_pb2 import SolveOptions, SolveRequest

from raphson_server.failures import CallError, Reason
from raphson_server.worker.call import Answer, Call, check_matrix_fits, find_system, parsed
from raphson_server.worker.conversion import to_options
from raphson_server.worker.kept_system import KeptSystem
from raphson_server.worker.request_form import Question, RequestForm

# The reply must still reach the caller: a tenth of what is left, at most 20 ms.
_LONGEST_MARGIN_SECONDS = 0.02
_MARGIN_FRACTION = 0.1
_TIMEOUT_STEPS = 128
# Enough of a request to tell systems apart by their ids.
_KEY_BYTES = 72


def solve(body: bytes, call: Call) -> Answer:
    """Answer a SolveRequest."""
    key = body[:_KEY_BYTES], len(body)
    form = call.forms.get(key)
    question = None if form is None else form.read(body)
    learnt = None
    if question is None:
        question, learnt = _read(body, call)
        form = RequestForm.of(body, question) if form is None and learnt is None else None
        if form is not None:
            call.forms.put(key, form)
    options = _options(question.options, _allowed_seconds(call.deadline))
    system = question.kept.system
    if question.return_jacobian:
        check_matrix_fits(system, call, "options.return_jacobian")
    solution = system.solve(question.x, question.p, options, call.cancel)
    jacobian = system.jacobian(solution.x, question.p, options.jacobian) if question.return_jacobian else None
    return Answer(question.kept.solve_reply.fill(solution, jacobian), learnt)


def _read(body: bytes, call: Call) -> tuple[Question, KeptSystem | None]:
    """Read a request field by field; return what it asks, and its system if it came by text."""
    request = parsed(SolveRequest, body)
    asked = request.options.SerializeToString()
    _options(asked, math.inf)  # a bad option is told before a system is compiled
    kept, learnt = find_system(request, call)
    x = kept.point(request.start, "start")
    p = kept.parameters(request.parameters)
    return Question(kept, x, p, asked, request.options.return_jacobian), learnt


@functools.lru_cache(maxsize=64)
def _options(asked: bytes, allowed_seconds: float) -> rs.SolveOptions:
    """Read a serialized SolveOptions, with a time-out that ends before the call's deadline."""
    options = to_options(SolveOptions.FromString(asked))
    if allowed_seconds == math.inf:
        return options
    if options.timeout_seconds is not None and options.timeout_seconds <= allowed_seconds:
        return options
    return dataclasses.replace(options, timeout_seconds=allowed_seconds)


def _allowed_seconds(deadline: float) -> float:
    """Return how long to iterate so that the best point still arrives before the deadline.

    Rounded down to one of 128 steps an octave: the solver keeps memory prepared for each set of options that it
    has seen, and deadlines that differ by microseconds should not make new sets.
    """
    if deadline == math.inf:
        return math.inf
    remaining = deadline - time.monotonic()
    allowed = remaining - min(_LONGEST_MARGIN_SECONDS, _MARGIN_FRACTION * remaining)
    if allowed <= 0:
        raise CallError(
            code_pb2.DEADLINE_EXCEEDED,
            Reason.DEADLINE_EXCEEDED,
            "the deadline passed before the iteration could start; the system is compiled for the next call",
        )
    mantissa, exponent = math.frexp(allowed)
    return math.ldexp(math.floor(mantissa * _TIMEOUT_STEPS) / _TIMEOUT_STEPS, exponent)
