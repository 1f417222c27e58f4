"""One real server for all commands, and a way to run them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import raphson
from click.testing import CliRunner, Result
from raphson_server.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    with raphson.connect() as client:
        yield client.address


@pytest.fixture
def run(address: str) -> Callable[..., Result]:
    """Run `raphson …` against the server."""

    def run(command: str, *arguments: str) -> Result:
        return CliRunner().invoke(main, [command, "--address", address, *arguments])

    return run
