"""Preconditioners that are factors, incomplete or complete."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from raphson_solver.sparse.direct import Direct
from raphson_solver.sparse.krylov import Preconditioner
from raphson_solver.sparse.matrix import Pattern
from raphson_solver.sparse.stop import Stop

Floats = NDArray[np.float64]

_DROP, _FILL = 1e-4, 10.0


class IncompleteFactors:
    """SuperLU's incomplete factors, which drop what is small (Li & Shao 2011)."""

    def make(self, pattern: Pattern, values: Floats, stop: Stop) -> Preconditioner | None:
        """Return them, or None if the matrix is singular."""
        from scipy.sparse.linalg import spilu  # noqa: PLC0415 - a fifth of a second

        try:
            with stop.unheard():
                factors = spilu(pattern.by_columns(values), drop_tol=_DROP, fill_factor=_FILL)
        except RuntimeError:
            return None
        return _Factors(factors, "incomplete factors")


class _Factors:
    def __init__(self, factors: Any, what: str) -> None:
        self._factors = factors
        self.description = f"{what} of {factors.nnz} entries"

    def apply(self, right: Floats) -> Floats:
        found: Floats = self._factors.solve(right)
        return found

    def for_another(self, stop: Stop) -> Preconditioner:  # noqa: ARG002 - it takes one substitution
        return self


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

    def for_another(self, stop: Stop) -> None:
        """Return none: the factors are made anew in their place."""
