"""What sensitivities need of a system at a root, whether its Jacobian is dense or it stays in families."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from raphson_solver.differential.differential import Differential
from raphson_solver.differential.family_source import FamilySource
from raphson_solver.engine.status import JacobianMode
from raphson_solver.errors import InputError
from raphson_solver.interruption import uninterrupted
from raphson_solver.sensitivity.factorization import Factorization
from raphson_solver.sensitivity.sparse_factorization import SparseFactorization
from raphson_solver.solution.local import Local, local, parameter_entries, scale_of

if TYPE_CHECKING:
    from raphson_solver.solution.family_codes import FamilyCodes
    from raphson_solver.solution.system import System

Array = NDArray[np.float64]
Places = NDArray[np.int64]


class Factors(Protocol):
    """A factored J."""

    condition: float
    columns: Array

    def solve(self, right: Array) -> Array:
        """Return J⁻¹ b."""
        ...

    def solve_transposed(self, right: Array) -> Array:
        """Return J⁻ᵀ b."""
        ...


class AtRoot(Protocol):
    """f and its derivatives in x and in p."""

    def local(self, x: Array, p: Array) -> Local:
        """Return f and the scales of the equations."""
        ...

    def jacobian(self, x: Array, p: Array) -> Any:
        """Return J, dense or sparse."""
        ...

    def factored(self, matrix: Any) -> Factors:
        """Factor J."""
        ...

    def parameter_pattern(self) -> tuple[Places, Places]:
        """Return rows and columns of the entries of ∂f/∂p that may differ from zero."""
        ...

    def parameter_slopes(self, x: Array, p: Array) -> Array:
        """Return the entries of ∂f/∂p."""
        ...


class DenseAtRoot:
    """Of a system that is written out."""

    def __init__(self, system: System, mode: JacobianMode) -> None:
        self._system, self._differential = system, Differential(system, mode)

    def local(self, x: Array, p: Array) -> Local:
        """Return f and the scales of the equations."""
        return local(self._system, x, p)

    def jacobian(self, x: Array, p: Array) -> Array:
        """Return J, shape (n, n)."""
        return self._differential.matrix(x, p)

    def factored(self, matrix: Array) -> Factors:
        """Factor J."""
        return Factorization(matrix)

    def parameter_pattern(self) -> tuple[Places, Places]:
        """Return rows and columns of the entries of ∂f/∂p that may differ from zero."""
        pattern = self._system.kernels.parameter_pattern
        return pattern.rows, pattern.columns

    def parameter_slopes(self, x: Array, p: Array) -> Array:
        """Return the entries of ∂f/∂p."""
        return parameter_entries(self._system, x, p)


class SparseAtRoot:
    """Of a system that stays in families.

    Raises
    ------
    InputError
        For derivatives that are not exact.
    """

    def __init__(self, system: System, codes: FamilyCodes, mode: JacobianMode) -> None:
        if mode is not JacobianMode.EXACT:
            found = mode.name.lower()
            raise InputError("mode", f"{found} is not for systems that stay in families; expected exact")
        self._m, self._n, self._codes = system.m, system.n, codes
        self._source = FamilySource(codes, system.limits.dense_entries, uninterrupted)

    def local(self, x: Array, p: Array) -> Local:
        """Return f and the scales of the equations."""
        f, sizes = self._source.value_and_sizes(x, p)
        entries = self._entries(x, p)
        return Local(f, entries, scale_of(sizes, *self._source.pattern(JacobianMode.EXACT), entries, x))

    def jacobian(self, x: Array, p: Array) -> Any:
        """Return J, sparse by columns."""
        from scipy.sparse import csc_array  # noqa: PLC0415

        pattern = self._source.pattern(JacobianMode.EXACT)
        return csc_array((self._entries(x, p), pattern), shape=(self._m, self._n))

    def factored(self, matrix: Any) -> Factors:
        """Factor J."""
        return SparseFactorization(matrix)

    def parameter_pattern(self) -> tuple[Places, Places]:
        """Return rows and columns of the entries of ∂f/∂p that may differ from zero."""
        pattern = self._codes.parameter_entries[1]
        return pattern.rows, pattern.columns

    def parameter_slopes(self, x: Array, p: Array) -> Array:
        """Return the entries of ∂f/∂p."""
        return self._source.parameter_entries(x, p)

    def _entries(self, x: Array, p: Array) -> Array:
        entries: Array = self._source.entries(x[None], p[None], 1, JacobianMode.EXACT)[0]
        return entries
