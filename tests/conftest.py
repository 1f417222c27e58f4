"""What all tests share: random examples that are the same in every run, and one embedded server a process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import raphson
from hypothesis import settings

settings.register_profile("raphson", derandomize=True, deadline=None, database=None, max_examples=100)
settings.load_profile("raphson")


@pytest.fixture(scope="session")
def client() -> Iterator[raphson.Client]:
    """A client of a real server, embedded; tests leave it as it was."""
    with raphson.connect() as connected:
        yield connected
