"""A conversation with a caller who evaluates f: each turn goes to a worker, which is not held while the caller thinks.

The state of the search travels with the turns (`turns`), so that a slow caller costs bytes here and nothing elsewhere,
and any worker can take the next turn: one that is lost takes no search along, and its turn is taken again.
"""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator

import grpc
from google.rpc import code_pb2

from raphson_server import turns
from raphson_server.configuration import ServerConfig
from raphson_server.failures import CallError, Reason, invalid_input
from raphson_server.frames import Method, Outcome, Reply
from raphson_server.front_end.caller import CALLER, address_of
from raphson_server.front_end.forwarding import LAST_WORDS_SECONDS, Forwarder, to_the_end
from raphson_server.front_end.refusals import call_ended, not_serving, passed
from raphson_server.front_end.seats import Seats
from raphson_server.pool import Ticket, WorkerPool

_TRIES = 3


def callback_handler(
    forwarder: Forwarder, pool: WorkerPool, config: ServerConfig
) -> Callable[[Iterator[bytes], grpc.ServicerContext], Iterator[bytes]]:
    """Return the function that gRPC calls for SolveCallback."""
    seats = Seats(config.max_callbacks, "callbacks", "max_callbacks", share=config.max_caller_share)

    def handle(bodies: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        def questions() -> Generator[bytes, None, Reply | None]:
            with seats.one(address_of(context)):
                return (yield from _Conversation(forwarder, pool, bodies, context, config).questions())

        return to_the_end(questions(), context)

    return handle


class _Conversation:
    """The turns of one call."""

    def __init__(
        self,
        forwarder: Forwarder,
        pool: WorkerPool,
        bodies: Iterator[bytes],
        context: grpc.ServicerContext,
        config: ServerConfig,
    ) -> None:
        self._forwarder = forwarder
        self._pool = pool
        self._context = context
        self._config = config
        self._lock = threading.Lock()
        self._ticket: Ticket | None = None
        self._over = threading.Event()
        self._is_cut_off = False
        self._said = _Said(bodies)
        # Each turn is due when the call is.
        self._whole = forwarder.ticket(context)

    def questions(self) -> Generator[bytes, None, Reply | None]:
        """Yield questions and the result; return the reply that refuses a turn, if there is one.

        Raises
        ------
        CallError
            If a turn has no reply at all, or the caller does not answer.
        """
        reader = Ticket(due=self._whole.due + LAST_WORDS_SECONDS)
        if not self._context.add_callback(self._end):
            self._end()
        self._pool.watch(reader, self._context.cancel, self._cut_off)
        state, asked = b"", 0
        try:
            while True:
                reply = self._turn(turns.packed(state, self._heard(asked)), is_admitted=bool(state))
                if reply.outcome is not Outcome.OK:
                    return reply
                state, message = turns.unpacked(reply.body)
                asked += 1
                self._said.want()
                reader.offered = time.monotonic()
                yield message
                reader.offered = math.inf
                if not state:
                    return None
        finally:
            self._end()
            self._pool.release(reader)

    def _heard(self, asked: int) -> bytes:
        """Wait for what the caller says next: its opening, if nothing was asked yet."""
        if not asked:
            self._said.want()
        patience = self._config.answer_patience_seconds
        left = self._whole.due - time.monotonic()
        try:
            body = self._said.next(max(0.0, min(patience, left)))
        except queue.Empty:
            raise (_late(asked, patience) if patience < left else passed(self._whole.due_by, self._config)) from None
        if body is None:
            if self._is_cut_off:
                raise not_serving()
            if self._over.is_set():
                raise call_ended()
            what = f"an answer to question {asked}" if asked else "an opening"
            raise invalid_input("message", f"the caller's stream ended; expected {what}")
        return body

    def _turn(self, body: bytes, *, is_admitted: bool) -> Reply:
        """Have a worker take a turn; again, where one was lost with it."""
        CALLER.get().wait_to_go_on(self._over)
        for attempt in range(_TRIES):
            ticket = self._whole.another()
            with self._lock:
                if self._over.is_set():
                    raise call_ended()
                self._ticket = ticket
            try:
                return self._forwarder.answer(
                    ticket, Method.SOLVE_CALLBACK, body, is_admitted=is_admitted or attempt > 0
                )
            except CallError as error:
                if error.reason is not Reason.WORKER_LOST or attempt == _TRIES - 1:
                    raise
        raise AssertionError

    def _end(self) -> None:
        """Stop what is under way, and begin nothing more."""
        with self._lock:
            self._over.set()
            ticket = self._ticket
        if ticket is not None:
            self._pool.cancel(ticket)
        self._said.end()

    def _cut_off(self) -> None:
        """Tell the caller that this server stops, if it waits for the caller."""
        self._is_cut_off = True
        self._said.end()


class _Said:
    """What the caller says, read by a thread of its own: gRPC's reading has no time-out.

    Parameters
    ----------
    bodies : iterator of bytes
        The caller's messages.
    """

    def __init__(self, bodies: Iterator[bytes]) -> None:
        self._bodies = bodies
        self._wanted: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._read: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        # Not waited for: while it reads it ends only with the call.
        threading.Thread(target=self._run, name="raphson-callback", daemon=True).start()

    def want(self) -> None:
        """Have one more message read."""
        self._wanted.put(True)

    def next(self, seconds: float) -> bytes | None:
        """Return a message that was wanted, None if there is none; raises `queue.Empty` if none comes in time."""
        return self._read.get(timeout=seconds)

    def end(self) -> None:
        """Read nothing more."""
        self._wanted.put(False)
        self._read.put(None)

    def _run(self) -> None:
        while self._wanted.get():
            try:
                body = next(self._bodies, None)
            except grpc.RpcError:
                # The call has ended, and gRPC says so to the one who reads.
                body = None
            self._read.put(body)


def _late(asked: int, seconds: float) -> CallError:
    what = f"question {asked} was not answered" if asked else "no opening came"
    return CallError(
        code_pb2.ABORTED,
        Reason.ANSWER_LATE,
        f"{what} within {seconds:g} s, the longest that this server waits (answer_patience_seconds)",
    )
