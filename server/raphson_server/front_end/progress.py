"""A long solve's progress on its way to a caller who may be slow: the solve waits for nobody.

A task of its own reads what the worker says when it says it, so that the worker goes on at once, and is free for others
when it is done. Of progress that the caller has not taken the newest is kept; the result is kept until it is taken, or
the caller takes nothing for too long.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING

from raphson_server.front_end.ending import Reader, finish
from raphson_server.pool import Ticket

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from raphson_server.configuration import ServerConfig
    from raphson_server.frames import Method, Reply
    from raphson_server.front_end.ending import Context
    from raphson_server.front_end.forwarding import Forwarder
    from raphson_server.pool import WorkerPool

# Messages of progress that wait for a caller: a second's worth and a half.
_KEPT = 16


def progress_handler(
    forwarder: Forwarder, pool: WorkerPool, config: ServerConfig, method: Method
) -> Callable[[bytes, Context], Awaitable[None]]:
    """Return the function that gRPC calls for one method that streams progress before its result.

    Parameters
    ----------
    forwarder : Forwarder
        Has the request answered.
    pool : WorkerPool
        Watches the readers.
    config : ServerConfig
    method : Method
    """

    async def handle(body: bytes, context: Context) -> None:
        async def tell() -> Reply | None:
            ticket = Ticket()
            said = _Said(ticket)
            with Reader(pool, context, config, ticket) as reader:
                solving = asyncio.create_task(forwarder.stream(forwarder.ticket(context), method, body, said.put))
                solving.add_done_callback(said.end)
                try:
                    while (progress := await said.next()) is not None:
                        await reader.hand(progress)
                    return await reader.finish(await solving)
                finally:
                    # One whose caller is gone, or takes nothing, is stopped; it is done when its worker is free.
                    solving.cancel()
                    await asyncio.gather(solving, return_exceptions=True)

        await finish(context, tell, forwarder.seats)

    return handle


class _Said:
    """What the worker of one call has said and the caller has not taken.

    Parameters
    ----------
    reader : Ticket
        Told since when the result waits for the caller.
    """

    def __init__(self, reader: Ticket) -> None:
        self._reader = reader
        self._progress: deque[bytes] = deque(maxlen=_KEPT)
        self._is_over = False
        self._changed = asyncio.Event()

    async def put(self, body: bytes) -> None:
        """Keep one message, in the place of the oldest if there are many."""
        self._progress.append(body)
        self._changed.set()

    def end(self, _: object) -> None:
        """Let there be no more."""
        self._is_over = True
        # From now on nothing but the caller is waited for.
        self._reader.offered = time.monotonic()
        self._changed.set()

    async def next(self) -> bytes | None:
        """Return the oldest that is kept, when there is one; None if there will be none."""
        while not self._progress:
            if self._is_over:
                return None
            self._changed.clear()
            await self._changed.wait()
        return self._progress.popleft()
