"""Work that nobody waits for any more."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from raphson_solver.compiler import machine
from raphson_solver.differential import Differential
from raphson_solver.interruption import aside, uninterrupted

from tests.solver.building import build


class StopError(Exception):
    """Nobody waits."""


def test_what_was_made_is_returned() -> None:
    assert aside(lambda: 3, uninterrupted) == 3
    assert aside(lambda: 4, lambda: None) == 4


def test_an_error_is_raised_where_it_is_waited_for() -> None:
    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        aside(fail, lambda: None)


def test_waiting_ends_though_the_work_goes_on() -> None:
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def make() -> None:
        begun.set()
        assert may_end.wait(30)
        ended.set()

    def between() -> None:
        if begun.is_set():
            raise StopError

    with pytest.raises(StopError):
        aside(make, between)
    assert not ended.is_set()
    may_end.set()
    assert ended.wait(30)


def test_a_compile_is_given_up_and_has_its_use_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """LLVM hears nobody: a stop must not wait for it."""
    # A run before has left it on disk.
    monkeypatch.setattr(machine, "object_files", lambda: None)
    system = build(["sum(sin(x*i)*cos(x/i) for i in range(1, 400))"], {"x": 0.0})
    points, looks = np.linspace(0.0, 1.0, 200_000)[:, None], [0]

    def between() -> None:
        looks[0] += 1
        if looks[0] > 2:
            raise StopError

    with pytest.raises(StopError):
        Differential(system, between=between).value(points)
    assert any(thread.name == "raphson-make" for thread in threading.enumerate())
    few = np.array([[0.0], [1.0]])
    expected = [sum(np.sin(x * i) * np.cos(x / i) for i in range(1, 400)) for x in few[:, 0]]
    np.testing.assert_allclose(Differential(system).value(few)[:, 0], expected, rtol=1e-12)
