"""`connect`: an awaited client of a server elsewhere, or of one started here."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from raphson.access import Pem, to_access
from raphson.aio.client import Client
from raphson.aio.transport import AwaitedTransport
from raphson.channel import open_awaited_channel
from raphson.embedded import START_SECONDS, EmbeddedServer
from raphson.errors import EmbeddedServerError
from raphson.options import to_deadline

if TYPE_CHECKING:
    import grpc


@asynccontextmanager
async def connect(
    address: str | None = None,
    *,
    timeout_seconds: float = 60.0,
    tls: bool | None = None,
    ca: Pem | None = None,
    certificate: Pem | None = None,
    key: Pem | None = None,
    token: str | None = None,
    insecure: bool = False,
    credentials: grpc.ChannelCredentials | None = None,
    start_timeout_seconds: float = START_SECONDS,
) -> AsyncIterator[Client]:
    """Connect to a server, or start one on this machine, for the length of an ``async with`` block.

    Parameters
    ----------
    address, timeout_seconds, tls, ca, certificate, key, token, insecure, credentials, start_timeout_seconds
        As of `raphson.connect`. Other tasks run while a server of our own starts.

    Yields
    ------
    Client
        Closed at the end of the block.

    Raises
    ------
    EmbeddedServerError
        If no server can be started here.
    InvalidRequestError
        If an argument makes no sense.

    Examples
    --------
    >>> async with raphson.aio.connect() as client:
    ...     root = await client.solve("x**2 = 2", start={"x": 1.0})
    >>> root["x"]
    1.41421356237…
    """
    deadline = to_deadline(timeout_seconds)
    access = to_access(
        address,
        tls=tls,
        ca=ca,
        certificate=certificate,
        key=key,
        token=token,
        insecure=insecure,
        credentials=credentials,
    )
    if address is None:
        server = await _start(to_deadline(start_timeout_seconds, "start_timeout_seconds"))
        transport = AwaitedTransport(open_awaited_channel(server.address, access), server.address)
        client = Client(transport, timeout_seconds=deadline, server=server)
    else:
        transport = AwaitedTransport(open_awaited_channel(address, access), address, access.metadata)
        client = Client(transport, timeout_seconds=deadline)
    try:
        yield client
    finally:
        await client.close()


async def _start(timeout_seconds: float) -> EmbeddedServer:
    """Start a server in a thread; if the task is cancelled meanwhile, leave none behind."""
    abandoned = threading.Event()
    starting = asyncio.ensure_future(asyncio.to_thread(EmbeddedServer, timeout_seconds, abandoned.is_set))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        abandoned.set()
        with suppress(EmbeddedServerError):
            server = await starting
            await asyncio.to_thread(server.stop)
        raise
