"""What the front end and a worker say to each other over their socket: length-prefixed frames.

One request is under way at a time on a socket, so a frame is always read to its end and nothing follows it. Where an
answer is a stream, each item is a reply of its own, and the worker sends nothing more until the front end has
acknowledged it, which it does when the caller has taken it: a slow caller holds up nobody's memory.

    worker → front end   HELLO            imports done; or FAILED, and why no worker can start
    front end → worker   WARM_UP          make the engine ready (one worker at a time while caches are cold)
    worker → front end   READY            body: b"compiled" or b"loaded"
    front end → worker   Request          method, remaining seconds, definitions by id (may be none), request id,
                                          request
    worker → front end   Reply            outcome, an account of the work, reply or google.rpc.Status, and the
                                          complete definitions, by id, of systems that the request has by text;
                                          or the ids of the systems whose definitions are needed;
                                          outcome MORE: an item of a stream, which a last Reply ends
    front end → worker   acknowledgement  one byte for each item: the next Reply may come
"""

import math
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType
from typing import Any

from raphson_server.account import NO_ACCOUNT, SIZE
from raphson_server.observability.request_id import LONGEST

Definitions = Mapping[bytes, bytes]
"""Serialized, complete ``raphson.v1.System`` by id."""


class Method(IntEnum):
    """What a request frame asks for."""

    WARM_UP = 0
    SOLVE = 1
    EVALUATE = 2
    COMPILE = 3
    EXPLAIN = 4
    FIND_ALL = 5
    FOLLOW = 6
    EVALUATE_CHAIN = 7
    CHECK_JACOBIAN = 8
    TEST_DIFFERENTIABILITY = 9
    SOLVE_BATCH = 10
    SOLVE_CALLBACK = 11
    LIST_REGISTERED = 12
    SOLVE_WITH_PROGRESS = 13
    COMPILE_JOB = 14


class Outcome(IntEnum):
    """How a reply frame is to be read."""

    OK = 0
    FAILED = 1
    NEEDS_DEFINITION = 2
    HELLO = 3
    READY = 4
    MORE = 5


@dataclass(slots=True)
class Request:
    """A request as a worker reads it.

    Attributes
    ----------
    method : Method
    remaining_seconds : float
        Until the call's deadline; infinite without one.
    definitions : mapping of bytes to bytes
        Those of systems that the worker may not know.
    body : bytes
        The caller's message, as it came.
    largest_variables, largest_members : int
        How many its caller may have, of members in this request; 0 is as many as anybody.
    request_id : bytes
        What the call is known by, in ASCII.
    """

    method: Method
    remaining_seconds: float = math.inf
    definitions: Definitions = field(default_factory=dict)
    body: bytes = b""
    largest_variables: int = 0
    largest_members: int = 0
    request_id: bytes = b""


@dataclass(slots=True)
class Reply:
    """A worker's answer.

    Attributes
    ----------
    outcome : Outcome
    body : bytes
        The reply message (OK, MORE) or a ``google.rpc.Status`` (FAILED).
    definitions : mapping of bytes to bytes
        Those of systems that the request has by text (OK); or the ids of those that are needed, each with an empty
        one (NEEDS_DEFINITION).
    account : bytes
        A written `Account` of the work for the request; of a stream, with its last reply.
    """

    outcome: Outcome
    body: bytes = b""
    definitions: Definitions = field(default_factory=dict)
    account: bytes = NO_ACCOUNT


class ChannelClosedError(Exception):
    """The other end of the socket is gone."""


class NotSentError(ChannelClosedError):
    """The other end ended before it had read what was sent."""


# Both begin with the sizes of what follows, definitions and body; `worker.machine_loop` reads and writes them too.
REQUEST = struct.Struct(f"<IIdIIB{LONGEST}s")
"""Sizes, remaining seconds, largest numbers of variables and of members, method, request id."""
REPLY = struct.Struct(f"<IIB{SIZE}s")
"""Sizes, outcome, account."""
_DEFINITION = struct.Struct("<II")
_CHUNK = 64 * 1024
_BUFFER = 1024 * 1024
_METHODS = tuple(Method)
_OUTCOMES = tuple(Outcome)
_ACKNOWLEDGEMENT = b"\x06"


def channel_pair() -> tuple[socket.socket, socket.socket]:
    """Open the two ends of a channel: the front end's and the worker's."""
    ends = socket.socketpair()
    for end in ends:
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            end.setsockopt(socket.SOL_SOCKET, option, _BUFFER)
    return ends


def send_request(
    channel: socket.socket,
    method: Method,
    remaining_seconds: float = math.inf,
    definitions: Definitions = MappingProxyType({}),
    body: bytes = b"",
    largest_variables: int = 0,
    largest_members: int = 0,
    request_id: bytes = b"",
) -> None:
    """Write one request frame; see `Request`."""
    packed = _packed(definitions) if definitions else b""
    header = REQUEST.pack(
        len(packed), len(body), remaining_seconds, largest_variables, largest_members, method, request_id
    )
    _send(channel, header, packed, body)


def receive_request(channel: socket.socket, first: bytes = b"") -> Request:
    """Read one request frame, of which the first bytes may have been read before."""
    body, fields = _receive(channel, REQUEST, first)
    packed_size, _, remaining_seconds, variables, members, method, padded_id = fields
    definitions: Definitions = {}
    if packed_size:
        definitions, body = _unpacked(body[:packed_size]), body[packed_size:]
    request_id = padded_id.rstrip(b"\0")
    return Request(_METHODS[method], remaining_seconds, definitions, body, variables, members, request_id)


