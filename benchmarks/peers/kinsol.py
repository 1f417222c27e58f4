"""SUNDIALS' KINSOL on f and J in C, by its banded or its sparse solver (KLU), all of it in C.

KINSOL stops when |f_i| ≤ 1e-12 of the scale of equation i, which it wants constant: what raphson measures by at the
root, from a first solve that is not timed.
"""

from __future__ import annotations

import ctypes

import numpy as np

from benchmarks.peers.c_systems import SOURCES, CSystem
from benchmarks.peers.compiled_c import library, missing_header

MISSING = missing_header("kinsol/kinsol.h", "libsundials-dev") or missing_header(
    "suitesparse/klu.h", "libsuitesparse-dev"
)
LIBRARIES = ("kinsol", "nvecserial", "sunmatrixband", "sunlinsolband", "sunmatrixsparse", "sunlinsolklu")

_SOURCE = """
#include <stdlib.h>
#include <string.h>
#include <kinsol/kinsol.h>
#include <nvector/nvector_serial.h>
#include <sunlinsol/sunlinsol_band.h>
#include <sunlinsol/sunlinsol_klu.h>
#include <sunmatrix/sunmatrix_band.h>
#include <sunmatrix/sunmatrix_sparse.h>

typedef struct {
    long n, reach;
    int32_t *starts, *columns;
    double *values;
    SUNContext context;
    void *memory;
    N_Vector x, ones, weights;
    SUNMatrix matrix;
    SUNLinearSolver solver;
} Run;

static int f_of(N_Vector x, N_Vector f, void *data)
{
    residual(((Run *)data)->n, N_VGetArrayPointer(x), N_VGetArrayPointer(f));
    return 0;
}

static int banded(N_Vector x, N_Vector f, SUNMatrix J, void *data, N_Vector a, N_Vector b)
{
    Run *run = data;
    jacobian(run->n, N_VGetArrayPointer(x), run->values);
    for (long i = 0; i < run->n; i++)
        for (int32_t k = run->starts[i]; k < run->starts[i + 1]; k++)
            SM_COLUMN_ELEMENT_B(SM_COLUMN_B(J, run->columns[k]), i, run->columns[k]) = run->values[k];
    return 0;
}

static int sparse(N_Vector x, N_Vector f, SUNMatrix J, void *data, N_Vector a, N_Vector b)
{
    Run *run = data;
    /* KINSOL has cleared all of J. */
    jacobian(run->n, N_VGetArrayPointer(x), run->values);
    memcpy(SM_DATA_S(J), run->values, run->starts[run->n]*sizeof *run->values);
    for (long i = 0; i <= run->n; i++) SM_INDEXPTRS_S(J)[i] = run->starts[i];
    for (long k = 0; k < run->starts[run->n]; k++) SM_INDEXVALS_S(J)[k] = run->columns[k];
    return 0;
}

void *create(long n, int use_band, long steps_a_jacobian)
{
    Run *run = calloc(1, sizeof *run);
    const long count = entries(n);
    run->n = n;
    run->starts = malloc((n + 1)*sizeof *run->starts);
    run->columns = malloc(count*sizeof *run->columns);
    run->values = malloc(count*sizeof *run->values);
    pattern(n, run->starts, run->columns);
    constants(n, run->values);
    for (long i = 0; i < n; i++)
        for (int32_t k = run->starts[i]; k < run->starts[i + 1]; k++)
            if (labs(run->columns[k] - i) > run->reach) run->reach = labs(run->columns[k] - i);
    SUNContext_Create(NULL, &run->context);
    run->x = N_VNew_Serial(n, run->context);
    run->ones = N_VNew_Serial(n, run->context);
    run->weights = N_VNew_Serial(n, run->context);
    N_VConst(1, run->ones);
    N_VConst(1, run->weights);
    run->memory = KINCreate(run->context);
    if (KINInit(run->memory, f_of, run->x)) return NULL;
    KINSetUserData(run->memory, run);
    if (use_band) {
        run->matrix = SUNBandMatrix(n, run->reach, run->reach, run->context);
        run->solver = SUNLinSol_Band(run->x, run->matrix, run->context);
    } else {
        run->matrix = SUNSparseMatrix(n, n, count, CSR_MAT, run->context);
        run->solver = SUNLinSol_KLU(run->x, run->matrix, run->context);
    }
    if (KINSetLinearSolver(run->memory, run->solver, run->matrix)) return NULL;
    KINSetJacFn(run->memory, use_band ? banded : sparse);
    KINSetMaxSetupCalls(run->memory, steps_a_jacobian);
    KINSetMaxNewtonStep(run->memory, 1e30);
    KINSetNumMaxIters(run->memory, 200);
    KINSetPrintLevel(run->memory, 0);
    return run;
}

/* Returns KINSOL's own flag: below zero is a failure. */
int solve(void *handle, double tolerance, double *x, long *iterations)
{
    Run *run = handle;
    start(run->n, N_VGetArrayPointer(run->x));
    KINSetFuncNormTol(run->memory, tolerance);
    const int flag = KINSol(run->memory, run->x, KIN_NONE, run->ones, run->weights);
    memcpy(x, N_VGetArrayPointer(run->x), run->n*sizeof *x);
    KINGetNumNonlinSolvIters(run->memory, iterations);
    return flag;
}

/* From now on every equation is measured by what it is measured by at x. */
void weigh(void *handle, const double *x)
{
    Run *run = handle;
    double *weights = N_VGetArrayPointer(run->weights);
    scale(run->n, x, weights);
    for (long i = 0; i < run->n; i++) weights[i] = 1/weights[i];
}
"""


class Kinsol:
    """KINSOL for one system.

    Parameters
    ----------
    name : str
        Of the system.
    n : int
        Unknowns.
    band : bool
        Whether J is stored and factored as a band, or by KLU.
    steps_a_jacobian : int
        Steps at most by the same J; 1 is Newton, 10 what KINSOL does unless told.
    """

    def __init__(self, name: str, n: int, *, band: bool, steps_a_jacobian: int = 1) -> None:
        self.linear = ("band" if band else "KLU") + (
            "" if steps_a_jacobian == 1 else f", J kept for {steps_a_jacobian} steps"
        )
        self._n = n
        self._c = library(
            SOURCES[name] + _SOURCE, *(f"-lsundials_{each}" for each in LIBRARIES), "-I/usr/include/suitesparse", "-lm"
        )
        self._c.create.restype = ctypes.c_void_p
        handle = self._c.create(ctypes.c_long(n), int(band), ctypes.c_long(steps_a_jacobian))
        if not handle:
            raise RuntimeError("KINSOL could not be set up")
        self._handle, self._tolerance = ctypes.c_void_p(handle), 1e-12
        self._system = CSystem(name, n)

    def prepare(self) -> None:
        """Find the scales."""
        start, f = self._system.start(), np.empty(self._n)
        self._system.residual(start, f)
        self._tolerance = 1e-4 * float(np.abs(f).max())
        x, _ = self.solve()
        self._c.weigh(self._handle, ctypes.c_void_p(x.ctypes.data))
        self._tolerance = 1e-12

    def solve(self) -> tuple[np.ndarray, int]:
        """Return x and the number of iterations."""
        x, iterations = np.empty(self._n), ctypes.c_long()
        flag = self._c.solve(
            self._handle, ctypes.c_double(self._tolerance), ctypes.c_void_p(x.ctypes.data), ctypes.byref(iterations)
        )
        if flag < 0:
            raise RuntimeError(f"KINSOL ended with {flag}")
        return x, iterations.value
