"""Newton for many members as one would write it by hand in C for one system: eight members in the lanes of AVX-512.

What an expert does who knows the three systems: exact J; exp, sin and cos from glibc's libmvec; an elimination along
the pattern without pivoting; reciprocals instead of divisions; several groups of eight side by side where one alone
would wait for its own results; and a member that is done makes way for the next one at once. The last three were each
measured against leaving them out.

A member is done when, for every i, |f_i| ≤ 1e-12 times the sizes of the terms that cancel in f_i, and the step that led
there was at most a thousandth of x. One that is not within 25 steps has failed: there is nothing to fall back on.
"""

from __future__ import annotations

import ctypes
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from benchmarks.peers.compiled_c import library, missing_lanes

_BEFORE = """
#include <immintrin.h>
#include <stdint.h>
typedef double v8 __attribute__((vector_size(64)));
#define INLINE static inline __attribute__((always_inline))
#define UNROLLED _Pragma("GCC unroll 8")
v8 _ZGVeN8v_exp(v8);
v8 _ZGVeN8v_sin(v8);
v8 _ZGVeN8v_cos(v8);

INLINE v8 all(double a) { return _mm512_set1_pd(a); }
INLINE v8 size(v8 a) { return _mm512_abs_pd(a); }
INLINE __mmask8 at_most(v8 a, v8 b) { return _mm512_cmp_pd_mask(a, b, _CMP_LE_OQ); }
INLINE v8 pick(__mmask8 which, v8 a, v8 b) { return _mm512_mask_blend_pd(which, b, a); }

// 1/a from the 14 bits that the processor gives, by two steps of Newton's: a third of a division's time.
INLINE v8 reciprocal(v8 a)
{
    v8 y = _mm512_rcp14_pd(a);
    y += y*(1 - a*y);
    return y + y*(1 - a*y);
}

// Eight members: where they are, their parameters, how many steps they took, which they are, whose last step was small.
typedef struct {
    v8 x[N], p[K], steps;
    __m512i member;
    __mmask8 small, used;
} Group;
"""

# `newton` writes Newton's steps of all groups, and tells which lanes are solved.
_AFTER = """
void solve(const double *start, const double *p, double *x, int32_t *steps, long count)
{
    Group groups[GROUPS];
    long next = 0, left = count;
    for (int k = 0; k < GROUPS; k++) {
        Group *g = groups + k;
        g->small = g->used = 0, g->steps = all(0);
        for (int j = 0; j < N; j++) g->x[j] = all(start[j]);
        for (int lane = 0; lane < 8; lane++) {
            const int some = next < count;
            const long m = some ? next++ : 0;
            for (int j = 0; j < K; j++) g->p[j][lane] = p[K*m + j];
            ((long long *)&g->member)[lane] = m;
            g->used |= some << lane;
        }
    }
    while (left) {
        v8 step[GROUPS][N];
        __mmask8 solved[GROUPS];
        newton(groups, step, solved);
        for (int k = 0; k < GROUPS; k++) {
            Group *g = groups + k;
            const __mmask8 done = ((solved[k] & g->small) | at_most(all(25), g->steps)) & g->used;
            g->small = ~done;
            for (int j = 0; j < N; j++) {
                const v8 at = g->x[j], s = step[k][j];
                g->small &= at_most(size(s), 1e-3*size(at));
                g->x[j] = pick(done, all(start[j]), at + s);
                step[k][j] = at;
            }
            for (unsigned lanes = done; lanes; lanes &= lanes - 1) {
                const int lane = __builtin_ctz(lanes);
                const long m = ((const long long *)&g->member)[lane];
                for (int j = 0; j < N; j++) x[N*m + j] = ((const double *)&step[k][j])[lane];
                steps[m] = solved[k] >> lane & 1 ? (int32_t)((const double *)&g->steps)[lane] : -1;
                left--;
                if (next < count) {
                    for (int j = 0; j < K; j++) g->p[j] = pick(1 << lane, all(p[K*next + j]), g->p[j]);
                    g->member = _mm512_mask_set1_epi64(g->member, 1 << lane, next++);
                } else g->used &= ~(1 << lane);
            }
            g->steps = _mm512_maskz_add_pd(~done, g->steps, all(1));
        }
    }
}
"""

