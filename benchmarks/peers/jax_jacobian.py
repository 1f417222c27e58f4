"""JAX: `jit(vmap(jacfwd(f)))` in binary64 on the processor, compiled before the clock starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    import numpy as np

try:
    import jax
except ImportError:
    MISSING: str | None = "jax is not installed"
else:
    MISSING = None
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_enable_x64", True)


class JaxJacobian:
    """J at the points of one batch.

    Parameters
    ----------
    f : callable
        Takes x of shape (n,) and the module to take functions from; returns f of shape (m,).
    points : ndarray, shape (B, n)
        Put where JAX wants them, once.
    """

    def __init__(self, f: Callable[[Any, ModuleType], Any], points: np.ndarray) -> None:
        self._function = jax.jit(jax.vmap(jax.jacfwd(lambda x: f(x, jax.numpy))))
        self._points = jax.device_put(points)

    def __call__(self) -> Any:
        """Return J, shape (B, m, n), once it is there."""
        return self._function(self._points).block_until_ready()
