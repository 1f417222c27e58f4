"""`connect`: a client of a server elsewhere, or of one started here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raphson.blocking_transport import BlockingTransport
from raphson.channel import open_channel
from raphson.client import Client
from raphson.embedded import START_SECONDS, EmbeddedServer
from raphson.errors import InvalidRequestError
from raphson.options import to_deadline

if TYPE_CHECKING:
    import grpc


def connect(
    address: str | None = None,
    *,
    timeout_seconds: float = 60.0,
    credentials: grpc.ChannelCredentials | None = None,
    start_timeout_seconds: float = START_SECONDS,
) -> Client:
    """Connect to a server, or start one on this machine.

    Parameters
    ----------
    address : str, optional
        ``"host:port"`` of a server. Without one, a server of this process's own is started; it listens on the
        loopback interface, and ends with the client or, at the latest, with this process.
    timeout_seconds : float
        Deadline of each call that does not say otherwise.
    credentials : grpc.ChannelCredentials, optional
        For a server behind TLS; without, everything is sent in the clear.
    start_timeout_seconds : float
        How long to wait for a server of our own; its first start on a machine compiles the engine.

    Returns
    -------
    Client
        To be used in a ``with`` block, or closed by `Client.close`. A remote server is first spoken to by the
        first call.

    Raises
    ------
    EmbeddedServerError
        If no server can be started here.
    InvalidRequestError
        If an argument makes no sense.

    Examples
    --------
    >>> with raphson.connect() as client:
    ...     client.solve("x**2 = 2", start={"x": 1.0})["x"]
    1.41421356237…
    """
    deadline = to_deadline(timeout_seconds)
    if address is None:
        server = EmbeddedServer(to_deadline(start_timeout_seconds, "start_timeout_seconds"))
        transport = BlockingTransport(open_channel(server.address, None, is_local=True), server.address)
        return Client(transport, timeout_seconds=deadline, server=server)
    check_address(address)
    transport = BlockingTransport(open_channel(address, credentials, is_local=False), address)
    return Client(transport, timeout_seconds=deadline)


def check_address(address: object) -> None:
    """Refuse what is no address.

    Raises
    ------
    InvalidRequestError
        If it has no port.
    """
    if not isinstance(address, str) or ":" not in address:
        raise InvalidRequestError.at("address", f"{address!r} is not an address; expected e.g. 'localhost:50551'")
