"""What solves with the same options need, with memory kept from one to the next."""

from __future__ import annotations

import math
from collections import deque

import numpy as np
from numpy.typing import NDArray

from raphson_solver.compiler.family_kernel import FamilyKernel
from raphson_solver.compiler.rental import Rental
from raphson_solver.engine import CancelFlag, JacobianMode, Method, layout
from raphson_solver.engine.entrance import entrance
from raphson_solver.engine.status import LinearSolver
from raphson_solver.errors import InputError
from raphson_solver.solution.blocks import Blocks
from raphson_solver.solution.family_kernels import FamilyKernels
from raphson_solver.solution.kernels import Kernels
from raphson_solver.solution.options import SolveOptions
from raphson_solver.sparse import Analyses, SparseSteps, choose

Array = NDArray[np.float64]

NEVER = CancelFlag()
_NO_LIMIT = 2**62
_SQUARE_ONLY = {Method.PSEUDO_TRANSIENT, Method.BROYDEN}
# How long the engine runs before Python may see Ctrl-C.
_SLICE_NANOSECONDS = 5e7
# Seconds, measured on power networks: what code for members side by side takes to be made, and saves for each node; and
# how often a member is evaluated, about.
_MAKING, _MAKING_CHARACTER, _SAVED, _EVALUATIONS = 0.005, 5e-7, 2.5e-10, 5


