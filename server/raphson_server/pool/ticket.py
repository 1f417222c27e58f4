"""One request's way through the pool, and how it can end before it gets a worker."""

import threading
from dataclasses import dataclass

from raphson_server.pool.process import WorkerProcess


class CallEndedError(Exception):
    """The call was cancelled, or passed its deadline."""


class PoolClosedError(Exception):
    """The pool has no workers yet, or is stopping."""


class PoolFullError(Exception):
    """As many requests are in flight as the pool admits."""


@dataclass(slots=True, eq=False)
class Ticket:
    """What the pool knows of a request; guarded by the pool's lock.

    Attributes
    ----------
    worker : WorkerProcess or None
        Who works on it now.
    cancelled : bool
        Whether its call has ended.
    done : bool
        Whether its worker was given back: from then on a cancellation means nothing.
    granted : Event or None
        Set when its wait for a worker is over; None if it never had to wait.
    """

    worker: WorkerProcess | None = None
    cancelled: bool = False
    done: bool = False
    granted: threading.Event | None = None
