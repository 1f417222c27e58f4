"""The worker's loop as machine code, for requests of known forms: bytes in, a solve, bytes out, and no Python between.

In a service a worker waits most of the time, and its Python then runs cold: what takes 30 µs in a loop of its own took
90 to 200. Here a small solve is a few system calls and what the engine takes. A request that is not known is left to
Python, which reads it from its first byte; and so is the reply to a solve that ended as none did before.

Forms of requests and of replies are words of int64, at the places named below; `known_requests` writes them.
"""

from __future__ import annotations

import math
import socket
import struct
from typing import Any

from numba.core import types
from raphson_solver.engine.aim import RUNNING
from raphson_solver.engine.entrance import begin
from raphson_solver.engine.intrinsics import (
    Doubles,
    Integers,
    call_iterate,
    doubles,
    integers,
    monotonic_seconds,
    shorts,
)
from raphson_solver.engine.jit import entry, jit
from raphson_solver.engine.layout import (
    ANSWER,
    ANSWER_ELAPSED,
    ANSWER_HEADER,
    ANSWER_NORM,
    BEGAN,
    SETTINGS,
    TIMEOUT,
    P,
    X,
)

from raphson_server.account import SOLVE_TIMES
from raphson_server.frames import REPLY, REQUEST, Method
from raphson_server.worker.call import LONGEST_MARGIN_SECONDS, MARGIN_FRACTION

LOST = -1
"""The front end is gone."""

(
    # Of a request's form: how long its body is, how many variables its system has, how often it is answered before
    # Python is to look again; the plan and the engine; bytes of the start; and the addresses of, in turn, how many
    # bytes are fixed and how many are numbers, with their count; of the fixed bytes; and of the replies, with theirs.
    BODY_BYTES,
    VARIABLES,
    USES_LEFT,
    PLAN,
    ENGINE,
    START_BYTES,
    SPANS,
    SPAN_COUNT,
    FIXED,
    REPLIES,
    REPLY_COUNT,
    FORM_WORDS,
) = range(12)

(
    # Of a reply's form: how the solve ended; the addresses of the counts (float64), of the frame's header, of, in turn,
    # how many bytes are fixed, where in the answer the numbers behind them are, and how many bytes these are, with the
    # count; and of the fixed bytes; and how long the frame is.
    STATUS,
    COUNTS,
    HEADER,
    REPLY_SPANS,
    REPLY_SPAN_COUNT,
    REPLY_FIXED,
    FRAME_BYTES,
    REPLY_WORDS,
) = range(8)

(
    # What Python is to know of a request that was solved, and for whose reply there is no form: how that ended, else 0;
    # the address of the request's form; and when the request came (float64).
    OUTCOME,
    OUTCOME_FORM,
    OUTCOME_RECEIVED,
    OUTCOME_WORDS,
) = range(4)

TIMES = struct.calcsize("<IIB") + SOLVE_TIMES
"""Where the times are in a reply's frame; that place is to be a multiple of eight in memory."""

# Members are those of batches, which are none of these.
_REMAINING, _MOST, _METHOD = (struct.calcsize(before) for before in ("<II", "<IId", "<IIdII"))
_REQUEST_BYTES, _REPLY_BYTES = REQUEST.size, REPLY.size
_SOLVE = int(Method.SOLVE)
_FLAGS = int(socket.MSG_NOSIGNAL)

_types: Any = types
_address, _size, _int = _types.intp, _types.intp, _types.int32


# Of the C library, each with what it returns and takes.
_receive = _types.ExternalFunction("recv", _size(_int, _address, _size, _int))
_send = _types.ExternalFunction("send", _size(_int, _address, _size, _int))
_copy = _types.ExternalFunction("memcpy", _address(_address, _address, _size))
_compare = _types.ExternalFunction("memcmp", _int(_address, _address, _size))


@entry
def answer_known(descriptor: int, request: int, room: int, reply: int, forms: int, count: int, outcome: int) -> int:
    """Answer requests of known forms, one after another, until there is another.

    Parameters
    ----------
    descriptor : int
        Of the channel.
    request, room : int
        Address of memory for requests, a multiple of eight, and its size in bytes.
    reply : int
        Address of memory for any frame that the forms of replies may become.
    forms, count : int
        Address of the addresses of known forms, and how many there are.
    outcome : int
        Address of room for what Python is to know; see `OUTCOME`.

    Returns
    -------
    int
        How many bytes of another request are at `request`; 0 when the front end has hung up, `LOST` when it is gone.
    """
    told = integers(outcome)
    told[OUTCOME] = 0
    while True:
        size = _receive(descriptor, request, room, 0)
        if size <= 0:
            return int(size)
        received = monotonic_seconds()
        form = _find(request, size, integers(forms), count)
        if form == 0:
            return int(size)
        status = _solve(integers(form), doubles(request + _REMAINING)[0])
        if status <= RUNNING:
            return int(size)
        length = _write_reply(integers(form), status, received, reply)
        if length == 0:
            told[OUTCOME], told[OUTCOME_FORM] = status, form
            doubles(outcome)[OUTCOME_RECEIVED] = received
            return int(size)
        place = reply
        while length > 0:
            sent = _send(descriptor, place, length, _FLAGS)
            if sent <= 0:
                return LOST
            place += sent
            length -= sent