class Prepared:
    """Plans and memory of one system, or block, and one set of options.

    Parameters
    ----------
    kernels : Kernels or FamilyKernels
        Of the system.
    options : SolveOptions
        How it is solved.
    dense_limit : int
        The most entries of a dense matrix.
    blocks : Blocks, optional
        What is solved before the system as a whole.

    Attributes
    ----------
    blocks : Blocks or None
        As given.
    evaluate : Kernel or FamilyKernel
        Of f, the sizes of its terms and J.
    pattern : ndarray of int64
        Of J, as the engine reads it.
    entries : int
        Of J, that may differ from zero.
    parameter_count : int
        Length of p.
    analyses : Analyses or None
        What is known of J's pattern, where systems with it are solved by one of the sparse ways.
    way : LinearSolver
        How linear systems are solved; AUTO: by one of the sparse ways.
    is_sparse : bool
        Whether they are not solved densely, here or in a block.
    is_small : bool
        Whether that is so, and the kernels are not of families: what the shortest way of a solve is for.
    is_improving : bool
        Whether there may be better code of the kernels, now or once they were called often enough.
    idle : deque of Memory
        That of solves that are over. A solve gives back to where it took from: what was made before the kernels became
        machine code is not used again.
    """

    def __init__(
        self, kernels: Kernels | FamilyKernels, options: SolveOptions, dense_limit: int, blocks: Blocks | None = None
    ) -> None:
        _check(kernels, options)
        mode = options.jacobian
        self.blocks = blocks
        self.enter = entrance()
        self._options, self._kernels = options, kernels
        # Only this is what the code does.
        self._may_go_straight = options.method in {Method.AUTO, Method.NEWTON} and mode is JacobianMode.EXACT
        self._residual = kernels.residual
        self.evaluate = kernels.evaluate(mode)
        self._effect = kernels.residual if mode is JacobianMode.EXACT else kernels.effect
        self._called = (self._residual, self.evaluate)
        self._work = max(self._residual.work_size, self.evaluate.work_size, self._effect.work_size)
        self.pattern = kernels.packed(mode)
        plan = self._plan = np.zeros(layout.PLAN_SIZE, dtype=np.int64)
        plan[layout.CANCEL_ADDRESS] = NEVER.address
        plan[layout.M] = kernels.m
        plan[layout.N] = kernels.n
        plan[layout.ENTRIES] = self.entries = int(kernels.pattern(mode).rows.size)
        plan[layout.PARAMETER_COUNT] = self.parameter_count = kernels.parameter_count
        self._order = kernels.first_order
        plan[layout.PATTERN], plan[layout.ORDER] = self.pattern.ctypes.data, self._order.ctypes.data
        plan[layout.METHOD] = options.method
        plan[layout.MODE] = mode
        plan[layout.ITERATION_LIMIT] = options.max_iterations
        plan[layout.EVALUATION_LIMIT] = _NO_LIMIT if options.max_evaluations is None else options.max_evaluations
        pattern = kernels.pattern(mode)
        self.way = choose(pattern.rows.size, kernels.m, kernels.n, options.linear_solver, dense_limit)
        self.analyses: Analyses | None = None
        iteration = 200.0 + 5.0 * self._work + kernels.n**3
        if self.way is not LinearSolver.DENSE:
            key = f"analyses {mode is JacobianMode.ANALYTIC}"
            self.analyses = kernels.once(key, lambda: Analyses(pattern.rows, pattern.columns, kernels.m, kernels.n))
            iteration = 1e4 + 5.0 * self._work + 100.0 * pattern.rows.size
        plan[layout.SLICE_LIMIT] = max(1, math.ceil(_SLICE_NANOSECONDS / iteration))
        self._parts = [] if blocks is None else [Prepared(each, options, dense_limit) for each in blocks.kernels]
        self.is_sparse: bool = self.analyses is not None or any(part.is_sparse for part in self._parts)
        self.is_small = not self.is_sparse and not isinstance(kernels, FamilyKernels)
        self.idle: deque[layout.Memory] = deque()
        self.refresh()

    @property
    def has_order(self) -> bool:
        """Whether an order of pivots of a sparse J was chosen."""
        return self.analyses is not None and self.analyses.has_order

    def refresh(self) -> None:
        """Read the kernels' addresses, which change when they become machine code."""
        for part in self._parts:
            part.refresh()
        # Before their addresses, which may become others any moment.
        self.is_improving = any(isinstance(each, FamilyKernel) and not each.is_tight for each in self._called)
        plan = self._plan.copy()
        plan[layout.RESIDUAL_ADDRESS] = self._residual.address
        plan[layout.RESIDUAL_PROGRAM] = self._residual.program
        plan[layout.EVALUATE_ADDRESS] = self.evaluate.address
        plan[layout.EVALUATE_PROGRAM] = self.evaluate.program
        plan[layout.EFFECT_ADDRESS] = self._effect.address
        plan[layout.EFFECT_PROGRAM] = self._effect.program
        straight = self._kernels.straight
        if straight is not None and self._may_go_straight:
            plan[layout.STRAIGHT_ADDRESS] = straight.address
            self._work = max(self._work, straight.work_size)
        self._plan = plan
        self.idle = deque()

    def improve(self) -> None:
        """Take the code of families that has become better since they were last asked."""
        plan = self._plan
        if (
            plan[layout.EVALUATE_ADDRESS] != self.evaluate.address
            or plan[layout.RESIDUAL_ADDRESS] != self._residual.address
        ):
            self.refresh()

    def beside(self, count: int) -> FamilyKernel | None:
        """Return the code of f and J for members side by side, if there is such code and so many members pay for it."""
        kernels, alone = self._kernels, self.evaluate
        if not isinstance(kernels, FamilyKernels) or not isinstance(alone, FamilyKernel):
            return None
        saved = _EVALUATIONS * _SAVED * alone.nodes
        making = _MAKING + _MAKING_CHARACTER * len(alone.text)
        rental = kernels.once("rental of code beside", lambda: Rental(making, saved, bool))
        return kernels.evaluate_beside if rental.is_over(count) else None

    def spend(self, evaluations: int, jacobians: int, x: Array, p: Array) -> None:
        """Let the code of families know how often f, and f with J, were computed, at points like this one."""
        for each, times in zip(self._called, (evaluations - jacobians, jacobians), strict=True):
            if times and isinstance(each, FamilyKernel) and not each.is_tight:
                each.called(times, x, p)

    def memory(self) -> layout.Memory:
        """Return memory that no other solve uses; what is put back into `idle`, as it was before, is used again."""
        plan = self._plan
        steps: SparseSteps | None = None
        if self.analyses is not None:
            steps = SparseSteps(self.analyses, self.way)
            plan = plan.copy()
            plan[layout.LINEAR_SOLVER] = steps.address
        memory = layout.Memory(plan, self._work)
        if steps is not None:
            steps.attach(memory.plan)
            memory.sparse = (steps,)
        memory.settings[layout.TOLERANCE] = self._options.tolerance
        memory.settings[layout.ABSOLUTE_TOLERANCE] = self._options.absolute_tolerance
        if self.blocks is not None:
            self._join(memory, self.blocks)
        return memory

    def _join(self, memory: layout.Memory, blocks: Blocks) -> None:
        """Hang the blocks' memory on that of the whole; all read their parameters from one place."""
        parts = [part.memory() for part in self._parts]
        for part in parts:
            part.plan[layout.P] = memory.plan[layout.P]
        addresses = np.array(
            [number for part, places in zip(parts, blocks.places, strict=True)
             for number in (part.address, places.ctypes.data)],
            np.int64,
        )  # fmt: skip
        memory.plan[layout.BLOCK_COUNT] = len(parts)
        memory.plan[layout.BLOCKS] = addresses.ctypes.data
        memory.kept = (parts, addresses)
        memory.sparse += tuple(steps for part in parts for steps in part.sparse)


def _check(kernels: Kernels | FamilyKernels, options: SolveOptions) -> None:
    """Raise `InputError` for options that the system does not have."""
    m, n, method = kernels.m, kernels.n, options.method
    found = f"found {m} equations for {n} variables; use 'auto'"
    if m != n and method in _SQUARE_ONLY:
        raise InputError("options.method", f"{method.name.lower()} needs as many equations as variables; {found}")
    if method is Method.BRACKETING and not m == n == 1:
        raise InputError("options.method", f"bracketing is for one equation in one variable; {found}")
    if options.jacobian is JacobianMode.ANALYTIC and not kernels.has_analytic:
        raise InputError("options.jacobian", "this system has no Jacobian of the caller's; give one, or use 'exact'")
    if options.jacobian is JacobianMode.COMPLEX_STEP:
        raise InputError(
            "options.jacobian",
            "a complex step differentiates at points, not while solving; expected exact, forward, central or analytic",
        )
