"""Solving what only the caller can evaluate: the server asks, the caller's function answers."""

from __future__ import annotations

import logging
from contextlib import closing
from typing import TYPE_CHECKING

from raphson.arrays import from_message, write
from raphson.black_box import BlackBox
from raphson.errors import IncompatibleServerError, InvalidRequestError
from raphson.registered import Registry
from raphson.v1.solver_pb2 import CallbackAnswer, CallbackQuestion, SolveCallbackRequest

if TYPE_CHECKING:
    from raphson.v1.solver_pb2 import CallbackOpening, SolveResponse

# How much longer than the iteration's time limit a call may last: a last evaluation may be under way.
LAST_EVALUATION_SECONDS = 600.0

log = logging.getLogger("raphson")


class CallingBack(Registry):
    """Answers what a server asks."""

    async def _solve_callback(self, box: BlackBox, opening: CallbackOpening, timeout_seconds: float) -> SolveResponse:
        """Go through one conversation.

        Parameters
        ----------
        box : BlackBox
            Answers.
        opening : CallbackOpening
            Where to begin, and how.
        timeout_seconds : float
            After how long to be satisfied with the best point so far.
        """
        if box.is_awaited and not self._transport.lets_await:
            message = "a coroutine function; expected a plain one, or a client of raphson.aio"
            raise InvalidRequestError.at("equations", message)
        if not opening.options.HasField("timeout_seconds"):
            opening.options.timeout_seconds = timeout_seconds
        deadline = timeout_seconds + LAST_EVALUATION_SECONDS
        with closing(self._transport.converse(self._transport.solve_callback, deadline)) as conversation:
            conversation.write(SolveCallbackRequest(opening=opening))
            while (reply := await conversation.read()) is not None:
                if reply.WhichOneof("message") == "result":
                    # No more is said; the server ends the call.
                    conversation.write(None)
                    await conversation.read()
                    return reply.result
                conversation.write(SolveCallbackRequest(answer=await self._answered(box, reply.question)))
        raise IncompatibleServerError("the server ended a callback without a result")

    async def _answered(self, box: BlackBox, question: CallbackQuestion) -> CallbackAnswer:
        """Let the function answer; what it raises ends the call."""
        answer = CallbackAnswer(number=question.number)
        points = from_message(question.points)
        if question.quantity == CallbackQuestion.QUANTITY_JACOBIAN:
            (result,) = await self._transport.call(box.call_jacobian, [box.jacobian_arguments(points)])
            write(box.read_jacobian(result), answer.values, "jacobian")
        else:
            results = await self._transport.call(box.call, box.calls(points))
            write(box.read(results, len(points)), answer.values, "equations")
        log.debug("question %d: %d points", question.number, len(points))
        return answer
