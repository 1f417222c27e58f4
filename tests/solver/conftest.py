"""The engine ready before any clock is read; every random example the same in every run."""

from __future__ import annotations

import pytest
import raphson_solver as rs
from hypothesis import settings

settings.register_profile("solver", derandomize=True, deadline=None, database=None, max_examples=100)
settings.load_profile("solver")


@pytest.fixture(scope="session", autouse=True)
def _ready() -> None:
    rs.warm_up()
