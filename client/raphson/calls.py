"""How problems are sent: by id where the server is believed to know them, else by text."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from contextlib import closing
from typing import TYPE_CHECKING, TypeVar

from raphson.errors import IncompatibleServerError, SystemNotFoundError
from raphson.known_systems import KnownSystems
from raphson.options import to_deadline
from raphson.replies import to_compiled
from raphson.solve_progress import SolveProgress, to_solve_progress
from raphson.stream import Opening
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
    SolveWithProgressResponse,
)
from raphson.v1.system_pb2 import CompileRequest, SystemRef

if TYPE_CHECKING:
    from raphson.compiled import CompiledSystem
    from raphson.problem import Problem
    from raphson.transport import Replies, Streaming, Transport, Unary

Request = TypeVar(
    "Request", SolveRequest, EvaluateRequest, ExplainRequest, CheckJacobianRequest, TestDifferentiabilityRequest
)
Reply = TypeVar(
    "Reply", SolveResponse, EvaluateResponse, Explanation, CheckJacobianResponse, TestDifferentiabilityResponse
)
StreamRequest = TypeVar("StreamRequest", FindAllRequest, FollowRequest, SolveRequest)
StreamReply = TypeVar("StreamReply", FindAllResponse, FollowResponse, SolveWithProgressResponse)
Answer = TypeVar("Answer")


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

    async def _send(
        self, method: Unary[Request, Reply], request: Request, problem: Problem, timeout_seconds: float
    ) -> Reply:
        """Send a request about one problem."""
        reply = await self._refer(
            [(request.system, problem)], lambda: self._transport.ask(method, request, timeout_seconds)
        )
        self._remember(problem, reply.system_id)
        return reply

    def _stream(
        self,
        method: Streaming[StreamRequest, StreamReply],
        request: StreamRequest,
        problem: Problem,
        timeout_seconds: float,
    ) -> Opening:
        """Prepare a request about one problem whose replies are a stream; the last of them holds the id."""

        async def ask() -> tuple[Replies[StreamReply], StreamReply | None]:
            replies = self._transport.open(method, request, timeout_seconds)
            try:
                # Whether the id is known is told before the first reply.
                return replies, await replies.read()
            except BaseException:
                replies.close()
                raise

        return Opening(
            begin=lambda: self._refer([(request.system, problem)], ask),
            learn=lambda system_id: self._remember(problem, system_id),
        )

    async def _solve_watched(
        self, request: SolveRequest, problem: Problem, timeout_seconds: float, tell: Callable[[SolveProgress], object]
    ) -> SolveResponse:
        """Send a request to solve one problem; say how far it has come until the result is there."""
        opening = self._stream(self._transport.solve_with_progress, request, problem, timeout_seconds)
        replies, reply = await opening.begin()
        with closing(replies):
            while reply is not None:
                if reply.HasField("result"):
                    opening.learn(reply.result.system_id)
                    result: SolveResponse = reply.result
                    return result
                tell(to_solve_progress(reply.progress))
                reply = await replies.read()
        raise IncompatibleServerError("the server ended a solve without its result")

    async def _compile(self, problem: Problem, timeout_seconds: float) -> CompiledSystem:
        """Have a definition compiled."""
        request = CompileRequest(definition=problem.definition.to_message())
        return to_compiled(await self._transport.ask(self._transport.compile, request, timeout_seconds), problem)

    async def _refer(
        self, systems: Iterable[tuple[SystemRef, Problem]], ask: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        """Write which systems are meant, and ask: by ids where they are believed known, and if not so, by text.

        Parameters
        ----------
        systems : iterable of (SystemRef, Problem)
            Where to write what.
        ask : function
            Sends what was written.
        """
        by_id = []
        for reference, problem in systems:
            if problem.registered:
                reference.registered = problem.registered
                continue
            system_id = self._known.find(problem.key) or problem.system_id
            if system_id:
                reference.system_id = system_id
                by_id.append((reference, problem))
            else:
                reference.definition.CopyFrom(problem.definition.to_message())
        if by_id:
            try:
                return await ask()
            except SystemNotFoundError:
                for reference, problem in by_id:
                    self._known.forget(problem.key)
                    reference.definition.CopyFrom(problem.definition.to_message())
        return await ask()

    def _remember(self, problem: Problem, system_id: str) -> None:
        """Keep the id that the server gave a problem."""
        if system_id and system_id != problem.system_id:
            self._known.remember(problem.key, system_id)

    def _deadline(self, timeout_seconds: float | None) -> float:
        return self.timeout_seconds if timeout_seconds is None else to_deadline(timeout_seconds)
