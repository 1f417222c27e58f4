"""A request's way through the front end: to a worker and back.

This is the hot path. There is no timer in it, and no message is parsed: the caller's bytes go to the worker as they
came, and the worker's bytes go back. Where a request has to wait for a worker, whoever hands it over sends it the
request too: it does not stand idle until it is the turn of the request's own task.

gRPC cancels the task of a call that has ended. Its worker is then told to stop, and its last word is waited for all the
same: a worker is given back when it has nothing more to say.

A stream holds its worker from the first item to the end. An item is acknowledged to the worker when gRPC has passed it
on, which waits for a slow reader; meanwhile the worker works on the next item, and no further. A reader that goes away,
or takes nothing for too long, ends the call, and the worker is freed as for any other call.
"""

from __future__ import annotations

import asyncio
import math
import time
from functools import partial
from typing import TYPE_CHECKING

from google.rpc import code_pb2
from google.rpc.status_pb2 import Status

from raphson_server.aborting import status_of
from raphson_server.bounded_cache import BoundedCache
from raphson_server.configuration import ServerConfig
from raphson_server.failures import CallError
from raphson_server.frames import ChannelClosedError, Method, NotSentError, Outcome, Reply
from raphson_server.front_end.caller import CALLER, address_of
from raphson_server.front_end.ending import Reader, ReaderGoneError, abort, finish
from raphson_server.front_end.refusals import call_ended, not_cached, not_serving, overloaded, passed, worker_lost
from raphson_server.front_end.seats import Seats
from raphson_server.front_end.worker_request import WorkerRequest
from raphson_server.observability.call import current_call
from raphson_server.pool import (
    CallEndedError,
    PoolClosedError,
    PoolFullError,
    Ticket,
    WorkerPool,
    WorkerProcess,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from raphson_server.front_end.ending import Context

    Write = Callable[[bytes], Awaitable[object]]

_LONGEST_DEADLINE_SECONDS = 1e9
_SHOWN_ID_BYTES = 80
_STREAMS = 2
# Workers that may end before they have read a request: it may be what ends them.
_TRIES = 3


class Forwarder:
    """Sends requests to workers and their replies to callers.

    Parameters
    ----------
    pool : WorkerPool
    definitions : BoundedCache
        Complete definitions (serialized ``raphson.v1.System``) by system id.
    config : ServerConfig
        With the limits of requests.
    """

    def __init__(self, pool: WorkerPool, definitions: BoundedCache[bytes, bytes], config: ServerConfig) -> None:
        self._pool = pool
        self._definitions = definitions
        self._config = config
        # As many as there may be requests of one caller, by default. What nobody reads has one until its call is over.
        self.seats = Seats(_STREAMS * config.max_in_flight, "streams", "max_in_flight", share=config.max_caller_share)

    def handler(self, method: Method) -> Callable[[bytes, Context], Awaitable[bytes]]:
        """Return the function that gRPC calls for one method, on the messages' bytes."""

        async def handle(body: bytes, context: Context) -> bytes:
            try:
                reply = await self.answer(self.ticket(context), method, body)
            except Exception as error:  # noqa: BLE001 (`status_of` logs what nobody foresaw)
                status = status_of(error)
            else:
                if reply.outcome is Outcome.OK:
                    return reply.body
                status = Status.FromString(reply.body)
            await abort(context, status)

        return handle

    def stream_handler(self, method: Method) -> Callable[[bytes, Context], Awaitable[None]]:
        """Return the function that gRPC calls for one method whose answer is a stream of messages."""

        async def handle(body: bytes, context: Context) -> None:
            async def read() -> Reply | None:
                # The call is over when its time is, also where its reader, not its worker, takes that.
                ticket = self.ticket(context)
                with Reader(self._pool, context, self._config, ticket.another()) as reader:
                    return await reader.finish(await self.stream(ticket, method, body, reader.write))

            await finish(context, read, self.seats)

        return handle

    def ticket(self, context: Context) -> Ticket:
        """Return a ticket for a request that has begun now; the server ends it where its call does not in time."""
        remaining, now = context.time_remaining(), time.monotonic()
        if remaining is None or remaining > _LONGEST_DEADLINE_SECONDS:
            due_by, due = "default_deadline_seconds", now + self._config.default_deadline_seconds
        elif remaining > self._config.max_deadline_seconds:
            due_by, due = "max_deadline_seconds", now + self._config.max_deadline_seconds
        else:
            due_by, due = "", math.inf
        ends = due if due_by else now + remaining
        return Ticket(CALLER.get().name, partial(address_of, context), asked=now, due=due, due_by=due_by, ends=ends)

    async def answer(self, ticket: Ticket, method: Method, body: bytes, *, is_admitted: bool = False) -> Reply:
        """Have a worker answer one request; if the task is cancelled, stop it.

        Parameters
        ----------
        ticket : Ticket
            A new one.
        method : Method
        body : bytes
            The message.
        is_admitted : bool
            Whether it continues a call that was admitted, and waits for a worker however many others do.

        Raises
        ------
        CallError
            What the caller is to be told instead.
        """
        try:
            reply = await self._first_reply(ticket, method, body, is_admitted=is_admitted)
        except Exception as error:  # noqa: BLE001 (told to the caller)
            raise self._told(error, ticket) from None
        else:
            _note(ticket, reply)
        finally:
            self._let_go(ticket)
        return reply if reply.outcome is Outcome.OK and not ticket.cancelled else self._heard(ticket, reply)

    def _heard(self, ticket: Ticket, reply: Reply) -> Reply:
        """Return the reply of a request that the server did not stop itself, and whose caller is still there.

        Raises
        ------
        CallError
            Names the limit of one that it did stop.
        """
        if ticket.passed:
            raise passed(ticket.passed, self._config)
        if ticket.cancelled and reply.outcome is Outcome.OK:
            raise call_ended()
        # A worker that stops in time by itself knows of no setting.
        failed = bool(ticket.due_by) and reply.outcome is Outcome.FAILED
        if failed and Status.FromString(reply.body).code == code_pb2.DEADLINE_EXCEEDED:
            raise passed(ticket.due_by, self._config)
        return reply

    async def stream(self, ticket: Ticket, method: Method, body: bytes, write: Write) -> Reply:
        """Have a worker answer one request by a stream; if the task is cancelled, stop it.

        Parameters
        ----------
        ticket, method, body
            As of `answer`.
        write : callable
            Awaited with each item of the stream.

        Returns
        -------
        Reply
            What ends it.

        Raises
        ------
        CallError
            What the caller is to be told instead.
        """
        try:
            reply = await self._first_reply(ticket, method, body)
            assert ticket.worker is not None
            while reply.outcome is Outcome.MORE:
                if not ticket.cancelled:
                    await write(reply.body)
                reply = await self._said(ticket, ticket.worker.next_reply())
            if reply.definitions:
                self._learn(ticket.worker, reply)
            _note(ticket, reply)
            return self._heard(ticket, reply)
        except (asyncio.CancelledError, ReaderGoneError):
            # Of a reader that takes nothing, or is gone.
            await self._abandon(ticket)
            raise
        except Exception as error:  # noqa: BLE001 (told to the caller)
            raise self._told(error, ticket) from None
        finally:
            self._let_go(ticket)

    def _let_go(self, ticket: Ticket) -> None:
        """Give the worker back, and charge what it has spent."""
        worker = ticket.worker
        if worker is not None and ticket.is_owed and worker.alive:
            # What it says would be taken for the answer to the next request.
            self._pool.lose(worker)
            worker.kill()
        self._pool.release(ticket)
        CALLER.get().spend(ticket.cpu_seconds)
        call = current_call()
        if call is not None:
            call.note_cpu(ticket.cpu_seconds)

    async def _abandon(self, ticket: Ticket) -> None:
        """Stop a worker whose items nobody takes any more, and read its answer to the end."""
        assert ticket.worker is not None
        self._pool.cancel(ticket)
        try:
            while ticket.is_owed:
                await self._said(ticket, ticket.worker.next_reply())
        except ChannelClosedError:
            self._pool.lose(ticket.worker)

    async def _first_reply(self, ticket: Ticket, method: Method, body: bytes, *, is_admitted: bool = False) -> Reply:
        """Take a worker and talk to it; the ticket holds it until it is released."""
        request = WorkerRequest(self._definitions, method, body, ticket)
        ticket.send = request.send_at_once
        for attempt in range(_TRIES):
            try:
                is_admitted = is_admitted or attempt > 0
                worker = self._pool.take(ticket, request.system_id, is_admitted=is_admitted)
                if worker is None:
                    worker = await self._pool.wait(ticket, is_admitted=is_admitted)
                if not ticket.is_sent and not request.send_at_once():
                    await self._pool.aside(ticket, request.send)
                reply = await self._said(ticket, worker.reply())
                while reply.outcome is Outcome.NEEDS_DEFINITION:
                    await self._define(worker, request, reply)
                    reply = await self._said(ticket, worker.reply())
                break
            except NotSentError:
                # It died while it was idle, and the request is still all ours.
                assert ticket.worker is not None
                ticket.is_owed = False
                self._pool.lose(ticket.worker)
                self._pool.release(ticket, done=False)
        else:
            raise worker_lost()
        if reply.definitions:
            self._learn(worker, reply)
        for known in request.definitions:
            worker.known.put(known, True)
        return reply

    async def _define(self, worker: WorkerProcess, request: WorkerRequest, reply: Reply) -> None:
        """Send a worker the request again, with the definitions that it asks for."""
        if reply.definitions.keys() <= request.definitions.keys():
            raise RuntimeError(f"worker {worker.pid} asks again and again for the same definition")
        needed = {system_id: self._definition(system_id, request.method) for system_id in reply.definitions}
        if not request.send_at_once(needed):
            await self._pool.aside(request.ticket, request.send)

    async def _said(self, ticket: Ticket, coming: asyncio.Future[Reply]) -> Reply:
        """Wait for what a worker says; if the call ends meanwhile, stop it, and wait all the same."""
        worker = ticket.worker
        assert worker is not None
        while True:
            try:
                reply = await coming
            except asyncio.CancelledError:
                self._pool.cancel(ticket)
                if coming.cancelled():
                    coming = worker.reply()
            else:
                ticket.is_owed = reply.outcome is Outcome.MORE
                return reply

    def _told(self, error: Exception, ticket: Ticket) -> Exception:
        """Return what the caller is told of an error, and let go of a worker that is lost by it."""
        if ticket.passed and isinstance(error, CallEndedError | ChannelClosedError):
            if ticket.worker is not None:
                self._pool.lose(ticket.worker)
            return passed(ticket.passed, self._config)
        match error:
            case CallError():
                return error
            case CallEndedError():
                return call_ended()
            case PoolFullError():
                return overloaded(self._config.max_in_flight)
            case PoolClosedError():
                return not_serving()
            case ChannelClosedError():
                assert ticket.worker is not None
                self._pool.lose(ticket.worker)
                if ticket.cancelled:
                    return call_ended()
                return not_serving() if self._pool.is_stopped else worker_lost()
            case _:
                return error

    def _learn(self, worker: WorkerProcess, reply: Reply) -> None:
        """Remember the definitions of a request by text, and which worker knows them."""
        for system_id, definition in reply.definitions.items():
            self._definitions.put(system_id, definition)
            worker.known.put(system_id, True)

    def _definition(self, system_id: bytes, method: Method) -> bytes:
        definition = self._definitions.get(system_id)
        if definition is None:
            field = "links" if method is Method.EVALUATE_CHAIN else "system.system_id"
            raise not_cached(system_id[:_SHOWN_ID_BYTES].decode(errors="replace"), field)
        return definition


def _note(ticket: Ticket, reply: Reply) -> None:
    """Let what a worker has done be told of with the call that it was for."""
    call = current_call()
    if call is not None:
        assert ticket.worker is not None
        call.note_work(ticket.asked, ticket.bound, ticket.worker.pid, reply.account)
