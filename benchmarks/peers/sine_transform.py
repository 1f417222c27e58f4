"""Bratu by somebody who knows the operator: the Laplacian is inverted exactly, by sine transforms.

With s the mean of h² c exp(u), x ← x − (A + s)⁻¹ f(x), where A is the five-point stencil, whose eigenvectors are sines:
a Newton step with the matrix's varying part left out, which in the unit square is small beside A. What no solver that
takes any text can know: the limit.
"""

from __future__ import annotations

import numpy as np
from scipy.fft import dstn

from benchmarks.peers.c_systems import CSystem

MISSING = None


class SineTransform:
    """The iteration for one size.

    Parameters
    ----------
    name : str
        ``bratu``.
    n : int
        Unknowns, a square.
    """

    linear = "fast sine transforms"

    def __init__(self, name: str, n: int) -> None:
        self._system = CSystem(name, n)
        self._side = N = round(n**0.5)
        line = 2 * np.cos(np.pi * np.arange(1, N + 1) / (N + 1)) - 2
        self._eigenvalues = line[:, None] + line
        # A sine transform twice over is the identity times this.
        self._eigenvalues *= (2 * (N + 1)) ** 2
        self._twice = (2 * (N + 1)) ** 2

    def solve(self) -> tuple[np.ndarray, int]:
        """Return x and the number of iterations."""
        system = self._system
        x, f = system.start(), np.empty(system.n)
        step = np.full(system.n, np.inf)
        for iteration in range(50):
            system.residual(x, f)
            if system.solved(x, f, step):
                return x, iteration
            step = self._step(x, f)
            x -= step
        raise RuntimeError("the iteration did not converge")

    def iterate(self, steps: int) -> np.ndarray:
        """Return x after so many steps."""
        x, f = self._system.start(), np.empty(self._system.n)
        for _ in range(steps):
            self._system.residual(x, f)
            x -= self._step(x, f)
        return x

    def _step(self, x: np.ndarray, f: np.ndarray) -> np.ndarray:
        N = self._side
        shift = np.exp(x).mean() / (N + 1) ** 2
        waves = dstn(f.reshape(N, N), type=1)
        waves /= self._eigenvalues + self._twice * shift
        return np.ascontiguousarray(dstn(waves, type=1, overwrite_x=True)).ravel()
