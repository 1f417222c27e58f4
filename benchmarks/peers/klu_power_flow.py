"""AC power flow by hand in C with KLU: analytic J on a fixed pattern, one symbolic analysis, then refactorisations.

What somebody writes who knows the equations and the library. Of sines and cosines one pair a bus: with V·exp(jθ) =
e + jf the products of two buses' voltages need none. J goes straight into KLU's columns. The pivots of the first
factorisation are kept for as long as a refactorisation works. Stops as pandapower does, at mismatches of at most 1e-10
per unit (1e-8 MVA of 100). Equations are paired with the unknowns that they hang on, Q with V and P with θ, so that
pivots stay on the diagonal. Timed from Python, a call a solve; a batch is one call.
"""

from __future__ import annotations

import ctypes

import numpy as np

from benchmarks.peers.compiled_c import library, missing_header
from benchmarks.power_network import Network

MISSING = missing_header("suitesparse/klu.h", "libsuitesparse-dev")

_SOURCE = """
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <suitesparse/klu.h>

typedef struct {
    int loads, slack, buses, n;
    const int32_t *row, *to;
    const double *G, *B, *held;
    int *starts, *rows;         /* of J, by columns */
    int32_t *place;             /* 4 an entry of the admittance matrix: P by V, P by theta, Q by V, Q by theta */
    int32_t *diagonal;          /* of the admittance matrix */
    double *values, *V, *e, *f, *step;
    klu_symbolic *symbolic;
    klu_numeric *numeric;
    klu_common common;
} Flow;

typedef struct { int row, column; int32_t *place; } Entry;

static int by_column(const void *a, const void *b)
{
    const Entry *p = a, *q = b;
    return p->column != q->column ? p->column - q->column : p->row - q->row;
}

void *create(int loads, int slack, int buses, const int32_t *row, const int32_t *to, const double *G, const double *B,
             const double *held)
{
    Flow *flow = calloc(1, sizeof *flow);
    const int entries = row[buses], n = loads + slack;
    *flow = (Flow){.loads = loads, .slack = slack, .buses = buses, .n = n, .row = row, .to = to, .G = G, .B = B,
                   .held = held};
    flow->starts = calloc(n + 1, sizeof *flow->starts);
    flow->place = malloc(4*entries*sizeof *flow->place);
    flow->diagonal = malloc(buses*sizeof *flow->diagonal);
    flow->V = malloc(buses*sizeof(double)), flow->e = malloc(buses*sizeof(double));
    flow->f = malloc(buses*sizeof(double)), flow->step = malloc(n*sizeof(double));
    Entry *all = malloc(4*entries*sizeof *all);
    int count = 0;
    for (int i = 0; i < buses; i++)
        for (int k = row[i]; k < row[i + 1]; k++) {
            const int j = to[k];
            if (j == i) flow->diagonal[i] = k;
            for (int which = 0; which < 4; which++) {
                flow->place[4*k + which] = -1;
                if (i >= (which < 2 ? slack : loads) || j >= (which % 2 ? slack : loads)) continue;
                all[count++] = (Entry){which < 2 ? loads + i : i, which % 2 ? loads + j : j, flow->place + 4*k + which};
            }
        }
    qsort(all, count, sizeof *all, by_column);
    flow->rows = malloc(count*sizeof *flow->rows);
    /* One more, for the entries that J does not have. */
    flow->values = malloc((count + 1)*sizeof *flow->values);
    for (int k = 0; k < 4*entries; k++) flow->place[k] = count;
    for (int k = 0; k < count; k++) {
        *all[k].place = k;
        flow->rows[k] = all[k].row;
        flow->starts[all[k].column + 1] = k + 1;
    }
    for (int j = 0; j < n; j++) if (flow->starts[j + 1] < flow->starts[j]) flow->starts[j + 1] = flow->starts[j];
    free(all);
    klu_defaults(&flow->common);
    flow->symbolic = klu_analyze(n, flow->starts, flow->rows, &flow->common);
    return flow;
}

/* Rows of J: Q at the loads, then P. x are the loads' V, then the angles of all but the slack bus.
   Returns iterations, -1 if there is no root. */
static int newton(Flow *flow, const double *restrict P, const double *restrict Q, double *restrict x)
{
    const int loads = flow->loads, slack = flow->slack, buses = flow->buses;
    double *restrict V = flow->V, *restrict e = flow->e, *restrict f = flow->f, *restrict step = flow->step;
    double *restrict values = flow->values;
    memcpy(V, flow->held, buses*sizeof *V);
    for (int i = 0; i < loads; i++) x[i] = 1;
    for (int i = 0; i < slack; i++) x[loads + i] = 0;
    for (int iteration = 0; iteration < 50; iteration++) {
        memcpy(V, x, loads*sizeof *V);
        for (int i = 0; i < buses; i++) {
            const double angle = i < slack ? x[loads + i] : 0;
            e[i] = V[i]*cos(angle), f[i] = V[i]*sin(angle);
        }
        double worst = 0;
        for (int i = 0; i < slack; i++) {
            double active = 0, reactive = 0;
            for (int k = flow->row[i]; k < flow->row[i + 1]; k++) {
                const int j = flow->to[k];
                const double c = e[i]*e[j] + f[i]*f[j], s = f[i]*e[j] - e[i]*f[j];
                const double p = flow->G[k]*c + flow->B[k]*s, q = flow->G[k]*s - flow->B[k]*c, over = 1/V[j];
                const int32_t *place = flow->place + 4*k;
                active += p, reactive += q;
                values[place[0]] = p*over, values[place[1]] = q;
                values[place[2]] = q*over, values[place[3]] = -p;
            }
            const int32_t *place = flow->place + 4*flow->diagonal[i];
            const double over = 1/V[i];
            values[place[0]] += active*over, values[place[1]] -= reactive;
            values[place[2]] += reactive*over, values[place[3]] += active;
            step[loads + i] = active - P[i];
            worst = fmax(worst, fabs(step[loads + i]));
            if (i < loads) step[i] = reactive - Q[i], worst = fmax(worst, fabs(step[i]));
        }
        if (worst <= 1e-10) return iteration;
        if (!isfinite(worst)) return -1;
        if (!flow->numeric || !klu_refactor(flow->starts, flow->rows, values, flow->symbolic, flow->numeric,
                                            &flow->common) || flow->common.status != KLU_OK) {
            if (flow->numeric) klu_free_numeric(&flow->numeric, &flow->common);
            flow->numeric = klu_factor(flow->starts, flow->rows, values, flow->symbolic, &flow->common);
            if (!flow->numeric) return -1;
        }
        klu_solve(flow->symbolic, flow->numeric, flow->n, 1, step, &flow->common);
        for (int i = 0; i < flow->n; i++) x[i] -= step[i];
    }
    return -1;
}

/* Rows of P, Q and x are members. */
void solve(void *handle, long count, const double *P, const double *Q, double *x, int32_t *iterations)
{
    Flow *flow = handle;
    for (long m = 0; m < count; m++)
        iterations[m] = newton(flow, P + m*flow->slack, Q + m*flow->loads, x + m*flow->n);
}
"""


