"""J at many points as one would write it by hand in C for one core: eight points at a time, in AVX-512.

What an expert does who knows the three systems: x transposed in registers, so that a lane is a point; every common
subexpression once; exp, sin and cos from glibc's libmvec; no division where a multiplication does; whole cache lines
out, asked for beforehand. Compiled by gcc -O3 -march=native, which contracts to fused multiply-adds.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

CACHE = Path(".benchmarks") / "c"
N = 8
_COMMAND = ("gcc", "-O3", "-march=native", "-fPIC", "-shared")

# 8 points of 8 numbers make 8 registers; `jacobians` below is the loop over them. What comes out is larger than the
# caches: asking for the lines of the next 8 points beforehand saves a quarter of the time, where stores past the caches
# cost more than they save.
_BEFORE = """
#include <immintrin.h>
#include <string.h>
typedef double v8 __attribute__((vector_size(64)));
typedef double v8_anywhere __attribute__((vector_size(64), aligned(8)));
#define INLINE static inline __attribute__((always_inline))
v8 _ZGVeN8v_exp(v8);
v8 _ZGVeN8v_sin(v8);
v8 _ZGVeN8v_cos(v8);

INLINE v8 load(const double *from) { return *(const v8_anywhere *)from; }

INLINE void store(double *to, v8 value)
{
    __builtin_prefetch(to + 512, 1);
    *(v8_anywhere *)to = value;
}

INLINE void transpose(v8 r[8])
{
    const __m512i low = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13);
    const __m512i high = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
    v8 s[8], t[8];
    for (int k = 0; k < 8; k += 2) {
        s[k] = _mm512_unpacklo_pd(r[k], r[k + 1]);
        s[k + 1] = _mm512_unpackhi_pd(r[k], r[k + 1]);
    }
    for (int half = 0; half < 8; half += 4)
        for (int k = half; k < half + 2; k++) {
            t[k] = _mm512_permutex2var_pd(s[k], low, s[k + 2]);
            t[k + 2] = _mm512_permutex2var_pd(s[k], high, s[k + 2]);
        }
    for (int k = 0; k < 4; k++) {
        r[k] = _mm512_shuffle_f64x2(t[k], t[k + 4], 0x44);
        r[k + 4] = _mm512_shuffle_f64x2(t[k], t[k + 4], 0xEE);
    }
}
"""

_AFTER = """
void jacobians(const double *x, double *J, long count)
{
    long k = 0;
    for (; k + 8 <= count; k += 8) eight(x + 8*k, J + 64*k);
    if (k < count) {
        double last[64], rows[512];
        for (long i = 0; i < 8; i++) memcpy(last + 8*i, x + 8*(k + i < count ? k + i : k), 64);
        eight(last, rows);
        memcpy(J + 64*k, rows, 512*(count - k));
    }
}
"""

# f_i = x_i − 1/s_i with s_i = 1 − Σ_j W_ij x_j: a row of J is a row of W times −1/s_i², plus 1 on the diagonal. So only
# s is computed with a lane a point; a row is one fused multiply-add of whole registers, and nothing is transposed back.
CHANDRASEKHAR = """
INLINE void eight(const double *x, double *J)
{
    v8 X[8];
    double factor[8][8] __attribute__((aligned(64)));
    for (int k = 0; k < 8; k++) X[k] = load(x + 8*k);
    transpose(X);
    for (int i = 0; i < 8; i++) {
        v8 s = 1 - W[i][0]*X[0];
        for (int j = 1; j < 8; j++) s -= W[i][j]*X[j];
        const v8 reciprocal = 1/s;
        *(v8 *)factor[i] = -reciprocal*reciprocal;
    }
    for (int k = 0; k < 8; k++)
        for (int i = 0; i < 8; i++) {
            v8 diagonal = {0};
            diagonal[i] = 1;
            store(J + 64*k + 8*i, factor[i][k]*load(W[i]) + diagonal);
        }
}
"""

# a·exp(−D·r)·cos(w·r) of two sources at (x, y), seen from the points P; the unknowns of a source are x, y, a, w.
# libmvec leaves no register untouched, so each of its functions has a loop of its own; 1/r from the 14 bits that the
# processor gives, by two steps of Newton's, costs less than its square root and division.
SOURCES = """
INLINE v8 reciprocal_root(v8 a)
{
    v8 y = _mm512_rsqrt14_pd(a);
    const v8 half = 0.5*a;
    y = y*(1.5 - half*y*y);
    return y + y*(0.5 - half*y*y);
}

