"""CasADi: J as a graph of its own making, over a batch by `Function.map`, in its virtual machine or as its C code.

Memory goes in and out by `Function.buffer`, without a copy; common subexpressions are shared by `casadi.cse`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.program import normal_form

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

try:
    import casadi
except ImportError:
    MISSING: str | None = "casadi is not installed"
else:
    MISSING = None
MISSING_COMPILER = MISSING or (None if shutil.which("gcc") else "gcc is not installed")

CACHE = Path(".benchmarks") / "casadi"


class CasadiJacobian:
    """J of one system over batches of a fixed size.

    Parameters
    ----------
    equations : sequence of str
        Python expressions of ``x[0]`` … ``x[n-1]``, with at most one ``=``.
    n : int
        Numbers in x.
    points : int
        How many x there are in a batch.
    """

    def __init__(self, equations: Sequence[str], n: int, points: int) -> None:
        x = casadi.SX.sym("x", n)
        names = {name: getattr(casadi, name) for name in ("exp", "sin", "cos", "sqrt")}
        source = f"[{', '.join(normal_form(equation) for equation in equations)}]"
        f = casadi.vertcat(*eval(compile(source, "<equations>", "eval"), names | {"x": casadi.vertsplit(x)}))
        # Its arrays run down the columns: the transpose is J row by row, as everybody else writes it.
        transposed = casadi.densify(casadi.cse(casadi.jacobian(f, x)).T)
        self._function = casadi.Function("jacobian", [x], [transposed])
        self._points = points

    def mapped(self, points: np.ndarray, out: np.ndarray) -> Callable[[], np.ndarray]:
        """Return what evaluates J at points of shape (B, n) into `out`, shape (B, m, n), in the virtual machine."""
        return _Bound(self._function.map(self._points), points, out)

    def mapped_code(self, points: np.ndarray, out: np.ndarray) -> Callable[[], np.ndarray]:
        """Return the same for the C code that CasADi writes, compiled by gcc -O3 -march=native."""
        return _Bound(self._compiled().map(self._points), points, out)

    def _compiled(self) -> casadi.Function:
        CACHE.mkdir(parents=True, exist_ok=True)
        generator = casadi.CodeGenerator("jacobian.c")
        generator.add(self._function)
        source = generator.dump()
        library = CACHE / f"{hashlib.sha256(source.encode()).hexdigest()[:20]}.so"
        if not library.exists():
            written = library.with_suffix(".c")
            written.write_text(source, encoding="utf-8")
            command = ["gcc", "-O3", "-march=native", "-fPIC", "-shared", "-o", str(library), str(written), "-lm"]
            subprocess.run(command, check=True, capture_output=True)
        return casadi.external("jacobian", os.fspath(library.resolve()))


class _Bound:
    """A function between two arrays, which live as long as it does."""

    def __init__(self, function: casadi.Function, points: np.ndarray, out: np.ndarray) -> None:
        self._buffer, self._trigger = function.buffer()
        self._buffer.set_arg(0, memoryview(points))
        self._buffer.set_res(0, memoryview(out))
        self._kept = function, points
        self._out = out

    def __call__(self) -> np.ndarray:
        self._trigger()
        return self._out
