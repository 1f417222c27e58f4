"""A conversation with a caller who evaluates f: each turn goes to a worker, which is not held while the caller thinks.

The state of the search travels with the turns (`turns`), so that a slow caller costs bytes here and nothing elsewhere,
and any worker can take the next turn: one that is lost takes no search along, and its turn is taken again.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import grpc
from google.rpc import code_pb2

from raphson_server import turns
from raphson_server.failures import CallError, Reason, invalid_input
from raphson_server.frames import Method, Outcome, Reply
from raphson_server.front_end.caller import CALLER
from raphson_server.front_end.ending import Reader, begun, finish
from raphson_server.front_end.refusals import call_ended, not_serving, passed
from raphson_server.front_end.seats import Seats

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from raphson_server.configuration import ServerConfig
    from raphson_server.front_end.ending import Context
    from raphson_server.front_end.forwarding import Forwarder
    from raphson_server.pool import WorkerPool

_TRIES = 3


def callback_handler(
    forwarder: Forwarder, pool: WorkerPool, config: ServerConfig
) -> Callable[[object, Context], Awaitable[None]]:
    """Return the function that gRPC calls for SolveCallback."""
    seats = Seats(config.max_callbacks, "callbacks", "max_callbacks", share=config.max_caller_share)

    async def handle(_: object, context: Context) -> None:
        await finish(context, _Conversation(forwarder, pool, context, config).lead, seats)

    return handle


class _Conversation:
    """The turns of one call."""

    def __init__(self, forwarder: Forwarder, pool: WorkerPool, context: Context, config: ServerConfig) -> None:
        self._forwarder = forwarder
        self._pool = pool
        self._context = context
        self._config = config
        self._cut_off: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # Each turn is due when the call is.
        self._whole = forwarder.ticket(context)

    async def lead(self) -> Reply | None:
        """Write questions and the result; return the reply that refuses a turn, if there is one.

        Raises
        ------
        CallError
            If a turn has no reply at all, or the caller does not answer.
        """
        state, asked = b"", 0
        # Whoever does not answer in time is told here.
        ticket = self._whole.another()
        with Reader(self._pool, self._context, self._config, ticket, self._end_work) as reader:
            while True:
                reply = await self._turn(turns.packed(state, await self._heard(asked)), is_admitted=bool(state))
                if reply.outcome is not Outcome.OK:
                    return reply
                state, message = turns.unpacked(reply.body)
                asked += 1
                await reader.write(message)
                if not state:
                    return None

    def _end_work(self) -> None:
        """Tell the caller that this server stops, if it waits for the caller."""
        if not self._cut_off.done():
            self._cut_off.set_result(None)

    async def _heard(self, asked: int) -> bytes:
        """Wait for what the caller says next: its opening, if nothing was asked yet."""
        patience, left = self._config.answer_patience_seconds, self._whole.due - time.monotonic()
        reading = begun(self._context.read())
        try:
            done, _ = await asyncio.wait(
                {reading, self._cut_off}, timeout=max(0.0, min(patience, left)), return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                raise _late(asked, patience) if patience < left else passed(self._whole.due_by, self._config)
            if self._cut_off in done:
                raise not_serving()
            said = reading.result()
        except grpc.aio.BaseError:
            raise call_ended() from None
        if said is grpc.aio.EOF:
            what = f"an answer to question {asked}" if asked else "an opening"
            raise invalid_input("message", f"the caller's stream ended; expected {what}")
        body: bytes = said
        return body

    async def _turn(self, body: bytes, *, is_admitted: bool) -> Reply:
        """Have a worker take a turn; again, where one was lost with it."""
        await CALLER.get().wait_to_go_on()
        for attempt in range(_TRIES):
            try:
                return await self._forwarder.answer(
                    self._whole.another(), Method.SOLVE_CALLBACK, body, is_admitted=is_admitted or attempt > 0
                )
            except CallError as error:
                if error.reason is not Reason.WORKER_LOST or attempt == _TRIES - 1:
                    raise
        raise AssertionError


def _late(asked: int, seconds: float) -> CallError:
    what = f"question {asked} was not answered" if asked else "no opening came"
    return CallError(
        code_pb2.ABORTED,
        Reason.ANSWER_LATE,
        f"{what} within {seconds:g} s, the longest that this server waits (answer_patience_seconds)",
    )
