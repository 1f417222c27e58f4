"""SciPy as most people use it: a Python function made from the text, `root(method="hybr")`, no Jacobian."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scipy.optimize import root

from benchmarks.peers.program import normal_form

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

MISSING = None

_NAMES = {name: getattr(math, name) for name in ("exp", "sin", "cos", "sqrt", "atan", "log", "tan")}


def first_root(equations: Sequence[str], start: np.ndarray) -> np.ndarray:
    """Go from text in ``x[i]`` to a root."""
    source = f"lambda x: ({', '.join(normal_form(equation) for equation in equations)},)"
    f = eval(compile(source, "<equations>", "eval"), dict(_NAMES))  # the benchmark's own text
    return root(lambda x: f(x.tolist()), start, method="hybr").x
