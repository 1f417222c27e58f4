"""What a large sparse Jacobian says of dependence, in time and memory proportional to its entries and its factors.

Rows are parallel only where they have the same columns: they are told apart by a hash of these, and compared with the
one beside them in the order of their product with one random vector. The condition is that of the scaled matrix in the
1-norm, estimated from factors; where it is huge, a step or two of inverse iteration gives the combination of equations
that vanishes, and the variables that can change together.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raphson_solver.explanation.condition import condition_by_factors
from raphson_solver.explanation.dependence import NEARLY_SINGULAR, Dependence, Pair, Relation

Array = NDArray[np.float64]
Places = NDArray[np.int64]

LARGEST_FACTORED = 100_000
"""Unknowns beyond which no factors are made for an explanation."""

_PARALLEL = 1e-6
_MOST_PAIRS = 100
_MOST_MEMBERS = 30
_NEGLIGIBLE = 1e-3
_SEED = 20_251
# What is added to a singular matrix so that it has factors, relative to entries of size 1.
_SHIFT = 1e-9
_INVERSE_STEPS = 3


def sparse_dependence(rows: Places, columns: Places, entries: Array, m: int, n: int, matched: Places) -> Dependence:
    """Analyse a finite sparse matrix.

    Parameters
    ----------
    rows, columns : ndarray of int64, shape (entries,)
        The pattern, row by row, columns ascending.
    entries : ndarray, shape (entries,)
        Of J.
    m, n : int
        Extents.
    matched : ndarray of int64, shape (m,)
        A variable of each equation's own, −1 for none.

    Returns
    -------
    Dependence
        Its rank is None where it is not full, or not known.
    """
    kept = entries != 0.0
    empty_rows = _idle(rows, kept, m)
    empty_columns = _idle(columns, kept, n)
    rows, columns, entries = rows[kept], columns[kept], entries[kept]
    by_column = entries / _largest(columns, entries, n)[columns]
    scaled = by_column / _largest(rows, by_column, m)[rows]
    condition, redundant, undetermined = _condition(rows, columns, scaled, m, n, matched)
    order = np.lexsort((rows, columns))
    return Dependence(
        condition=condition,
        rank=m if m == n and condition is not None and condition < math.inf else None,
        zero_rows=empty_rows,
        zero_columns=empty_columns,
        parallel_rows=_parallel(rows, columns, scaled, m),
        parallel_columns=_parallel(columns[order], rows[order], scaled[order], n),
        redundant=redundant,
        undetermined=undetermined,
    )


def _idle(places: Places, kept: NDArray[np.bool_], length: int) -> Places:
    """Return those that have entries, all of them zero."""
    there = np.bincount(places, minlength=length) > 0
    return np.flatnonzero(there & (np.bincount(places[kept], minlength=length) == 0))


def _largest(places: Places, entries: Array, length: int) -> Array:
    found = np.zeros(length)
    np.maximum.at(found, places, np.abs(entries))
    return np.where(found > 0.0, found, 1.0)


def _parallel(rows: Places, columns: Places, entries: Array, m: int) -> tuple[Pair, ...]:
    """Return pairs of rows of several entries that are nearly parallel, the nearest first; entries row by row."""
    rng = np.random.default_rng(_SEED)
    count = np.bincount(rows, minlength=m)
    if not rows.size or count.max() < 2:
        return ()
    extent = int(columns.max()) + 1
    marks = rng.integers(1, 2**62, extent, dtype=np.uint64)
    unit = entries / np.sqrt(np.bincount(rows, entries**2, m))[rows]
    starts = np.cumsum(count) - count
    several = np.flatnonzero(count > 1)
    support = np.add.reduceat(marks[columns], starts[count > 0])
    hashes = np.zeros(m, np.uint64)
    hashes[count > 0] = support
    image = np.abs(np.bincount(rows, unit * rng.normal(size=extent)[columns], m))
    order = several[np.lexsort((image[several], hashes[several]))]
    first, second = order[:-1], order[1:]
    alike = (hashes[first] == hashes[second]) & (count[first] == count[second])
    first, second = first[alike], second[alike]
    if not first.size:
        return ()
    lengths = count[first]
    within = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    a, b = np.repeat(starts[first], lengths) + within, np.repeat(starts[second], lengths) + within
    same = np.logical_and.reduceat(columns[a] == columns[b], np.cumsum(lengths) - lengths)
    cosines = np.add.reduceat(unit[a] * unit[b], np.cumsum(lengths) - lengths)
    near = np.flatnonzero(same & (np.abs(cosines) > 1.0 - _PARALLEL))
    near = near[np.argsort(-np.abs(cosines[near]), kind="stable")[:_MOST_PAIRS]]
    pairs = [(min(first[k], second[k]), max(first[k], second[k]), cosines[k]) for k in near]
    return tuple(Pair(int(a), int(b), float(np.clip(cosine, -1.0, 1.0))) for a, b, cosine in pairs)


def _condition(
    rows: Places, columns: Places, entries: Array, m: int, n: int, matched: Places
) -> tuple[float | None, tuple[Relation, ...], tuple[Relation, ...]]:
    """Return the condition, None where it is not looked for, and the relations where it is huge."""
    if m != n or n > LARGEST_FACTORED:
        return None, (), ()
    from scipy.sparse import csc_array  # noqa: PLC0415
    from scipy.sparse.linalg import splu  # noqa: PLC0415

    matrix: Any = csc_array((entries, (rows, columns)), shape=(n, n))
    condition = math.inf
    try:
        factors: Any = splu(matrix)
    except RuntimeError:
        # "Factor is exactly singular".
        if np.any(matched < 0):
            return condition, (), ()
        rng = np.random.default_rng(_SEED)
        shift: Any = csc_array((_SHIFT * rng.uniform(1.0, 2.0, n), (np.arange(n), matched)), shape=(n, n))
        try:
            factors = splu(matrix + shift)
        except RuntimeError:
            return condition, (), ()
    else:
        condition = condition_by_factors(matrix, factors)
        if condition <= NEARLY_SINGULAR:
            return condition, (), ()
    return condition, _relation(factors, n, "T"), _relation(factors, n, "N")


def _relation(factors: Any, n: int, way: str) -> tuple[Relation, ...]:
    """Return what a matrix takes nearly to nothing, from whichever side."""
    other = {"N": "T", "T": "N"}[way]
    vector = np.random.default_rng(_SEED).normal(size=n)
    for _ in range(_INVERSE_STEPS):
        with np.errstate(all="ignore"):
            vector = factors.solve(factors.solve(vector, other), way)
            vector = vector / np.max(np.abs(vector))
        if not np.all(np.isfinite(vector)):
            return ()
    order = np.argsort(-np.abs(vector).round(6), kind="stable")
    order = order[: np.count_nonzero(np.abs(vector) > _NEGLIGIBLE)]
    chosen = order[:_MOST_MEMBERS].astype(np.int64)
    return (Relation(chosen, vector[chosen], order.size - chosen.size),)
