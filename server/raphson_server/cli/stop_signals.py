"""The signals by which a server is told to stop."""

import signal
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopSignals:
    """SIGTERM and Ctrl-C, waited for by the main thread; to be made before other threads, which then never get them.

    Threads that libraries started when they were imported may get one nevertheless; it ends no process, but is noted.
    """

    def __init__(self) -> None:
        self._noted = 0
        for number in _SIGNALS:
            signal.signal(number, self._note)
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)

    def wait(self, seconds: float) -> bool:
        """Return whether one has come that was not told of, after that many seconds at most."""
        if signal.sigtimedwait(_SIGNALS, seconds) is not None:
            return True
        if self._noted:
            self._noted -= 1
            return True
        return False

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 (the signal module's signature)
        self._noted += 1