INLINE void eight(const double *x, double *J)
{
    v8 X[8], reciprocal[16], r[16], e[16], c[16], s[16];
    for (int k = 0; k < 8; k++) X[k] = load(x + 8*k);
    transpose(X);
    for (int i = 0; i < 16; i++) {
        const v8 dx = X[4*(i & 1)] - P[i/2][0], dy = X[4*(i & 1) + 1] - P[i/2][1], square = dx*dx + dy*dy;
        reciprocal[i] = reciprocal_root(square);
        r[i] = square*reciprocal[i];
    }
    for (int i = 0; i < 16; i++) e[i] = _ZGVeN8v_exp(-D[0]*r[i]);
    for (int i = 0; i < 16; i++) c[i] = _ZGVeN8v_cos(X[4*(i & 1) + 3]*r[i]);
    for (int i = 0; i < 16; i++) s[i] = _ZGVeN8v_sin(X[4*(i & 1) + 3]*r[i]);
    for (int i = 0; i < 8; i++) {
        v8 row[8];
        for (int k = 0; k < 2; k++) {
            const int q = 2*i + k;
            const v8 a = X[4*k + 2], w = X[4*k + 3], damped_c = e[q]*c[q], damped_s = e[q]*s[q];
            const v8 slope = -a*(D[0]*damped_c + w*damped_s)*reciprocal[q];
            row[4*k] = slope*(X[4*k] - P[i][0]);
            row[4*k + 1] = slope*(X[4*k + 1] - P[i][1]);
            row[4*k + 2] = damped_c;
            row[4*k + 3] = -a*r[q]*damped_s;
        }
        transpose(row);
        for (int k = 0; k < 8; k++) store(J + 64*k + 8*i, row[k]);
    }
}
"""

# f_i = e_i − e_{i+1} − K·x_i with e_i = exp(x_{i−1} − x_i): nine exponentials a point, transposed back as three
# registers of a point, from which the rows are put together by masks.
CHAIN = """
INLINE void eight(const double *x, double *J)
{
    v8 X[8], before[8], after[8];
    for (int k = 0; k < 8; k++) X[k] = load(x + 8*k);
    transpose(X);
    before[0] = _ZGVeN8v_exp(-X[0]);
    for (int i = 1; i < 8; i++) before[i] = after[i - 1] = _ZGVeN8v_exp(X[i - 1] - X[i]);
    after[7] = _ZGVeN8v_exp(X[7]);
    transpose(before);
    transpose(after);
    for (int k = 0; k < 8; k++) {
        const v8 diagonal = -before[k] - after[k] - K[0];
        for (int i = 0; i < 8; i++) {
            v8 row = _mm512_maskz_mov_pd(1 << i, diagonal);
            if (i > 0) row = _mm512_mask_mov_pd(row, 1 << (i - 1), after[k]);
            if (i < 7) row = _mm512_mask_mov_pd(row, 1 << (i + 1), before[k]);
            store(J + 64*k + 8*i, row);
        }
    }
}
"""


def missing() -> str | None:
    """Say what stands in the way of the hand-written code here, if anything."""
    if shutil.which("gcc") is None:
        return "gcc is not installed"
    if ctypes.util.find_library("mvec") is None:
        return "glibc's libmvec is not installed"
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("flags")[2].partition("\n")[0].split()
    if not {"avx512f", "avx512dq"} <= set(flags):
        return "the C by hand needs AVX-512"
    return None


class CJacobian:
    """J of one system with n = m = 8, compiled.

    Parameters
    ----------
    kernel : str
        `CHANDRASEKHAR`, `SOURCES` or `CHAIN`.
    constants : mapping of str to ndarray
        What the kernel calls by these names.
    """

    def __init__(self, kernel: str, constants: Mapping[str, np.ndarray]) -> None:
        written = "".join(_constant(name, values) for name, values in constants.items())
        self._jacobians = ctypes.CDLL(str(_compiled(_BEFORE + written + kernel + _AFTER).resolve())).jacobians
        self._jacobians.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_long]
        self._jacobians.restype = None

    def __call__(self, x: np.ndarray, out: np.ndarray) -> np.ndarray:
        """Write J at x, shape (B, 8), to `out`, shape (B, 8, 8)."""
        self._jacobians(x.ctypes.data, out.ctypes.data, len(x))
        return out


def _constant(name: str, values: np.ndarray) -> str:
    shape = "".join(f"[{extent}]" for extent in values.shape)
    return f"static const double {name}{shape} __attribute__((aligned(64))) = {_braces(values.tolist())};\n"


def _braces(values: object) -> str:
    return "{" + ", ".join(map(_braces, values)) + "}" if isinstance(values, list) else repr(values)


def _compiled(source: str) -> Path:
    """Compile, or find what an earlier run compiled."""
    CACHE.mkdir(parents=True, exist_ok=True)
    library = CACHE / f"{hashlib.sha256(source.encode()).hexdigest()[:20]}.so"
    if not library.exists():
        written = library.with_suffix(".c")
        written.write_text(source, encoding="utf-8")
        subprocess.run([*_COMMAND, "-o", library, written, "-lmvec", "-lm"], check=True, capture_output=True)
    return library