def warm_up() -> None:
    """Load it from the engine's cache, or compile it (0.2 s, once a machine and version)."""
    dispatcher: Any = answer_known
    dispatcher.compile((types.int64,) * 7)


@jit
def _find(request: int, size: int, forms: Integers, count: int) -> int:
    """Return the address of the form that a request has, whose numbers are then in its plan; 0 if none is known."""
    definitions, body = shorts(request)[0], shorts(request)[1]
    is_whole = size >= _REQUEST_BYTES and size == _REQUEST_BYTES + body
    if not is_whole or definitions != 0 or shorts(request + _METHOD)[0] & 0xFF != _SOLVE:
        return 0
    most = shorts(request + _MOST)[0] & 0xFFFFFFFF
    for k in range(count):
        form = integers(forms[k])
        is_allowed = form[USES_LEFT] > 0 and (most == 0 or form[VARIABLES] <= most)
        if is_allowed and form[BODY_BYTES] == body and _read(form, request + _REQUEST_BYTES):
            form[USES_LEFT] -= 1
            return int(forms[k])
    return 0


@jit
def _read(form: Integers, body: int) -> bool:
    """Tell whether a body has a form; if so, copy its numbers to where the engine reads them."""
    spans, fixed, plan = integers(form[SPANS]), form[FIXED], integers(form[PLAN])
    target, left = plan[X], form[START_BYTES]
    for k in range(form[SPAN_COUNT]):
        between, numbers = spans[2 * k], spans[2 * k + 1]
        if _compare(body, fixed, between) != 0:
            return False
        body += between
        fixed += between
        if left == 0:
            # Behind the start the parameters.
            target, left = plan[P], -1
        _copy(target, body, numbers)
        body += numbers
        target += numbers
        left -= numbers
    return True


@jit
def _solve(form: Integers, remaining: float) -> int:
    """Return how a solve ended; none that Python knows, if Python is to say what is wrong."""
    settings = doubles(integers(form[PLAN])[SETTINGS])
    settings[TIMEOUT] = 0.0
    if remaining < math.inf:
        # As `call.allowed_seconds` has it.
        settings[TIMEOUT] = remaining - min(LONGEST_MARGIN_SECONDS, MARGIN_FRACTION * remaining)
        if not settings[TIMEOUT] > 0.0:
            return RUNNING
    begin(settings)
    status = RUNNING
    while status == RUNNING:
        status = call_iterate(form[ENGINE], form[PLAN])
    return int(status)


@jit
def _write_reply(form: Integers, status: int, received: float, reply: int) -> int:
    """Return the length of the frame that was written; 0 if no form of a reply fits."""
    plan = integers(form[PLAN])
    settings, answer = doubles(plan[SETTINGS]), doubles(plan[ANSWER])
    for k in range(form[REPLY_COUNT]):
        known = integers(integers(form[REPLIES])[k])
        if known[STATUS] == status and _counts_alike(doubles(known[COUNTS]), answer):
            _write(known, plan[ANSWER], reply)
            times = doubles(reply + TIMES)
            times[0], times[1] = received, monotonic_seconds()
            times[2], times[3] = settings[BEGAN], answer[ANSWER_ELAPSED]
            return int(known[FRAME_BYTES])
    return 0


@jit
def _counts_alike(known: Doubles, answer: Doubles) -> bool:
    """Tell whether two solves took the same steps; of the norm and the seconds only whether they are zero matters."""
    for place in range(ANSWER_HEADER):
        value = answer[place]
        if place in (ANSWER_NORM, ANSWER_ELAPSED):
            value = 1.0 if value == 0.0 else 0.0
        if value != known[place]:
            return False
    return True


@jit
def _write(known: Integers, answer: int, reply: int) -> None:
    """Join a frame from what is fixed and from an answer's numbers."""
    _copy(reply, known[HEADER], _REPLY_BYTES)
    spans, fixed, place = integers(known[REPLY_SPANS]), known[REPLY_FIXED], reply + _REPLY_BYTES
    for k in range(known[REPLY_SPAN_COUNT]):
        between, first, numbers = spans[3 * k], spans[3 * k + 1], spans[3 * k + 2]
        _copy(place, fixed, between)
        place += between
        fixed += between
        _copy(place, answer + first, numbers)
        place += numbers
