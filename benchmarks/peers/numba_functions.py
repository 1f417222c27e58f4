"""f and J compiled by Numba from source, as its users do: for SciPy's hybr and for NumbaMinpack.

The source of one system is a module in a cache folder, so that Numba's disk cache serves the next run.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.program import PYTHON, Program

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

    import numpy as np
from scipy.optimize import root

MISSING = None if importlib.util.find_spec("numba") else "numba is not installed"

try:
    from NumbaMinpack import hybrd, lmdif
except ImportError:
    MISSING_MINPACK: str | None = "NumbaMinpack is not installed"
else:
    MISSING_MINPACK = None

CACHE = Path(".benchmarks") / "numba"
MOST_STEPS = 2000
"""Numba takes minutes to compile more straight-line code than this."""

_MODULE = """\
import math

import numpy as np
from numba import carray, cfunc, njit, types


@njit("void(float64[::1], float64[::1])", cache={cache}, error_model="numpy")
def _f(x, out):
{f}


@njit("void(float64[::1], float64[:, ::1])", cache={cache}, error_model="numpy")
def _jacobian(x, out):
{jacobian}


@njit("float64[::1](float64[::1])", cache={cache})
def f(x):
    out = np.empty({n})
    _f(x, out)
    return out


@njit("float64[:, ::1](float64[::1])", cache={cache})
def jacobian(x):
    out = np.zeros(({n}, {n}))
    _jacobian(x, out)
    return out


@cfunc("void(CPointer(float64), CPointer(float64), CPointer(float64))", cache={cache})
def callback(x, out, arguments):
    _f(carray(x, {n}), carray(out, {n}))
"""


class NumbaFunctions:
    """One system.

    Parameters
    ----------
    equations : sequence of str
        Expressions of ``x[i]`` that equal zero.
    n : int
        How many.
    cache : bool
        Whether to keep the machine code on disk.

    Raises
    ------
    TooLongError
        If Numba would compile for minutes.
    """

    def __init__(self, equations: Sequence[str], n: int, *, cache: bool) -> None:
        program = Program(equations, n)
        entries = [(f"out[{i}, {j}]", node) for i, row in enumerate(program.jacobian) for j, node in row.items()]
        f = program.source([(f"out[{i}]", node) for i, node in enumerate(program.f)], PYTHON)
        jacobian = program.source(entries, PYTHON)
        if len(f) + len(jacobian) > MOST_STEPS:
            raise TooLongError(f"{len(f) + len(jacobian)} steps, more than {MOST_STEPS}")
        module = _module(_MODULE.format(n=n, cache=cache, f=_body(f), jacobian=_body(jacobian)))
        self.f: Callable[[np.ndarray], np.ndarray] = module.f
        self.jacobian: Callable[[np.ndarray], np.ndarray] = module.jacobian
        self.n = n
        self._address = module.callback.address

    def scipy_hybr(self, start: np.ndarray) -> np.ndarray:
        """Solve with SciPy's MINPACK hybrj."""
        return root(self.f, start, jac=self.jacobian, method="hybr").x

    def minpack_hybrd(self, start: np.ndarray) -> np.ndarray:
        """Solve with NumbaMinpack's hybrd."""
        return hybrd(self._address, start)[0]

    def minpack_lmdif(self, start: np.ndarray) -> np.ndarray:
        """Solve with NumbaMinpack's lmdif."""
        return lmdif(self._address, start, self.n)[0]


class TooLongError(Exception):
    """The system is too long for Numba's front end."""


def _body(lines: list[str]) -> str:
    return "\n".join(f"    {line}" for line in lines)


def _module(source: str) -> ModuleType:
    CACHE.mkdir(parents=True, exist_ok=True)
    name = f"system_{hashlib.sha256(source.encode()).hexdigest()[:20]}"
    path = CACHE / f"{name}.py"
    if not path.exists():
        path.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where Numba's cache looks for it again
    spec.loader.exec_module(module)
    return module
