"""A stream of chunks to workers and back: as many at once as there are workers, answered in the order they came.

Each chunk is a request of its own, and holds a worker only while it is worked on. How many chunks there may be between
being read and their results being taken is limited, so that neither a caller that sends fast nor one that reads slowly
costs more memory than that.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc

from raphson_server.account import Account
from raphson_server.frames import Method, Outcome, Reply
from raphson_server.front_end.caller import CALLER
from raphson_server.front_end.ending import Reader, begun, finish
from raphson_server.front_end.refusals import call_ended, not_serving
from raphson_server.front_end.seats import Seats

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from raphson_server.configuration import ServerConfig
    from raphson_server.front_end.ending import Context
    from raphson_server.front_end.forwarding import Forwarder
    from raphson_server.pool import WorkerPool

# Chunks beyond those that are worked on: one on its way out while the next is ready.
_AHEAD = 1
# Of a frame's field.
_MOST_MEMBERS = 2**32 - 1


def batch_handler(
    forwarder: Forwarder, pool: WorkerPool, config: ServerConfig, method: Method
) -> Callable[[object, Context], Awaitable[None]]:
    """Return the function that gRPC calls for one method that takes and returns streams of chunks.

    Parameters
    ----------
    forwarder : Forwarder
        Has single chunks answered.
    pool : WorkerPool
        Watches the readers.
    config : ServerConfig
        Says how many calls there may be at a time, since each holds chunks; as many of each are worked on at a time as
        there are workers.
    method : Method
        What a chunk asks for.
    """
    seats = Seats(config.max_in_flight, "batches", "max_in_flight", share=config.max_caller_share)

    async def handle(_: object, context: Context) -> None:
        await finish(context, _Chunks(forwarder, pool, method, context, config).answer, seats)

    return handle


class _Chunks:
    """The chunks of one call."""

    def __init__(
        self, forwarder: Forwarder, pool: WorkerPool, method: Method, context: Context, config: ServerConfig
    ) -> None:
        self._forwarder = forwarder
        self._pool = pool
        self._method = method
        self._context = context
        self._config = config
        self._hands = asyncio.Semaphore(config.workers)
        self._slots = asyncio.Semaphore(config.workers + _AHEAD)
        # What answers each chunk, as they came; None behind the last.
        self._order: asyncio.Queue[asyncio.Task[Reply] | Exception | None] = asyncio.Queue()
        self._answers: set[asyncio.Task[Reply]] = set()
        self._caller = CALLER.get()
        # Of the chunks that were answered so far.
        self._members = 0
        # Each chunk is due when the call is.
        self._whole = forwarder.ticket(context)

    async def answer(self) -> Reply | None:
        """Write the reply to each chunk, in order; return the one that refuses a chunk, if there is one.

        Raises
        ------
        CallError
            If a chunk has no reply at all.
        """
        with Reader(self._pool, self._context, self._config, self._whole.another(), self._cut_off) as reader:
            reading = asyncio.create_task(self._read())
            try:
                while (answer := await self._order.get()) is not None:
                    if isinstance(answer, Exception):
                        raise answer
                    reply = await answer
                    if reply.outcome is not Outcome.OK:
                        return reply
                    self._count_members(reply)
                    await reader.write(reply.body)
                    self._slots.release()
                    self._answers.discard(answer)
                return None
            finally:
                await _end(reading, *self._answers)

    def _cut_off(self) -> None:
        """Tell the caller that this server stops, if there is nothing else to tell."""
        self._order.put_nowait(not_serving())

    async def _read(self) -> None:
        """Take chunks one after another until there are no more."""
        try:
            await self._take_chunks()
        except grpc.aio.BaseError:
            self._order.put_nowait(call_ended())
        except Exception as error:  # noqa: BLE001 (told by whoever takes the answers)
            self._order.put_nowait(error)
        else:
            self._order.put_nowait(None)

    async def _take_chunks(self) -> None:
        is_admitted = False
        while True:
            await self._slots.acquire()
            body = await asyncio.shield(begun(self._context.read()))
            if body is grpc.aio.EOF:
                return
            answer = asyncio.create_task(self._answer(body, is_admitted=is_admitted))
            self._answers.add(answer)
            self._order.put_nowait(answer)
            is_admitted = True

    def _count_members(self, reply: Reply) -> None:
        """Refuse a batch of more members than it may have, once a chunk's reply says how many these are.

        Raises
        ------
        CallError
        """
        if self._caller.quotas.largest_members is not None:
            self._members += sum(Account.from_bytes(reply.account).members_by_status().values())
            self._caller.check_members(self._members)

    async def _answer(self, body: bytes, *, is_admitted: bool) -> Reply:
        async with self._hands:
            await self._caller.wait_to_go_on()
            ticket = self._whole.another(is_chunk=True)
            most = self._caller.quotas.largest_members
            if most is not None:
                # Only its worker reads how many it has; one is more than none that are left.
                self._caller.check_members(self._members + 1)
                ticket.largest_members = min(most - self._members, _MOST_MEMBERS)
            return await self._forwarder.answer(ticket, self._method, body, is_admitted=is_admitted)


async def _end(*tasks: asyncio.Task[Any]) -> None:
    """Stop what is under way, and wait until it has."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
