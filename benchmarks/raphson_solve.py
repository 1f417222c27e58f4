"""raphson on a large system, from its text, as one participant beside its peers."""

from __future__ import annotations

import numpy as np
import raphson_solver

from benchmarks.large_systems import LargeSystem, bratu, burgers
from benchmarks.power_network import Network


class Raphson:
    """The solver of one text.

    Parameters
    ----------
    name : str
        ``bratu``, ``burgers`` or ``power_flow``.
    n : int, optional
        Unknowns, of the first two.
    path : str, optional
        Of the network, of the third.
    """

    def __init__(self, name: str, n: int | None = None, path: str | None = None) -> None:
        system = large_system(name, n, path)
        self._system = compiled = raphson_solver.compile(
            system.equations, start=system.start, parameters=system.parameters
        )
        self._x = compiled.pack_start(system.start)
        free = {parameter: system.parameters[parameter] for parameter, _ in compiled.free_parameters}
        self._p = compiled.pack_parameters(free)
        self.linear = ""

    def settle(self) -> None:
        """Make the code now that a quarter of a second of use would bring."""
        self._system.compile()

    def solve(self) -> tuple[np.ndarray, int]:
        """Return x and the number of iterations.

        Raises
        ------
        RuntimeError
            If it did not converge.
        """
        solution = self._system.solve(self._x, self._p)
        if not solution.converged:
            raise RuntimeError(f"{solution.status.name}: {solution.status.message}")
        self.linear = str(getattr(solution, "linear_solver", "not said"))
        return solution.x, solution.iterations


def large_system(name: str, n: int | None, path: str | None) -> LargeSystem:
    """Return one of the three systems."""
    if name == "power_flow":
        assert path is not None
        return Network.load(path).system()
    assert n is not None
    return {"bratu": bratu, "burgers": burgers}[name](n)
