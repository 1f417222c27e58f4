"""The shared server's address for all commands, and a way to run them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import raphson
from click.testing import CliRunner, Result
from raphson_server.cli import main


@pytest.fixture
def address(client: raphson.Client) -> str:
    return client.address


@pytest.fixture
def run(address: str) -> Callable[..., Result]:
    """Run `raphson …` against the server."""

    def run(command: str, *arguments: str) -> Result:
        return CliRunner().invoke(main, [command, "--address", address, *arguments])

    return run
