"""What the engine calls where its Jacobian is sparse: one function, behind an address, for every kind of step."""

from __future__ import annotations

import contextlib
import ctypes
import threading
import time
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from raphson_solver.engine import layout, sparse_lu, sparse_step
from raphson_solver.engine.status import LinearSolver, Status
from raphson_solver.sparse.assignment import assign
from raphson_solver.sparse.choice import LARGEST_LOOK, among_sparse
from raphson_solver.sparse.direct import Analysis, Direct, Factors
from raphson_solver.sparse.krylov import Kept, Krylov, Maker
from raphson_solver.sparse.matrix import Pattern
from raphson_solver.sparse.multigrid import Multigrid
from raphson_solver.sparse.ordering import Order
from raphson_solver.sparse.preconditioners import CompleteFactors, Earlier, IncompleteFactors
from raphson_solver.sparse.stop import Stop, StoppedError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_SOLVER = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
# α of the augmented system is about as large as D, within these bounds.
_LEAST_BALANCE = 1e-12
_LSMR_ITERATIONS = 2000


class _Solver(Protocol):
    @property
    def description(self) -> str: ...
    def begin(self) -> None: ...
    def factorize(self, values: Floats) -> bool: ...
    def solve(self, right: Floats, solution: Floats) -> bool: ...


class Analyses:
    """What is known of the pattern of a Jacobian, shared by all solves with it.

    Parameters
    ----------
    rows, columns : ndarray of int64, shape (entries,)
        Row by row.
    m, n : int
        Extents.

    Attributes
    ----------
    m, n, entries : int
        Extents, and how many entries there are.
    rows, columns
        As given.
    """

    def __init__(self, rows: Integers, columns: Integers, m: int, n: int) -> None:
        self.m, self.n, self.entries = m, n, int(rows.size)
        self.rows, self.columns = rows, columns
        self._lock = threading.Lock()
        self._row_of: Integers | None = None
        self._square: dict[int, Analysis] = {}
        self._kept: dict[int, Kept] = {}
        self._damped: Analysis | None = None
        self._way: LinearSolver | None = None

    def square(self, kind: int, values: Floats) -> tuple[Analysis, Integers]:
        """Return what is known of J, or with its diagonal, and where each of its rows stands.

        The order of rows is that of the first `values`, shape (entries,), and stays.
        """
        with self._lock:
            if self._row_of is None:
                found = assign(self.rows, self.columns, values[: self.entries], self.n)
                self._row_of = np.arange(self.n) if found is None else found
            if kind not in self._square:
                rows, columns = self._row_of[self.rows], self.columns
                if kind == sparse_step.SHIFTED:
                    rows = np.concatenate((rows, self._row_of))
                    columns = np.concatenate((columns, np.arange(self.n)))
                self._square[kind] = Analysis(Pattern(rows, columns, self.n))
            return self._square[kind], self._row_of

    def kept(self, kind: int) -> Kept:
        """Return where the first preconditioner of J, or with its diagonal, is kept."""
        with self._lock:
            return self._kept.setdefault(kind, Kept())

    def way(self) -> LinearSolver:
        """Return how systems with J are solved, as its pattern suggests; `square` was called before."""
        with self._lock:
            if self._way is None:
                self._way = among_sparse(self._square[sparse_step.NEWTON])
            return self._way

    @property
    def has_order(self) -> bool:
        """Whether an order of pivots of J was chosen."""
        known = self._square.get(sparse_step.NEWTON)
        return known is not None and known.order is not None

    def thin_order(self, way: LinearSolver) -> Order | None:
        """Return the order of pivots by which factors are made anew at every step, if they are and one was chosen."""
        if not self.has_order or (self.way() if way is LinearSolver.AUTO else way) is LinearSolver.KRYLOV:
            return None
        analysis = self._square[sparse_step.NEWTON]
        return None if analysis.is_thick else analysis.order

    def equations_of(self, order: Order) -> NDArray[np.int32]:
        """Return which equation each pivot of an order of J stands for, shape (n,); `square` was called before."""
        assert self._row_of is not None
        equations: NDArray[np.int32] = np.argsort(self._row_of).astype(np.int32)[order.right]
        return equations

    @property
    def damped(self) -> Analysis:
        """Of the augmented system of least squares."""
        with self._lock:
            if self._damped is None:
                self._damped = Analysis(Pattern.damped(self.rows, self.columns, self.m, self.n))
            return self._damped


