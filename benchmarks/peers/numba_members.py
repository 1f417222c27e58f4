"""f and J for Numba, as its users write them, in a loop over members: SciPy's hybr, and NumbaMinpack's hybrd.

Both at a tolerance of 1e-12. hybr gets J; hybrd, which NumbaMinpack has alone, makes its own by differences.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import root

from benchmarks.peers.numba_functions import MISSING, MISSING_MINPACK

if TYPE_CHECKING:
    from collections.abc import Callable

if MISSING is None:
    from numba import carray, cfunc, njit, types
if MISSING_MINPACK is None:
    from NumbaMinpack import hybrd

__all__ = ["MISSING", "MISSING_MINPACK", "NumbaMembers"]

TOLERANCE = 1e-12


def _arm(x: np.ndarray, p: np.ndarray, out: np.ndarray) -> None:
    out[0] = math.cos(x[0]) + 0.8 * math.cos(x[0] + x[1]) - p[0]
    out[1] = math.sin(x[0]) + 0.8 * math.sin(x[0] + x[1]) - p[1]


def _arm_slopes(x: np.ndarray, _: np.ndarray, out: np.ndarray) -> None:
    out[0, 1] = -0.8 * math.sin(x[0] + x[1])
    out[0, 0] = out[0, 1] - math.sin(x[0])
    out[1, 1] = 0.8 * math.cos(x[0] + x[1])
    out[1, 0] = out[1, 1] + math.cos(x[0])


def _chandrasekhar(x: np.ndarray, p: np.ndarray, out: np.ndarray) -> None:
    for i in range(8):
        total = 0.0
        for j in range(8):
            total += (i + 0.5) / (i + j + 1) * x[j]
        out[i] = x[i] - 1 - p[0] / 16 * x[i] * total


def _chandrasekhar_slopes(x: np.ndarray, p: np.ndarray, out: np.ndarray) -> None:
    for i in range(8):
        total = 0.0
        for j in range(8):
            weight = p[0] / 16 * (i + 0.5) / (i + j + 1)
            total += weight * x[j]
            out[i, j] = -weight * x[i]
        out[i, i] += 1 - total


def _pellet(u: np.ndarray, p: np.ndarray, out: np.ndarray) -> None:
    for i in range(50):
        heat = p[2] * (1 - u[i])
        left = u[i - 1] if i > 0 else u[1]
        right = u[i + 1] if i < 49 else 1.0
        out[i] = left - 2 * u[i] + right - (p[0] / 50) ** 2 * u[i] * math.exp(p[1] * heat / (1 + heat))


def _pellet_slopes(u: np.ndarray, p: np.ndarray, out: np.ndarray) -> None:
    for i in range(50):
        heat = p[2] * (1 - u[i])
        slope = (p[0] / 50) ** 2 * math.exp(p[1] * heat / (1 + heat))
        out[i, i] = -2 - slope * (1 - u[i] * p[1] * p[2] / (1 + heat) ** 2)
        if i > 0:
            out[i, i - 1] = 1.0
        if i < 49:
            out[i, i + 1] = 1.0
    out[0, 1] = 2.0


_FUNCTIONS = {
    "arm": (2, 2, _arm, _arm_slopes),
    "chandrasekhar": (8, 1, _chandrasekhar, _chandrasekhar_slopes),
    "pellet": (50, 3, _pellet, _pellet_slopes),
}


class NumbaMembers:
    """The solvers of one system.

    Parameters
    ----------
    key : str
        Of the system: ``arm``, ``chandrasekhar`` or ``pellet``.
    """

    def __init__(self, key: str) -> None:
        self._n, self._parameters, f, slopes = _FUNCTIONS[key]
        n = self._n
        self._write = write_f = njit(error_model="numpy")(f)
        write_slopes = njit(error_model="numpy")(slopes)

        @njit
        def value(x: np.ndarray, p: np.ndarray) -> np.ndarray:
            out = np.empty(n)
            write_f(x, p, out)
            return out

        @njit
        def jacobian(x: np.ndarray, p: np.ndarray) -> np.ndarray:
            out = np.zeros((n, n))
            write_slopes(x, p, out)
            return out

        self._value, self._jacobian = value, jacobian

    def scipy_loop(self, start: np.ndarray, p: np.ndarray) -> np.ndarray:
        """Solve member after member with SciPy's MINPACK hybrj."""
        f, jacobian = self._value, self._jacobian
        return np.array([root(f, start, (row,), "hybr", jacobian, TOLERANCE).x for row in p])

    def minpack_loop(self) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        """Return a compiled loop over NumbaMinpack's hybrd, from start and parameters to x."""
        n, k, write = self._n, self._parameters, self._write

        @cfunc(types.void(*3 * (types.CPointer(types.double),)))
        def callback(x: np.ndarray, out: np.ndarray, p: np.ndarray) -> None:
            write(carray(x, n), carray(p, k), carray(out, n))

        address = callback.address

        @njit
        def loop(start: np.ndarray, p: np.ndarray) -> np.ndarray:
            x = np.empty((len(p), n))
            for member in range(len(p)):
                x[member] = hybrd(address, start, p[member], TOLERANCE)[0]
            return x

        loop.kept = callback
        return loop
