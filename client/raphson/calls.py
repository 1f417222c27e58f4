"""How problems are sent: by id where the server is believed to know them, else by text."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, TypeVar

from raphson.errors import SystemNotFoundError
from raphson.known_systems import KnownSystems
from raphson.options import to_deadline
from raphson.replies import to_compiled
from raphson.v1.jacobian_pb2 import (
    CheckJacobianRequest,
    CheckJacobianResponse,
    EvaluateRequest,
    EvaluateResponse,
    TestDifferentiabilityRequest,
    TestDifferentiabilityResponse,
)
from raphson.v1.solver_pb2 import (
    ExplainRequest,
    Explanation,
    FindAllRequest,
    FindAllResponse,
    FollowRequest,
    FollowResponse,
    SolveRequest,
    SolveResponse,
)
from raphson.v1.system_pb2 import CompileRequest, SystemRef

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from grpc import UnaryStreamMultiCallable, UnaryUnaryMultiCallable

    from raphson.compiled import CompiledSystem
    from raphson.problem import Problem
    from raphson.transport import Transport

Request = TypeVar(
    "Request", SolveRequest, EvaluateRequest, ExplainRequest, CheckJacobianRequest, TestDifferentiabilityRequest
)
Reply = TypeVar(
    "Reply", SolveResponse, EvaluateResponse, Explanation, CheckJacobianResponse, TestDifferentiabilityResponse
)
StreamRequest = TypeVar("StreamRequest", FindAllRequest, FollowRequest)
StreamReply = TypeVar("StreamReply", FindAllResponse, FollowResponse)


class Calls:
    """Sends problems to one server, and remembers what it calls them.

    Parameters
    ----------
    transport : Transport
        Owned from now on.
    timeout_seconds : float
        Deadline of each call that does not say otherwise.
    """

    def __init__(self, transport: Transport, *, timeout_seconds: float) -> None:
        self.timeout_seconds = to_deadline(timeout_seconds)
        self._transport = transport
        self._known = KnownSystems()

    def _send(
        self,
        method: UnaryUnaryMultiCallable[Request, Reply],
        request: Request,
        problem: Problem,
        timeout_seconds: float,
    ) -> Reply:
        """Send by id if the server is believed to know it; by text if not, or if it turns out not to."""
        key = problem.system_id or problem.definition
        system_id = self._known.find(key) or problem.system_id
        if system_id:
            request.system.system_id = system_id
            try:
                return self._transport.send(method, request, timeout_seconds)
            except SystemNotFoundError:
                self._known.forget(key)
        request.system.CopyFrom(SystemRef(definition=problem.definition.to_message()))
        reply = self._transport.send(method, request, timeout_seconds)
        if reply.system_id != problem.system_id:
            self._known.remember(key, reply.system_id)
        return reply

    def _compile(self, problem: Problem, timeout_seconds: float) -> CompiledSystem:
        """Have a definition compiled."""
        request = CompileRequest(definition=problem.definition.to_message())
        return to_compiled(self._transport.send(self._transport.compile, request, timeout_seconds), problem)

    def _deadline(self, timeout_seconds: float | None) -> float:
        return self.timeout_seconds if timeout_seconds is None else to_deadline(timeout_seconds)

    def _stream(
        self,
        method: UnaryStreamMultiCallable[StreamRequest, StreamReply],
        request: StreamRequest,
        problem: Problem,
        timeout_seconds: float,
        id_in: Callable[[StreamReply], str],
    ) -> Generator[StreamReply, None, None]:
        """Do as `_send` for a call that streams, when its first reply is asked for; the last holds the id."""
        key = problem.system_id or problem.definition
        system_id = self._known.find(key) or problem.system_id
        if system_id:
            request.system.system_id = system_id
            try:
                # Whether the id is known is told before the first reply.
                yield from self._transport.stream(method, request, timeout_seconds)
            except SystemNotFoundError:
                self._known.forget(key)
            else:
                return
        request.system.CopyFrom(SystemRef(definition=problem.definition.to_message()))
        with closing(self._transport.stream(method, request, timeout_seconds)) as replies:
            for reply in replies:
                system_id = id_in(reply)
                if system_id and system_id != problem.system_id:
                    self._known.remember(key, system_id)
                yield reply
