"""Sparse linear systems are solved as NumPy solves them densely, or not said to be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from raphson_solver.engine import CancelFlag, LinearSolver, Status, sparse_graph, sparse_lu
from raphson_solver.sparse import Analysis, Direct, Pattern, Stop, StoppedError
from raphson_solver.sparse.assignment import assign
from raphson_solver.sparse.choice import among_sparse, choose
from raphson_solver.sparse.krylov import Kept, Krylov
from raphson_solver.sparse.multigrid import Multigrid
from raphson_solver.sparse.ordering import Order, minimum_degree
from raphson_solver.sparse.preconditioners import CompleteFactors, IncompleteFactors

from tests.solver.sparse.building import grid, random_matrix, stop


def dense(pattern: Pattern, values: np.ndarray) -> np.ndarray:
    matrix = np.zeros((pattern.n, pattern.n))
    np.add.at(matrix, (pattern.rows, pattern.columns), values)
    return matrix


@pytest.mark.parametrize("n", [1, 2, 7, 60])
def test_factors_solve_whatever_the_pattern(n: int) -> None:
    rng = np.random.default_rng(n)
    for share in (0.02, 0.2, 1.0):
        pattern, values = random_matrix(rng, n, share)
        direct = Direct(Analysis(pattern), stop())
        direct.begin()
        for _ in range(3):
            right, found = rng.normal(size=n), np.empty(n)
            assert direct.factorize(values)
            assert direct.solve(right, found)
            expected = np.linalg.solve(dense(pattern, values), right)
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
            values = values * rng.uniform(0.5, 2.0, values.size)
            values[pattern.rows == pattern.columns] += 3.0


def test_a_pivot_that_vanishes_in_a_known_order_is_replaced() -> None:
    rng = np.random.default_rng(4)
    pattern, values = random_matrix(rng, 40, 0.1)
    direct = Direct(Analysis(pattern), stop())
    direct.begin()
    assert direct.factorize(values)
    # Now the diagonal is zero: no pivot may be where they were.
    values[pattern.rows == pattern.columns] = 0.0
    right, found = rng.normal(size=40), np.empty(40)
    assert direct.factorize(values)
    assert direct.solve(right, found)
    np.testing.assert_allclose(found, np.linalg.solve(dense(pattern, values), right), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("what", ["a zero row", "equal rows", "no number"])
def test_a_singular_matrix_is_said_to_be(what: str) -> None:
    pattern, values = random_matrix(np.random.default_rng(5), 20, 1.0)
    values[pattern.rows == 3] = {"a zero row": 0.0, "equal rows": values[pattern.rows == 4], "no number": np.nan}[what]
    direct = Direct(Analysis(pattern), stop())
    direct.begin()
    assert not direct.factorize(values)


def test_the_pattern_of_factors_is_that_of_elimination() -> None:
    rng = np.random.default_rng(6)
    pattern, values = random_matrix(rng, 50, 0.05)
    order = Order(pattern, np.arange(50), np.arange(50), np.inf)
    filled = dense(pattern, np.ones(values.size)) != 0.0
    work = 0
    for k in range(50):
        below, right = np.flatnonzero(filled[k + 1 :, k]) + k + 1, np.flatnonzero(filled[k, k + 1 :]) + k + 1
        filled[np.ix_(below, right)] = True
        work += below.size * right.size
    assert order.fill == filled.sum()
    assert order.work == work
    assert Order(pattern, np.arange(50), np.arange(50), work / 2).work == np.inf


def test_minimum_degree_fills_less_than_no_order() -> None:
    pattern, _ = grid(20)
    place = minimum_degree(pattern)
    assert sorted(place) == list(range(400))
    assert Order(pattern, place, place, np.inf).fill < 0.6 * Order(pattern, np.arange(400), np.arange(400), np.inf).fill


def test_rows_are_assigned_to_their_largest_entries() -> None:
    rng = np.random.default_rng(7)
    pattern, values = random_matrix(rng, 30, 0.2)
    assert assign(pattern.rows, pattern.columns, values, 30) is None
    moved = rng.permutation(30)
    rows = moved[pattern.rows]
    order = np.lexsort((pattern.columns, rows))
    values[pattern.rows == pattern.columns] = 100.0
    found = assign(rows[order], pattern.columns[order], values[order], 30)
    assert found is not None
    np.testing.assert_array_equal(found, np.argsort(moved))
    # No row has a column to itself by size alone: two want the first.
    chosen = assign(np.array([0, 0, 1]), np.array([0, 1, 0]), np.array([5.0, 1.0, 1.0]), 2)
    np.testing.assert_array_equal(chosen, [1, 0])
    # An entry that is zero here is there all the same, as the last choice.
    chosen = assign(np.array([0, 0, 1]), np.array([0, 1, 0]), np.array([5.0, 0.0, 1.0]), 2)
    np.testing.assert_array_equal(chosen, [1, 0])


def test_gmres_with_multigrid_solves_a_grid_in_few_iterations() -> None:
    pattern, values = grid(60)
    krylov = Krylov(pattern, (Multigrid(), IncompleteFactors()), stop())
    krylov.begin()
    rng = np.random.default_rng(8)
    right, found = rng.normal(size=pattern.n), np.empty(pattern.n)
    assert krylov.factorize(values)
    assert krylov.solve(right, found)
    assert np.linalg.norm(right - pattern.by_rows(values) @ found) <= 1e-2 * np.linalg.norm(right)
    assert "multigrid" in krylov.description
    # A residual a thousand times smaller asks for more digits.
    assert krylov.solve(1e-3 * right, found)
    assert np.linalg.norm(1e-3 * right - pattern.by_rows(values) @ found) <= 2e-6 * np.linalg.norm(1e-3 * right)
    assert krylov.iterations < 25


def test_solves_share_the_first_preconditioner_until_it_is_slow() -> None:
    pattern, values = grid(60)
    right, found = np.random.default_rng(8).normal(size=pattern.n), np.empty(pattern.n)
    kept, made = Kept(), Counting()

    def solve(values: np.ndarray) -> np.ndarray:
        krylov = Krylov(pattern, (made,), stop(), kept)
        krylov.begin()
        assert krylov.factorize(values)
        assert krylov.solve(right, found)
        assert np.linalg.norm(right - pattern.by_rows(values) @ found) <= 1e-2 * np.linalg.norm(right)
        return found.copy()

    first = solve(values)
    assert made.count == 1
    # A little later in Newton's method: what was made serves, and gives what it gives.
    later = values * (1.0 + 1e-3 * np.sin(np.arange(values.size)))
    again = solve(later)
    assert made.count == 1
    np.testing.assert_array_equal(solve(values), first)
    np.testing.assert_array_equal(solve(later), again)
    assert made.count == 1
    # Another diffusion altogether, along one axis nearly alone: one of its own, for this solve.
    other = values.copy()
    other[np.abs(pattern.rows - pattern.columns) == 1] *= 1e4
    diagonal = pattern.rows == pattern.columns
    other[diagonal] = -np.bincount(pattern.rows[~diagonal], other[~diagonal], pattern.n) + 1e-3
    solve(other)
    assert made.count == 2
    np.testing.assert_array_equal(solve(values), first)
    assert made.count == 2


class Counting(Multigrid):
    """Counts what it makes."""

    count = 0

    def make(self, *arguments: Any) -> Any:
        self.count += 1
        return super().make(*arguments)


def test_gmres_takes_incomplete_factors_where_multigrid_is_no_use() -> None:
    pattern, values = random_matrix(np.random.default_rng(9), 80, 0.05)
    krylov = Krylov(pattern, (Multigrid(), IncompleteFactors()), stop())
    krylov.begin()
    right, found = np.ones(80), np.empty(80)
    assert krylov.factorize(values)
    assert krylov.solve(right, found)
    assert "incomplete" in krylov.description
    assert np.linalg.norm(right - pattern.by_rows(values) @ found) <= 1e-2 * np.linalg.norm(right)


class Useless:
    """Makes a preconditioner that gives nothing."""

    description = "nothing"

    def make(self, *_: object) -> Useless:
        return self

    def apply(self, right: np.ndarray) -> np.ndarray:
        return np.zeros_like(right)

    def for_another(self, _: Stop) -> Useless:
        return self


def test_where_no_preconditioner_does_factors_are_complete() -> None:
    pattern, values = random_matrix(np.random.default_rng(12), 60, 0.1)
    for makers in ((Useless(),), (Useless(), CompleteFactors(Direct(Analysis(pattern), stop())))):
        krylov = Krylov(pattern, makers, stop())
        krylov.begin()
        right, found = np.ones(60), np.empty(60)
        assert krylov.factorize(values)
        assert krylov.solve(right, found) is (len(makers) == 2)
    assert np.linalg.norm(right - pattern.by_rows(values) @ found) <= 1e-2 * np.linalg.norm(right)
    assert "sparse LU" in krylov.description


def test_the_choice_follows_size_density_and_what_factors_take() -> None:
    limit = 10**6
    assert choose(9, 3, 3, LinearSolver.AUTO, limit) is LinearSolver.DENSE
    assert choose(100 * 100, 100, 100, LinearSolver.AUTO, limit) is LinearSolver.DENSE
    assert choose(300, 100, 100, LinearSolver.AUTO, limit) is LinearSolver.AUTO
    line = Pattern(*np.nonzero(np.eye(500) + np.eye(500, k=1) + np.eye(500, k=-1)), 500)
    assert among_sparse(Analysis(line)) is LinearSolver.DIRECT
    assert among_sparse(Analysis(grid(100)[0])) is LinearSolver.DIRECT
    assert among_sparse(Analysis(grid(500)[0])) is LinearSolver.KRYLOV


def test_the_width_of_a_graph_does_not_depend_on_the_order_of_equations() -> None:
    from raphson_solver.sparse.choice import graph_width  # noqa: PLC0415

    pattern, _ = grid(30)
    moved = np.random.default_rng(10).permutation(900)
    rows = moved[pattern.rows]
    order = np.lexsort((pattern.columns, rows))
    assert 15 <= graph_width(pattern) == graph_width(Pattern(rows[order], pattern.columns[order], 900)) <= 60


def test_the_width_is_that_of_the_widest_part() -> None:
    from raphson_solver.sparse.choice import graph_width  # noqa: PLC0415

    pattern, _ = grid(30)
    # Variables that stand alone, before and behind: values on an edge, say.
    alone = np.arange(7)
    rows = np.concatenate((alone, pattern.rows + 7, [907]))
    columns = np.concatenate((alone, pattern.columns + 7, [907]))
    assert graph_width(Pattern(rows, columns, 908)) == graph_width(pattern)


def test_transposing_twice_is_the_same() -> None:
    pattern, _ = random_matrix(np.random.default_rng(11), 25, 0.2)
    starts, columns, _ = pattern.row_order
    back = sparse_graph.transposed(*sparse_graph.transposed(starts, columns, 25)[:2], 25)
    np.testing.assert_array_equal(back[0], starts)
    np.testing.assert_array_equal(back[1], columns)


def test_what_looks_at_no_flag_says_so_while_it_lasts() -> None:
    flag = CancelFlag()
    stop = Stop(flag.address)
    with stop.unheard():
        assert flag.is_unheard()
        with stop.unheard():
            pass
        assert flag.is_unheard()
    assert not flag.is_unheard()
    with pytest.raises(KeyError), stop.unheard():
        raise KeyError
    assert not flag.is_unheard()
    with pytest.raises(StoppedError), stop.unheard():
        flag.set()
    entered = False
    with pytest.raises(StoppedError), stop.unheard():
        entered = True
    assert not entered
    assert not flag.is_unheard()


def test_a_flag_stops_factors_on_their_way() -> None:
    pattern, values = grid(40)
    flag = np.zeros(2, np.int64)
    direct = Direct(Analysis(pattern), Stop(int(flag.ctypes.data)))
    direct.begin()
    assert direct.factorize(values)
    factors = direct.factors
    flag[0] = 1
    with pytest.raises(StoppedError) as caught:
        direct.factorize(values)
    assert caught.value.status is Status.CANCELLED
    if factors is not None:
        assert sparse_lu.factor_along(factors.address, values.ctypes.data, int(flag.ctypes.data), 0.0) == -1
