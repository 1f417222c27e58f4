"""How large variables and the parameter are, so that one length of arc can be made of all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from raphson_solver.sensitivity.factorization import Factorization
from raphson_solver.solution.local import local, parameter_entries

if TYPE_CHECKING:
    from raphson_solver.solution.system import System

Array = NDArray[np.float64]

_NOTHING = 1e-15
_LARGEST_CONDITION = 1e12


def likely_size(value: float, lower: float, upper: float) -> float:
    """Return what change of λ is large: the smaller of its size and its range, of those that are positive; else 1."""
    known = [size for size in (abs(value), upper - lower) if _NOTHING < size < np.inf]
    return min(known, default=1.0)


def sizes_at(system: System, x: Array, p: Array, place: int, parameter: float, nominal: Array | None) -> Array:
    """Return sizes of x and of λ = p[place], shape (n + 1,): powers of two, so that scaling rounds nothing.

    A variable has its nominal size; else that of its value, or of its change when λ changes by its own size where that
    is larger, up to that of the largest variable.
    """
    sizes = np.where(np.abs(x) > _NOTHING, np.abs(x), 0.0)
    largest = float(sizes.max()) or 1.0
    sizes = np.maximum(sizes, np.minimum(np.abs(_slopes(system, x, p, place)) * parameter, max(largest, 1.0)))
    sizes = np.where(sizes > 0.0, sizes, largest)
    if nominal is not None:
        sizes = np.where(nominal > 0.0, nominal, sizes)
    _, exponents = np.frexp(np.append(sizes, parameter))
    rounded: Array = np.ldexp(1.0, exponents - 1)
    return rounded


def _slopes(system: System, x: Array, p: Array, place: int) -> Array:
    """Return dx/dλ, zeros where J is singular or something is not finite."""
    here, entries = local(system, x, p), parameter_entries(system, x, p)
    if not (here.is_finite and np.all(np.isfinite(entries))):
        return np.zeros_like(x)
    factors = Factorization(here.jacobian)
    if factors.condition > _LARGEST_CONDITION:
        return np.zeros_like(x)
    pattern = system.kernels.parameter_pattern
    mine = pattern.columns == place
    right = np.zeros_like(x)
    right[pattern.rows[mine]] = entries[mine]
    return factors.solve(right)
