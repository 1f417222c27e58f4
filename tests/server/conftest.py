"""A real server on a free loopback port: one that tests share, and the way to start another."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from tests.server.running import Server, running_server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The server that tests share; they leave it as it was.

    Its grace is long: a worker that must be killed is then told from one that a loaded machine slows down. Its messages
    are small, so that little is needed to pass the limit.
    """
    with running_server("--cancel-grace-seconds", "5", "--max-message-bytes", str(16 << 20), workers=2) as started:
        yield started


@pytest.fixture
def own_server() -> Callable[..., contextlib.AbstractContextManager[Server]]:
    """Return the way to start a server that a test may maltreat."""
    return running_server
