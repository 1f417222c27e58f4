"""The answer of a solve, with its evidence."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from raphson_solver.engine import layout
from raphson_solver.engine.status import Method, Status

if TYPE_CHECKING:
    from raphson_solver.explanation import Explanation, Structure
    from raphson_solver.proof import Certificate
    from raphson_solver.solution.region import Bounds
    from raphson_solver.solution.system import System
    from raphson_solver.solution.trace import TraceStep

# By the float that the engine writes: looking it up costs a tenth of making the member.
_METHODS = {float(method): method for method in Method}
_STATUSES = {int(status): status for status in Status}

DENSE_LU = "dense LU"
"""How linear systems are solved where J is not sparse."""


class Solution:
    """Where an iteration ended, and why.

    Attributes
    ----------
    status : Status
        How it ended; ``status.message`` and ``status.remedy`` say more.
    x : ndarray, shape (n,)
        The returned point; by name, and in its own shape, as ``solution["name"]``.
    residual : ndarray, shape (m,)
        f there: left minus right side, in the units of the equations.
    scaled_residual : ndarray, shape (m,)
        |f| over the size of the terms that cancel in each equation; dimensionless.
    iterations, evaluations, jacobian_evaluations : int
        Newton steps; evaluations of f, those for differences included; Jacobians.
    elapsed_seconds : float
        Time spent iterating.
    method : Method
        The method that reached the point.
    p : ndarray
        The free parameters that it was solved for, flattened.
    trace : list of TraceStep, optional
        Every step, if asked for.
    linear_solver : str
        How linear systems with J were solved, in a few words.
    numbers : ndarray, shape (COUNTS + m + n + m,)
        All of these that are numbers but p, in one array.
    """

    __slots__ = ("_answer", "_asked", "_status", "_system")

    COUNTS: ClassVar = layout.ANSWER_HEADER
    """How many numbers come first in `numbers`."""

    def __init__(
        self,
        system: System,
        answer: NDArray[np.float64],
        status: int,
        asked: tuple[Bounds | None, list[TraceStep] | None, str] = (None, None, DENSE_LU),
    ) -> None:
        # As little as can be: making this took a fifth of a small solve. `answer` is as in `layout.Memory`.
        self._system = system
        self._answer = answer
        self._status = status
        self._asked = asked

    @property
    def status(self) -> Status:
        """How it ended."""
        return _STATUSES[self._status]

    @property
    def elapsed_seconds(self) -> float:
        """Time spent iterating."""
        return self._told(layout.ANSWER_ELAPSED)

    @property
    def p(self) -> NDArray[np.float64]:
        """The free parameters that it was solved for, flattened."""
        return self._answer[: self._system.parameter_count]

    @property
    def trace(self) -> list[TraceStep] | None:
        """Every step, if asked for."""
        return self._asked[1]

    @property
    def linear_solver(self) -> str:
        """How linear systems with J were solved, in a few words."""
        return self._asked[2]

    @property
    def numbers(self) -> NDArray[np.float64]:
        """All numbers in one array, shape (COUNTS + m + n + m,), for programs that pass them on.

        Iterations, evaluations of f and of J, method, largest |f|, regularized steps, seconds; then the scaled
        residual, x and f.
        """
        return self._answer[-layout.ANSWER_HEADER - 2 * self._system.m - self._system.n :]

    def _told(self, place: int) -> float:
        """Return a number of the answer's header."""
        return float(self._answer[place - layout.ANSWER_HEADER - 2 * self._system.m - self._system.n])

    @property
    def iterations(self) -> int:
        """Newton steps, over all attempts."""
        return int(self._told(layout.ANSWER_ITERATIONS))

    @property
    def evaluations(self) -> int:
        """Evaluations of f, those for differences included."""
        return int(self._told(layout.ANSWER_EVALUATIONS))

    @property
    def jacobian_evaluations(self) -> int:
        """Evaluations of J."""
        return int(self._told(layout.ANSWER_JACOBIANS))

    @property
    def method(self) -> Method:
        """The method that reached the point."""
        return _METHODS[self._told(layout.ANSWER_METHOD)]

    @property
    def regularized_steps(self) -> int:
        """Steps at which J was singular, so that the shortest least-squares step was taken instead of Newton's."""
        return int(self._told(layout.ANSWER_REGULARIZED))

    @property
    def x(self) -> NDArray[np.float64]:
        """The returned point, shape (n,)."""
        m = self._system.m
        return self._answer[-m - self._system.n : -m]

    @property
    def residual(self) -> NDArray[np.float64]:
        """F at the returned point, shape (m,)."""
        return self._answer[-self._system.m :]

    @property
    def scaled_residual(self) -> NDArray[np.float64]:
        """|f| over the size of the terms that cancel, shape (m,)."""
        m, n = self._system.m, self._system.n
        return self._answer[-2 * m - n : -m - n]

    @property
    def active_bounds(self) -> tuple[tuple[int, str], ...]:
        """The variables that stand at a bound: their places in x, and "lower" or "upper"."""
        bounds = self._asked[0]
        if bounds is None:
            return ()
        lower, upper = self.x <= bounds.lower, self.x >= bounds.upper
        return tuple((int(j), "lower" if lower[j] else "upper") for j in np.flatnonzero(lower | upper))

    @property
    def residual_norm(self) -> float:
        """The largest |f|; NaN if any is."""
        return self._told(layout.ANSWER_NORM)

    @property
    def converged(self) -> bool:
        """Whether the scaled residual passes."""
        return self._status == Status.CONVERGED

    @property
    def message(self) -> str:
        """What happened."""
        return self.status.message

    @property
    def remedy(self) -> str:
        """What to try next; empty for success."""
        return self.status.remedy

    def explain(self) -> Explanation | Structure:
        """Say what is wrong at the returned point: the worst equations, what is dependent, not finite, at a bound."""
        from raphson_solver.solution.evidence import explain  # noqa: PLC0415

        return explain(self._system, self.x, self.p, self._asked[0])

    def certify(self) -> Certificate:
        """Prove that a box around the returned point holds exactly one root, or say why that fails."""
        return self._system.certify(self.x, self.p)

    def __getitem__(self, name: str) -> float | NDArray[np.float64]:
        """Return a variable: a float for a scalar, else an array of its shape."""
        return self._system.unpack(self.x)[name]

    def __repr__(self) -> str:
        lines = [f"{self.status.name.lower().replace('_', ' ')} after {_count(self.iterations, 'iteration')}"]
        if not self.converged:
            lines.append(f"  {self.message}; {self.remedy}" if self.remedy else f"  {self.message}")
        values: dict[str, Any] = self._system.unpack(self.x)
        for name, value in values.items():
            text = np.array2string(np.asarray(value), precision=10, threshold=8, edgeitems=3)
            lines.append(f"  {name} = {text}")
        norm = self.residual_norm
        lines.append(f"  largest |f| = {norm:.3g}" if math.isfinite(norm) else "  f is not finite here")
        return "\n".join(lines)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
