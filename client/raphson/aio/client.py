"""The client that is awaited."""

from __future__ import annotations

import asyncio

from raphson.offering import Awaited
from raphson.operations import Operations


class Client(Awaited, Operations):
    """As `raphson.Client`, awaited; made by `raphson.aio.connect`.

    Each method takes the arguments of its namesake there, and what is awaited has its result and its errors;
    `find_all` and `follow` return at once what ``async for`` goes through. Jobs are offered there alone. Cancelling a
    task cancels the call that it awaits, on the server too. Functions are traced and arrays packed in the event loop's
    own thread.

    Tasks of one event loop may share a client. It cannot be used in another loop or in a forked process, nor pickled:
    connect again there.

    Attributes
    ----------
    timeout_seconds : float
        Deadline of each call, unless the call says otherwise.
    """

    _package = "raphson.aio"

    async def close(self) -> None:
        """Drop the connection, and stop the embedded server if there is one. Closing again does nothing."""
        try:
            await self._transport.close()
        finally:
            if self._server is not None:
                await asyncio.to_thread(self._server.stop)
