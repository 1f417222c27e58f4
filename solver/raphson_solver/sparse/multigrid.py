"""Algebraic multigrid as a preconditioner, where J is like a discretised diffusion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raphson_solver.engine.multigrid import left_over, multiply, smooth_backwards, smooth_from_zero
from raphson_solver.sparse.krylov import Preconditioner
from raphson_solver.sparse.matrix import Pattern
from raphson_solver.sparse.stop import Stop

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

# The share of off-diagonal weight that may have the sign of the diagonal, and of rows that may be far from dominant.
_OF_ONE_SIGN, _DOMINANT = 0.05, 0.9
_LARGEST_COARSEST = 500


class Multigrid:
    """Ruge–Stüben multigrid: levels by pyamg, one V-cycle of ours.

    pyamg's own cycle took three times as long: it smooths in double precision, both ways on either side, and looks at
    residuals between.
    """

    def make(self, pattern: Pattern, values: Floats, stop: Stop) -> Preconditioner | None:
        """Return it, or None if the matrix is not like an M-matrix: it coarsens by the signs of entries."""
        with stop.unheard():
            matrix = pattern.by_rows(values)
            if not _is_like_m_matrix(matrix):
                return None
            from pyamg import ruge_stuben_solver  # noqa: PLC0415 - half a second
            from scipy.sparse.linalg import splu  # noqa: PLC0415 - a fifth of a second

            levels: Any = ruge_stuben_solver(matrix, max_coarse=_LARGEST_COARSEST).levels
            above = [_Level.of(level) for level in levels[:-1]]
            return _Cycle(above, splu(levels[-1].A.tocsc()), stop)


@dataclass(frozen=True, slots=True, eq=False)
class _Level:
    """A level above the coarsest.

    Attributes
    ----------
    matrix : tuple of ndarray
        Starts of rows, columns, which ascend, and values.
    diagonal : ndarray of int32
        Where that of each row stands.
    inverses : ndarray
        One over it.
    down, up : tuple of ndarray
        The ways to the level below and back.
    """

    matrix: tuple[Any, Any, Any]
    diagonal: NDArray[np.int32]
    inverses: Singles
    down: tuple[Any, Any, Any]
    up: tuple[Any, Any, Any]

    @classmethod
    def of(cls, level: Any) -> _Level:
        matrix = level.A.tocsr()
        matrix.sort_indices()
        rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        diagonal = np.flatnonzero(rows == matrix.indices).astype(np.int32)
        inverses = (1.0 / matrix.data[diagonal]).astype(np.float32)
        return cls(_singles(matrix), diagonal, inverses, _singles(level.R), _singles(level.P))


class _Cycle:
    def __init__(self, levels: list[_Level], coarsest: Any, stop: Stop) -> None:
        self._levels, self._coarsest, self._stop = levels, coarsest, stop
        sizes = [level.inverses.size for level in levels]
        self._x = [np.empty(size, np.float32) for size in sizes]
        self._left = [np.empty(size, np.float32) for size in sizes]
        self._coarse = [np.empty(size, np.float32) for size in [*sizes[1:], coarsest.shape[0]][: len(sizes)]]
        self.description = f"algebraic multigrid of {len(levels) + 1} levels"

    def for_another(self, stop: Stop) -> Preconditioner:
        """Return the same with room of its own."""
        return _Cycle(self._levels, self._coarsest, stop)

    def apply(self, right: Floats) -> Floats:
        """Return what one cycle makes of it."""
        self._stop.check()
        # Its size may be anything, and single precision has few exponents.
        size = float(np.max(np.abs(right)))
        if not (size > 0.0 and np.isfinite(size)):
            return right.copy()
        return self._cycle(0, (right / size).astype(np.float32)).astype(np.float64) * size

    def _cycle(self, number: int, right: Singles) -> Singles:
        if number == len(self._levels):
            return np.asarray(self._coarsest.solve(right.astype(np.float64)), np.float32)
        self._stop.check()
        level, x, left, coarse = self._levels[number], self._x[number], self._left[number], self._coarse[number]
        starts, columns, values = level.matrix
        smooth_from_zero(starts, level.diagonal, columns, values, level.inverses, right, x)
        left_over(starts, level.diagonal, columns, values, x, left)
        multiply(*level.down, left, coarse, False)
        multiply(*level.up, self._cycle(number + 1, coarse), x, True)
        self._stop.check()
        smooth_backwards(*level.matrix, level.inverses, right, x)
        return x


def _singles(matrix: Any) -> tuple[Any, Any, Any]:
    rows = matrix.tocsr()
    return rows.indptr.astype(np.int32), rows.indices.astype(np.int32), rows.data.astype(np.float32)


def _is_like_m_matrix(matrix: Any) -> bool:
    """Return whether nearly all weight off the diagonal has the other sign, and nearly all rows are dominated by it."""
    diagonal = matrix.diagonal()
    if not np.all(diagonal != 0.0):
        return False
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    signed = matrix.data * np.sign(diagonal)[rows]
    off = rows != matrix.indices
    wrong = float(np.sum(signed[off & (signed > 0.0)]))
    right = np.bincount(rows[off], np.abs(signed[off]), matrix.shape[0])
    dominated = float(np.mean(right <= (1.0 + 1e-2) * np.abs(diagonal)))
    return wrong <= _OF_ONE_SIGN * float(np.sum(right)) and dominated >= _DOMINANT
