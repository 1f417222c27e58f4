"""Lines are written by a thread of their own: whoever reads the log slowly, or not at all, holds up no call."""

from __future__ import annotations

import atexit
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_LINES = 10_000
_LAST_LINES_SECONDS = 2.0


class LogThread:
    """Writes lines one after another; those beyond ten thousand that wait are dropped, and that is told.

    A line that cannot be written, such as to a disk that is full, is dropped as well.
    """

    def __init__(self) -> None:
        self._lines: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._dropped = 0
        self._reason = ""

    def start(self) -> None:
        """Let lines be written until the process ends; do nothing if they are already."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="raphson-log", daemon=True)
                self._thread.start()
                atexit.register(self.flush)

    def put(self, write: Callable[[], object]) -> None:
        """Have a line written, by a function without arguments; from any thread, and without waiting."""
        if self._lines.qsize() < _MOST_LINES:
            self._lines.put(write)
        else:
            self._drop(1, "the log is read too slowly")

    def flush(self) -> None:
        """Wait for the lines that were put before, if the log is read at all."""
        written = threading.Event()
        self._lines.put(written.set)
        written.wait(_LAST_LINES_SECONDS)

    def _run(self) -> None:
        while True:
            write = self._lines.get()
            # Before the line, so that who waits for the last ones waits for this too.
            if self._dropped:
                self._tell_dropped()
            try:
                write()
            except OSError as error:
                self._drop(1, str(error))

    def _drop(self, lines: int, reason: str) -> None:
        with self._lock:
            self._dropped += lines
            self._reason = reason

    def _tell_dropped(self) -> None:
        with self._lock:
            dropped, self._dropped, reason = self._dropped, 0, self._reason
        try:
            # Not by `logging`, whose handler would put this line behind those that wait, or drop it.
            structlog.get_logger().warning("lines were dropped", dropped=dropped, reason=reason)
        except OSError as error:
            self._drop(dropped, str(error))


LOG_THREAD = LogThread()
"""Writes all lines of a process that has callers."""
