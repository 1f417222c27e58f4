"""The line of a call is rendered by the thread that writes it.

Rendering lets other threads have the interpreter in the middle of a call, which cost the call several times what the
line itself does.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from raphson_server.observability.log_thread import LOG_THREAD


class CallLog:
    """The lines of calls, on their way to the log.

    Parameters
    ----------
    log : structlog's bound logger
        Where they go.
    """

    def __init__(self, log: Any) -> None:
        self._log = log
        LOG_THREAD.start()

    def write(self, facts: dict[str, object]) -> None:
        """Have a line written."""
        LOG_THREAD.put(partial(self._log.info, "call", **facts))

    def close(self) -> None:
        """Wait for the lines that were put before, if the log is read at all."""
        LOG_THREAD.flush()
