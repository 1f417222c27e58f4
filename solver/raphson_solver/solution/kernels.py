"""The kernels of one system, each made when first asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from raphson_solver.compiler import Kernel, ManyKernel
from raphson_solver.derivative import jacobian_rows, pullback, pushforward
from raphson_solver.engine.layout import Pattern
from raphson_solver.engine.status import JacobianMode
from raphson_solver.expression import magnitudes
from raphson_solver.expression import operations as op
from raphson_solver.expression.graph import Graph
from raphson_solver.language import Instance
from raphson_solver.solution.straight import Straight, straight_text
from raphson_solver.structure import matching

Made = TypeVar("Made")


class Kernels:
    """Everything that is compiled of a system.

    Parameters
    ----------
    instance : Instance
        The written-out system.
    compile_now : bool
        Whether a kernel becomes machine code as it is made, or when `compile` is called.

    Attributes
    ----------
    graph : Graph
        Holds every node, those of derivatives made so far included.
    equations : tuple of int, length m
        The nodes of f.
    m, n : int
        Extents of the Jacobian.
    parameter_count : int
        Length of p.
    has_analytic : bool
        Whether the caller gave a Jacobian.
    parts : tuple of Kernels
        Those of blocks, to be compiled with these.
    straight : Straight or None
        Code for whole steps of Newton's method, once `straighten` has made it.
    compile_now : bool
        As given, and true once `compile` was called.
    """

    def __init__(self, instance: Instance, *, compile_now: bool) -> None:
        self.graph = instance.graph
        self.equations = instance.equations
        self._analytic = instance.jacobian
        self.parameter_count = instance.parameter_count
        self._lock = threading.RLock()
        self._made: dict[str, object] = {}
        self._kernels: list[Kernel] = []
        self.parts: tuple[Kernels, ...] = ()
        self.straight: Straight | None = None
        self._straightening = threading.Lock()
        self.compile_now = compile_now
        self.m = len(instance.equations)
        self.n = instance.n
        self.has_analytic = instance.jacobian is not None

    @property
    def residual(self) -> Kernel:
        """F."""
        return self.once("residual", lambda: self._kernel([*self.equations]))

    @property
    def jvp(self) -> Kernel:
        """J·v, from x followed by v."""
        return self.once("jvp", lambda: self._with_seeds(self.n, pushforward))

    @property
    def vjp(self) -> Kernel:
        """wᵀ·J, from x followed by w."""
        return self.once("vjp", lambda: self._with_seeds(self.m, partial(pullback, n=self.n)))

    def evaluate(self, mode: JacobianMode) -> Kernel:
        """Return f, then the size of the terms in each equation, then the entries of J unless by differences."""

        def make() -> Kernel:
            outputs = [*self.equations, *magnitudes(self.graph, self.equations)]
            if mode in {JacobianMode.EXACT, JacobianMode.ANALYTIC}:
                outputs += self.entries(mode)[1]
            return self._kernel(outputs)

        return self.once(f"evaluate {mode}", make)

    @property
    def effect(self) -> Kernel:
        """Σ_j |J_ij x_j| a row, from exact derivatives: for the modes whose J may be wrong."""
        return self.once("effect", lambda: self._kernel(self.effects))

    @property
    def effects(self) -> list[int]:
        """The nodes of `effect`."""
        graph = self.graph
        totals = [graph.zero] * self.m
        pattern, nodes = self.entries(JacobianMode.EXACT)
        for row, column, node in zip(pattern.rows.tolist(), pattern.columns.tolist(), nodes, strict=True):
            part = graph.apply(op.ABS, graph.multiply(node, graph.variable(column)))
            totals[row] = graph.add(totals[row], part)
        return totals

    def many(self, what: str, outputs: Callable[[], Sequence[int]], seeds: int = 0) -> ManyKernel:
        """Return the kernel of some outputs at many points, made when they are first asked for by this name."""

        def make() -> ManyKernel:
            return ManyKernel(self.graph, outputs(), self.n, seeds, is_in_use=lambda: self.compile_now)

        return self.once(f"many {what}", make)

    def pattern(self, mode: JacobianMode) -> Pattern:
        """Return where J may differ from zero."""
        return self.entries(mode)[0]

    def packed(self, mode: JacobianMode) -> NDArray[np.int64]:
        """Return the pattern as the engine reads it."""
        return self.once(f"packed {mode is JacobianMode.ANALYTIC}", lambda: self.pattern(mode).packed())

    @property
    def first_order(self) -> NDArray[np.int64]:
        """Which equation the engine puts at each place before it has seen any value, shape (n,).

        Each variable gets one that contains it, where that is possible: its own, if all contain the variables of their
        numbers. It depends on the pattern alone, so that a solve does not depend on those before it.
        """

        def make() -> NDArray[np.int64]:
            pattern = self.pattern(JacobianMode.EXACT)
            variables = matching(pattern.rows, pattern.columns, self.m, self.n)
            is_whole = self.m == self.n and not np.any(variables < 0)
            return np.argsort(variables).astype(np.int64) if is_whole else np.arange(self.n)

        return self.once("first order", make)

    @property
    def parameter_slopes(self) -> Kernel:
        """The entries of ∂f/∂p, in the order of `parameter_pattern`."""
        return self.once("parameter slopes", lambda: self._kernel(self._parameter_entries()[1]))

    @property
    def parameter_pattern(self) -> Pattern:
        """Where ∂f/∂p may differ from zero."""
        return self._parameter_entries()[0]

    def compile(self) -> None:
        """Make machine code of every kernel made so far, those of blocks included, and of those to come."""
        self.compile_now = True
        with self._lock:
            kernels = list(self._kernels)
        for kernel in kernels:
            kernel.compile()
        for part in self.parts:
            part.compile()

    def straighten(self) -> None:
        """Do as `compile`, and make code for whole steps of Newton's method, where the system is small enough."""
        self.compile()
        with self._straightening:
            if self.straight is None:
                made = self.once("straight text", lambda: straight_text(self))
                self.straight = None if made is None else Straight(*made)
        for part in self.parts:
            part.straighten()

    def entries(self, mode: JacobianMode) -> tuple[Pattern, list[int]]:
        """Return where J may differ from zero, and the nodes of its entries."""
        analytic = mode is JacobianMode.ANALYTIC
        return self.once(f"entries {analytic}", self._written if analytic else self._differentiated)

    def _differentiated(self) -> tuple[Pattern, list[int]]:
        rows, columns, nodes = jacobian_rows(self.graph, self.equations)
        return self._pattern(rows, columns), nodes

    def _parameter_entries(self) -> tuple[Pattern, list[int]]:
        def make() -> tuple[Pattern, list[int]]:
            rows, columns, nodes = jacobian_rows(self.graph, self.equations, op.PARAMETER)
            return Pattern(np.array(rows, np.int64), np.array(columns, np.int64), self.m, self.parameter_count), nodes

        return self.once("parameter entries", make)

    def _written(self) -> tuple[Pattern, list[int]]:
        assert self._analytic is not None
        graph = self.graph
        places = [
            (i, j, node)
            for i, row in enumerate(self._analytic)
            for j, node in enumerate(row)
            if not (graph.operation[node] is op.CONSTANT and graph.value[node] == 0.0)
        ]
        return self._pattern([i for i, _, _ in places], [j for _, j, _ in places]), [node for _, _, node in places]

    def _pattern(self, rows: list[int], columns: list[int]) -> Pattern:
        return Pattern(np.array(rows, np.int64), np.array(columns, np.int64), self.m, self.n)

    def seeds(self, count: int) -> list[int]:
        """Return the nodes of a vector that a product takes: variables past the end of x."""
        return [self.graph.variable(self.n + place) for place in range(count)]

    def _with_seeds(self, count: int, product: Callable[[Graph, Sequence[int], Sequence[int]], list[int]]) -> Kernel:
        return self._kernel(product(self.graph, self.equations, self.seeds(count)), count)

    def _kernel(self, outputs: list[int], seeds: int = 0) -> Kernel:
        return self._keep(Kernel(self.graph, outputs, self.n + seeds))

    def _keep(self, kernel: Kernel) -> Kernel:
        """Compile a kernel, now or when `compile` is called."""
        if self.compile_now:
            kernel.compile()
        self._kernels.append(kernel)
        return kernel

    def has(self, key: str) -> bool:
        """Return whether something was made under a name."""
        return key in self._made

    def once(self, key: str, make: Callable[[], Made]) -> Made:
        """Return what was made under a name, making it the first time, whichever thread comes first."""
        with self._lock:
            if key not in self._made:
                self._made[key] = make()
            return self._made[key]  # type: ignore[return-value]
