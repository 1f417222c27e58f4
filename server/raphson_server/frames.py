"""What the front end and a worker say to each other over their socket: length-prefixed frames.

One request is under way at a time on a socket, so a frame is always read to its end and nothing follows it. Where an
answer is a stream, each item is a reply of its own, and the worker sends nothing more until the front end has
acknowledged it, which it does when the caller has taken it: a slow caller holds up nobody's memory.

    worker → front end   HELLO            imports done
    front end → worker   WARM_UP          make the engine ready (one worker at a time while caches are cold)
    worker → front end   READY            body: b"compiled" or b"loaded"
    front end → worker   Request          method, remaining seconds, definition (may be empty), request
    worker → front end   Reply            outcome, reply or google.rpc.Status, and for a request by text
                                          the system's id and its complete definition;
                                          or the id of the system whose definition is needed;
                                          outcome MORE: an item of a stream, which a last Reply ends
    front end → worker   acknowledgement  one byte for each item: the next Reply may come
"""

import math
import socket
import struct
from dataclasses import dataclass
from enum import IntEnum


class Method(IntEnum):
    """What a request frame asks for."""

    WARM_UP = 0
    SOLVE = 1
    EVALUATE = 2
    COMPILE = 3
    EXPLAIN = 4
    FIND_ALL = 5
    FOLLOW = 6


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
    definition : bytes
        A serialized, complete ``raphson.v1.System`` for a system that the worker may not know; else empty.
    body : bytes
        The caller's message, as it came.
    """

    method: Method
    remaining_seconds: float = math.inf
    definition: bytes = b""
    body: bytes = b""


@dataclass(slots=True)
class Reply:
    """A worker's answer.

    Attributes
    ----------
    outcome : Outcome
    body : bytes
        The reply message (OK, MORE) or a ``google.rpc.Status`` (FAILED).
    system_id : bytes
        Id of the system of a request by text, or of the one whose definition is needed; else empty.
    definition : bytes
        Its complete definition; else empty.
    """

    outcome: Outcome
    body: bytes = b""
    system_id: bytes = b""
    definition: bytes = b""


class ChannelClosedError(Exception):
    """The other end of the socket is gone."""


class NotSentError(ChannelClosedError):
    """The other end ended before it had read what was sent."""


_REQUEST = struct.Struct("<BdII")
_REPLY = struct.Struct("<BIII")
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
    definition: bytes = b"",
    body: bytes = b"",
) -> None:
    """Write one request frame; see `Request`."""
    header = _REQUEST.pack(method, remaining_seconds, len(definition), len(body))
    _send(channel, header, definition, body)


def receive_request(channel: socket.socket) -> Request:
    """Read one request frame."""
    first, (method, remaining_seconds, definition_size, body_size) = _receive_header(channel, _REQUEST)
    payload = _receive_rest(channel, first, definition_size + body_size)
    return Request(_METHODS[method], remaining_seconds, payload[:definition_size], payload[definition_size:])


def send_reply(channel: socket.socket, reply: Reply) -> None:
    """Write one reply frame."""
    header = _REPLY.pack(reply.outcome, len(reply.system_id), len(reply.definition), len(reply.body))
    _send(channel, header, reply.system_id, reply.definition, reply.body)


def receive_reply(channel: socket.socket) -> Reply:
    """Read one reply frame."""
    first, (outcome, name_size, definition_size, body_size) = _receive_header(channel, _REPLY)
    payload = _receive_rest(channel, first, name_size + definition_size + body_size)
    if not name_size:
        return Reply(_OUTCOMES[outcome], payload)
    body_start = name_size + definition_size
    return Reply(_OUTCOMES[outcome], payload[body_start:], payload[:name_size], payload[name_size:body_start])


def send_acknowledgement(channel: socket.socket) -> None:
    """Let the worker send what comes after an item."""
    _send(channel, _ACKNOWLEDGEMENT)


def receive_acknowledgement(channel: socket.socket) -> None:
    """Wait until the front end wants what comes after an item."""
    try:
        received = channel.recv(1)
    except OSError as error:
        raise ChannelClosedError from error
    if received != _ACKNOWLEDGEMENT:
        raise ChannelClosedError


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


def _receive_header(channel: socket.socket, header: struct.Struct) -> tuple[bytes, tuple[int, ...]]:
    """Read at least a header; return what came after it, and the header's fields."""
    try:
        first = channel.recv(_CHUNK)
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
    return first[header.size :], header.unpack_from(first)


def _receive_rest(channel: socket.socket, first: bytes, size: int) -> bytes:
    """Read on until ``size`` bytes are there."""
    if len(first) == size:
        return first
    payload = bytearray(size)
    payload[: len(first)] = first
    view = memoryview(payload)[len(first) :]
    try:
        while view:
            received = channel.recv_into(view)
            if not received:
                raise ChannelClosedError
            view = view[received:]
    except OSError as error:
        raise ChannelClosedError from error
    return bytes(payload)
