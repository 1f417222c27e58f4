"""The HTTP endpoint that metrics are read from."""

from prometheus_client import CollectorRegistry, start_http_server


class MetricsEndpoint:
    """Answers ``GET /metrics`` on threads of its own.

    Parameters
    ----------
    address : str
        ``host:port``; port 0 takes a free one.
    registry : CollectorRegistry
        What is told.

    Attributes
    ----------
    address : str
        Where it listens, with the port that was chosen.

    Raises
    ------
    OSError
        If the address cannot be bound.
    """

    def __init__(self, address: str, registry: CollectorRegistry) -> None:
        host, _, port = address.rpartition(":")
        try:
            self._server, self._thread = start_http_server(int(port), host.strip("[]"), registry)
        except (OSError, ValueError, OverflowError) as error:
            raise OSError(
                f"metrics cannot be offered at {address}; expected a host of this machine and a port that no other "
                "program listens on"
            ) from error
        self.address = f"{host}:{self._server.server_port}"

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
