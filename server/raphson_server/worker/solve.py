"""SolverService.Solve: a start in, a root or a reason out."""

import dataclasses
import functools
import math
import time
from collections.abc import Callable, Sequence

import raphson_solver as rs
from google.rpc import code_pb2
from raphson.v1.solver_pb2 import ActiveBound, SolveOptions, SolveRequest, SolveResponse

from raphson_server.failures import CallError, Reason
from raphson_server.worker.call import Answer, Call, allowed_seconds, check_jacobian_fits, find_system, parsed
from raphson_server.worker.conversion import to_arrays, to_options
from raphson_server.worker.evidence import add_evidence
from raphson_server.worker.items import call_ended
from raphson_server.worker.kept_system import KeptSystem
from raphson_server.worker.memory import check_solving_fits
from raphson_server.worker.particulars import Particulars
from raphson_server.worker.read_particulars import to_particulars
from raphson_server.worker.region import SIDES
from raphson_server.worker.registered import check_evidence
from raphson_server.worker.repeated_request import answer_repeated
from raphson_server.worker.solve_question import SolveQuestion

OnProgress = Callable[[rs.Progress], object]

_TIMEOUT_STEPS = 128
# What the iteration may take of the time that is left, if evidence is to be computed after it.
_SHARE_BEFORE_EVIDENCE = 0.75


def solve(body: bytes, call: Call, on_progress: OnProgress | None = None) -> Answer:
    """Answer a SolveRequest; tell `on_progress` meanwhile how far it has come."""
    reply = _reply if on_progress is None else functools.partial(_reply, on_progress=on_progress)
    return answer_repeated(body, call, call.solves, _read, reply)


def _read(body: bytes, call: Call) -> tuple[SolveQuestion, Sequence[KeptSystem]]:
    """Read a request field by field; return what it asks, and its system if it came by text."""
    request = parsed(SolveRequest, body)
    asked = request.options.SerializeToString()
    options = options_within(asked, math.inf)  # a bad option is told before a system is compiled
    kept, learnt = find_system(
        request.system,
        call,
        lambda: to_arrays(request.start, "start"),
        lambda: to_arrays(request.parameters, "parameters"),
        by_name=True,
    )
    check_evidence(request.evidence, kept)
    check_solving_fits(kept.system, call, options)
    x = kept.point(request.start, "start")
    p = kept.parameters(request.parameters)
    particulars = to_particulars(request, kept, x, options.max_iterations, call)
    question = SolveQuestion(kept, x, p if p.size else None, asked, request.options.return_jacobian, particulars)
    return question, learnt


def _reply(question: SolveQuestion, call: Call, on_progress: OnProgress | None = None) -> SolveResponse | bytes:
    """Solve; where nothing else is asked for, the reply comes in bytes."""
    if question.particulars is not None:
        return _particular_reply(question, question.particulars, call, on_progress)
    options = options_within(question.options, timeout_seconds(call.deadline))
    kept = question.kept
    if not question.return_jacobian:
        began = time.monotonic()
        solution = kept.system.solve(question.x, question.p, options, call.cancel, on_progress=on_progress)
        _note(solution, began, call)
        return kept.solve_reply.written(solution) if on_progress is None else kept.solve_reply.message(solution)
    check_jacobian_fits(kept.system, call, "options.return_jacobian")
    began = time.monotonic()
    solution = kept.system.solve(question.x, question.p, options, call.cancel, on_progress=on_progress)
    _note(solution, began, call)
    return kept.solve_reply.message(solution, kept.system.jacobian(solution.x, question.p, options.jacobian))


def _particular_reply(
    question: SolveQuestion, particulars: Particulars, call: Call, on_progress: OnProgress | None
) -> SolveResponse:
    """Solve with all that a request may have."""
    kept, evidence, bounds = question.kept, particulars.evidence, particulars.bounds
    share = _SHARE_BEFORE_EVIDENCE if evidence.takes_time else 1.0
    options = options_within(question.options, timeout_seconds(call.deadline, share))
    if question.return_jacobian:
        check_jacobian_fits(kept.system, call, "options.return_jacobian")
    began = time.monotonic()
    solution = kept.system.solve(
        question.x,
        question.p,
        options,
        call.cancel,
        bounds=None if bounds is None else (bounds.lower, bounds.upper),
        nominal=particulars.nominal or None,
        nominal_residual=particulars.nominal_residual,
        trace=evidence.trace,
        on_progress=on_progress,
    )
    _note(solution, began, call)
    jacobian = kept.system.jacobian(solution.x, question.p, options.jacobian) if question.return_jacobian else None
    response = kept.solve_reply.message(solution, jacobian)
    response.active_bounds.extend(
        ActiveBound(element=kept.elements[place], side=SIDES[side]) for place, side in solution.active_bounds
    )
    add_evidence(response, solution, evidence, kept, call)
    return response


def _note(solution: rs.Solution, began: float, call: Call) -> None:
    """Note a solve that has just ended; write nobody a reply, which may be megabytes, whose call has ended."""
    status = solution.status
    call.account.solve(began, status, solution.x.size, solution.iterations)
    if status is rs.Status.CANCELLED:
        raise call_ended()


@functools.lru_cache(maxsize=64)
def options_within(asked: bytes, allowed_seconds: float) -> rs.SolveOptions:
    """Read a serialized SolveOptions, with a time-out that ends before the call's deadline."""
    options = to_options(SolveOptions.FromString(asked))
    if allowed_seconds == math.inf:
        return options
    if options.timeout_seconds is not None and options.timeout_seconds <= allowed_seconds:
        return options
    return dataclasses.replace(options, timeout_seconds=allowed_seconds)


def timeout_seconds(deadline: float, share: float = 1.0) -> float:
    """Return how long to iterate so that the best point still arrives before the deadline.

    Rounded down to one of 128 steps an octave: the solver keeps memory prepared for each set of options that it
    has seen, and deadlines that differ by microseconds should not make new sets.
    """
    if deadline == math.inf:
        return math.inf
    allowed = share * allowed_seconds(deadline)
    if allowed <= 0:
        raise CallError(
            code_pb2.DEADLINE_EXCEEDED,
            Reason.DEADLINE_EXCEEDED,
            "the deadline passed before the iteration could start; the system is compiled for the next call",
        )
    mantissa, exponent = math.frexp(allowed)
    return math.ldexp(math.floor(mantissa * _TIMEOUT_STEPS) / _TIMEOUT_STEPS, exponent)