class SparseSteps:
    """Solves for the steps of one solve at a time.

    Parameters
    ----------
    analyses : Analyses
        Of J.
    way : LinearSolver
        DIRECT or KRYLOV, or AUTO: what the pattern suggests.

    Attributes
    ----------
    address : int
        Of the function that the engine calls; valid as long as this object lives.
    seconds : float
        Time spent in it since `begin`.
    error : BaseException or None
        What was raised within it: the engine then ends the solve, and the caller is to raise it.
    """

    def __init__(self, analyses: Analyses, way: LinearSolver) -> None:
        self._analyses, self._way = analyses, way
        self._stop = Stop(0)
        self._solvers: dict[int, _Solver] = {}
        self._views: dict[tuple[int, int], Floats] = {}
        self._row_of: Integers = np.empty(0, np.int64)
        self._plan: Integers = np.empty(0, np.int64)
        self._told: Factors | None = None
        self._kept: tuple[Any, ...] = ()
        self._function = _SOLVER(self._call)
        self.address = int(ctypes.cast(self._function, ctypes.c_void_p).value or 0)
        self.seconds = 0.0
        self.error: BaseException | None = None

    @property
    def description(self) -> str:
        """How the last system was solved."""
        solver = self._solvers.get(sparse_step.NEWTON)
        return f"sparse, {self._way.name.lower()}" if solver is None else solver.description

    def attach(self, plan: Integers) -> None:
        """Say which plan the engine solves by."""
        self._plan = plan

    def begin(self, flag: int, deadline: float) -> None:
        """Forget the solve before.

        Parameters
        ----------
        flag : int
            The address of an int64 that cancels this one when it is not zero.
        deadline : float
            When it is to end, as `time.monotonic` tells; 0: never.
        """
        self._stop.flag, self._stop.deadline = flag, deadline
        self.seconds, self.error = 0.0, None
        for solver in self._solvers.values():
            solver.begin()
        if self._way is not LinearSolver.KRYLOV and self._analyses.has_order:
            # Where it is to end already, the engine sees that by itself.
            with contextlib.suppress(StoppedError):
                self._solver(sparse_step.NEWTON, np.empty(0))
        self._tell_factors()

    # --- inside ---------------------------------------------------------------------------------------------

    def _call(self, kind: int, matrix: int, right: int, solution: int) -> int:
        began = time.perf_counter()
        try:
            return self._step(kind, matrix, right, solution)
        except StoppedError as stopped:
            return -int(stopped.status)
        except BaseException as error:  # noqa: BLE001 - there is no Python between here and the caller to raise it to
            self.error = error
            return -int(Status.CANCELLED)
        finally:
            self.seconds += time.perf_counter() - began

    def _step(self, kind: int, matrix: int, right: int, solution: int) -> int:
        m, n, entries = self._analyses.m, self._analyses.n, self._analyses.entries
        step = self._view(solution, n)
        if kind == sparse_step.AGAIN:
            solver = self._solvers.get(sparse_step.NEWTON)
            done = solver is not None and solver.solve(self._moved(self._view(right, n)), step)
        elif kind == sparse_step.DAMPED:
            done = self._least_squares(self._view(matrix, entries + n), self._view(right, m), step)
        else:
            values = self._view(matrix, entries + n if kind == sparse_step.SHIFTED else entries)
            done = self._solver(kind, values).factorize(values)
            done = done and self._for_later(kind).solve(self._moved(self._view(right, n)), step)
            self._tell_factors()
        # Before the engine goes there, and evaluates f and J.
        self._stop.check()
        return sparse_step.SOLVED if done else sparse_step.SINGULAR

    def _tell_factors(self) -> None:
        """Let the engine take Newton's steps by itself, once their factors are thin in a known order."""
        solver = self._solvers.get(sparse_step.NEWTON)
        factors = solver.factors if isinstance(solver, Direct) else None
        if factors is not None and factors is not self._told:
            own = self._analyses.equations_of(factors.order)
            table = factors.table.copy()
            table[sparse_lu.RIGHT] = own.ctypes.data
            self._told, self._kept = factors, (own, table)
        self._plan[layout.FACTORS] = 0 if factors is None else self._kept[1].ctypes.data

    def _moved(self, right: Floats) -> Floats:
        """Return a right side in the order of the rows."""
        moved = np.empty_like(right)
        moved[self._row_of] = right
        return moved

    def _view(self, address: int, size: int) -> Floats:
        """Return numbers of the engine's as an array."""
        key = (address, size)
        if key not in self._views:
            self._views[key] = np.ctypeslib.as_array((ctypes.c_double * size).from_address(address))
        return self._views[key]

    def _solver(self, kind: int, values: Floats) -> _Solver:
        if kind not in self._solvers:
            with self._stop.unheard():
                analysis, self._row_of = self._analyses.square(sparse_step.NEWTON, values)
                if self._way is LinearSolver.AUTO:
                    self._way = self._analyses.way()
            if kind != sparse_step.NEWTON:
                analysis, _ = self._analyses.square(kind, values)
            made: _Solver
            if self._way is LinearSolver.KRYLOV:
                makers: tuple[Maker, ...] = (Multigrid(), IncompleteFactors())
                if self._analyses.n <= LARGEST_LOOK:
                    # Rather than call a regular J singular.
                    makers += (CompleteFactors(Direct(analysis, self._stop)),)
                made = Krylov(analysis.pattern, makers, self._stop, self._analyses.kept(kind))
            else:
                made = Direct(analysis, self._stop)
            made.begin()
            self._solvers[kind] = made
        return self._solvers[kind]

    def _for_later(self, kind: int) -> _Solver:
        """Return who solves from here on: factors that are not thin are kept for the matrices to come."""
        solver = self._solvers[kind]
        if isinstance(solver, Direct) and solver.is_thick:
            kept = Krylov(solver.pattern, (CompleteFactors(solver),), self._stop)
            kept.take(solver.values, Earlier(solver))
            self._solvers[kind] = kept
        return self._solvers[kind]

    def _least_squares(self, matrix: Floats, right: Floats, step: Floats) -> bool:
        """Minimise ‖A·s − b‖² + ‖D·s‖²."""
        m, n, entries = self._analyses.m, self._analyses.n, self._analyses.entries
        a, d = matrix[:entries], matrix[entries:]
        if self._way is LinearSolver.KRYLOV:
            return self._by_lsmr(a, d, right, step)
        if sparse_step.DAMPED not in self._solvers:
            self._solvers[sparse_step.DAMPED] = made = Direct(self._analyses.damped, self._stop)
            made.begin()
        solver = self._solvers[sparse_step.DAMPED]
        # With r = b − A·s: α·(r/α) + A·s = b and Aᵀ·(r/α) − D²/α·s = 0.
        balance = min(1.0, max(_LEAST_BALANCE, float(np.max(d))))
        values = np.concatenate((np.full(m, balance), a, a, -(d * d) / balance))
        whole = np.empty(m + n)
        if not (solver.factorize(values) and solver.solve(np.concatenate((right, np.zeros(n))), whole)):
            return False
        step[:] = whole[m:]
        return True

    def _by_lsmr(self, a: Floats, d: Floats, right: Floats, step: Floats) -> bool:
        """Minimise by LSMR (Fong & Saunders 2011), the variables in units that make D one."""
        from scipy.sparse import csr_matrix  # noqa: PLC0415 - a fifth of a second
        from scipy.sparse.linalg import LinearOperator, lsmr  # noqa: PLC0415

        rows, columns = self._analyses.rows, self._analyses.columns
        m, n = self._analyses.m, self._analyses.n
        root, size = float(np.max(d)), float(np.max(np.abs(right)))
        if not (root > 0.0 and np.isfinite(size) and np.all(np.isfinite(a))):
            return False
        unit = d / root
        with self._stop.unheard():
            scaled: Any = csr_matrix((a / unit[columns], (rows, columns)), shape=(m, n))
            turned = scaled.T.tocsr()

        def ahead(x: Floats) -> Any:
            self._stop.check()
            return scaled @ x

        def back(y: Floats) -> Any:
            self._stop.check()
            return turned @ y

        # One checker does not see that it stands for a class of its own.
        make: Any = LinearOperator
        operator = make((m, n), matvec=ahead, rmatvec=back, dtype=np.float64)
        if size == 0.0:
            step[:] = 0.0
            return True
        with np.errstate(all="ignore"):
            found = lsmr(operator, right / size, damp=root, atol=1e-10, btol=1e-10, maxiter=_LSMR_ITERATIONS)[0]
            step[:] = size * found / unit
        return bool(np.all(np.isfinite(step)))
