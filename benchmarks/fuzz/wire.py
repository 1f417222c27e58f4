"""Messages → a worker's request functions, in this process: an answer or a clear refusal comes out."""

from __future__ import annotations

import logging
import resource
import time
import traceback
from typing import TYPE_CHECKING

import raphson_solver as rs
from google.rpc import code_pb2
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from raphson_server.configuration import MIB
from raphson_server.containment import keep_memory
from raphson_server.frames import Method, Outcome, Reply, Request
from raphson_server.worker import evaluate_question, solve_question
from raphson_server.worker.call import Call
from raphson_server.worker.items import serialized
from raphson_server.worker.loop import answer
from raphson_server.worker.request_form import RequestForms
from raphson_server.worker.systems import Systems

from benchmarks.fuzz import messages
from benchmarks.fuzz.target import Wrong

if TYPE_CHECKING:
    from random import Random

    from google.protobuf.message import Message

LIMITS = {
    "variables": 20_000, "parameters": 20_000, "equations": 400, "nodes": 10_000, "dense_entries": 160_000,
    "members": 100_000, "families": 50,
}  # fmt: skip
"""What is allowed may take its time: these keep what is allowed, but polls no flag, far below a second."""

START_SECONDS, DEADLINE_SECONDS = 60.0, 0.1
MEMORY_BYTES = 4096 * MIB
LARGEST_REPLY = 4 * MIB
LARGEST_STATUS = 3 * 1024
ANSWERED = tuple(set(Method) - {Method.WARM_UP, Method.SOLVE_CALLBACK})
"""A turn of a callback begins with what a worker has written itself; callers reach it through a server (`calls`)."""
NEVER = frozenset({code_pb2.INTERNAL, code_pb2.UNKNOWN, code_pb2.OK})


class _Sink:
    """Takes the items of a stream, as a caller would who reads as fast as they come."""

    def __init__(self) -> None:
        self.call: Call | None = None

    def send(self, message: Message) -> None:
        assert self.call is not None
        self.call.is_to_stop()
        serialized(message, LARGEST_REPLY)

    def offer(self, message: Message) -> None:
        self.send(message)

    def flush(self) -> None:
        pass

    def settle(self) -> None:
        pass


class _Traces(logging.Handler):
    """Keeps the last trace that the log was given: what an INTERNAL error is about is only told there."""

    def __init__(self) -> None:
        super().__init__()
        self.last: BaseException | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info is not None:
            self.last = record.exc_info[1]


class Wire:
    """Bytes of a request, with the number of its method before them."""

    def __init__(self) -> None:
        keep_memory()
        self._traces = _Traces()
        log = logging.getLogger("raphson_server")
        log.addHandler(self._traces)
        log.propagate = False
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, hard))
        sink = _Sink()
        self._call = sink.call = Call(
            systems=Systems(32, rs.Limits(**LIMITS)),
            solves=RequestForms(32, solve_question.NUMBERS),
            evaluations=RequestForms(32, evaluate_question.NUMBERS),
            cancel=rs.CancelFlag(),
            max_message_bytes=LARGEST_REPLY,
            memory_bytes=MEMORY_BYTES,
            max_callback_bytes=LARGEST_REPLY,
            items=sink,  # type: ignore[arg-type]
        )
        seeds = messages.by_text()
        known = {}
        for seed in seeds:
            reply = self._answer(_frame(seed), START_SECONDS)
            if reply.outcome is not Outcome.OK:
                raise RuntimeError(f"a good {type(seed).__name__} was refused: {Status.FromString(reply.body)}")
            known |= reply.definitions
        self._call.definitions = known
        circle = self._answer(_frame(seeds[0]), START_SECONDS).definitions
        self._seeds = seeds + 2 * messages.by_id(next(iter(circle)).decode())

    def make(self, random: Random) -> bytes:
        """Return a request that was changed."""
        seed = random.choice(self._seeds)
        # Now and then a request goes to another method than it was written for.
        number = random.choice(ANSWERED) if random.random() < 0.02 else _method(seed)
        return bytes((number,)) + messages.mutated(random, seed, self._seeds)

    def run(self, data: bytes) -> str:
        """Answer a request."""
        if not data:
            return "nothing"
        reply = self._answer(data, DEADLINE_SECONDS)
        if reply.outcome is not Outcome.FAILED:
            return reply.outcome.name
        status = Status.FromString(reply.body)
        name: str = code_pb2.Code.Name(status.code)
        if status.code in NEVER:
            error, self._traces.last = self._traces.last, None
            what = "".join(traceback.format_exception(error)) if error is not None else status.message
            raise Wrong(name, what) from error
        info = ErrorInfo()
        if len(reply.body) > LARGEST_STATUS or not any(detail.Unpack(info) for detail in status.details):
            raise Wrong("wrong", f"a status of {len(reply.body)} bytes, reason {info.reason!r}: {status.message}")
        return name

    def _answer(self, data: bytes, seconds: float) -> Reply:
        call = self._call
        call.deadline = time.monotonic() + seconds
        method = ANSWERED[data[0] % len(ANSWERED)] if data[0] not in ANSWERED else Method(data[0])
        return answer(Request(method, seconds, call.definitions, data[1:]), call)


def _method(message: Message) -> int:
    return Method[messages.METHODS[type(message)]]


def _frame(message: Message) -> bytes:
    return bytes((_method(message),)) + message.SerializeToString()
