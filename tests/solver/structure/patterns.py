"""Small random patterns as matrices of truth values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray
    from raphson_solver.structure import Part

LARGEST = 7


@st.composite
def patterns(draw: st.DrawFn, *, is_nonsingular: bool = False) -> NDArray[np.bool_]:
    n = draw(st.integers(0, LARGEST))
    m = n if is_nonsingular else draw(st.integers(0, LARGEST))
    density = draw(st.sampled_from([0.1, 0.25, 0.5, 0.9]))
    matrix = np.random.default_rng(draw(st.integers(0, 2**32 - 1))).random((m, n)) < density
    if is_nonsingular:
        matrix[np.arange(n), draw(st.permutations(range(n)))] = True
    return matrix


def places(matrix: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    rows, columns = np.nonzero(matrix)
    return rows, columns


def as_matrix(parts: Iterable[Part], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """True where an equation and a variable are in the same part."""
    matrix = np.zeros(shape, bool)
    for part in parts:
        matrix[np.ix_(*part)] = True
    return matrix
