"""Derivatives of a root with respect to the parameters, and what uncertain parameters make of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raphson_solver.differential.covariance import covariance_root
from raphson_solver.engine.status import JacobianMode
from raphson_solver.errors import InputError, LimitError
from raphson_solver.explanation.elements import ElementNames
from raphson_solver.sensitivity.at_root import AtRoot, DenseAtRoot, SparseAtRoot
from raphson_solver.sensitivity.selection import Selection, select
from raphson_solver.solution.local import Local, vectors
from raphson_solver.solution.options import SolveOptions
from raphson_solver.solution.packing import as_numbers, check_finite, vector

if TYPE_CHECKING:
    from raphson_solver.solution.system import System

Array = NDArray[np.float64]
Names = str | Iterable[str] | None

_EPSILON = float(np.finfo(np.float64).eps)
_ROOT = 1e-6
"""A scaled residual beyond which a point is no root."""
_TINY = SolveOptions().absolute_tolerance
_LARGEST_ERROR = 0.1
"""Derivatives that rounding may change by more than this, relatively, are refused."""


class SingularRootError(InputError):
    """The Jacobian is singular at a root, or so nearly that rounding decides the derivatives.

    Attributes
    ----------
    condition : float
        About ‖J‖·‖J⁻¹‖, rows and columns being of one size; infinite if J is singular.
    """

    def __init__(self, message: str, condition: float) -> None:
        super().__init__("at", message)
        self.condition = condition


class Sensitivity:
    """How a root x of f(x, p) = 0 moves with p, from one factorisation of J = ∂f/∂x.

    ∂f/∂p is exact; J is what the mode says.

    Parameters
    ----------
    system : System
        With as many equations as variables.
    x : array of shape (n,), or mapping of names to values
        The root.
    p : array of shape (k,), or mapping of names to values, optional
        The parameters there.
    mode : JacobianMode
        Where J comes from.

    Attributes
    ----------
    variable_names, parameter_names : sequence of str
        Of every number of x, and of p: ``x``, ``u[3]``, ``W[1,2]``.
    condition : float
        About ‖J‖·‖J⁻¹‖, rows and columns being of one size.
    relative_error : float
        About how wrong the derivatives may be, relatively, by rounding: through J, and because x is known to
        rounding only.

    Raises
    ------
    InputError
        When the arguments do not fit, the system is not square, or x is no root; from the methods `LimitError` too, for
        results that are too large to be dense.
    SingularRootError
        When J is singular or nearly so.
    """

    def __init__(
        self,
        system: System,
        x: ArrayLike | Mapping[str, Any],
        p: ArrayLike | Mapping[str, Any] | None = None,
        mode: JacobianMode = JacobianMode.EXACT,
    ) -> None:
        if system.m != system.n:
            raise InputError(
                "sensitivity",
                f"the implicit function theorem needs as many equations as variables; this system is "
                f"{system.m}×{system.n}: how a least-squares point moves depends on second derivatives too",
            )
        self._system = system
        codes = system.family_codes
        self._root: AtRoot = DenseAtRoot(system, mode) if codes is None else SparseAtRoot(system, codes, mode)
        self._x, self._p = vectors(system, x, p)
        self._free = system.free_parameters
        self.variable_names: Sequence[str] = ElementNames(system.variables)
        self.parameter_names: Sequence[str] = ElementNames(self._free)
        if codes is None:
            self.variable_names, self.parameter_names = tuple(self.variable_names), tuple(self.parameter_names)
        here = self._root.local(self._x, self._p)
        self._check_root(here)
        self._matrix = self._at(self._x)
        if not _is_finite(self._matrix):
            raise InputError("at", "the Jacobian is not finite at the root")
        self._factors = self._root.factored(self._matrix)
        self.condition = self._factors.condition
        self.relative_error = self._determined(here)
        self._rows, self._columns = self._root.parameter_pattern()
        self._slopes = self._parameter_slopes()

    # --- derivatives ----------------------------------------------------------------------------------------

    def forward(self, names: Names = None) -> Array:
        """Return dx/dp, shape (n, k), a column for each number of the parameters named, all of them without names.

        Raises
        ------
        InputError
            For a name that is no free parameter.
        """
        return self._forward(self.select(names))

    def adjoint(self, w: ArrayLike, names: Names = None) -> Array:
        """Return dg/dp = wᵀ·dx/dp, shape (k,), of a scalar g(x) with gradient w, by one solve whatever k.

        Parameters
        ----------
        w : array, shape (n,)
            ∂g/∂x.
        names : str or iterable of str, optional
            Parameters; without, all.
        """
        gradient = vector(w, self._system.n, "w", "a number a variable")
        check_finite(gradient, "w")
        multipliers = self._factors.solve_transposed(gradient)
        total = np.zeros(self._p.size)
        np.add.at(total, self._columns, -multipliers[self._rows] * self._slopes)
        return total[self.select(names).places]

    def select(self, names: Names = None) -> Selection:
        """Return places and labels of the columns that names mean; a name with a shape means all its numbers."""
        return select(names, self._free)

    # --- uncertainty, to first order ------------------------------------------------------------------------

    def covariance(self, sigma: ArrayLike, names: Names = None) -> Array:
        """Return the covariance of x, S·Σ·Sᵀ with S = dx/dp, shape (n, n).

        Parameters
        ----------
        sigma : array, shape (k, k) or (k,)
            Covariance of the parameters, or the standard deviations of independent ones.
        names : str or iterable of str, optional
            The parameters that are uncertain, in the order of sigma; without, all.

        Raises
        ------
        InputError
            When sigma does not fit, is not symmetric, or has a negative eigenvalue.
        """
        n = self._system.n
        self._check_size(n, "what a covariance of x has; ask for standard_deviations")
        root = self._spread(sigma, names)
        covariance: Array = root @ root.T
        return covariance

    def standard_deviations(self, sigma: ArrayLike, names: Names = None) -> Array:
        """Return the square roots of the diagonal of `covariance`, shape (n,), in the units of x."""
        deviations: Array = np.sqrt(np.sum(self._spread(sigma, names) ** 2, axis=1))
        return deviations

    # --- inside ---------------------------------------------------------------------------------------------

    def _spread(self, sigma: ArrayLike, names: Names) -> Array:
        """Return S·R with R·Rᵀ = Σ, shape (n, k): its product with its transpose has no negative eigenvalue."""
        chosen = self.select(names)
        given, k = as_numbers(sigma, "sigma"), len(chosen.names)
        check_finite(given, "sigma")
        if given.shape == (k,):
            if np.any(given < 0.0):
                raise InputError("sigma", f"a standard deviation is at least 0, found {given.min()}")
            return self._forward(chosen) * given
        if given.shape != (k, k):
            raise InputError("sigma", f"expected shape ({k},) or ({k}, {k}), a number a parameter; found {given.shape}")
        return self._forward(chosen) @ covariance_root(given, "sigma")

    def _forward(self, chosen: Selection) -> Array:
        self._check_size(chosen.places.size, "entries of dx/dp; name fewer parameters, or ask for an adjoint")
        slots = np.full(self._p.size, -1)
        slots[chosen.places] = np.arange(chosen.places.size)
        slot = slots[self._columns]
        kept = slot >= 0
        right = np.zeros((self._system.n, chosen.places.size))
        right[self._rows[kept], slot[kept]] = -self._slopes[kept]
        return self._factors.solve(right)

    def _check_size(self, columns: int, what: str) -> None:
        """Refuse a dense result of n rows that is too large, before it is made."""
        count, maximum = self._system.n * columns, self._system.limits.dense_entries
        if count > maximum:
            raise LimitError("sensitivity", "dense_entries", count, maximum, f"numbers ({what})")

    def _parameter_slopes(self) -> Array:
        slopes = self._root.parameter_slopes(self._x, self._p)
        bad = np.flatnonzero(~np.isfinite(slopes))
        if bad.size:
            equation = self._system.equation_names[int(self._rows[bad[0]])]
            parameter = self.parameter_names[int(self._columns[bad[0]])]
            raise InputError("at", f"the derivative of {equation} with respect to {parameter} is {slopes[bad[0]]}")
        return slopes

    def _at(self, x: Array) -> Any:
        with np.errstate(all="ignore"):
            return self._root.jacobian(x, self._p)

    def _check_root(self, here: Local) -> None:
        if not here.is_finite:
            raise InputError("at", "f or its Jacobian is not finite there, so it is no root")
        if not here.passes(_ROOT, _TINY):
            scaled = np.where(np.abs(here.f) <= _TINY, 0.0, here.scaled_residual)
            worst = int(np.argmax(scaled))
            raise InputError(
                "at",
                f"only at a root is dx/dp defined; {self._system.equation_names[worst]} is {here.f[worst]:.3g} there, "
                f"{scaled[worst]:.1e} of its terms",
            )

    def _determined(self, here: Local) -> float:
        """Return how much J·v may change, relatively, along the direction that rounding leaves most open."""
        if self.condition * _EPSILON > _LARGEST_ERROR:
            raise SingularRootError(
                f"the Jacobian is singular at the root, or nearly so: its condition is about {self.condition:.1e}; "
                "the root does not depend on the parameters smoothly there, or is not isolated",
                self.condition,
            )
        with np.errstate(all="ignore"):
            open_to = self._left_open(here)
        if not np.all(np.isfinite(open_to)):
            raise SingularRootError(
                "slopes at the root are so small that their squares underflow: nothing tells how far x is from it, "
                f"nor whether it is a multiple one (the condition of the Jacobian is about {self.condition:.1e})",
                self.condition,
            )
        change = max(self._change(open_to), self._change(-open_to))
        if not change <= _LARGEST_ERROR:
            raise SingularRootError(
                f"the Jacobian is nearly singular at the root: within {np.abs(open_to).max():.1e}, which is all that "
                f"is known of x, it changes by {change:.0%} (its condition is about {self.condition:.1e}); "
                "the root may be a multiple one, whose derivatives do not exist",
                self.condition,
            )
        return max(change, self.condition * _EPSILON)

    def _left_open(self, here: Local) -> Array:
        """Return how far x may be from the root: Newton's step, and what rounding of f may add to it."""
        factors = self._factors
        noise = _EPSILON * here.scale
        # The signs that add up most, as in LAPACK's estimate of a condition.
        signs = np.where(factors.solve_transposed(factors.solve(noise) / factors.columns**2) < 0.0, -1.0, 1.0)
        rounding, newton = factors.solve(noise * signs), -factors.solve(here.f)
        along = float(np.sum(rounding * newton / factors.columns**2))
        return newton + (rounding if along >= 0.0 else -rounding)

    def _change(self, step: Array) -> float:
        """Return ‖J⁻¹ΔJ·v‖/‖v‖ for a step v, in scaled variables; 0 where J cannot be had beyond it."""
        size = float(np.linalg.norm(step / self._factors.columns))
        beyond = self._at(self._x + step)
        if size == 0.0 or not _is_finite(beyond):
            return 0.0
        change = self._factors.solve((beyond - self._matrix) @ (step / size))
        return float(np.linalg.norm(change / self._factors.columns))


def _is_finite(matrix: Any) -> bool:
    """Return whether every entry is, of a dense or a sparse matrix."""
    return bool(np.all(np.isfinite(getattr(matrix, "data", matrix) if not isinstance(matrix, np.ndarray) else matrix)))
