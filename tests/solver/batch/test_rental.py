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


def test_it_can_be_decided_ahead(solved_alone: list[int]) -> None:
    system = build(["x**3 + y = p + 29", "x*y = p"], ["x", "y"], ["p"])
    system.settle_batches([2.0, 1.0], P[:64])
    assert system.solve_batch([2.0, 1.0], P[:70]).converged.all()
    assert not solved_alone
    other = build(["x**3 + y = p + 31", "x*y = p"], ["x", "y"], ["p"])
    other.settle_batches([2.0, 1.0], P[:64], in_lanes=False)
    other.settle_batches([2.0, 1.0], P[:64])
    for _ in range(3):
        assert other.solve_batch([2.0, 1.0], P).converged.all()
    assert len(solved_alone) == 3 * len(P)


@pytest.mark.parametrize("in_lanes", [True, False])
def test_what_is_decided_gives_the_same_bits_whatever_was_solved_before(*, in_lanes: bool) -> None:
    texts = ["x**3 + y = p + 37", "x*y = p"]
    first, second = (build(texts, ["x", "y"], ["p"]) for _ in range(2))
    for system in (first, second):
        system.settle_batches([2.0, 1.0], P[:64], in_lanes=in_lanes)
    first.solve_batch([5.0, 0.1], P[::-1].copy())
    np.testing.assert_array_equal(first.solve_batch([2.0, 1.0], P).x, second.solve_batch([2.0, 1.0], P).x)


def test_where_no_order_suits_the_engine_has_all(solved_alone: list[int]) -> None:
    system = build(["x**2 + y**2 = p + 41", "x = y"], ["x", "y"], ["p"])
    system.settle_batches([np.nan_to_num(0.0), 0.0], np.full((64, 1), np.nan))
    assert system.solve_batch([2.0, 1.0], P).converged.all()
    assert len(solved_alone) == len(P)
