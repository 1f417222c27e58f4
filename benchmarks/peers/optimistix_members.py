"""Optimistix: its Newton, `jit(vmap(root_find))`, in binary64 on the processor, compiled before the clock starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.peers.jax_jacobian import MISSING as MISSING_JAX

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

MISSING = MISSING_JAX
if MISSING is None:
    import jax

    try:
        import optimistix
    except ImportError:
        MISSING = "optimistix is not installed"

TOLERANCE, MOST_STEPS = 1e-12, 25


class OptimistixMembers:
    """The solver of one system, for batches of a fixed size.

    Parameters
    ----------
    residual : callable
        Takes x, p and a module of functions; returns the n values of f.
    start : ndarray, shape (n,)
        Where all begin.
    p : ndarray, shape (B, k)
        The parameters; put where JAX wants them, once.
    """

    def __init__(self, residual: Callable[[Any, Any, ModuleType], list[Any]], start: np.ndarray, p: np.ndarray) -> None:
        solver, x0 = optimistix.Newton(rtol=TOLERANCE, atol=TOLERANCE), jax.device_put(start)

        def f(x: Any, p: Any) -> Any:
            return jax.numpy.stack(residual(x, p, jax.numpy))

        def solve(p: Any) -> Any:
            return optimistix.root_find(f, solver, x0, args=p, max_steps=MOST_STEPS, throw=False).value

        self._p = jax.device_put(p)
        self._solve = jax.jit(jax.vmap(solve)).lower(self._p).compile()

    def __call__(self) -> np.ndarray:
        """Return x, shape (B, n), once it is there."""
        return np.asarray(self._solve(self._p))
