"""Newton by hand in C for a tridiagonal J: elimination along the line without pivots, in one pass with f and J.

Only for systems that need no pivots, as Burgers with a mesh this fine: the limit.
"""

from __future__ import annotations

import ctypes

import numpy as np

from benchmarks.peers.c_systems import SOURCES
from benchmarks.peers.compiled_c import MISSING, library

__all__ = ["MISSING", "CTridiagonal"]

_SOURCE = """
#include <stdlib.h>
int newton(long n, double *restrict x)
{
    double *f = malloc(n*sizeof *f), *J = malloc(3*n*sizeof *J), *step = malloc(n*sizeof *step);
    double *room = malloc(n*sizeof *room);
    int iteration = -1;
    start(n, x);
    for (int k = 0; k < 50; k++) {
        residual(n, x, f);
        if (k > 0 && solved(n, x, f, step, room)) { iteration = k; break; }
        jacobian(n, x, J);
        /* Row i has its diagonal at 3 i. */
        step[0] = f[0];
        for (long i = 1; i < n; i++) {
            const double factor = J[3*i - 1]/J[3*i - 3];
            J[3*i] -= factor*J[3*i - 2];
            step[i] = f[i] - factor*step[i - 1];
        }
        step[n - 1] /= J[3*n - 3];
        for (long i = n - 2; i >= 0; i--) step[i] = (step[i] - J[3*i + 1]*step[i + 1])/J[3*i];
        for (long i = 0; i < n; i++) x[i] -= step[i];
    }
    free(f), free(J), free(step), free(room);
    return iteration;
}
"""


class CTridiagonal:
    """Newton's iteration for one system.

    Parameters
    ----------
    name : str
        ``burgers``.
    n : int
        Unknowns.
    """

    linear = "elimination along the line"

    def __init__(self, name: str, n: int) -> None:
        self._n = n
        self._newton = library(SOURCES[name] + _SOURCE, "-lm").newton

    def solve(self) -> tuple[np.ndarray, int]:
        """Return x and the number of iterations."""
        x = np.empty(self._n)
        iterations = self._newton(ctypes.c_long(self._n), ctypes.c_void_p(x.ctypes.data))
        if iterations < 0:
            raise RuntimeError("Newton did not converge")
        return x, iterations
