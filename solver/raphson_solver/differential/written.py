"""The views of a system whose equations are written out: kernels at many points, made from one graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from raphson_solver.compiler import Kernel, ManyKernel
from raphson_solver.derivative import pullback, pushforward
from raphson_solver.differential.scatter import scatter
from raphson_solver.engine.status import JacobianMode
from raphson_solver.interruption import Between
from raphson_solver.solution.kernels import Kernels

Array = NDArray[np.float64]

Value: TypeAlias = Callable[[Array, Array, int], Array]
"""f, shape (count, m), of x, p and the count."""

_NO_SEEDS = np.empty((1, 0))
# A matrix is computed whole, zeros included, unless it is mostly zeros and large.
_SMALL, _FULL = 1024, 0.25


class Source(Protocol):
    """Where values and derivatives at rows of points come from; see `Written`."""

    def pattern(self, mode: JacobianMode, /) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return rows and columns of the entries of J that may differ from zero."""
        ...

    def value(self, x: Array, p: Array, count: int, /) -> Array:
        """Return f, shape (count, m)."""
        ...

    def steady_value(self, points: int, /) -> Value:
        """Return what computes f by the same code at every call, the best for so many points.

        Differences would show another code's last digits. At one point they are to the bit what they were before.
        """
        ...

    def entries(self, x: Array, p: Array, count: int, mode: JacobianMode, /) -> Array:
        """Return the entries of J, shape (count, entries)."""
        ...

    def matrix(self, x: Array, p: Array, count: int, mode: JacobianMode, out: Array | None = None, /) -> Array:
        """Return J, shape (count, m·n)."""
        ...

    def jvp(self, x: Array, v: Array, p: Array, count: int, /) -> Array:
        """Return J·v, exact, shape (count, m)."""
        ...

    def vjp(self, x: Array, w: Array, p: Array, count: int, /) -> Array:
        """Return wᵀ·J, exact, shape (count, n)."""
        ...

    def gradient(self, x: Array, p: Array, count: int, /) -> Array:
        """Return ∇f of a scalar function, shape (count, n)."""
        ...

    def hessian_vector(self, x: Array, v: Array, p: Array, count: int, /) -> Array:
        """Return H·v of a scalar function, shape (count, n)."""
        ...


class Written:
    """f and f′ at rows of points.

    Every method takes x and p, and what else it needs, as contiguous arrays of shape (count or 1, …), and the count.

    Parameters
    ----------
    kernels : Kernels
        Of the system.
    between : callable
        Called every few milliseconds; what it raises ends the work.
    """

    def __init__(self, kernels: Kernels, between: Between) -> None:
        self._kernels = kernels
        self._between = between
        self._found: dict[str, ManyKernel] = {}

    def pattern(self, mode: JacobianMode) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return rows and columns of the entries of J that may differ from zero."""
        pattern = self._kernels.pattern(mode)
        return pattern.rows, pattern.columns

    def value(self, x: Array, p: Array, count: int) -> Array:
        """Return f, shape (count, m)."""
        if count == 1:
            return self._one(self._kernels.residual, x, p)
        return self._run("value", lambda: self._kernels.equations, x, p, count, self._kernels.m)

    def steady_value(self, points: int) -> Value:
        """Return what computes f by the same code at every call, the best for so many points."""
        m = self._kernels.m
        run = self._kernel("value", lambda: self._kernels.equations).chosen(points, self._between) if m else None

        def value(x: Array, p: Array, count: int) -> Array:
            out = np.empty((count, m))
            if run is not None:
                run(x, _NO_SEEDS, p, out)
            return out

        return value

    def entries(self, x: Array, p: Array, count: int, mode: JacobianMode) -> Array:
        """Return the entries of J, exact or the caller's, shape (count, entries)."""
        pattern, nodes = self._kernels.entries(mode)
        if count == 1:
            return self._one(self._kernels.evaluate(mode), x, p)[:, 2 * self._kernels.m :]
        return self._run(f"entries {mode is JacobianMode.ANALYTIC}", lambda: nodes, x, p, count, pattern.rows.size)

    def matrix(self, x: Array, p: Array, count: int, mode: JacobianMode, out: Array | None = None) -> Array:
        """Return J, exact or the caller's, shape (count, m·n)."""
        kernels = self._kernels
        pattern, nodes = kernels.entries(mode)
        size = kernels.m * kernels.n
        if count == 1 or (size > _SMALL and pattern.rows.size < _FULL * size):
            return scatter(self.entries(x, p, count, mode), pattern.rows, pattern.columns, kernels.m, kernels.n, out)

        def outputs() -> list[int]:
            full = [kernels.graph.zero] * size
            for place, node in zip((pattern.rows * kernels.n + pattern.columns).tolist(), nodes, strict=True):
                full[place] = node
            return full

        return self._run(f"matrix {mode is JacobianMode.ANALYTIC}", outputs, x, p, count, size, out=out)

    def jvp(self, x: Array, v: Array, p: Array, count: int) -> Array:
        """Return J·v, exact, shape (count, m)."""
        kernels = self._kernels
        if count == 1:
            return self._one(kernels.jvp, np.concatenate((x, v), axis=1), p)
        return self._run(
            "jvp",
            lambda: pushforward(kernels.graph, kernels.equations, kernels.seeds(kernels.n)),
            x, p, count, kernels.m, v,
        )  # fmt: skip

    def vjp(self, x: Array, w: Array, p: Array, count: int) -> Array:
        """Return wᵀ·J, exact, shape (count, n)."""
        kernels = self._kernels
        if count == 1:
            return self._one(kernels.vjp, np.concatenate((x, w), axis=1), p)
        return self._run(
            "vjp",
            lambda: pullback(kernels.graph, kernels.equations, kernels.seeds(kernels.m), kernels.n),
            x, p, count, kernels.n, w,
        )  # fmt: skip

    def gradient(self, x: Array, p: Array, count: int) -> Array:
        """Return ∇f of a scalar function, shape (count, n)."""
        return self._run("gradient", self._gradient, x, p, count, self._kernels.n)

    def hessian_vector(self, x: Array, v: Array, p: Array, count: int) -> Array:
        """Return H·v of a scalar function, shape (count, n): the gradient, differentiated along v."""
        kernels = self._kernels
        return self._run(
            "hessian vector",
            lambda: pushforward(kernels.graph, self._gradient(), kernels.seeds(kernels.n)),
            x, p, count, kernels.n, v,
        )  # fmt: skip

    def _gradient(self) -> list[int]:
        graph = self._kernels.graph
        return pullback(graph, self._kernels.equations, [graph.one], self._kernels.n)

    def _one(self, kernel: Kernel, x: Array, p: Array) -> Array:
        """Return what a kernel for single points gives: plain code, shared with the engine."""
        self._between()
        return kernel(x[0], p[0])[None]

    def _run(
        self,
        what: str,
        outputs: Callable[[], list[int] | tuple[int, ...]],
        x: Array,
        p: Array,
        count: int,
        size: int,
        seeds: Array | None = None,
        out: Array | None = None,
    ) -> Array:
        if out is None:
            out = np.empty((count, size))
        if size:
            seeds = _NO_SEEDS if seeds is None else seeds
            self._kernel(what, outputs, seeds.shape[1])(x, seeds, p, out, self._between)
        return out

    def _kernel(self, what: str, outputs: Callable[[], Sequence[int]], seeds: int = 0) -> ManyKernel:
        kernel = self._found.get(what)
        if kernel is None:
            kernel = self._found[what] = self._kernels.many(what, outputs, seeds)
        return kernel
