"""For tests that count what is compiled."""

from __future__ import annotations

import threading

import pytest
from raphson_solver.compiler.background import compile_later


@pytest.fixture(autouse=True)
def _nothing_of_earlier_tests_is_compiled() -> None:
    """Wait until the background has done what earlier tests in this process have left it."""
    done = threading.Event()
    compile_later(done, threading.Event.set)
    assert done.wait(120)