# J has sines and cosines alone; two equations by Cramer's rule take one reciprocal.
_ARM = """
INLINE __mmask8 newton_of(const Group *g, v8 *step)
{
    const v8 sa = _ZGVeN8v_sin(g->x[0]), sb = 0.8*_ZGVeN8v_sin(g->x[0] + g->x[1]);
    const v8 ca = _ZGVeN8v_cos(g->x[0]), cb = 0.8*_ZGVeN8v_cos(g->x[0] + g->x[1]);
    const v8 px = g->p[0], py = g->p[1], c = ca + cb, s = sa + sb, f0 = c - px, f1 = s - py;
    const v8 r = reciprocal(sb*c - cb*s);
    step[0] = -(cb*f0 + sb*f1)*r;
    step[1] = (c*f0 + s*f1)*r;
    return at_most(size(f0), 1e-12*(size(ca) + size(cb) + size(px)))
         & at_most(size(f1), 1e-12*(size(sa) + size(sb) + size(py)));
}

INLINE void newton(const Group *groups, v8 step[GROUPS][N], __mmask8 *solved)
{
    for (int k = 0; k < GROUPS; k++) solved[k] = newton_of(groups + k, step[k]);
}
"""

# Two groups side by side: one alone waits for its own pivots a third of the time; three do not fit the registers.
# Rows are eliminated one by one, as J lies in registers then.
_CHANDRASEKHAR = """
#define WEIGHT(i, j) ((i + 0.5)/(i + j + 1)/16)
#define WEIGHTS(i) {WEIGHT(i, 0), WEIGHT(i, 1), WEIGHT(i, 2), WEIGHT(i, 3), \\
                    WEIGHT(i, 4), WEIGHT(i, 5), WEIGHT(i, 6), WEIGHT(i, 7)}
static const double W[N][N] = {WEIGHTS(0), WEIGHTS(1), WEIGHTS(2), WEIGHTS(3),
                               WEIGHTS(4), WEIGHTS(5), WEIGHTS(6), WEIGHTS(7)};
#define EACH UNROLLED for (int g = 0; g < GROUPS; g++)

INLINE __mmask8 evaluate(const Group *g, v8 J[N][N], v8 f[N])
{
    const v8 c = g->p[0];
    v8 x[N], sizes[N];
    __mmask8 solved = 0xff;
    UNROLLED for (int j = 0; j < N; j++) x[j] = g->x[j], sizes[j] = size(x[j]);
    _Pragma("GCC unroll 1") for (int i = 0; i < N; i++) {
        v8 even = W[i][0]*x[0], odd = W[i][1]*x[1], even_size = W[i][0]*sizes[0], odd_size = W[i][1]*sizes[1];
        UNROLLED for (int j = 2; j < N; j += 2) {
            even += W[i][j]*x[j], odd += W[i][j + 1]*x[j + 1];
            even_size += W[i][j]*sizes[j], odd_size += W[i][j + 1]*sizes[j + 1];
        }
        const v8 sum = even + odd, cx = c*g->x[i];
        f[i] = cx*sum + (1 - g->x[i]);
        solved &= at_most(size(f[i]), 1e-12*(size(g->x[i]) + 1 + size(cx)*(even_size + odd_size)));
        UNROLLED for (int j = 0; j < N; j++) J[i][j] = -cx*W[i][j];
        J[i][i] += 1 - c*sum;
    }
    return solved;
}

INLINE void newton(const Group *groups, v8 step[GROUPS][N], __mmask8 *solved)
{
    v8 J[GROUPS][N][N], f[GROUPS][N], inverse[N][GROUPS];
    EACH solved[g] = evaluate(groups + g, J[g], f[g]);
    UNROLLED for (int i = 0; i < N; i++) {
        v8 row[N][GROUPS], right[GROUPS], factor[GROUPS];
        UNROLLED for (int j = 0; j < N; j++) EACH row[j][g] = J[g][i][j];
        EACH right[g] = f[g][i];
        UNROLLED for (int k = 0; k < i; k++) {
            EACH factor[g] = row[k][g]*inverse[k][g];
            UNROLLED for (int j = k + 1; j < N; j++) EACH row[j][g] -= factor[g]*J[g][k][j];
            EACH right[g] -= factor[g]*f[g][k];
        }
        EACH inverse[i][g] = reciprocal(row[i][g]);
        EACH f[g][i] = right[g];
        UNROLLED for (int j = i + 1; j < N; j++) EACH J[g][i][j] = row[j][g];
    }
    UNROLLED for (int i = N - 1; i >= 0; i--) {
        v8 total[GROUPS];
        EACH total[g] = f[g][i];
        UNROLLED for (int j = N - 1; j > i; j--) EACH total[g] -= J[g][i][j]*step[g][j];
        EACH step[g][i] = total[g]*inverse[i][g];
    }
}
"""

