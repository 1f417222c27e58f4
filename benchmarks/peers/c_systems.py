"""f and J of Bratu and Burgers by hand in C: what every peer of the large systems calls, so that none waits for Python.

J by rows (CSR) with a pattern that never changes; only entries that change are written again. `solved` is the rule by
which the peers that leave a choice stop, raphson's own: |f_i| ≤ 1e-12 (|terms of f_i| + Σ_j |J_ij x_j|) for every i,
and a last step that is small against x.
"""

from __future__ import annotations

import ctypes

import numpy as np

from benchmarks.peers.compiled_c import MISSING, library

__all__ = ["MISSING", "SOURCES", "CSystem"]

_HEAD = """
#include <math.h>
#include <stdint.h>
#define LEAST_STEP 1e-3
"""

_BRATU = """
#define SIDE(n) lround(sqrt((double)(n)))
#define SOURCE(N) (1.0/((N) + 1.0)/((N) + 1.0))
#define WEST(j) ((j) > 0 ? x[k - 1] : 0.0)
#define EAST(j) ((j) < N - 1 ? x[k + 1] : 0.0)
#define NORTH(i) ((i) > 0 ? x[k - N] : 0.0)
#define SOUTH(i) ((i) < N - 1 ? x[k + N] : 0.0)

long entries(long n) { return 5*n - 4*SIDE(n); }

void pattern(long n, int32_t *starts, int32_t *columns)
{
    const long N = SIDE(n);
    long next = 0;
    for (long i = 0, k = 0; i < N; i++)
        for (long j = 0; j < N; j++, k++) {
            starts[k] = next;
            if (i > 0) columns[next++] = k - N;
            if (j > 0) columns[next++] = k - 1;
            columns[next++] = k;
            if (j < N - 1) columns[next++] = k + 1;
            if (i < N - 1) columns[next++] = k + N;
        }
    starts[n] = next;
}

void start(long n, double *x) { for (long k = 0; k < n; k++) x[k] = 0; }

void residual(long n, const double *restrict x, double *restrict f)
{
    const long N = SIDE(n);
    const double c = SOURCE(N);
    for (long i = 0; i < N; i++) {
        const int edge = i == 0 || i == N - 1;
        for (long j = 0, k = i*N; j < N; j++, k++)
            if (edge || j == 0 || j == N - 1) f[k] = WEST(j) + EAST(j) + NORTH(i) + SOUTH(i) - 4*x[k] + c*exp(x[k]);
            else f[k] = x[k - 1] + x[k + 1] + x[k - N] + x[k + N] - 4*x[k] + c*exp(x[k]);
    }
}

/* Neighbours' entries are 1 and stay so. */
void constants(long n, double *values) { for (long k = 0; k < entries(n); k++) values[k] = 1; }

void jacobian(long n, const double *restrict x, double *restrict values)
{
    const long N = SIDE(n);
    const double c = SOURCE(N);
    long next = 0;
    for (long i = 0, k = 0; i < N; i++)
        for (long j = 0; j < N; j++, k++) {
            next += (i > 0) + (j > 0);
            values[next] = c*exp(x[k]) - 4;
            next += 1 + (j < N - 1) + (i < N - 1);
        }
}

void scale(long n, const double *restrict x, double *restrict out)
{
    const long N = SIDE(n);
    const double c = SOURCE(N);
    for (long i = 0, k = 0; i < N; i++)
        for (long j = 0; j < N; j++, k++) {
            const double source = c*exp(x[k]), around = fabs(WEST(j)) + fabs(EAST(j)) + fabs(NORTH(i)) + fabs(SOUTH(i));
            out[k] = 2*around + 4*fabs(x[k]) + source + fabs((source - 4)*x[k]);
        }
}
"""

