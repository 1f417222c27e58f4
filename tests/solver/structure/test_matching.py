"""A maximum matching and the parts of the coarse decomposition, against what they are by definition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from raphson_solver.structure import Part, components, dulmage_mendelsohn, matching

from tests.solver.structure.patterns import as_matrix, patterns, places

if TYPE_CHECKING:
    from numpy.typing import NDArray


def rank_of_random_values(matrix: NDArray[np.bool_]) -> int:
    """The structural rank is the rank for almost all values."""
    if not matrix.size:
        return 0
    values = np.random.default_rng(1).uniform(1.0, 2.0, matrix.shape)
    return int(np.linalg.matrix_rank(np.where(matrix, values, 0.0)))


@given(patterns())
def test_a_matching_pairs_and_is_as_large_as_the_rank(matrix: NDArray[np.bool_]) -> None:
    matched = matching(*places(matrix), *matrix.shape)
    equations = np.flatnonzero(matched >= 0)
    assert matrix[equations, matched[equations]].all()
    assert np.unique(matched[equations]).size == equations.size == rank_of_random_values(matrix)


@given(patterns())
def test_every_equation_and_variable_is_in_one_part(matrix: NDArray[np.bool_]) -> None:
    parts = dulmage_mendelsohn(*places(matrix), *matrix.shape)
    each = (parts.over, parts.under, parts.well)
    assert sorted(np.concatenate([part.equations for part in each])) == list(range(matrix.shape[0]))
    assert sorted(np.concatenate([part.variables for part in each])) == list(range(matrix.shape[1]))


@given(patterns())
def test_the_parts_have_the_shapes_and_the_ranks_that_name_them(matrix: NDArray[np.bool_]) -> None:
    parts = dulmage_mendelsohn(*places(matrix), *matrix.shape)
    over, under, well = (matrix[np.ix_(*part)] for part in (parts.over, parts.under, parts.well))
    assert over.shape[0] > over.shape[1] or over.shape == (0, 0)
    assert under.shape[0] < under.shape[1] or under.shape == (0, 0)
    assert well.shape[0] == well.shape[1] == rank_of_random_values(well)
    assert (rank_of_random_values(over), rank_of_random_values(under)) == (over.shape[1], under.shape[0])
    assert parts.rank == over.shape[1] + well.shape[1] + under.shape[0]


@given(patterns())
def test_the_parts_stand_apart(matrix: NDArray[np.bool_]) -> None:
    over, under, well = (
        getattr(dulmage_mendelsohn(*places(matrix), *matrix.shape), name) for name in ("over", "under", "well")
    )
    assert not matrix[np.ix_(over.equations, np.concatenate([well.variables, under.variables]))].any()
    assert not matrix[np.ix_(well.equations, under.variables)].any()


@given(patterns())
def test_the_parts_are_the_smallest(matrix: NDArray[np.bool_]) -> None:
    """An equation is in the over-determined part exactly if the rank does not fall without it and one is too many."""
    parts = dulmage_mendelsohn(*places(matrix), *matrix.shape)
    spare = [i for i in range(matrix.shape[0]) if rank_of_random_values(np.delete(matrix, i, axis=0)) == parts.rank]
    assert parts.over.equations.tolist() == spare
    spare = [j for j in range(matrix.shape[1]) if rank_of_random_values(np.delete(matrix, j, axis=1)) == parts.rank]
    assert parts.under.variables.tolist() == spare


def test_entries_may_come_twice_and_in_any_order() -> None:
    rows, columns = np.array([2, 0, 2, 1, 0, 2]), np.array([0, 1, 0, 1, 1, 2])
    parts = dulmage_mendelsohn(rows, columns, 3, 3)
    assert [part.tolist() for part in parts.over] == [[0, 1], [1]]
    assert [part.tolist() for part in parts.under] == [[2], [0, 2]]
    assert parts.rank == 2


@given(patterns())
def test_components_share_nothing_and_leave_nothing_out(matrix: NDArray[np.bool_]) -> None:
    whole = Part(np.arange(matrix.shape[0]), np.arange(matrix.shape[1]))
    found, count = components(*places(matrix), whole)
    assert count == len(found)
    assert as_matrix(found, matrix.shape)[matrix].all()
    for side, count in enumerate(matrix.shape):
        assert sorted(place for part in found for place in part[side]) == list(range(count))
    for part in found:
        assert min(map(len, part)) > 0 or sum(map(len, part)) == 1
    firsts = [part.equations[0] for part in found if part.equations.size]
    assert firsts == sorted(firsts)


def test_components_of_a_part_leave_the_others_out_of_account() -> None:
    rows, columns = np.array([0, 0, 1, 2, 2]), np.array([0, 1, 1, 1, 2])
    found, _ = components(rows, columns, Part(np.array([0, 2]), np.array([0, 2])))
    assert [[part.equations.tolist(), part.variables.tolist()] for part in found] == [[[0], [0]], [[2], [2]]]