def send_reply(channel: socket.socket, reply: Reply) -> None:
    """Write one reply frame."""
    packed = _packed(reply.definitions) if reply.definitions else b""
    header = REPLY.pack(len(packed), len(reply.body), reply.outcome, reply.account)
    _send(channel, header, packed, reply.body)


def receive_reply(channel: socket.socket) -> Reply:
    """Read one reply frame."""
    payload, (packed_size, _, outcome, account) = _receive(channel, REPLY)
    return _reply([payload], packed_size, outcome, account)


class Pieces:
    """A reply frame that is read as it comes, without waiting.

    Parameters
    ----------
    channel : socket
    """

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        # A header's first bytes; its fields, once it is complete; and what came behind it.
        self._header = b""
        self._fields: tuple[Any, ...] | None = None
        self._parts: list[bytes] = []
        self._left = 0

    def take(self) -> Reply | None:
        """Read what is there; return the reply, if that is all of it.

        Raises
        ------
        NotSentError
            If the other end ended before it had read what was sent.
        ChannelClosedError
            If it ended else.
        """
        try:
            some = self._channel.recv(min(max(self._left, _CHUNK), _BUFFER), socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        except ConnectionResetError as error:
            raise NotSentError from error
        except OSError as error:
            raise ChannelClosedError from error
        if not some:
            raise ChannelClosedError
        if self._fields is None:
            some = self._header + some
            if len(some) < REPLY.size:
                self._header = some
                return None
            self._header = b""
            self._fields = REPLY.unpack_from(some)
            # Of a first piece, which is small: all else is copied once, when it is joined.
            some = some[REPLY.size :]
            self._left = self._fields[0] + self._fields[1]
        self._parts.append(some)
        self._left -= len(some)
        if self._left:
            return None
        parts, self._parts = self._parts, []
        (packed_size, _, outcome, account), self._fields = self._fields, None
        return _reply(parts, packed_size, outcome, account)


def _reply(parts: list[bytes], packed_size: int, outcome: int, account: bytes) -> Reply:
    if not packed_size:
        return Reply(_OUTCOMES[outcome], b"".join(parts), account=account)
    packed, body = _divided(parts, packed_size)
    return Reply(_OUTCOMES[outcome], body, _unpacked(packed), account)


def _divided(parts: list[bytes], size: int) -> tuple[bytes, bytes]:
    """Join parts, the first bytes of all by themselves."""
    k = 0
    while len(parts[k]) < size:
        size -= len(parts[k])
        k += 1
    both = memoryview(parts[k])
    return b"".join([*parts[:k], both[:size]]), b"".join([both[size:], *parts[k + 1 :]])


def send_acknowledgement(channel: socket.socket) -> None:
    """Let the worker send what comes after an item."""
    _send(channel, _ACKNOWLEDGEMENT)


def receive_acknowledgement(channel: socket.socket, *, wait: bool = True) -> bool:
    """Wait until the front end wants what comes after an item; without waiting, return whether it does."""
    try:
        received = channel.recv(1, 0 if wait else socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError as error:
        raise ChannelClosedError from error
    if received != _ACKNOWLEDGEMENT:
        raise ChannelClosedError
    return True


def _packed(definitions: Definitions) -> bytes:
    """Write definitions one after another, each with the sizes of its id and of itself before it."""
    return b"".join(
        part
        for name, definition in definitions.items()
        for part in (_DEFINITION.pack(len(name), len(definition)), name, definition)
    )


def _unpacked(packed: bytes) -> dict[bytes, bytes]:
    definitions = {}
    place = 0
    while place < len(packed):
        name_size, size = _DEFINITION.unpack_from(packed, place)
        first = place + _DEFINITION.size + name_size
        place = first + size
        definitions[packed[first - name_size : first]] = packed[first:place]
    return definitions


def _send(channel: socket.socket, *parts: bytes) -> None:
    """Write the parts: in one system call when small, without joining them when large."""
    try:
        if len(parts[-1]) <= _CHUNK:
            channel.sendall(b"".join(parts))
        else:
            for part in parts:
                channel.sendall(part)
    except OSError as error:
        raise NotSentError from error


def _receive(channel: socket.socket, header: struct.Struct, first: bytes = b"") -> tuple[bytes, tuple[Any, ...]]:
    """Read one frame, or what is left of it; return what comes after its header, and the header's fields."""
    try:
        first = first or channel.recv(_CHUNK)
        while len(first) < header.size:
            more = channel.recv(_CHUNK)
            if not more:
                raise ChannelClosedError
            first += more
    except ConnectionResetError as error:
        # What the kernel says of a Unix socket whose other end closed with bytes unread.
        raise NotSentError from error
    except OSError as error:
        raise ChannelClosedError from error
    fields = header.unpack_from(first)
    payload, size = first[header.size :], fields[0] + fields[1]
    return (payload if len(payload) == size else _received_on(channel, payload, size)), fields


def _received_on(channel: socket.socket, first: bytes, size: int) -> bytes:
    """Read on until ``size`` bytes are there."""
    parts, left = [first], size - len(first)
    try:
        while left:
            part = channel.recv(left, socket.MSG_WAITALL)
            if not part:
                raise ChannelClosedError
            parts.append(part)
            left -= len(part)
    except OSError as error:
        raise ChannelClosedError from error
    return b"".join(parts)
