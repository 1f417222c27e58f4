"""How calls end: with an error that says what was wrong, and streams by whoever ends them."""

from __future__ import annotations

import asyncio
import math
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self, TypeVar

import grpc
from google.rpc.status_pb2 import Status

from raphson_server.aborting import status_of, written
from raphson_server.failures import CallError
from raphson_server.frames import Outcome, Reply
from raphson_server.front_end.caller import address_of
from raphson_server.front_end.refusals import call_ended, not_serving, passed, stalled
from raphson_server.pool import PoolClosedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType
    from typing import Never

    from raphson_server.configuration import ServerConfig
    from raphson_server.front_end.seats import Seats
    from raphson_server.pool import Ticket, WorkerPool

    Context = grpc.aio.ServicerContext[Any, Any]

T = TypeVar("T")


def begun(operation: Awaitable[T]) -> asyncio.Future[T]:
    """Begin to read or write a message; it comes to its end whoever waits for it, and whether anybody does.

    gRPC frees a message when it hears that the operation is over. Where whoever waited was cancelled it would not hear
    of it: each call that ended within a write would cost its message for good.
    """
    doing = asyncio.ensure_future(operation)
    doing.add_done_callback(_hear)
    return doing


def _hear(done: asyncio.Future[Any]) -> None:
    """Take notice of what came of an operation that nobody waits for any more."""
    if not done.cancelled():
        done.exception()


class ReaderGoneError(Exception):
    """What is written reaches nobody any more: the call has ended."""


async def abort(context: Context, status: Status) -> Never:
    """End the call with a ``google.rpc.Status``; one that has ended, by which gRPC has cancelled its task, as it is."""
    code, task = written(context, status), asyncio.current_task()
    if task is not None and task.cancelling():
        # gRPC would keep for good what it cannot send.
        raise asyncio.CancelledError
    try:
        await context.abort(code, status.message)
    except grpc.aio.InternalError:
        # The caller is gone, and gRPC would tell in the log what it could not send.
        raise asyncio.CancelledError from None
    raise AssertionError


async def finish(context: Context, stream: Callable[[], Awaitable[Reply | None]], seats: Seats) -> None:
    """Have a stream written; where it ends with an error, end the call with it.

    Parameters
    ----------
    context : grpc.aio.ServicerContext
    stream : callable
        Awaited for the reply that says what is wrong; None if nothing is.
    seats : Seats
        Of which the call takes one, until gRPC has passed on all that was written.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(seats.one(address_of(context)))
        except CallError as error:
            await abort(context, error.status())
        await _finish(context, stream)


async def _finish(context: Context, stream: Callable[[], Awaitable[Reply | None]]) -> None:
    try:
        reply = await stream()
    except ReaderGoneError:
        status = call_ended().status()
    except Exception as error:  # noqa: BLE001 (`status_of` logs what nobody foresaw)
        status = status_of(error)
    else:
        if reply is None:
            return
        status = Status.FromString(reply.body)
    await abort(context, status)


class Reader:
    """Who reads a stream; its call is ended if nothing is taken for too long.

    Parameters
    ----------
    pool : WorkerPool
        Watches it.
    context : grpc.aio.ServicerContext
    config : ServerConfig
    ticket : Ticket
        By which it is watched; a new one.
    end_work : callable, optional
        As of `WorkerPool.watch`.

    Raises
    ------
    CallError
        Where it is left, if the server has ended its call; where it is entered, if there is `end_work` and the server
        stops.
    """

    def __init__(
        self,
        pool: WorkerPool,
        context: Context,
        config: ServerConfig,
        ticket: Ticket,
        end_work: Callable[[], object] | None = None,
    ) -> None:
        self._pool = pool
        self._context = context
        self._config = config
        self._ticket = ticket
        self._end_work = end_work
        self._task: asyncio.Task[Any] | None = None
        self._has_begun = False
        self._is_ended = False

    def __enter__(self) -> Self:
        """Begin to watch."""
        self._task = asyncio.current_task()
        try:
            self._pool.watch(self._ticket, self._end, self._end_work)
        except PoolClosedError:
            raise not_serving() from None
        return self

    def _end(self) -> None:
        """End the call, whatever it is doing; once, since one cancellation is taken back for what is told of it."""
        assert self._task is not None
        if not self._is_ended:
            self._is_ended = True
            self._task.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Watch no longer."""
        self._pool.release(self._ticket)
        if self._is_ended:
            # That was no word of gRPC's: the caller is still there to hear why.
            assert self._task is not None
            self._task.uncancel()
        if isinstance(error, asyncio.CancelledError):
            if self._ticket.is_stalled:
                raise stalled(self._config.reader_patience_seconds) from None
            if self._ticket.passed:
                raise passed(self._ticket.passed, self._config) from None

    async def write(self, message: bytes) -> None:
        """Write one message; it is taken when gRPC has passed it on.

        Raises
        ------
        ReaderGoneError
            If the call has ended.
        """
        self._ticket.offered = time.monotonic()
        await self.hand(message)
        self._ticket.offered = math.inf

    async def hand(self, message: bytes) -> None:
        """Write as `write` does, however long it takes."""
        try:
            if not self._has_begun:
                self._has_begun = True
                # With the first message they would go twice, if the call were ended while that waits to be read.
                await asyncio.shield(begun(self._context.send_initial_metadata(())))
            await asyncio.shield(begun(self._context.write(message)))
        except grpc.aio.BaseError as error:
            raise ReaderGoneError from error

    async def finish(self, last: Reply) -> Reply | None:
        """Write the last message; return the reply if it is none, but says what is wrong."""
        if last.outcome is not Outcome.OK:
            return last
        await self.write(last.body)
        return None
