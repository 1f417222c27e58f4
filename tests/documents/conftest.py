"""One server for what documents connect to without an address: to start one a block takes longer than the blocks."""

from __future__ import annotations

import functools

import pytest
import raphson
import raphson.aio


@pytest.fixture
def shared_server(client: raphson.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `connect()` mean the tests' own embedded server, which stays when its clients are closed."""
    for package in (raphson, raphson.aio):
        monkeypatch.setattr(package, "connect", functools.partial(package.connect, client.address))