_BURGERS = """
#define VISCOSITY 0.1
#define LEFT (k > 0 ? x[k - 1] : 1.0)
#define RIGHT (k < n - 1 ? x[k + 1] : 0.0)

long entries(long n) { return 3*n - 2; }

void pattern(long n, int32_t *starts, int32_t *columns)
{
    long next = 0;
    for (long k = 0; k < n; k++) {
        starts[k] = next;
        if (k > 0) columns[next++] = k - 1;
        columns[next++] = k;
        if (k < n - 1) columns[next++] = k + 1;
    }
    starts[n] = next;
}

void start(long n, double *x) { for (long k = 0; k < n; k++) x[k] = 1 - (k + 1)/(n + 1.0); }

void residual(long n, const double *restrict x, double *restrict f)
{
    const double h = 0.5/(n + 1);
    for (long k = 0; k < n; k++) f[k] = VISCOSITY*(LEFT - 2*x[k] + RIGHT) - h*x[k]*(RIGHT - LEFT);
}

void constants(long n, double *values) { (void)n, (void)values; }

void jacobian(long n, const double *restrict x, double *restrict values)
{
    const double h = 0.5/(n + 1);
    for (long k = 0; k < n; k++) {
        if (k > 0) values[3*k - 1] = VISCOSITY + h*x[k];
        values[3*k] = -2*VISCOSITY - h*(RIGHT - LEFT);
        if (k < n - 1) values[3*k + 1] = VISCOSITY - h*x[k];
    }
}

void scale(long n, const double *restrict x, double *restrict out)
{
    const double h = 0.5/(n + 1);
    for (long k = 0; k < n; k++) {
        const double left = LEFT, here = x[k], right = RIGHT;
        out[k] = VISCOSITY*(fabs(left) + 2*fabs(here) + fabs(right)) + h*fabs(here)*(fabs(right) + fabs(left))
            + fabs((-2*VISCOSITY - h*(right - left))*here);
        if (k > 0) out[k] += fabs((VISCOSITY + h*here)*left);
        if (k < n - 1) out[k] += fabs((VISCOSITY - h*here)*right);
    }
}
"""

_TAIL = """
int solved(long n, const double *restrict x, const double *restrict f, const double *restrict step,
           double *restrict room)
{
    scale(n, x, room);
    for (long k = 0; k < n; k++)
        if (!(fabs(f[k]) <= 1e-12*room[k]) || !(fabs(step[k]) <= LEAST_STEP*fmax(fabs(x[k]), 1e-30))) return 0;
    return 1;
}
"""

SOURCES = {"bratu": _HEAD + _BRATU + _TAIL, "burgers": _HEAD + _BURGERS + _TAIL}


class CSystem:
    """One system of one size.

    Parameters
    ----------
    name : str
        ``bratu`` or ``burgers``.
    n : int
        Unknowns; for Bratu a square.

    Attributes
    ----------
    starts, columns : ndarray of int32, shapes (n + 1,), (entries,)
        The pattern of J, by rows.
    values : ndarray, shape (entries,)
        The entries of J, where `jacobian` writes them.
    """

    def __init__(self, name: str, n: int) -> None:
        self.n = n
        self._c = library(SOURCES[name], "-lm")
        self._c.entries.restype = ctypes.c_long
        entries = self._c.entries(ctypes.c_long(n))
        self.starts, self.columns = np.empty(n + 1, np.int32), np.empty(entries, np.int32)
        self.values, self._room = np.empty(entries), np.empty(n)
        self._call("pattern", self.starts, self.columns)
        self._call("constants", self.values)

    def start(self) -> np.ndarray:
        """Return where to begin, shape (n,)."""
        x = np.empty(self.n)
        self._call("start", x)
        return x

    def residual(self, x: np.ndarray, f: np.ndarray) -> None:
        """Write f(x)."""
        self._call("residual", x, f)

    def jacobian(self, x: np.ndarray) -> None:
        """Write J(x) into `values`."""
        self._call("jacobian", x, self.values)

    def scale(self, x: np.ndarray) -> np.ndarray:
        """Return what each residual is measured against, shape (n,)."""
        out = np.empty(self.n)
        self._call("scale", x, out)
        return out

    def solved(self, x: np.ndarray, f: np.ndarray, step: np.ndarray) -> bool:
        """Return whether x is a root, by f there and the step that led there."""
        return bool(self._call("solved", x, f, step, self._room))

    def _call(self, name: str, *arrays: np.ndarray) -> int:
        assert all(array.flags.c_contiguous for array in arrays)
        function = getattr(self._c, name)
        return int(function(ctypes.c_long(self.n), *(ctypes.c_void_p(array.ctypes.data) for array in arrays)))
