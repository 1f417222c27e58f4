"""Newton as one writes it with SciPy: SuperLU's factors made anew each step; f and J in C."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csc_array
from scipy.sparse.linalg import splu

from benchmarks.peers.c_systems import CSystem

MISSING = None


class NewtonSplu:
    """Newton's iteration for one system.

    Parameters
    ----------
    name : str
        Of the system.
    n : int
        Unknowns.
    """

    # Its default, COLAMD with pivots anywhere, leaves nearly twice the fill of Bratu.
    linear = "SuperLU, ordered for A + Aᵀ"

    def __init__(self, name: str, n: int) -> None:
        self._system = CSystem(name, n)
        # J by rows is its transpose by columns: no conversion.
        system = self._system
        self._transpose = csc_array((system.values, system.columns, system.starts), shape=(n, n))

    def solve(self) -> tuple[np.ndarray, int]:
        """Return x and the number of iterations."""
        system = self._system
        x, f = system.start(), np.empty(system.n)
        step = np.full(system.n, np.inf)
        for iteration in range(50):
            system.residual(x, f)
            if system.solved(x, f, step):
                return x, iteration
            system.jacobian(x)
            factors = splu(
                self._transpose,
                permc_spec="MMD_AT_PLUS_A",
                diag_pivot_thresh=0.01,
                options={"SymmetricMode": True},
            )
            step = factors.solve(f, trans="T")
            x -= step
        raise RuntimeError("Newton with splu did not converge")
