"""Code for the lanes is made when members pay for it."""

from __future__ import annotations

import numpy as np
import pytest
import raphson_solver as rs

from tests.solver.building import build

P = np.linspace(1.0, 2.0, 3000)[:, None]


@pytest.fixture
def solved_alone(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry a solve that goes through the engine."""
    calls: list[int] = []
    solve = rs.System.solve

    def counted(*given: object, **named: object) -> object:
        calls.append(1)
        return solve(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(rs.System, "solve", counted)
    return calls


def test_code_is_made_when_members_pay_for_it(solved_alone: list[int]) -> None:
    system = build(["x**3 + y = p + 17", "x*y = p"], ["x", "y"], ["p"])
    first = system.solve_batch([2.0, 1.0], P)
    assert len(solved_alone) == len(P)
    for _ in range(4):
        last = system.solve_batch([2.0, 1.0], P)
    assert len(solved_alone) < 4 * len(P)
    assert first.converged.all()
    np.testing.assert_allclose(last.x, first.x, rtol=1e-11)


def test_a_compiled_system_has_it_at_once(solved_alone: list[int]) -> None:
    system = build(["x**3 + y = p + 19", "x*y = p"], ["x", "y"], ["p"])
    system.compile()
    assert system.solve_batch([2.0, 1.0], P[:100]).converged.all()
    assert not solved_alone


def test_a_few_members_never_need_it(solved_alone: list[int]) -> None:
    system = build(["x**3 + y = p + 23", "x*y = p"], ["x", "y"], ["p"])
    system.compile()
    assert system.solve_batch([2.0, 1.0], P[:5]).converged.all()
    assert len(solved_alone) == 5
