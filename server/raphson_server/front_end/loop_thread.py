"""The thread that answers calls: an event loop, which never waits for anything else."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class LoopThread:
    """An event loop in a thread of its own, started at once."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._kept: set[asyncio.Task[object]] = set()
        # Who posts does not know whether somebody closes it meanwhile.
        self._closing = threading.Lock()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="raphson-calls", daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Have a coroutine run there to its end; return or raise what it does. For other threads."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def post(self, function: Callable[..., object], *arguments: object) -> None:
        """Have a function called there soon, unless the loop is closed; from any thread."""
        with self._closing:
            if not self._is_closed:
                self._loop.call_soon_threadsafe(function, *arguments)

    def keep(self, coroutine: Coroutine[Any, Any, object]) -> None:
        """Have a coroutine run there, which nobody waits for; in the loop's thread."""
        task = self._loop.create_task(coroutine)
        self._kept.add(task)
        task.add_done_callback(self._kept.discard)

    def close(self) -> None:
        """Cancel what is left, and end the thread."""
        with self._closing:
            self._is_closed = True
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            left = asyncio.all_tasks(self._loop)
            for task in left:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            self._loop.close()
