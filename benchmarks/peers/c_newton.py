"""Newton–Raphson as one would write it by hand in C for one system: exact J, dense LU, partial pivoting.

Stops by the rule that raphson stops by: |f_i| ≤ 1e-12 (|terms of f_i| + Σ_j |J_ij x_j|) for every i, and a
step that is small against x. Undamped. Compiled by gcc -O3 -march=native; timed inside C: no call counts.
"""

from __future__ import annotations

import ctypes
import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.peers.program import C, Program

if TYPE_CHECKING:
    from collections.abc import Sequence

CACHE = Path(".benchmarks") / "c"
MISSING = None if shutil.which("gcc") else "gcc is not installed"

_SOURCE = """
#include <math.h>
#include <time.h>
#define N %(n)d

static void evaluate(const double *restrict x, double *restrict f, double *restrict size,
                     double (*restrict J)[N])
{
%(statements)s
}

static int newton(double *restrict x)
{
    double f[N], size[N], J[N][N], last = INFINITY;
    for (int iteration = 0; iteration < 200; iteration++) {
        int passes = 1;
        evaluate(x, f, size, J);
        for (int i = 0; i < N; i++) {
            for (int j = 0; j < N; j++) size[i] += fabs(J[i][j]*x[j]);
            if (!(fabs(f[i]) <= 1e-12*size[i] || fabs(f[i]) <= 1e-30)) passes = 0;
        }
        if (passes && last <= 1e-3) return iteration;
        for (int k = 0; k < N; k++) {
            int pivot = k;
            for (int i = k + 1; i < N; i++) if (fabs(J[i][k]) > fabs(J[pivot][k])) pivot = i;
            if (!(fabs(J[pivot][k]) > 0)) return passes ? iteration : -1;
            if (pivot != k) {
                for (int j = k; j < N; j++) { double t = J[k][j]; J[k][j] = J[pivot][j]; J[pivot][j] = t; }
                double t = f[k]; f[k] = f[pivot]; f[pivot] = t;
            }
            for (int i = k + 1; i < N; i++) {
                double factor = J[i][k] / J[k][k];
                for (int j = k + 1; j < N; j++) J[i][j] -= factor*J[k][j];
                f[i] -= factor*f[k];
            }
        }
        last = 0;
        for (int i = N - 1; i >= 0; i--) {
            for (int j = i + 1; j < N; j++) f[i] -= J[i][j]*f[j];
            f[i] /= J[i][i];
            if (!isfinite(f[i])) return -1;
            last = fmax(last, fabs(f[i]) / fmax(fabs(x[i]), 1e-30));
        }
        if (passes && last <= 1e-3) return iteration;
        for (int i = 0; i < N; i++) x[i] -= f[i];
    }
    return -1;
}

int solve(const double *start, double *x, long repetitions, double *seconds)
{
    struct timespec began, ended;
    int iterations = -1;
    clock_gettime(CLOCK_MONOTONIC, &began);
    for (long r = 0; r < repetitions; r++) {
        for (int i = 0; i < N; i++) x[i] = ((volatile const double *)start)[i];
        iterations = newton(x);
    }
    clock_gettime(CLOCK_MONOTONIC, &ended);
    *seconds = (ended.tv_sec - began.tv_sec + 1e-9*(ended.tv_nsec - began.tv_nsec)) / repetitions;
    return iterations;
}
"""


class CNewton:
    """One system, compiled.

    Parameters
    ----------
    equations : sequence of str
        Expressions of ``x[0]`` … ``x[n-1]`` that equal zero.
    n : int
        How many.
    """

    def __init__(self, equations: Sequence[str], n: int) -> None:
        source = _SOURCE % {"n": n, "statements": _statements(Program(equations, n))}
        self._solve = ctypes.CDLL(str(_compiled(source).resolve())).solve
        self._solve.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_long, ctypes.c_void_p]

    def solve(self, start: np.ndarray, repetitions: int = 1) -> tuple[np.ndarray, int, float]:
        """Return x, iterations (−1: no root found) and seconds a solve."""
        x, seconds = np.empty_like(start), ctypes.c_double()
        iterations = self._solve(start.ctypes.data, x.ctypes.data, repetitions, ctypes.byref(seconds))
        return x, iterations, seconds.value


def _statements(program: Program) -> str:
    outputs = [(f"f[{i}]", node) for i, node in enumerate(program.f)]
    outputs += [(f"size[{i}]", node) for i, node in enumerate(program.sizes)]
    for i, row in enumerate(program.jacobian):
        outputs += [(f"J[{i}][{j}]", node) for j, node in sorted(row.items())]
    zeros = [f"J[{i}][{j}] = 0.0;" for i, row in enumerate(program.jacobian) for j in range(program.n) if j not in row]
    return "\n".join(f"    {line}" for line in (*program.source(outputs, C), *zeros))


def _compiled(source: str) -> Path:
    """Compile, or find what an earlier run compiled."""
    CACHE.mkdir(parents=True, exist_ok=True)
    library = CACHE / f"{hashlib.sha256(source.encode()).hexdigest()[:20]}.so"
    if not library.exists():
        written = library.with_suffix(".c")
        written.write_text(source, encoding="utf-8")
        command = ["gcc", "-O3", "-march=native", "-fPIC", "-shared", "-o", str(library), str(written), "-lm"]
        subprocess.run(command, check=True, capture_output=True)
    return library
