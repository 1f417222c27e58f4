"""CasADi: Newton for many members by `Function.map`; its `newton` in its virtual machine, and its C code.

Memory goes in and out of the code by `Function.buffer`, without a copy.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.peers.casadi_map import CACHE, MISSING, MISSING_COMPILER

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

if MISSING is None:
    import casadi

__all__ = ["MISSING", "MISSING_COMPILER", "CasadiMembers"]


class CasadiMembers:
    """The solvers of one system, for batches of a fixed size.

    Parameters
    ----------
    residual : callable
        Takes x, p and a module of functions; returns the n values of f.
    start : ndarray, shape (n,)
        Where all begin.
    p : ndarray, shape (B, k)
        The parameters.
    """

    def __init__(self, residual: Callable[[Any, Any, ModuleType], list[Any]], start: np.ndarray, p: np.ndarray) -> None:
        x, parameters = casadi.SX.sym("x", start.size), casadi.SX.sym("p", p.shape[1])
        self._problem = {"x": x, "p": parameters, "g": casadi.vertcat(*residual(x, parameters, casadi))}
        self._starts = np.tile(start, (len(p), 1))
        self._p = p

    def newton(self) -> Callable[[], np.ndarray]:
        """Return what solves by `rootfinder("newton")`."""
        return self._mapped(casadi.rootfinder("members", "newton", self._problem))

    def code(self) -> Callable[[], np.ndarray]:
        """Return what solves by the C code of `rootfinder("fast_newton")`, the one that generates any."""
        CACHE.mkdir(parents=True, exist_ok=True)
        generator = casadi.CodeGenerator("members.c")
        generator.add(casadi.rootfinder("members", "fast_newton", self._problem))
        source = generator.dump()
        path = CACHE / f"{hashlib.sha256(source.encode()).hexdigest()[:20]}.so"
        if not path.exists():
            written = path.with_suffix(".c")
            written.write_text(source, encoding="utf-8")
            command = ["gcc", "-O3", "-march=native", "-fPIC", "-shared", "-o", str(path), str(written), "-lm"]
            subprocess.run(command, check=True, capture_output=True)
        return self._mapped(casadi.external("members", os.fspath(path.resolve())))

    def _mapped(self, function: casadi.Function) -> Callable[[], np.ndarray]:
        return _Bound(function.map(len(self._p), "serial"), self._starts, self._p)


class _Bound:
    """A mapped function from starts and parameters to new points, all of which live as long as it does.

    Its arrays run down the columns: a column a member is a row a member here.
    """

    def __init__(self, function: casadi.Function, starts: np.ndarray, p: np.ndarray) -> None:
        self._out = np.empty_like(starts)
        self._buffer, self._trigger = function.buffer()
        self._buffer.set_arg(0, memoryview(starts))
        self._buffer.set_arg(1, memoryview(p))
        self._buffer.set_res(0, memoryview(self._out))
        self._kept = function, starts, p

    def __call__(self) -> np.ndarray:
        self._trigger()
        return self._out
