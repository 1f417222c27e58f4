"""CasADi: a symbolic graph made from the text, its own derivatives, its virtual machine, its Newton."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.peers.program import normal_form

if TYPE_CHECKING:
    from collections.abc import Sequence

try:
    import casadi
except ImportError:
    MISSING: str | None = "casadi is not installed"
else:
    MISSING = None


def first_root(equations: Sequence[str], start: np.ndarray) -> np.ndarray:
    """Go from text in ``x[i]`` to a root."""
    x = casadi.SX.sym("x", start.size)
    names = {name: getattr(casadi, name) for name in ("exp", "sin", "cos", "sqrt", "atan", "log", "tan")}
    source = f"[{', '.join(normal_form(equation) for equation in equations)}]"
    f = eval(compile(source, "<equations>", "eval"), names | {"x": casadi.vertsplit(x)})
    solver = casadi.rootfinder("solver", "newton", {"x": x, "g": casadi.vertcat(*f)})
    return np.array(solver(x0=start)["x"]).ravel()
