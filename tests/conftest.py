"""What all tests share: random examples that are the same in every run, and one embedded server a process."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
import raphson
from hypothesis import settings
from raphson_server.configuration import ServerConfig

from tests.server.running import Server

settings.register_profile("raphson", derandomize=True, deadline=None, database=None, max_examples=100)
settings.load_profile("raphson")

# A shell's background jobs ignore Ctrl-C, and so would all that tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def client() -> Iterator[raphson.Client]:
    """A client of a real server, embedded; tests leave it as it was."""
    with raphson.connect() as connected:
        yield connected


@pytest.fixture
def server(client: raphson.Client) -> Server:
    """The embedded server as its operator sees it, whose workers can be watched, and killed."""
    assert client._server is not None
    server = Server(client._server._process, client.address, processes=ServerConfig().workers + 1)
    server.channel.close()
    server.settle()
    return server
