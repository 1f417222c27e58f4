"""Preconditioners: algebraic multigrid where J is like a discretised diffusion, incomplete and complete factors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raphson_solver.engine.multigrid import left_over, multiply, smooth_backwards, smooth_from_zero
from raphson_solver.sparse.direct import Direct
from raphson_solver.sparse.krylov import Preconditioner
from raphson_solver.sparse.matrix import Pattern
from raphson_solver.sparse.stop import Stop

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

# The share of off-diagonal weight that may have the sign of the diagonal, and of rows that may be far from dominant.
_OF_ONE_SIGN, _DOMINANT = 0.05, 0.9
_LARGEST_COARSEST = 500
_DROP, _FILL = 1e-4, 10.0


class Multigrid:
    """Ruge–Stüben multigrid: levels by pyamg, one V-cycle of ours.

    pyamg's own cycle took three times as long: it smooths in double precision, both ways on either side, and looks at
    residuals between.
    """

    def make(self, pattern: Pattern, values: Floats, stop: Stop) -> Preconditioner | None:
        """Return it, or None if the matrix is not like an M-matrix: it coarsens by the signs of entries."""
        matrix = pattern.by_rows(values)
        if not _is_like_m_matrix(matrix):
            return None
        from pyamg import ruge_stuben_solver  # noqa: PLC0415 - half a second

        levels = ruge_stuben_solver(matrix, max_coarse=_LARGEST_COARSEST).levels
        stop.check()
        return _Cycle(levels, stop)


@dataclass(slots=True, eq=False)
class _Level:
    """A level above the coarsest: its matrix, one over the diagonal, the ways down and up, and room."""

    matrix: tuple[Any, Any, Any]
    inverses: Singles
    down: tuple[Any, Any, Any]
    up: tuple[Any, Any, Any]
    x: Singles
    left: Singles
    coarse: Singles


class _Cycle:
    def __init__(self, levels: Any, stop: Stop) -> None:
        from scipy.sparse.linalg import splu  # noqa: PLC0415 - a fifth of a second

        self._stop = stop
        self._levels = [
            _Level(
                _singles(level.A), (1.0 / level.A.diagonal()).astype(np.float32), _singles(level.R), _singles(level.P),
                np.empty(level.A.shape[0], np.float32), np.empty(level.A.shape[0], np.float32),
                np.empty(level.R.shape[0], np.float32),
            )
            for level in levels[:-1]
        ]  # fmt: skip
        self._coarsest = splu(levels[-1].A.tocsc())
        self.description = f"algebraic multigrid of {len(levels)} levels"

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
        level = self._levels[number]
        smooth_from_zero(*level.matrix, level.inverses, right, level.x)
        left_over(*level.matrix, right, level.x, level.left)
        multiply(*level.down, level.left, level.coarse, False)
        multiply(*level.up, self._cycle(number + 1, level.coarse), level.x, True)
        smooth_backwards(*level.matrix, level.inverses, right, level.x)
        return level.x


def _singles(matrix: Any) -> tuple[Any, Any, Any]:
    rows = matrix.tocsr()
    return rows.indptr.astype(np.int32), rows.indices.astype(np.int32), rows.data.astype(np.float32)


class IncompleteFactors:
    """SuperLU's incomplete factors, which drop what is small (Li & Shao 2011)."""

    def make(self, pattern: Pattern, values: Floats, stop: Stop) -> Preconditioner | None:
        """Return them, or None if the matrix is singular."""
        from scipy.sparse.linalg import spilu  # noqa: PLC0415 - a fifth of a second

        try:
            factors = spilu(pattern.by_columns(values), drop_tol=_DROP, fill_factor=_FILL)
        except RuntimeError:
            return None
        stop.check()
        return _Factors(factors, "incomplete factors")


class _Factors:
    def __init__(self, factors: Any, what: str) -> None:
        self._factors = factors
        self.description = f"{what} of {factors.nnz} entries"

    def apply(self, right: Floats) -> Floats:
        found: Floats = self._factors.solve(right)
        return found


class CompleteFactors:
    """The factors of an earlier matrix.

    Parameters
    ----------
    direct : Direct
        Makes them.
    """

    def __init__(self, direct: Direct) -> None:
        self._direct = direct

    def make(self, pattern: Pattern, values: Floats, stop: Stop) -> Preconditioner | None:  # noqa: ARG002
        """Return them, or None if the matrix is singular."""
        return Earlier(self._direct) if self._direct.factorize(values) else None


class Earlier:
    """Factors as they are."""

    def __init__(self, direct: Direct) -> None:
        self._direct = direct
        self.description = direct.description

    def apply(self, right: Floats) -> Floats:
        """Return A⁻¹·right, of the matrix that was factorised last."""
        found = np.empty_like(right)
        self._direct.apply(right, found)
        return found


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
