"""A stream of chunks to workers and back: as many at once as there are workers, answered in the order they came.

Each chunk is a request of its own, and holds a worker only while it is worked on. Threads of the call, its hands, read
a chunk, have it answered, and read the next; how many chunks there may be between being read and their results being
taken is limited, so that neither a caller that sends fast nor one that reads slowly costs more memory than that.
"""

from __future__ import annotations

import contextvars
import math
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from queue import SimpleQueue

import grpc
from google.protobuf.message import DecodeError
from raphson.v1.solver_pb2 import SolveBatchRequest

from raphson_server.configuration import ServerConfig
from raphson_server.frames import Method, Outcome, Reply
from raphson_server.front_end.caller import CALLER, address_of
from raphson_server.front_end.forwarding import LAST_WORDS_SECONDS, Forwarder, to_the_end
from raphson_server.front_end.refusals import call_ended, not_serving
from raphson_server.front_end.seats import Seats
from raphson_server.pool import Ticket, WorkerPool

# Chunks beyond those that are worked on: one on its way out while the next is ready.
_AHEAD = 1


def batch_handler(
    forwarder: Forwarder, pool: WorkerPool, config: ServerConfig, method: Method
) -> Callable[[Iterator[bytes], grpc.ServicerContext], Iterator[bytes]]:
    """Return the function that gRPC calls for one method that takes and returns streams of chunks.

    Parameters
    ----------
    forwarder : Forwarder
        Has single chunks answered.
    pool : WorkerPool
        Watches the readers.
    config : ServerConfig
        Says how many calls there may be at a time, since each holds threads; as many chunks of each are worked on at a
        time as there are workers.
    method : Method
        What a chunk asks for.
    """
    seats = Seats(config.max_in_flight, "batches", "max_in_flight", share=config.max_caller_share)

    def handle(bodies: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        def answers() -> Generator[bytes, None, Reply | None]:
            with seats.one(address_of(context)):
                return (yield from _Chunks(forwarder, pool, method, bodies, context, config.workers).answers())

        return to_the_end(answers(), context)

    return handle


class _Chunks:
    """The chunks of one call."""

    def __init__(
        self,
        forwarder: Forwarder,
        pool: WorkerPool,
        method: Method,
        bodies: Iterator[bytes],
        context: grpc.ServicerContext,
        hands: int,
    ) -> None:
        self._forwarder = forwarder
        self._pool = pool
        self._method = method
        self._bodies = bodies
        self._context = context
        self._most_hands = hands
        self._hands = 0
        self._has_begun = False
        self._slots = threading.Semaphore(hands + _AHEAD)
        # Whoever holds this reads the next chunk, and gives it its place in the order.
        self._reading = threading.Lock()
        self._order: SimpleQueue[Future[Reply] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._tickets: set[Ticket] = set()
        self._over = threading.Event()
        self._caller = CALLER.get()
        self._members = 0
        # Each chunk is due when the call is.
        self._whole = forwarder.ticket(context)

    def answers(self) -> Generator[bytes, None, Reply | None]:
        """Yield the reply to each chunk, in order; return the one that refuses a chunk, if there is one.

        Raises
        ------
        CallError
            If a chunk has no reply at all.
        """
        reader = Ticket(due=self._whole.due + LAST_WORDS_SECONDS)
        if not self._context.add_callback(self._end):
            self._end()
        self._pool.watch(reader, self._context.cancel, self._cut_off)
        try:
            self._add_hand()
            while (answer := self._order.get()) is not None:
                reply = answer.result()
                if reply.outcome is not Outcome.OK:
                    return reply
                reader.offered = time.monotonic()
                yield reply.body
                reader.offered = math.inf
                self._slots.release()
            return None
        finally:
            self._end()
            self._pool.release(reader)

    def _end(self) -> None:
        """Stop what is under way, and begin nothing more."""
        with self._lock:
            self._over.set()
            tickets = list(self._tickets)
        for ticket in tickets:
            self._pool.cancel(ticket)
        # The hands that wait for a slot may go.
        self._slots.release(self._most_hands)

    def _cut_off(self) -> None:
        """Tell the caller that this server stops, if there is nothing else to tell."""
        answer: Future[Reply] = Future()
        answer.set_exception(not_serving())
        self._order.put(answer)

    def _add_hand(self) -> None:
        self._hands += 1
        # Not waited for: while it reads it ends only with the call, which may be long after the last reply.
        # What it does is told of with the call, and charged to its caller.
        work = contextvars.copy_context().run
        threading.Thread(target=work, args=(self._work,), name="raphson-chunks", daemon=True).start()

    def _work(self) -> None:
        """Take chunks one after another until there are no more."""
        while True:
            self._slots.acquire()
            answer: Future[Reply] = Future()
            with self._reading:
                body = self._next_body()
                self._order.put(None if body is None else answer)
                if body is None:
                    # For the next hand, which learns the same.
                    self._slots.release()
                    return
                is_admitted, self._has_begun = self._has_begun, True
                members = self._members = self._members + self._count_members(body)
                if self._hands < self._most_hands:
                    self._add_hand()
            try:
                self._caller.check_members(members)
                self._caller.wait_to_go_on(self._over)
                answer.set_result(self._answer(body, is_admitted=is_admitted))
            except Exception as error:  # noqa: BLE001 (told by whoever takes the answer)
                answer.set_exception(error)

    def _next_body(self) -> bytes | None:
        """Wait for a chunk; None if there will be none."""
        if self._over.is_set():
            return None
        try:
            return next(self._bodies, None)
        except grpc.RpcError:
            # The call has ended, and gRPC says so to the one who reads.
            return None

    def _count_members(self, body: bytes) -> int:
        """Return how many members a chunk has; 0 where nobody asks, since the message is to be read for it."""
        if self._caller.quotas.largest_members is None:
            return 0
        try:
            return SolveBatchRequest.FromString(body).members
        except DecodeError:
            return 0  # the worker says what is wrong with it

    def _answer(self, body: bytes, *, is_admitted: bool) -> Reply:
        ticket = self._whole.another(is_chunk=True)
        with self._lock:
            if self._over.is_set():
                raise call_ended()
            self._tickets.add(ticket)
        try:
            return self._forwarder.answer(ticket, self._method, body, is_admitted=is_admitted)
        finally:
            with self._lock:
                self._tickets.discard(ticket)
