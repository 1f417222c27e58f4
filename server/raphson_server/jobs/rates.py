"""How fast jobs are: rows a second over the last half minute, by whoever has asked for them."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from typing import TYPE_CHECKING

from raphson_server.jobs.record import JobState

if TYPE_CHECKING:
    from raphson_server.jobs.record import JobRecord

_WINDOW_SECONDS = 30.0
_LEAST_SECONDS = 0.1
_MOST_JOBS = 256
_MOST_SAMPLES = 512


class Rates:
    """What was seen of the progress of jobs. Threads may share it."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, deque[tuple[float, int]]] = OrderedDict()
        self._lock = threading.Lock()

    def see(self, record: JobRecord) -> float | None:
        """Remember how far a job is; return its rate in rows a second, None while that is not known."""
        if record.state is not JobState.RUNNING:
            with self._lock:
                self._seen.pop(record.name, None)
            return None
        now = time.monotonic()
        with self._lock:
            samples = self._seen.setdefault(record.name, deque(maxlen=_MOST_SAMPLES))
            self._seen.move_to_end(record.name)
            if len(self._seen) > _MOST_JOBS:
                self._seen.popitem(last=False)
            # Chunks come one at a time: a rate is taken from when one came to when another did.
            if not samples or samples[-1][1] != record.rows_done:
                samples.append((now, record.rows_done))
            while len(samples) > 2 and now - samples[0][0] > _WINDOW_SECONDS:
                samples.popleft()
            (first, rows_then), (_, rows_now) = samples[0], samples[-1]
        seconds = now - first
        return (rows_now - rows_then) / seconds if rows_now > rows_then and seconds > _LEAST_SECONDS else None
