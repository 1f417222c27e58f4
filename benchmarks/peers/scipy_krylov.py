"""SciPy's `newton_krylov` as it comes: LGMRES on differences of f, no preconditioner; f in C."""

from __future__ import annotations

import numpy as np
from scipy.optimize import newton_krylov

from benchmarks.peers.c_systems import CSystem

MISSING = None


class ScipyKrylov:
    """`newton_krylov` for one system.

    Parameters
    ----------
    name : str
        Of the system.
    n : int
        Unknowns.
    """

    linear = "LGMRES, no preconditioner"

    def __init__(self, name: str, n: int) -> None:
        self._system = CSystem(name, n)

    def solve(self) -> tuple[np.ndarray, int]:
        """Return x and the number of iterations."""
        system = self._system
        f, last, steps = np.empty(system.n), [system.start()], [0]
        room = np.empty(system.n)

        def residual(x: np.ndarray) -> np.ndarray:
            system.residual(np.ascontiguousarray(x), f)
            return f.copy()

        def stop(x: np.ndarray, fx: np.ndarray) -> None:
            steps[0] += 1
            np.subtract(x, last[0], out=room)
            last[0] = x.copy()
            if system.solved(last[0], fx, room):
                raise _FoundError

        try:
            newton_krylov(residual, system.start(), f_tol=1e-300, maxiter=200, callback=stop)
        except _FoundError:
            return last[0], steps[0]
        raise RuntimeError("newton_krylov did not converge")


class _FoundError(Exception):
    """The rule that all stop by is met."""
