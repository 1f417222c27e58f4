"""What a Jacobian says of dependence: its condition and rank, and which rows and columns repeat others.

Everything is judged after rows and columns are scaled, so that a change of units changes nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raphson_solver.explanation.scaling import by_all, by_largest

Matrix = NDArray[np.float64]
Places = NDArray[np.int64]

LARGEST_DECOMPOSED = 300
"""Up to this many rows and columns the condition comes from the singular values, beyond from an estimate."""

NEARLY_SINGULAR = 1e10
"""A condition beyond which a solution loses most of its digits."""

_PARALLEL = 1e-6
_MOST_PAIRS = 100
_MOST_RELATIONS = 20
# Entries of J carry a rounding error of their own.
_ROUNDING = 100 * np.finfo(np.float64).eps
# Below this no rows are parallel, and another scaling has nothing to mend.
_WELL_CONDITIONED = 1e3
_NEGLIGIBLE = 1e-3


@dataclass(frozen=True, slots=True)
class Pair:
    """Two rows, or two columns, and the cosine between them."""

    first: int
    second: int
    cosine: float


@dataclass(frozen=True, eq=False, slots=True)
class Relation:
    """A combination of rows, or of columns, that is zero.

    Attributes
    ----------
    places : ndarray of int64
        Which, the dominant first.
    weights : ndarray
        Of the scaled rows or columns, the largest 1 in size.
    more : int
        How many more there are, of less weight.
    """

    places: Places
    weights: Matrix
    more: int = 0


@dataclass(frozen=True, eq=False, slots=True)
class Dependence:
    """How far the equations determine the variables at a point, to first order.

    Attributes
    ----------
    condition : float or None
        Of the scaled matrix, by singular values or an estimate; infinite if the rank is not full, None if unknown.
    rank : int or None
        Its numerical rank, if it is known.
    zero_rows, zero_columns : ndarray of int64
        Equations that no variable changes; variables that change no equation.
    parallel_rows, parallel_columns : tuple of Pair
        Equations, and variables, of nearly the same effect though they have several entries; the nearest first.
    redundant : tuple of Relation
        Combinations of equations that are zero, or nearly; for m ≤ n only, where they need not be.
    undetermined : tuple of Relation
        Changes of variables that change no equation, or hardly; for m ≥ n only, where they need not be.
    """

    condition: float | None
    rank: int | None
    zero_rows: Places
    zero_columns: Places
    parallel_rows: tuple[Pair, ...]
    parallel_columns: tuple[Pair, ...]
    redundant: tuple[Relation, ...]
    undetermined: tuple[Relation, ...]


def dependence(matrix: Matrix) -> Dependence:
    """Analyse a finite matrix of m equations by n variables.

    Parameters
    ----------
    matrix : ndarray, shape (m, n)
        J.
    """
    m, n = matrix.shape
    rows = np.flatnonzero(matrix.any(axis=1))
    columns = np.flatnonzero(matrix.any(axis=0))
    rank, condition, scaled = 0, math.inf, matrix[np.ix_(rows, columns)]
    if scaled.size:
        scaled, rank, condition = _best_scaled(scaled)
    # Nearly singular counts as one relation that nearly holds.
    whole = min(scaled.shape)
    held = rank if rank < whole else whole - 1
    short = held >= 0 and condition > NEARLY_SINGULAR
    return Dependence(
        condition=condition if rank == min(m, n) else math.inf,
        rank=rank,
        zero_rows=np.setdiff1d(np.arange(m), rows),
        zero_columns=np.setdiff1d(np.arange(n), columns),
        parallel_rows=_parallel(scaled, rows),
        parallel_columns=_parallel(scaled.T, columns),
        redundant=_relations(scaled.T, held, rows) if short and m <= n else (),
        undetermined=_relations(scaled, held, columns) if short and m >= n else (),
    )


def _best_scaled(matrix: Matrix) -> tuple[Matrix, int, float]:
    """Return the matrix as scaled the better way, its rank and its condition."""
    scaled = _unit(by_largest(matrix))
    rank, condition = _rank_and_condition(scaled)
    if condition > _WELL_CONDITIONED:
        other = _unit(by_all(matrix))
        other_rank, other_condition = _rank_and_condition(other)
        if (other_rank, -other_condition) > (rank, -condition):
            return other, other_rank, other_condition
    return scaled, rank, condition


def _unit(matrix: Matrix) -> Matrix:
    """Return the matrix with rows of length 1, then columns."""
    matrix = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    lengths = np.linalg.norm(matrix, axis=0)
    return matrix / np.where(lengths > 0, lengths, 1.0)


def _rank_and_condition(matrix: Matrix) -> tuple[int, float]:
    if max(matrix.shape) <= LARGEST_DECOMPOSED:
        return _of_sizes(np.asarray(np.linalg.svd(matrix, compute_uv=False), np.float64), matrix.shape)
    if matrix.shape[0] == matrix.shape[1]:
        condition = _estimated(matrix)
        if condition < NEARLY_SINGULAR:
            return matrix.shape[0], condition
    triangle, _ = _pivoted(matrix)
    return _of_sizes(np.abs(np.diagonal(triangle)), matrix.shape)


def _estimated(matrix: Matrix) -> float:
    """Return an estimate of the condition of a square matrix in the 1-norm."""
    from scipy.linalg import get_lapack_funcs  # noqa: PLC0415

    routines: Any = get_lapack_funcs(("getrf", "gecon"), (matrix,))
    getrf, gecon = routines
    factors, _, _ = getrf(matrix)
    reciprocal, _ = gecon(factors, np.linalg.norm(matrix, 1))
    return 1 / float(reciprocal) if reciprocal > 0 else math.inf


def _pivoted(matrix: Matrix) -> tuple[Matrix, Places]:
    """Return R and the order of columns of a QR factorisation that takes the largest column first."""
    from scipy.linalg import qr  # noqa: PLC0415

    found: Any = qr(matrix, mode="r", pivoting=True, check_finite=False)
    return found[0], found[1]


def _of_sizes(sizes: Matrix, shape: tuple[int, ...]) -> tuple[int, float]:
    rank = int(np.count_nonzero(sizes > sizes[0] * max(shape) * _ROUNDING))
    return rank, float(sizes[0] / sizes[-1]) if rank == min(shape) else math.inf


def _parallel(matrix: Matrix, places: Places) -> tuple[Pair, ...]:
    """Return the pairs of rows that are nearly parallel; rows of a single entry could not be otherwise."""
    if not matrix.size:
        return ()
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    unit = matrix / np.where(lengths > 0, lengths, 1.0)
    cosines = np.triu(unit @ unit.T, 1)
    several = np.count_nonzero(matrix, axis=1) > 1
    first, second = np.nonzero((np.abs(cosines) > 1 - _PARALLEL) & (several[:, None] | several))
    found = cosines[first, second]
    order = np.argsort(-np.abs(found), kind="stable")[:_MOST_PAIRS]
    return tuple(
        Pair(int(places[first[k]]), int(places[second[k]]), float(np.clip(found[k], -1.0, 1.0))) for k in order
    )


def _relations(matrix: Matrix, rank: int, places: Places) -> tuple[Relation, ...]:
    """Return for every column beyond the rank how it is combined of the columns that are independent."""
    from scipy.linalg import solve_triangular  # noqa: PLC0415

    triangle, pivots = _pivoted(matrix)
    dependent = triangle[:rank, rank:][:, :_MOST_RELATIONS]
    combined = np.asarray(solve_triangular(triangle[:rank, :rank], dependent, check_finite=False))
    relations = []
    for place in range(combined.shape[1]):
        weights = np.concatenate([-combined[:, place], [1.0]])
        members = np.concatenate([pivots[:rank], pivots[rank + place : rank + place + 1]])
        weights = weights / weights[np.argmax(np.abs(weights))]
        order = np.lexsort((members, -np.abs(weights).round(6)))
        order = order[np.abs(weights[order]) > _NEGLIGIBLE]
        relations.append(Relation(places[members[order]].astype(np.int64), weights[order]))
    return tuple(relations)
