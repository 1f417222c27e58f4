"""The requests that are answered as machine code: those of forms that have come again and again."""

from __future__ import annotations

import itertools
import math
import socket
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import raphson_solver as rs
from raphson_solver.solution.standing import StandingSolve, standing_solve

from raphson_server.account import Account
from raphson_server.frames import REPLY, REQUEST, ChannelClosedError, Outcome, Reply, send_reply
from raphson_server.worker import machine_loop as words
from raphson_server.worker.conversion import WIRE
from raphson_server.worker.machine_loop import answer_known
from raphson_server.worker.solve import options_within

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from raphson_server.worker.request_form import RequestForm
    from raphson_server.worker.solve_question import SolveQuestion
    from raphson_server.worker.solve_reply import ReplyForm

    Words = NDArray[np.int64]

# As often a form is answered in Python first: what it takes to make it known pays by then.
_ANSWERS_BEFORE = 8
# And so often without: then Python looks whether the system has better code by now.
_USES = 256
_MOST_KNOWN = 16
# With more variables a solve takes several times as long as Python, and its memory is worth sharing.
_MOST_VARIABLES = 128
# Longer ones go the long way, of which little is then to be spared.
_ROOM = 64 * 1024
_WORD = 8


class KnownRequests:
    """Answers what it knows, and hands over what it does not.

    Parameters
    ----------
    channel : socket
        To the front end.
    cancel : CancelFlag
        Set when a call has ended.
    max_message_bytes : int
        Largest reply.
    """

    def __init__(self, channel: socket.socket, cancel: rs.CancelFlag, max_message_bytes: int) -> None:
        self._channel = channel
        self._cancel = cancel
        self._largest_reply = min(_ROOM - REPLY.size, max_message_bytes)
        self._requests = np.zeros(_ROOM // _WORD, np.int64)
        self._replies = np.zeros(_ROOM // _WORD + 1, np.int64)
        # A reply begins where its times are aligned.
        self._reply = _address(self._replies) + -words.TIMES % _WORD
        self._outcome = np.zeros(words.OUTCOME_WORDS, np.int64)
        self._known: dict[RequestForm[SolveQuestion], _KnownForm] = {}
        self._table = np.zeros(0, np.int64)

    def answer(self) -> bytes:
        """Answer requests until there is one that is not known; return its first bytes, none if nothing is known.

        Raises
        ------
        ChannelClosedError
            If the front end is gone.
        """
        while self._known:
            size = answer_known(
                self._channel.fileno(), _address(self._requests), _ROOM, self._reply,
                _address(self._table), len(self._table), _address(self._outcome),
            )  # fmt: skip
            if size <= 0:
                raise ChannelClosedError
            if not self._outcome[words.OUTCOME] or not self._is_replied():
                return self._requests.view(np.uint8)[:size].tobytes()
        return b""

    def _is_replied(self) -> bool:
        """Reply to what was solved; return False if the long way is to say that the reply is too large."""
        status, address = (int(word) for word in self._outcome[: words.OUTCOME_RECEIVED])
        (known,) = (each for each in self._known.values() if _address(each.words) == address)
        solution, account = known.standing.solution(status), Account(found=1)
        body = known.kept.solve_reply.written(solution)
        if len(body) > self._largest_reply:
            return False
        account.received = float(self._outcome.view(np.float64)[words.OUTCOME_RECEIVED])
        account.solve(known.standing.began, solution.status, known.kept.system.n, solution.iterations)
        account.answered = time.monotonic()
        send_reply(self._channel, Reply(Outcome.OK, body, account=account.to_bytes()))
        known.take_replies()
        return True

    def learn(self, form: RequestForm[SolveQuestion]) -> None:
        """Take in that a request of this form has been answered in Python."""
        known = self._known.get(form)
        if known is not None:
            # What was spent so far counts.
            known.renew()
            if known.standing.is_current:
                return
        form.answers += 1
        if known is None and form.answers != _ANSWERS_BEFORE:
            return
        made = self._made(form)
        if made is not None:
            # One that is forgotten begins anew.
            form.answers = 0
            self._known.pop(form, None)
            self._known[form] = made
            if len(self._known) > _MOST_KNOWN:
                del self._known[next(iter(self._known))]
            self._table = np.array([_address(each.words) for each in self._known.values()], np.int64)

    def _made(self, form: RequestForm[SolveQuestion]) -> _KnownForm | None:
        """Return a form ready for machine code, None if it needs Python."""
        question = form.question
        options = options_within(question.options, math.inf)
        is_plain = not question.return_jacobian and options.timeout_seconds is None
        system = question.kept.system
        # Of the class itself: others solve in ways of their own.
        is_small = system.n <= _MOST_VARIABLES and form.size <= _ROOM - REQUEST.size
        # Machine code copies numbers as they come.
        is_native = sys.byteorder == "little"
        if type(system) is not rs.System or not (is_plain and is_small and is_native):
            return None
        standing = standing_solve(system, options, self._cancel)
        return None if standing is None else _KnownForm(form, standing, self._largest_reply)


class _KnownForm:
    """One form in words, with all that these have the addresses of.

    Attributes
    ----------
    kept : KeptSystem
        Its system.
    standing : StandingSolve
        Where it is solved.
    words : ndarray of int64
        For machine code.
    """

    def __init__(self, form: RequestForm[SolveQuestion], standing: StandingSolve, largest_reply: int) -> None:
        self.kept, self.standing = form.question.kept, standing
        self._largest_reply = largest_reply
        self._replies: dict[tuple[float | str, ...], _KnownReply] = {}
        self._spans = np.array([*form.lengths, 0], np.int64)
        self._fixed = np.frombuffer(b"".join(form.fixed), np.uint8)
        self._n = n = self.kept.system.n
        self.words: Words = np.zeros(words.FORM_WORDS, np.int64)
        self.words[words.BODY_BYTES] = form.size
        self.words[words.VARIABLES] = n
        self.words[words.PLAN] = standing.plan
        self.words[words.ENGINE] = standing.engine
        self.words[words.START_BYTES] = WIRE.itemsize * n
        self.words[words.SPANS] = _address(self._spans)
        self.words[words.SPAN_COUNT] = len(self._spans) // 2
        self.words[words.FIXED] = _address(self._fixed)
        self.words[words.USES_LEFT] = self._uses = _USES
        self.take_replies()

    def take_replies(self) -> None:
        """Know the forms of replies that there are by now, and no others."""
        forms = self.kept.solve_reply.forms
        known = self._replies
        self._replies = {
            key: known.get(key) or _KnownReply(key, form, self._n)
            for key, form in forms.items()
            if key[1] == self.standing.linear_solver and form.size <= self._largest_reply
        }
        self._reply_table = np.array([_address(reply.words) for reply in self._replies.values()], np.int64)
        self.words[words.REPLIES] = _address(self._reply_table)
        self.words[words.REPLY_COUNT] = len(self._replies)

    def renew(self) -> None:
        """Count what was answered, and allow as much again."""
        self.standing.spend(self._uses - int(self.words[words.USES_LEFT]))
        self.words[words.USES_LEFT] = self._uses = _USES
        self.take_replies()


class _KnownReply:
    """One form of a reply in words."""

    def __init__(self, key: tuple[float | str, ...], form: ReplyForm, n: int) -> None:
        status, _, *counts = key
        account = Account(status=int(status), found=1, n=n, iterations=int(counts[0]))
        header = REPLY.pack(0, form.size, Outcome.OK, account.to_bytes())
        spans = itertools.chain.from_iterable(
            (len(before), place.start, place.stop - place.start)
            for before, place in zip(form.between, [*form.places, slice(0, 0)], strict=True)
        )
        self._counts = np.array(counts, np.float64)
        self._header, self._fixed = (np.frombuffer(part, np.uint8) for part in (header, b"".join(form.between)))
        self._spans = np.array([*spans], np.int64)
        self.words: Words = np.zeros(words.REPLY_WORDS, np.int64)
        self.words[words.STATUS] = status
        self.words[words.COUNTS] = _address(self._counts)
        self.words[words.HEADER] = _address(self._header)
        self.words[words.REPLY_SPANS] = _address(self._spans)
        self.words[words.REPLY_SPAN_COUNT] = len(form.between)
        self.words[words.REPLY_FIXED] = _address(self._fixed)
        self.words[words.FRAME_BYTES] = len(header) + form.size


def _address(numbers: NDArray[np.generic]) -> int:
    return int(numbers.ctypes.data)
