"""Members that begin at the roots of others."""

from __future__ import annotations

import numpy as np
import pytest
import raphson_solver as rs
from raphson_solver.batch import choice
from raphson_solver.batch.warm_start import rounds

from tests.solver.building import build

RNG = np.random.default_rng(8)
WAYS = list(rs.WarmStart)


@pytest.mark.parametrize("count", [1, 2, 4, 5, 63, 64, 65, 1000])
@pytest.mark.parametrize("how", WAYS)
def test_every_member_has_its_turn_after_its_source(how: rs.WarmStart, count: int) -> None:
    p = RNG.normal(size=(count, 3))
    p[0, 0] = np.nan
    solved: set[int] = set()
    for members, sources in rounds(how, p, count):
        if sources is None:
            assert not solved
        else:
            assert len(sources) == len(members)
            assert set(sources.tolist()) <= solved
        assert not solved & set(members.tolist())
        solved |= set(members.tolist())
    assert solved == set(range(count))


def test_most_members_begin_at_a_root_close_by() -> None:
    distances = np.zeros(1000)
    for members, sources in rounds(rs.WarmStart.PREVIOUS, np.zeros((1, 0)), 1000):
        if sources is not None:
            distances[members] = members - sources
    assert np.all(distances >= 0)
    assert np.count_nonzero((distances > 0) & (distances <= 3)) == 750


def test_the_nearest_is_nearest_in_units_of_the_spread() -> None:
    p = np.column_stack((RNG.normal(size=200), 1e6 * RNG.normal(size=200)))
    scaled = p / p.std(axis=0)
    for members, sources in rounds(rs.WarmStart.NEAREST, p, 200):
        if sources is None:
            solved = members
            continue
        apart = np.linalg.norm(scaled[members][:, None] - scaled[solved], axis=2)
        np.testing.assert_array_equal(sources, solved[apart.argmin(axis=1)])
        solved = np.sort(np.concatenate((solved, members)))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("in_lanes", [True, False])
def test_the_same_roots_in_fewer_steps(
    how: rs.WarmStart, threads: int, monkeypatch: pytest.MonkeyPatch, *, in_lanes: bool
) -> None:
    count = 9000 if in_lanes else 300
    monkeypatch.setattr(choice, "_FEWEST", 64 if in_lanes else count + 1)
    monkeypatch.setattr(choice, "_MAKING", 0.0)
    monkeypatch.setattr(choice, "_MAKING_NODE", 0.0)
    text = "x[i] - 1 = c/8*x[i]*sum((i + 0.5)/(i + j + 1)*x[j] for j in range(4)) for i in range(4)"
    system, p = build([text], {"x": np.ones(4)}, ["c"]), np.linspace(0.1, 0.95, count)[:, None]
    cold = system.solve_batch(np.ones(4), p, threads=threads)
    warm = system.solve_batch(np.ones(4), p, threads=threads, warm_start=how)
    assert cold.converged.all()
    assert warm.converged.all()
    np.testing.assert_allclose(warm.x, cold.x, rtol=1e-9)
    assert warm.iterations.mean() < 0.75 * cold.iterations.mean()


def test_a_member_that_warmth_misleads_begins_at_its_own_start() -> None:
    """Of every four members the first has a root where the others have a wall."""
    system = build(["sqrt(x) = p"], ["x"], ["p"])
    p = np.linspace(1.0, 2.0, 256)[:, None]
    p[::4] = -1.0
    batch = system.solve_batch([1.0], p, rs.SolveOptions(max_iterations=30), warm_start=rs.WarmStart.PREVIOUS)
    assert not batch.converged[::4].any()
    others = np.arange(256) % 4 != 0
    assert batch.converged[others].all()
    np.testing.assert_allclose(batch.x[others], p[others] ** 2, rtol=1e-11)