class KluPowerFlow:
    """The solver of one network.

    Parameters
    ----------
    path : str
        Of the network, as `Network.save` wrote it.
    """

    linear = "KLU, refactored on kept pivots"

    def __init__(self, path: str) -> None:
        network = Network.load(path)
        self._n, self._P = network.slack + network.loads, network.power.real[: network.slack].copy()
        self._Q = network.power.imag[: network.loads].copy()
        # C keeps no copies.
        self._arrays = [network.row, network.to]
        self._arrays += [np.ascontiguousarray(part) for part in (network.admittance.real, network.admittance.imag)]
        self._arrays.append(network.held)
        self._c = library(_SOURCE, "-lklu", "-lm")
        self._c.create.restype = ctypes.c_void_p
        arrays = [ctypes.c_void_p(array.ctypes.data) for array in self._arrays]
        self._handle = ctypes.c_void_p(self._c.create(network.loads, network.slack, network.held.size, *arrays))

    def solve(self) -> tuple[np.ndarray, int]:
        """Return x and the number of iterations."""
        x, iterations = self.solve_batch(self._P[None], self._Q[None])
        return x[0], int(iterations[0])

    def solve_batch(self, P: np.ndarray, Q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Solve every row of P (members, slack) and Q (members, loads); return x and iterations.

        Raises
        ------
        RuntimeError
            If a member has no root.
        """
        x, iterations = np.empty((len(P), self._n)), np.empty(len(P), np.int32)
        arrays = (ctypes.c_void_p(array.ctypes.data) for array in (P, Q, x, iterations))
        self._c.solve(self._handle, ctypes.c_long(len(P)), *arrays)
        if iterations.min() < 0:
            raise RuntimeError("Newton with KLU did not converge")
        return x, iterations
