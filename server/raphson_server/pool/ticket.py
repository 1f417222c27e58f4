"""One request's way through the pool, and how it can end before it gets a worker."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from raphson_server.pool.process import WorkerProcess


class CallEndedError(Exception):
    """The call was cancelled, or passed its deadline."""


class PoolClosedError(Exception):
    """The pool has no workers yet, or is stopping."""


class PoolFullError(Exception):
    """As many requests are in flight as the pool admits."""


@dataclass(slots=True, eq=False)
class Ticket:
    """What the pool knows of a request.

    Attributes
    ----------
    caller : str
        Whose it is, by the name of a token: callers take turns.
    address : callable
        Says where its call comes from, which stands for the caller where there is no token.
    line : str
        In whose line it waits; empty until that is known.
    is_chunk : bool
        Whether it is one of many of its call, which go behind single ones.
    largest_members : int
        How many members it may have; 0 is as many as anybody.
    worker : WorkerProcess or None
        Who works on it now.
    cancelled : bool
        Whether its call has ended.
    done : bool
        Whether its worker was given back: from then on a cancellation means nothing.
    granted : asyncio.Future or None
        Done when its wait for a worker is over; None if it never had to wait.
    send : callable or None
        Sends the request to its worker if that takes no time, and returns whether it did: for whoever hands over a
        worker, which need not wait then until it is the turn of the request's own task.
    is_sent : bool
        Whether it was so sent.
    is_owed : bool
        Whether its worker was sent a request, and has more to say.
    error : Exception or None
        What came of it else.
    end_call : callable or None
        Ends a call whose answer is a stream; None for the others.
    offered : float
        Since when an item waits for the stream's reader, on the clock of ``time.monotonic``; infinite while none
        does.
    is_stalled : bool
        Whether it was ended since its reader took nothing for too long.
    end_work : callable or None
        Of a stream that is to be finished although it may hold no worker at the moment: tells it that it cannot be.
    asked, bound : float
        Since when it wants a worker, and since when it has one, on the same clock.
    due : float
        When the server itself ends it, on that clock; infinite where its call's own deadline comes before.
    due_by : str
        By which setting that is.
    ends : float
        When it is of use to nobody any more, on that clock: its call's own deadline, or `due`.
    cpu_seconds : float
        What workers have spent on it.
    passed : str
        Which of the server's limits it has passed, by the setting's name: it is then stopped as if its call had ended.
    """

    caller: str = ""
    address: Callable[[], str] = str
    line: str = ""
    is_chunk: bool = False
    largest_members: int = 0
    worker: WorkerProcess | None = None
    cancelled: bool = False
    done: bool = False
    granted: asyncio.Future[None] | None = None
    send: Callable[[], bool] | None = None
    is_sent: bool = False
    is_owed: bool = False
    error: Exception | None = None
    end_call: Callable[[], object] | None = None
    offered: float = math.inf
    is_stalled: bool = False
    end_work: Callable[[], object] | None = None
    asked: float = field(default_factory=time.monotonic)
    bound: float = 0.0
    due: float = math.inf
    due_by: str = ""
    ends: float = math.inf
    cpu_seconds: float = 0.0
    passed: str = ""

    def find_line(self) -> None:
        """Know in whose line it waits, if it does not."""
        self.line = self.line or self.caller or self.address()

    def another(self, *, is_chunk: bool = False) -> Ticket:
        """Return a new one for a further request of the same call."""
        return Ticket(self.caller, self.address, is_chunk=is_chunk, due=self.due, due_by=self.due_by, ends=self.ends)
