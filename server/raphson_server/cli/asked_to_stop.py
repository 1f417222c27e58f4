"""Ctrl-C as a request, for work that must not be cut short between any two steps."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def asked_to_stop() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C sets, to be looked at by the main thread; another Ctrl-C kills this process.

    Where Ctrl-C is ignored, as by commands in the background, it stays so.

    An exception amid a transaction of a database leaves the transaction open, and whatever is to be written next waits
    for it.
    """
    stop = threading.Event()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        yield stop
        return

    def ask(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 (the signal module's signature)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        stop.set()

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
