"""dx/dp to 50 digits by mpmath, from the same text, with numbers of its own all the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import raphson_solver as rs
from mpmath import mp, mpf

from tests.problems import reference
from tests.solver.building import build

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def renamed(equations: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return the texts with x1, x2 … for the names given."""
    texts = list(equations)
    for place, name in enumerate(names, start=1):
        texts = [text.replace(name, f"x{place}") for text in texts]
    return texts


def exact(equations: Sequence[str], x: Sequence[float], p: Sequence[float]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the root near x, and dx/dp, shape (n, k); the texts have x1 … for variables, then for parameters."""
    n = len(x)
    with mp.workdps(reference.WORKING_DIGITS):
        root, given = mp.matrix([mpf(value) for value in x]), [mpf(value) for value in p]

        def at(point: Any) -> tuple[Any, Any]:
            here = [*point, *given]
            return mp.matrix(reference.residual(equations, here)), mp.matrix(reference.jacobian(equations, here))

        f, both = at(root)
        for _ in range(8):
            root_ahead = root - mp.lu_solve(both[:, :n], f)
            try:
                f, both = at(root_ahead)
            except reference.NotDefinedError:
                # The root is the edge of what is defined: no nearer point says more.
                break
            root = root_ahead
        slopes = [-mp.lu_solve(both[:, :n], both[:, n + j]) for j in range(len(given))]
    return (
        np.array([float(value) for value in root]),
        np.array([[float(slope[i]) for slope in slopes] for i in range(n)]),
    )


def solved(
    equations: Sequence[str], start: dict[str, Any], parameters: dict[str, Any]
) -> tuple[rs.System, NDArray[np.float64], NDArray[np.float64]]:
    """Return a system, its root near a start, and p."""
    system = build(equations, start, parameters)
    p = system.pack_parameters(parameters)
    solution = system.solve(system.pack_start(start), p, rs.SolveOptions(tolerance=1e-14))
    assert solution.converged, solution
    return system, solution.x, p
