"""A request's way through the front end: to a worker and back.

This is the hot path. There is no timer in it, and no message is parsed: the caller's bytes go to the worker as they
came, and the worker's bytes go back. Where a request has to wait for a worker, whoever hands it over sends it the
request too: it does not stand idle until the request's own thread is awake.

A stream holds its worker and its thread from the first item to the end. An item is acknowledged to the worker when
gRPC has passed it on, which waits for a slow reader; meanwhile the worker works on the next item, and no further. A
reader that goes away, or takes nothing for too long, ends the call, and the worker is freed as for any other call.
"""

import math
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from functools import partial
from types import MappingProxyType

import grpc
from google.rpc import code_pb2
from google.rpc.status_pb2 import Status

from raphson_server.aborting import abort, status_of
from raphson_server.bounded_cache import BoundedCache
from raphson_server.configuration import ServerConfig
from raphson_server.failures import CallError
from raphson_server.frames import ChannelClosedError, Method, NotSentError, Outcome, Reply
from raphson_server.front_end.caller import CALLER, address_of
from raphson_server.front_end.refusals import call_ended, not_cached, not_serving, overloaded, passed, worker_lost
from raphson_server.observability.call import current_call
from raphson_server.observability.request_id import REQUEST_ID
from raphson_server.pool import (
    CallEndedError,
    PoolClosedError,
    PoolFullError,
    Ticket,
    WorkerPool,
    WorkerProcess,
)

LAST_WORDS_SECONDS = 1.0
"""By how much what is told of a request that is stopped goes before the end of a call whose caller is silent."""

_LONGEST_DEADLINE_SECONDS = 1e9
_SHOWN_ID_BYTES = 80
# What the socket's memory takes without waiting for who reads.
_SENT_AT_ONCE_BYTES = 64 * 1024
# Of a frame's field.
_MOST_VARIABLES = 2**32 - 1

