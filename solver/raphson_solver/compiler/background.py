"""Compiling while code that is made sooner serves: one thread that makes machine code of what is in use."""

from __future__ import annotations

import atexit
import logging
import queue
import threading
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

Kind = TypeVar("Kind")

_log = logging.getLogger("raphson_solver")
_waiting: queue.SimpleQueue[tuple[weakref.ref[Any], Callable[[Any], None]] | None] = queue.SimpleQueue()
_lock = threading.Lock()
_thread: threading.Thread | None = None


def compile_later(of: Kind, make: Callable[[Kind], None]) -> None:
    """Have something made of a system, or of code, soon, unless nobody holds it any more by then."""
    global _thread  # noqa: PLW0603 - one thread a process
    with _lock:
        if _thread is None:
            _thread = threading.Thread(target=_work, name="raphson-compile", daemon=True)
            _thread.start()
            atexit.register(_stop)
    _waiting.put((weakref.ref(of), make))


def _work() -> None:
    while True:
        asked = _waiting.get()
        if asked is None:
            return
        reference, make = asked
        of = reference()
        if of is not None:
            try:
                make(of)
            except Exception:  # noqa: BLE001 - what there is goes on to serve, and others wait for theirs
                _log.exception("better code of a system could not be made")
        # Not until something else is asked for.
        del of


def _stop() -> None:
    """Let the compile under way end: LLVM must not be torn down beneath it."""
    while True:
        try:
            _waiting.get_nowait()
        except queue.Empty:
            break
    _waiting.put(None)
    assert _thread is not None
    _thread.join()
