"""How long work is interrupted: something to call every few milliseconds, which raises to end the work."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

Between = Callable[[], object]
Made = TypeVar("Made")

_LOOK_SECONDS = 0.003


def uninterrupted() -> None:
    """Let the work go on."""


def aside(make: Callable[[], Made], between: Between) -> Made:
    """Make something that cannot be interrupted, such as machine code, for as long as somebody waits for it.

    It is made on another thread. What `between` raises ends the waiting alone: a function that keeps what it made has
    it for whoever asks next.
    """
    if between is uninterrupted:
        return make()
    made: Future[Made] = Future()

    def work() -> None:
        try:
            made.set_result(make())
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            made.set_exception(error)

    # Not a daemon: an interpreter that ends waits for it, and LLVM is not torn down beneath it.
    threading.Thread(target=work, name="raphson-make").start()
    while True:
        between()
        if wait([made], _LOOK_SECONDS).done:
            return made.result()
