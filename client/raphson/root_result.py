"""What `root` returns: shaped as scipy.optimize's, with items and attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from raphson.arrays import Array
    from raphson.solution import Solution
    from raphson.vocabulary import Status


class RootResult(dict[str, Any]):
    """A solution as ``scipy.optimize.OptimizeResult`` has it: ``result.x`` is ``result["x"]``.

    Attributes
    ----------
    x : ndarray, shape (n,)
        The returned point.
    success : bool
        Whether it is a root: whether the scaled residual passes at x.
    status : Status
        How it ended; 1 for success, as MINPACK has it.
    message : str
        What happened, and what to try.
    fun : ndarray, shape (m,)
        f there.
    nfev, njev, nit : int
        Evaluations of f, those for differences included; Jacobians; steps.
    method, how : str
        What found it; and whether f was "traced" or reached by "callback".
    """

    x: Array
    success: bool
    status: Status
    message: str
    fun: Array
    nfev: int
    njev: int
    nit: int
    method: str
    how: str

    @classmethod
    def of(cls, solution: Solution) -> RootResult:
        """Return a solution in this shape."""
        message = solution.message if solution.converged else f"{solution.message}; {solution.remedy}"
        return cls(
            x=solution.x.copy(),
            success=solution.converged,
            status=solution.status,
            message=message.rstrip("; "),
            fun=solution.residual.copy(),
            nfev=solution.evaluations,
            njev=solution.jacobian_evaluations,
            nit=solution.iterations,
            method=solution.method.name.lower(),
            how=solution.how,
        )

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(f"{name!r} is not in this result; it has {', '.join(self)}") from error

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        del self[name]

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self]

    def __repr__(self) -> str:
        width = max(map(len, self))
        return "\n".join(f"{name:>{width}}: {_shown(value, width + 2)}" for name, value in self.items())


def _shown(value: Any, indent: int) -> str:
    if isinstance(value, np.ndarray):
        text = np.array2string(value, precision=10, threshold=20, edgeitems=3)
        return text.replace("\n", "\n" + " " * indent)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(int(value))
    return str(value)
