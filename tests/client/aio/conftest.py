"""The real server that the blocking client started, as its operator sees it."""

from __future__ import annotations

import pytest
import raphson
from raphson_server.configuration import ServerConfig

from tests.server.running import Server


@pytest.fixture
def server(client: raphson.Client) -> Server:
    """The embedded server, whose workers can be watched, and killed."""
    assert client._server is not None
    server = Server(client._server._process, client.address, processes=ServerConfig().workers + 1)
    server.channel.close()
    server.settle()
    return server