# Thomas's elimination from both ends at once, two chains of reciprocals instead of one of twice the length. −J has
# 2 + q·R' on its diagonal and −1 beside it, but −2 right of the first.
_PELLET = """
INLINE void newton(const Group *g, v8 step[GROUPS][N], __mmask8 *solved)
{
    const v8 *u = g->x, q = g->p[0]*g->p[0]*(1.0/2500), gamma = g->p[1], beta = g->p[2], product = gamma*beta;
    v8 inverse[N], rate[N], back[N], *s = step[0];
    for (int i = 0; i < N; i++) {
        const v8 heat = beta*(1 - u[i]);
        inverse[i] = reciprocal(1 + heat);
        rate[i] = gamma*heat*inverse[i];
    }
    for (int i = 0; i < N; i++) rate[i] = _ZGVeN8v_exp(rate[i]);
    *solved = 0xff;
#define ROW(i, before, at, after) \\
        const v8 slope = q*rate[i], reaction = slope*at, f = before + after - 2*at - reaction; \\
        const v8 diagonal = 2 + slope - reaction*product*(inverse[i]*inverse[i]); \\
        *solved &= at_most(size(f), 1e-12*(size(before) + size(after) + 2*size(at) + size(reaction)));
    v8 up_before = u[1], up_at = u[0], up_back = all(0), up = all(0);
    v8 down_after = all(1), down_at = u[N - 1], down_back = all(0), down = all(0);
    for (int i = 0; i < N/2; i++) {
        const int k = N - 1 - i;
        {
            const v8 after = u[i + 1];
            ROW(i, up_before, up_at, after)
            const v8 pivot = reciprocal(diagonal - up_back);
            back[i] = up_back = i ? pivot : 2*pivot;
            s[i] = up = f*pivot + up*pivot;
            up_before = up_at, up_at = after;
        }
        {
            const v8 before = u[k - 1];
            ROW(k, before, down_at, down_after)
            const v8 pivot = reciprocal(diagonal - down_back);
            back[k] = down_back = pivot;
            s[k] = down = f*pivot + down*pivot;
            down_after = down_at, down_at = before;
        }
    }
    const v8 meeting = reciprocal(1 - up_back*down_back), last = up;
    s[N/2 - 1] = up = (up + up_back*down)*meeting;
    s[N/2] = down = (down + down_back*last)*meeting;
    for (int i = N/2 - 2; i >= 0; i--) {
        const int k = N - 1 - i;
        s[i] = up = s[i] + back[i]*up;
        s[k] = down = s[k] + back[k]*down;
    }
}
"""

# n, the number of parameters, and how many groups go side by side.
_KERNELS = {"arm": (2, 2, 4, _ARM), "chandrasekhar": (8, 1, 2, _CHANDRASEKHAR), "pellet": (50, 3, 1, _PELLET)}

MISSING = missing_lanes()


class CLanes:
    """The solver of one system, compiled.

    Parameters
    ----------
    key : str
        Of the system: ``arm``, ``chandrasekhar`` or ``pellet``.
    """

    def __init__(self, key: str) -> None:
        n, k, groups, kernel = _KERNELS[key]
        sizes = f"#define N {n}\n#define K {k}\n#define GROUPS {groups}\n"
        self._n = n
        self._solve = library(sizes + _BEFORE + kernel + _AFTER, "-lmvec", "-lm").solve
        self._solve.argtypes = [*(ctypes.c_void_p,) * 4, ctypes.c_long]
        self._solve.restype = None

    def memory(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return arrays for as many members: x, shape (B, n), and the steps taken, shape (B,)."""
        return np.empty((count, self._n)), np.empty(count, np.int32)

    def __call__(
        self, start: np.ndarray, p: np.ndarray, threads: int, out: tuple[np.ndarray, np.ndarray] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Solve the members whose parameters are the rows of p, from one start; return x and steps (−1: no root).

        Parameters
        ----------
        start : ndarray, shape (n,)
            Where all begin.
        p : ndarray, shape (B, k)
            The parameters.
        threads : int
            How many share the members, each a part in one piece.
        out : pair of arrays, optional
            What to write to, from `memory`. New arrays by default.
        """
        x, steps = out or self.memory(len(p))

        def part(first: int, last: int) -> None:
            rows = slice(first, last)
            pointers = (each.ctypes.data for each in (start, p[rows], x[rows], steps[rows]))
            self._solve(*pointers, last - first)

        edges = [len(p) * each // threads for each in range(threads + 1)]
        if threads == 1:
            part(*edges)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(part, edges[:-1], edges[1:]))
        return x, steps
