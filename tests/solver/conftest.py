"""The engine ready before any clock is read."""

from __future__ import annotations

import pytest
import raphson_solver as rs


@pytest.fixture(scope="session", autouse=True)
def _ready() -> None:
    rs.warm_up()
