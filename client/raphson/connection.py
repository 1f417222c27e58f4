"""`connect`: a client of a server elsewhere, or of one started here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raphson.access import Pem, to_access
from raphson.blocking_transport import BlockingTransport
from raphson.channel import open_channel
from raphson.client import Client
from raphson.embedded import START_SECONDS, EmbeddedServer
from raphson.options import to_deadline

if TYPE_CHECKING:
    import grpc


def connect(
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
) -> Client:
    """Connect to a server, or start one on this machine.

    Parameters
    ----------
    address : str, optional
        ``"host:port"`` of a server. Without one, a server of this process's own is started; it listens on the
        loopback interface, and ends with the client or, at the latest, with this process.
    timeout_seconds : float
        Deadline of each call that does not say otherwise.
    tls : bool, optional
        Whether the server is behind TLS, with a certificate that the machine's authorities vouch for. Without TLS
        everything is sent in the clear.
    ca : path or bytes, optional
        PEM certificates of the authorities that vouch for the server instead; means TLS.
    certificate, key : path or bytes, optional
        PEM of this client's own certificate and its key, for servers that ask for one; mean TLS.
    token : str, optional
        Who calls, for servers that ask: what ``raphson token create`` printed. It is never sent in the clear to other
        machines, but with `insecure`.
    insecure : bool
        Let the token be sent in the clear, where the network protects it.
    credentials : grpc.ChannelCredentials, optional
        Made by gRPC's own functions, instead of the above.
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
        server = EmbeddedServer(to_deadline(start_timeout_seconds, "start_timeout_seconds"))
        transport = BlockingTransport(open_channel(server.address, access), server.address)
        return Client(transport, timeout_seconds=deadline, server=server)
    transport = BlockingTransport(open_channel(address, access), address, access.metadata)
    return Client(transport, timeout_seconds=deadline)
