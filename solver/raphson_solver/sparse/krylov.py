"""GMRES on a sparse matrix, with what is made of one matrix as preconditioner for those that follow it.

Newton's matrices change little from step to step, so a preconditioner is kept until it has become slow. And steps far
from a root need few digits: the tolerance follows the residual (Eisenstat & Walker 1996, SIAM J. Sci. Comput. 17,
choice 2), so that convergence stays quadratic in the end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from raphson_solver.sparse.matrix import Pattern
from raphson_solver.sparse.stop import Stop

Floats = NDArray[np.float64]

# Eisenstat and Walker's γ and α, and the largest and smallest tolerance.
_GAMMA, _LARGEST, _LEAST = 0.9, 1e-2, 1e-8
# Vectors that are kept, and how often it begins anew before it gives up.
_RESTART, _ROUNDS = 30, 10
# What a round must leave at most of what was left, to be followed by another; and of what is wanted, since the residual
# that GMRES computes with is not quite that of its result.
_STAGNATING, _SURELY = 0.9, 0.9
# A preconditioner that takes so many times as long a digit as it took at first, and more iterations than this, is old.
_OLD, _FEW = 2.0, 8
# A vector of which less is left than this has lost digits to those that it was made orthogonal to.
_SHORTENED = 0.7


class Preconditioner(Protocol):
    """Something like the inverse of a matrix.

    Attributes
    ----------
    description : str
        What it is, in a few words.
    """

    description: str

    def apply(self, right: Floats) -> Floats:
        """Return about A⁻¹·right."""
        ...

    def for_another(self, stop: Stop) -> Preconditioner | None:
        """Return the same for another solve at the same time; None if it is not to be shared."""
        ...


class Maker(Protocol):
    """Makes preconditioners; from the next kind on if one was no good."""

    def make(self, pattern: Pattern, values: Floats, stop: Stop) -> Preconditioner | None:
        """Return one for a matrix, or None if it cannot be made."""
        ...


@dataclass(slots=True)
class Kept:
    """The preconditioner of the first matrix of a pattern, shared by all solves.

    It stays, so that what a solve gives does not depend on those before it, but for the very first.

    Attributes
    ----------
    first : tuple of Preconditioner, int and float, or None
        With the number of its kind, and how many iterations a digit took.
    """

    first: tuple[Preconditioner, int, float] | None = None


class Krylov:
    """Solves with one matrix after another of a pattern.

    Parameters
    ----------
    pattern : Pattern
        Of all of them.
    makers : sequence of Maker
        What preconditioners to try, in order.
    stop : Stop
        What may end the work.
    kept : Kept, optional
        What solves begin with.
    """

    def __init__(self, pattern: Pattern, makers: tuple[Maker, ...], stop: Stop, kept: Kept | None = None) -> None:
        self._pattern, self._makers, self._stop = pattern, makers, stop
        self._kept = Kept() if kept is None else kept
        self._values = np.empty(pattern.entries)
        self._matrix: Any = None
        self._preconditioner: Preconditioner | None = None
        self._kind, self._digit, self._is_fresh = 0, 0.0, False
        self._last_size = 0.0
        self.iterations = 0

    @property
    def description(self) -> str:
        """What was done, in a few words."""
        by = "nothing" if self._preconditioner is None else self._preconditioner.description
        return f"GMRES preconditioned by {by}, {self.iterations} iterations"

    def begin(self) -> None:
        """Forget what was found for the matrices of another solve."""
        self._preconditioner = None
        self._kind, self._last_size, self.iterations = 0, 0.0, 0

    def factorize(self, values: Floats) -> bool:
        """Take a matrix, entries in the order of the pattern; return whether there is a preconditioner."""
        self._values[:] = values
        with self._stop.unheard():
            self._matrix = self._pattern.by_rows(self._values)
        self._is_fresh = False
        return self._preconditioner is not None or self._begin_with_kept() or self._make()

    def take(self, values: Floats, made: Preconditioner) -> None:
        """Take a matrix whose preconditioner is there already."""
        self._preconditioner = made
        self.factorize(values)
        self._is_fresh = True

    def solve(self, right: Floats, solution: Floats) -> bool:
        """Solve to the tolerance that the step needs; return whether that was reached."""
        largest = float(np.max(np.abs(right)))
        if self._preconditioner is None or not np.isfinite(largest):
            return False
        if largest == 0.0:
            solution[:] = 0.0
            return True
        # Squares must not overflow.
        unit = right / largest
        size = largest * float(np.linalg.norm(unit))
        tolerance = _LARGEST
        if self._last_size > 0.0:
            tolerance = min(_LARGEST, max(_LEAST, _GAMMA * min(1.0, size / self._last_size) ** 2))
        self._last_size = size
        while not self._iterate(unit, tolerance, solution):
            if self._is_fresh:
                self._kind += 1
                self._preconditioner = None
            if not self._make():
                return False
        with np.errstate(over="ignore"):
            solution *= largest
        return True

    # --- inside ---------------------------------------------------------------------------------------------

    def _begin_with_kept(self) -> bool:
        first = self._kept.first
        if first is not None:
            made, self._kind, self._digit = first
            self._preconditioner = made.for_another(self._stop)
        return self._preconditioner is not None

    def _make(self) -> bool:
        """Make a preconditioner of this matrix, of the first kind that can be made."""
        while self._kind < len(self._makers):
            self._stop.check()
            self._preconditioner = self._makers[self._kind].make(self._pattern, self._values, self._stop)
            if self._preconditioner is not None:
                self._is_fresh, self._digit = True, 0.0
                return True
            self._kind += 1
        return False

    def _iterate(self, right: Floats, tolerance: float, solution: Floats) -> bool:
        """Run GMRES, preconditioned from the right (Saad 1993); return whether it reached the tolerance."""
        made = self._preconditioner
        assert made is not None
        allowed = _RESTART * _ROUNDS
        if not self._is_fresh:
            allowed = max(_FEW, math.ceil(-_OLD * self._digit * math.log10(tolerance)))
        taken, found, left = 0, np.zeros_like(right), right
        size = wanted = float(np.linalg.norm(right))
        wanted *= tolerance
        while size > wanted:
            if taken >= allowed:
                return False
            ahead, count = self._round(left, size, wanted, min(_RESTART, allowed - taken))
            taken += count
            self.iterations += count
            self._stop.check()
            found += ahead
            left = right - self._matrix @ found
            new = float(np.linalg.norm(left))
            if not new < _STAGNATING * size:
                return False
            size = new
        if self._is_fresh:
            gained = float(np.linalg.norm(right)) / size if size > 0.0 else math.inf
            self._digit = taken / max(1.0, math.log10(gained))
            if self._kept.first is None:
                self._kept.first = (made, self._kind, self._digit)
        solution[:] = found
        return True

    def _round(self, left: Floats, size: float, wanted: float, most: int) -> tuple[Floats, int]:
        """Return the combination of at most so many preconditioned directions that leaves least, and how many."""
        made = self._preconditioner
        assert made is not None
        # What is not filled takes no memory.
        directions, preconditioned = np.empty((most + 1, left.size)), np.empty((most, left.size))
        directions[0] = left / size
        triangle = np.zeros((most + 1, most))
        rotations: list[tuple[float, float]] = []
        rest = np.zeros(most + 1)
        rest[0] = size
        for k in range(most):
            self._stop.check()
            preconditioned[k] = made.apply(directions[k])
            # For 10⁶ unknowns each of these takes tens of milliseconds.
            self._stop.check()
            new = self._matrix @ preconditioned[k]
            column, known = triangle[:, k], directions[: k + 1]
            length, before = float(np.linalg.norm(new)), math.inf
            # Again where little was left: once loses orthogonality where directions are nearly dependent.
            while length < _SHORTENED * before:
                parts = known @ new
                self._stop.check()
                column[: k + 1] += parts
                new -= parts @ known
                length, before = float(np.linalg.norm(new)), length
                self._stop.check()
            column[k + 1] = length
            for number, (cosine, sine) in enumerate(rotations):
                upper, lower = column[number], column[number + 1]
                column[number], column[number + 1] = cosine * upper + sine * lower, cosine * lower - sine * upper
            radius = float(np.hypot(column[k], column[k + 1]))
            if not (radius > 0.0 and np.isfinite(radius)):
                most = k
                break
            beyond = column[k + 1]
            rotations.append((column[k] / radius, beyond / radius))
            column[k], column[k + 1] = radius, 0.0
            rest[k], rest[k + 1] = rotations[k][0] * rest[k], -rotations[k][1] * rest[k]
            if abs(rest[k + 1]) <= _SURELY * wanted or beyond == 0.0:
                most = k + 1
                break
            np.divide(new, length, out=directions[k + 1])
        self._stop.check()
        shares = np.linalg.solve(triangle[:most, :most], rest[:most]) if most else np.empty(0)
        return shares @ preconditioned[:most], max(most, 1)
