"""Newton for many members by hand in C, one after another: exact J, elimination within its band, partial pivoting.

`c_newton` for systems with parameters: the same rule for when to stop, |f_i| ≤ 1e-12 (|terms of f_i| + Σ_j |J_ij x_j|)
for every i and a small step, before it or after it.
"""

from __future__ import annotations

import ctypes

import numpy as np

from benchmarks.peers.compiled_c import MISSING, library

__all__ = ["MISSING", "CMembers"]

_SOURCE = """
#include <math.h>
#include <stdint.h>
#include <string.h>
#define FIRST(k) ((k) > BAND ? (k) - BAND : 0)
#define LAST(k, width) ((k) + (width) < N ? (k) + (width) : N - 1)
%s
static int newton(double *restrict x, const double *restrict p)
{
    double f[N], size[N], J[N][N], last = INFINITY;
    for (int iteration = 0; iteration < 200; iteration++) {
        int passes = 1;
        memset(J, 0, sizeof J);
        evaluate(x, p, f, size, J);
        for (int i = 0; i < N; i++) {
            for (int j = FIRST(i); j <= LAST(i, BAND); j++) size[i] += fabs(J[i][j]*x[j]);
            if (!(fabs(f[i]) <= 1e-12*size[i] || fabs(f[i]) <= 1e-30)) passes = 0;
        }
        if (passes && last <= 1e-3) return iteration;
        for (int k = 0; k < N; k++) {
            const int lowest = LAST(k, BAND), rightmost = LAST(k, 2*BAND);
            int pivot = k;
            for (int i = k + 1; i <= lowest; i++) if (fabs(J[i][k]) > fabs(J[pivot][k])) pivot = i;
            if (!(fabs(J[pivot][k]) > 0)) return passes ? iteration : -1;
            if (pivot != k) {
                for (int j = k; j <= rightmost; j++) { double t = J[k][j]; J[k][j] = J[pivot][j]; J[pivot][j] = t; }
                double t = f[k]; f[k] = f[pivot]; f[pivot] = t;
            }
            for (int i = k + 1; i <= lowest; i++) {
                const double factor = J[i][k] / J[k][k];
                for (int j = k + 1; j <= rightmost; j++) J[i][j] -= factor*J[k][j];
                f[i] -= factor*f[k];
            }
        }
        last = 0;
        for (int i = N - 1; i >= 0; i--) {
            for (int j = i + 1; j <= LAST(i, 2*BAND); j++) f[i] -= J[i][j]*f[j];
            f[i] /= J[i][i];
            if (!isfinite(f[i])) return -1;
            last = fmax(last, fabs(f[i]) / fmax(fabs(x[i]), 1e-30));
        }
        if (passes && last <= 1e-3) return iteration;
        for (int i = 0; i < N; i++) x[i] -= f[i];
    }
    return -1;
}

void solve(const double *start, const double *p, double *x, int32_t *steps, long count)
{
    for (long m = 0; m < count; m++) {
        memcpy(x + N*m, start, N*sizeof *x);
        steps[m] = newton(x + N*m, p + K*m);
    }
}
"""

_HEAD = """
#define N %d
#define K %d
#define BAND %d
static void evaluate(const double *restrict x, const double *restrict p, double *restrict f, double *restrict size,
                     double (*restrict J)[N])
"""

_ARM = """
{
    const double sa = sin(x[0]), sb = 0.8*sin(x[0] + x[1]), ca = cos(x[0]), cb = 0.8*cos(x[0] + x[1]);
    f[0] = ca + cb - p[0], size[0] = fabs(ca) + fabs(cb) + fabs(p[0]);
    f[1] = sa + sb - p[1], size[1] = fabs(sa) + fabs(sb) + fabs(p[1]);
    J[0][0] = -sa - sb, J[0][1] = -sb;
    J[1][0] = ca + cb, J[1][1] = cb;
}
"""

_CHANDRASEKHAR = """
{
#define WEIGHT(i, j) ((i + 0.5)/(i + j + 1))
#define WEIGHTS(i) {WEIGHT(i, 0), WEIGHT(i, 1), WEIGHT(i, 2), WEIGHT(i, 3), \\
                    WEIGHT(i, 4), WEIGHT(i, 5), WEIGHT(i, 6), WEIGHT(i, 7)}
    static const double W[N][N] = {WEIGHTS(0), WEIGHTS(1), WEIGHTS(2), WEIGHTS(3),
                                   WEIGHTS(4), WEIGHTS(5), WEIGHTS(6), WEIGHTS(7)};
    for (int i = 0; i < N; i++) {
        const double cx = p[0]/16*x[i];
        double sum = 0, sizes = 0;
        for (int j = 0; j < N; j++) {
            sum += W[i][j]*x[j], sizes += W[i][j]*fabs(x[j]);
            J[i][j] = -W[i][j]*cx;
        }
        f[i] = x[i] - 1 - cx*sum, size[i] = fabs(x[i]) + 1 + fabs(cx)*sizes;
        J[i][i] += 1 - p[0]/16*sum;
    }
}
"""

_PELLET = """
{
    const double q = p[0]*p[0]/2500;
    for (int i = 0; i < N; i++) {
        const double left = i ? x[i - 1] : x[1], right = i < N - 1 ? x[i + 1] : 1;
        const double heat = p[2]*(1 - x[i]), inverse = 1/(1 + heat), slope = q*exp(p[1]*heat*inverse);
        f[i] = left - 2*x[i] + right - slope*x[i];
        size[i] = fabs(left) + 2*fabs(x[i]) + fabs(right) + fabs(slope*x[i]);
        J[i][i] = -2 - slope*(1 - x[i]*p[1]*p[2]*inverse*inverse);
        if (i) J[i][i - 1] = 1;
        if (i < N - 1) J[i][i + 1] = i ? 1 : 2;
    }
}
"""

# n, the number of parameters, and how far from the diagonal J reaches.
_SYSTEMS = {"arm": (2, 2, 1, _ARM), "chandrasekhar": (8, 1, 7, _CHANDRASEKHAR), "pellet": (50, 3, 1, _PELLET)}


class CMembers:
    """The solver of one system, compiled.

    Parameters
    ----------
    key : str
        Of the system: ``arm``, ``chandrasekhar`` or ``pellet``.
    """

    def __init__(self, key: str) -> None:
        n, k, band, evaluate = _SYSTEMS[key]
        self._n = n
        self._solve = library(_SOURCE.replace("%s", _HEAD % (n, k, band) + evaluate), "-lm").solve
        self._solve.argtypes = [*(ctypes.c_void_p,) * 4, ctypes.c_long]
        self._solve.restype = None

    def __call__(self, start: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Solve the members whose parameters are the rows of p, from one start; return x and steps (−1: no root)."""
        x, steps = np.empty((len(p), self._n)), np.empty(len(p), np.int32)
        self._solve(start.ctypes.data, p.ctypes.data, x.ctypes.data, steps.ctypes.data, len(p))
        return x, steps