# How a request begins when its first field is a SystemRef with the 64 characters of an id.
_ID_PREFIX = b"\x0a\x42\x12\x40"
_ID = slice(4, 68)


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

    def handler(self, method: Method) -> Callable[[bytes, grpc.ServicerContext], bytes]:
        """Return the function that gRPC calls for one method, on the messages' bytes."""

        def handle(body: bytes, context: grpc.ServicerContext) -> bytes:
            try:
                reply = self.forward(method, body, context)
            except Exception as error:  # noqa: BLE001 (`status_of` logs what nobody foresaw)
                status = status_of(error)
            else:
                if reply.outcome is Outcome.OK:
                    return reply.body
                status = Status.FromString(reply.body)
            return abort(context, status)

        return handle

    def stream_handler(self, method: Method) -> Callable[[bytes, grpc.ServicerContext], Iterator[bytes]]:
        """Return the function that gRPC calls for one method whose answer is a stream of messages."""

        def handle(body: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
            return to_the_end(self.stream(method, body, context), context)

        return handle

    def forward(self, method: Method, body: bytes, context: grpc.ServicerContext) -> Reply:
        """Have a worker answer one request, which is cancelled when its call ends; raises as `answer`."""
        ticket = self.ticket(context)
        self._bind(ticket, context)
        return self.answer(ticket, method, body)

    def ticket(self, context: grpc.ServicerContext) -> Ticket:
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

    def answer(self, ticket: Ticket, method: Method, body: bytes, *, is_admitted: bool = False) -> Reply:
        """Have a worker answer one request; whose call it is cancels the ticket when it ends.

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
            reply = self._first_reply(ticket, method, body, is_admitted=is_admitted)
        except Exception as error:  # noqa: BLE001 (told to the caller)
            raise self._told(error, ticket) from None
        else:
            _note(ticket, reply)
        finally:
            self._let_go(ticket)
        return reply if reply.outcome is Outcome.OK and not ticket.passed else self._within_limits(ticket, reply)

    def _within_limits(self, ticket: Ticket, reply: Reply) -> Reply:
        """Return the reply of a request that the server did not stop itself.

        Raises
        ------
        CallError
            Names the limit of one that it did.
        """
        if ticket.passed:
            raise passed(ticket.passed, self._config)
        # A worker that stops in time by itself knows of no setting.
        failed = bool(ticket.due_by) and reply.outcome is Outcome.FAILED
        if failed and Status.FromString(reply.body).code == code_pb2.DEADLINE_EXCEEDED:
            raise passed(ticket.due_by, self._config)
        return reply

    def _bind(self, ticket: Ticket, context: grpc.ServicerContext) -> None:
        """Cancel a request when its call ends."""
        if not context.add_callback(partial(self._pool.cancel, ticket)):
            self._pool.cancel(ticket)

    def stream(self, method: Method, body: bytes, context: grpc.ServicerContext) -> Generator[bytes, None, Reply]:
        """Yield the items of a stream; return the reply that ends it.

        Raises
        ------
        CallError
            What the caller is to be told instead.
        """
        ticket = self.ticket(context)
        self._bind(ticket, context)
        try:
            reply = self._first_reply(ticket, method, body)
            if reply.outcome is Outcome.MORE:
                self._pool.watch(ticket, context.cancel)
            while reply.outcome is Outcome.MORE:
                assert ticket.worker is not None
                ticket.offered = time.monotonic()
                yield reply.body
                ticket.offered = math.inf
                reply = ticket.worker.next_reply()
        except GeneratorExit:
            # gRPC drops the iterator of a call that has ended.
            self._abandon(ticket)
            raise
        except Exception as error:  # noqa: BLE001 (told to the caller)
            raise self._told(error, ticket) from None
        else:
            assert ticket.worker is not None
            if reply.definitions:
                self._learn(ticket.worker, reply)
            _note(ticket, reply)
            return self._within_limits(ticket, reply)
        finally:
            self._let_go(ticket)

    def _let_go(self, ticket: Ticket) -> None:
        """Give the worker back, and charge what it has spent."""
        self._pool.release(ticket)
        CALLER.get().spend(ticket.cpu_seconds)
        call = current_call()
        if call is not None:
            call.note_cpu(ticket.cpu_seconds)

    def _abandon(self, ticket: Ticket) -> None:
        """Stop a worker whose items nobody takes any more, and read its answer to the end."""
        assert ticket.worker is not None
        self._pool.cancel(ticket)
        try:
            while ticket.worker.next_reply().outcome is Outcome.MORE:
                pass
        except ChannelClosedError:
            self._pool.lose(ticket.worker)

    def _first_reply(self, ticket: Ticket, method: Method, body: bytes, *, is_admitted: bool = False) -> Reply:
        """Take a worker and talk to it; the ticket holds it until it is released."""
        request = _Request(self._definitions, method, body, ticket)
        ticket.send = request.send_at_once
        while True:
            try:
                worker = self._pool.acquire(ticket, request.system_id, is_admitted=is_admitted)
                if not ticket.is_sent:
                    request.send()
                return self._answered(worker, request)
            except NotSentError:
                # It died while it was idle, and the request is still all ours.
                assert ticket.worker is not None
                self._pool.lose(ticket.worker)
                self._pool.release(ticket, done=False)

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
                # Nobody knows what such a worker would say next.
                if ticket.worker is not None:
                    self._pool.lose(ticket.worker)
                    ticket.worker.kill()
                return error

    def _answered(self, worker: WorkerProcess, request: "_Request") -> Reply:
        """Wait for a worker's answer; send it the definitions that it asks for."""
        while (reply := worker.reply()).outcome is Outcome.NEEDS_DEFINITION:
            if reply.definitions.keys() <= request.definitions.keys():
                raise RuntimeError(f"worker {worker.pid} asks again and again for the same definition")
            request.send({needed: self._definition(needed, request.method) for needed in reply.definitions})
        if reply.definitions:
            self._learn(worker, reply)
        for known in request.definitions:
            worker.known.put(known, True)
        return reply

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


class _Request:
    """What is sent to a worker for one call, whichever worker that will be, in whatever thread.

    Attributes
    ----------
    method : Method
    system_id : bytes or None
        Of the system that the request begins with, if it names one.
    definitions : dict of bytes to bytes
        Those that were sent along, by id.
    """

    def __init__(self, kept: BoundedCache[bytes, bytes], method: Method, body: bytes, ticket: Ticket) -> None:
        self.method = method
        # Only a hint, as to which worker and whether to send a definition along; the worker reads the message.
        self.system_id = body[_ID] if body.startswith(_ID_PREFIX) else None
        self.definitions: dict[bytes, bytes] = {}
        self._kept = kept
        self._body = body
        self._ticket = ticket
        self._request_id = REQUEST_ID.get().encode()
        self._largest_variables = min(CALLER.get().quotas.largest_variables or 0, _MOST_VARIABLES)

    def send(self, definitions: Mapping[bytes, bytes] = MappingProxyType({})) -> None:
        """Send it to the worker that the ticket has, with definitions that it needs, and those it is likely to.

        Raises
        ------
        NotSentError
            If the worker has ended.
        """
        worker, remaining = self._ticket.worker, self._ticket.ends - time.monotonic()
        assert worker is not None
        self._add_likely_definition(worker)
        if definitions:
            self.definitions |= definitions
        worker.send(self.method, remaining, self.definitions, self._body, self._largest_variables, self._request_id)

    def send_at_once(self) -> bool:
        """Send it, as `send` does, if that waits for nothing; return whether it was sent."""
        assert self._ticket.worker is not None
        self._add_likely_definition(self._ticket.worker)
        if len(self._body) + sum(map(len, self.definitions.values())) > _SENT_AT_ONCE_BYTES:
            return False
        self.send()
        return True

    def _add_likely_definition(self, worker: WorkerProcess) -> None:
        system_id = self.system_id
        if system_id is not None and not worker.known.has(system_id):
            likely = self._kept.get(system_id)
            if likely is not None:
                self.definitions[system_id] = likely


def to_the_end(answers: Generator[bytes, None, Reply | None], context: grpc.ServicerContext) -> Iterator[bytes]:
    """Yield a stream's answers, and the last one that it returns; where that is an error, end the call with it."""
    try:
        last = yield from answers
    except Exception as error:  # noqa: BLE001 (`status_of` logs what nobody foresaw)
        status = status_of(error)
    else:
        if last is None:
            return
        if last.outcome is Outcome.OK:
            yield last.body
            return
        status = Status.FromString(last.body)
    abort(context, status)


def _note(ticket: Ticket, reply: Reply) -> None:
    """Let what a worker has done be told of with the call that it was for."""
    call = current_call()
    if call is not None:
        assert ticket.worker is not None
        call.note_work(ticket.asked, ticket.bound, ticket.worker.pid, reply.account)
