"""A worker's one loop: a request in, an answer out, whatever the request was."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import raphson_solver as rs
from google.rpc import code_pb2
from raphson_solver.compiler.machine import COUNTS as CODE_COUNTS

from raphson_server import turns
from raphson_server.account import Account
from raphson_server.failures import CallError, Reason, raised_by, unexpected
from raphson_server.frames import (
    ChannelClosedError,
    Method,
    Outcome,
    Reply,
    Request,
    receive_request,
    send_reply,
)
from raphson_server.observability.request_id import REQUEST_ID
from raphson_server.worker import evaluate_question, solve_question
from raphson_server.worker.call import Answer, Call
from raphson_server.worker.callback import solve_callback
from raphson_server.worker.chain import evaluate_chain
from raphson_server.worker.check import check
from raphson_server.worker.compile import compile_job, compile_system
from raphson_server.worker.differentiability import test_differentiability
from raphson_server.worker.evaluate import evaluate
from raphson_server.worker.explain import explain
from raphson_server.worker.find_all import find_roots
from raphson_server.worker.follow import follow
from raphson_server.worker.items import Items, serialized
from raphson_server.worker.known_requests import KnownRequests
from raphson_server.worker.registered import list_registered
from raphson_server.worker.request_form import RequestForms
from raphson_server.worker.solve import solve
from raphson_server.worker.solve_batch import solve_batch
from raphson_server.worker.solve_with_progress import solve_with_progress
from raphson_server.worker.solver_errors import to_failure
from raphson_server.worker.systems import DefinitionNeededError, Systems
from raphson_server.worker_settings import WorkerSettings

if TYPE_CHECKING:
    from raphson_solver.registered import RegisteredSystem

_BEHAVIORS: Mapping[Method, Callable[[bytes, Call], Answer]] = {
    Method.SOLVE: solve,
    Method.EVALUATE: evaluate,
    Method.COMPILE: compile_system,
    Method.EXPLAIN: explain,
    Method.FIND_ALL: find_roots,
    Method.FOLLOW: follow,
    Method.EVALUATE_CHAIN: evaluate_chain,
    Method.CHECK_JACOBIAN: check,
    Method.TEST_DIFFERENTIABILITY: test_differentiability,
    Method.SOLVE_BATCH: solve_batch,
    Method.SOLVE_WITH_PROGRESS: solve_with_progress,
    Method.SOLVE_CALLBACK: solve_callback,
    Method.LIST_REGISTERED: list_registered,
    Method.COMPILE_JOB: compile_job,
}


def serve(
    channel: socket.socket, cancel: rs.CancelFlag, settings: WorkerSettings, registered: Mapping[str, RegisteredSystem]
) -> None:
    """Answer requests one after another until the front end hangs up."""
    call = Call(
        systems=Systems(settings.systems, rs.Limits(**settings.limits), registered),
        solves=RequestForms(settings.systems, solve_question.NUMBERS),
        evaluations=RequestForms(settings.systems, evaluate_question.NUMBERS),
        cancel=cancel,
        max_message_bytes=settings.max_message_bytes,
        memory_bytes=settings.memory_bytes,
        max_callback_bytes=settings.max_callback_bytes,
        items=Items(channel, cancel, settings.max_message_bytes),
    )
    known = KnownRequests(channel, cancel, settings.max_message_bytes)
    while True:
        try:
            request = receive_request(channel, known.answer())
            account = call.account = call.systems.account = Account(received=time.monotonic())
            REQUEST_ID.set(request.request_id.decode())
            call.definitions = request.definitions
            call.largest_variables = request.largest_variables
            call.largest_members = request.largest_members
            # What was left when the request was sent, as a time of this process's clock.
            call.deadline = account.received + request.remaining_seconds
            reply = answer(request, call)
            account.answered = time.monotonic()
            if CODE_COUNTS.has_any:
                account.note_code(*CODE_COUNTS.take())
            reply.account = account.to_bytes()
            if call.items.is_in_use:
                call.items.settle()
            send_reply(channel, reply)
            if request.method is Method.SOLVE and call.solves.last is not None:
                known.learn(call.solves.last)
        except ChannelClosedError:
            return


def answer(request: Request, call: Call) -> Reply:
    """Work on one request; every exception becomes a reply, unless the front end is gone."""
    try:
        result = _BEHAVIORS[request.method](request.body, call)
        body = result.message
        if not isinstance(body, bytes) or len(body) > call.max_message_bytes:
            body = serialized(body, call.max_message_bytes)
        if result.state is not None:
            body = turns.packed(result.state, body)
    except ChannelClosedError:
        raise
    except DefinitionNeededError as needed:
        return Reply(Outcome.NEEDS_DEFINITION, definitions={name.encode(): b"" for name in needed.system_ids})
    except CallError as error:
        return _failed(error)
    except rs.RaphsonError as error:
        return _failed(to_failure(error, request.method, request.body))
    except MemoryError:
        return _failed(_out_of_memory())
    except Exception as error:  # noqa: BLE001 (logged with its trace; the caller gets its id)
        return _failed(unexpected(error))
    if not result.learnt:
        return Reply(Outcome.OK, body)
    return Reply(Outcome.OK, body, {kept.system.id.encode(): kept.definition for kept in result.learnt})


def _failed(error: CallError) -> Reply:
    return Reply(Outcome.FAILED, error.status().SerializeToString())


def _out_of_memory() -> CallError:
    return CallError(
        code_pb2.RESOURCE_EXHAUSTED,
        Reason.OUT_OF_MEMORY,
        f"the request needs more memory than a worker may take; {raised_by('worker_memory_bytes')}",
        metadata={"limit": "worker_memory_bytes"},
    )
