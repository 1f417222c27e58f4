"""What metrics tell of the pool of workers."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class PoolState:
    """The pool at one moment.

    Attributes
    ----------
    busy, idle, spare, starting : int
        Workers.
    waiting : int
        Requests, and chunks of batches, that wait for one.
    streams : int
        Calls with streams that are open.
    lost : mapping of str to int
        Workers that were lost since the start: ``killed`` because they did not stop, or ``ended`` by themselves.
    busy_seconds : float
        That workers have worked for requests, together, since the start.
    pids : tuple of int
        Of all workers.
    """

    busy: int
    idle: int
    spare: int
    starting: int
    waiting: int
    streams: int
    lost: Mapping[str, int]
    busy_seconds: float
    pids: tuple[int, ...]
