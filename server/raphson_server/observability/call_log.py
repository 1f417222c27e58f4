"""The line of a call is written by a thread of its own: whoever reads the log slowly, or not at all, holds up no call.

Writing a line lets other threads have the interpreter in the middle of a call, which cost the call several times what
the line itself does.
"""

from __future__ import annotations

import logging
import threading
from queue import SimpleQueue
from typing import Any

_MOST_LINES = 10_000
_LAST_LINES_SECONDS = 2.0

_log = logging.getLogger("raphson_server")


class CallLog:
    """Lines on their way to the log; beyond ten thousand that wait they are dropped, and that is told.

    Parameters
    ----------
    log : structlog's bound logger
        Where they go.
    """

    def __init__(self, log: Any) -> None:
        self._log = log
        self._lines: SimpleQueue[dict[str, object] | None] = SimpleQueue()
        self._dropped = 0
        self._thread = threading.Thread(target=self._run, name="raphson-call-log", daemon=True)
        self._thread.start()

    def write(self, facts: dict[str, object]) -> None:
        """Have a line written."""
        if self._lines.qsize() < _MOST_LINES:
            self._lines.put(facts)
        else:
            self._dropped += 1

    def close(self) -> None:
        """Wait for the lines that were put before, if the log is read at all."""
        self._lines.put(None)
        self._thread.join(_LAST_LINES_SECONDS)

    def _run(self) -> None:
        while (facts := self._lines.get()) is not None:
            self._log.info("call", **facts)
            if self._dropped:
                dropped, self._dropped = self._dropped, 0
                _log.warning("lines of calls were dropped: the log is read too slowly", extra={"dropped": dropped})
