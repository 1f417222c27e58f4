"""Members of a large system eight side by side, by factors in one order of pivots; see `engine/eights_newton`."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from raphson_solver.batch.newton_lanes import Results
from raphson_solver.compiler.family_kernel import FamilyKernel
from raphson_solver.engine import CancelFlag, JacobianMode, Method, eights_newton, layout, sparse_lu
from raphson_solver.engine.eights_newton import newton_eights
from raphson_solver.interruption import Between, aside, uninterrupted
from raphson_solver.solution.options import SolveOptions
from raphson_solver.solution.prepared import Prepared
from raphson_solver.sparse.ordering import Order

Array = NDArray[np.float64]

_METHODS = {Method.AUTO, Method.NEWTON}
# Members that fill the lanes once; fewer are solved alone.
FEWEST = layout.LANES
# Bytes that each thread takes at most; a single solve takes an eighth. Measured: 17 000 unknowns of a power network, in
# 58 MB, still take less than half the time of single solves.
_MOST_BYTES = 96 << 20


class SparseLanes:
    """What solves some members of a batch. Threads may share it.

    Parameters
    ----------
    prepared : Prepared
        For such options.
    options : SolveOptions
        Of each member.
    order : Order
        Of pivots.
    equations : ndarray of int32, shape (n,)
        Which equation each pivot stands for.
    beside : FamilyKernel, optional
        Of f and J for all members of a group at once; else they go through that of one after another.
    """

    def __init__(
        self,
        prepared: Prepared,
        options: SolveOptions,
        order: Order,
        equations: NDArray[np.int32],
        beside: FamilyKernel | None = None,
    ) -> None:
        self._prepared, self._options = prepared, options
        self._order, self._equations = order, equations
        self._beside = beside

    @classmethod
    def of(
        cls, prepared: Prepared, options: SolveOptions, count: int, between: Between = uninterrupted
    ) -> SparseLanes | None:
        """Return it for so many members, if the options have undamped Newton first and an order of pivots is known."""
        if options.method not in _METHODS or options.jacobian is not JacobianMode.EXACT or prepared.blocks is not None:
            return None
        analyses = prepared.analyses
        order = None if analyses is None else analyses.thin_order(prepared.way)
        if analyses is None or order is None:
            return None
        vectors = 8 * order.right.size + prepared.parameter_count + prepared.evaluate.work_size
        if 8 * layout.LANES * (order.fill + prepared.entries + vectors) > _MOST_BYTES:
            return None
        beside = prepared.beside(count)
        if beside is not None:
            aside(lambda: beside.address, between)
        return cls(prepared, options, order, analyses.equations_of(order), beside)

    def run(self, x: Array, p: Array, settings: Array, results: Results, flag: CancelFlag) -> None:
        """Iterate from each start; see `NewtonLanes.run`.

        The flag stops the work: members not solved by then have the verdict `LEFT`.
        """
        prepared, order = self._prepared, self._order
        n, entries = order.right.size, prepared.entries
        plan = np.zeros(eights_newton.PLAN_SIZE, np.int64)
        evaluate, pattern = prepared.evaluate, prepared.pattern
        plan[eights_newton.EVALUATE_ADDRESS], plan[eights_newton.EVALUATE_PROGRAM] = evaluate.address, evaluate.program
        plan[eights_newton.CANCEL_ADDRESS] = flag.address
        plan[eights_newton.N], plan[eights_newton.ENTRIES] = n, entries
        plan[eights_newton.PARAMETER_COUNT] = p.shape[1]
        options = self._options
        plan[eights_newton.ITERATION_LIMIT] = options.max_iterations
        plan[eights_newton.IS_FIRST] = options.method is Method.AUTO
        for place, rows in ((eights_newton.STARTS, x), (eights_newton.GIVEN, p)):
            plan[place], plan[place + 1] = rows.ctypes.data, 0 if rows.shape[0] == 1 else rows.shape[1]
        plan[eights_newton.PATTERN] = pattern.ctypes.data
        plan[eights_newton.ROW_STARTS] = pattern.ctypes.data + 8 * (3 * entries + n + 1)
        work = evaluate.work_size
        if self._beside is not None:
            plan[eights_newton.BESIDE_ADDRESS] = self._beside.address
            plan[eights_newton.BESIDE_PROGRAM] = self._beside.program
            work = max(work, self._beside.work_size)
        own = eights_newton.room(n, entries, p.shape[1], work)
        of_factors = _room_of_factors(order)
        numbers = np.zeros(sum(_padded(count) for _, count in (*own, *of_factors)) + layout.LANES)
        base = int(numbers.ctypes.data)
        # Eights begin where lines of the cache do.
        base += -base % (8 * layout.LANES)
        table = np.zeros(sparse_lu.TABLE_SIZE, np.int64)
        for where, parts in ((plan, own), (table, of_factors)):
            for place, count in parts:
                where[place] = base
                base += 8 * _padded(count)
        table[sparse_lu.SIZE], table[sparse_lu.ENTRIES] = n, order.matrix[1].size
        arrays = [
            *order.matrix, order.lower_starts, order.upper_starts, order.lower, order.upper, self._equations,
            order.solution,
        ]  # fmt: skip
        table[sparse_lu.STARTS : sparse_lu.LOWER_VALUES] = [array.ctypes.data for array in arrays]
        plan[eights_newton.FACTORS] = table.ctypes.data
        deadline = 0.0 if options.timeout_seconds is None else time.monotonic() + options.timeout_seconds
        # What no one comes to is left, too.
        results.verdict[:] = eights_newton.LEFT
        newton_eights(int(plan.ctypes.data), float(settings[0]), float(settings[1]), deadline, *results)
        if self._beside is None and prepared.is_improving:
            # Each step begins with f and J, and a root is found by them.
            right = results.verdict == eights_newton.RIGHT
            calls = int(results.steps[right].sum()) + int(np.count_nonzero(right))
            prepared.spend(calls, calls, x[0], p[0])


def _room_of_factors(order: Order) -> list[tuple[int, int]]:
    """Return the places in the table of `sparse_lu` that want numbers of eight members, and how many."""
    n = order.right.size
    sizes = (order.lower.size, order.upper.size, n, n, n)
    return [(sparse_lu.LOWER_VALUES + place, layout.LANES * size) for place, size in enumerate(sizes)]


def _padded(count: int) -> int:
    return -(-count // layout.LANES) * layout.LANES
