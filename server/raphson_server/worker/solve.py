"""SolverService.Solve: a start in, a root or a reason out."""

import dataclasses
import functools
import math
import time

import raphson_solver as rs
from google.rpc import code_pb2
from raphson.v1.solver_pb2 import SolveOptions, SolveRequest, SolveResponse

from raphson_server.failures import CallError, Reason
from raphson_server.worker.call import Answer, Call, check_matrix_fits, find_system, parsed
from raphson_server.worker.conversion import to_options
from raphson_server.worker.kept_system import KeptSystem
from raphson_server.worker.request_form import Question

# The reply must still reach the caller: a tenth of what is left, at most 20 ms.
_LONGEST_MARGIN_SECONDS = 0.02
_MARGIN_FRACTION = 0.1
_TIMEOUT_STEPS = 128


def solve(body: bytes, call: Call) -> Answer:
    """Answer a SolveRequest."""
    question = call.forms.recognise(body)
    if question is not None:
        try:
            return Answer(_reply(question, call))
        except rs.InputError:
            _read(body, call)  # the long way says which variable is not finite, not only where in x
            raise
    question, learnt = _read(body, call)
    if learnt is None:
        call.forms.learn(body, question)
    return Answer(_reply(question, call), learnt)


def _read(body: bytes, call: Call) -> tuple[Question, KeptSystem | None]:
    """Read a request field by field; return what it asks, and its system if it came by text."""
    request = parsed(SolveRequest, body)
    asked = request.options.SerializeToString()
    _options(asked, math.inf)  # a bad option is told before a system is compiled
    kept, learnt = find_system(request, call)
    x = kept.point(request.start, "start")
    p = kept.parameters(request.parameters)
    return Question(kept, x, p if p.size else None, asked, request.options.return_jacobian), learnt


def _reply(question: Question, call: Call) -> SolveResponse:
    """Solve."""
    options = _options(question.options, _allowed_seconds(call.deadline))
    kept = question.kept
    if not question.return_jacobian:
        return kept.solve_reply.fill(kept.system.solve(question.x, question.p, options, call.cancel), None)
    check_matrix_fits(kept.system, call, "options.return_jacobian")
    solution = kept.system.solve(question.x, question.p, options, call.cancel)
    return kept.solve_reply.fill(solution, kept.system.jacobian(solution.x, question.p, options.jacobian))


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
