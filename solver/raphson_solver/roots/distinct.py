"""Which points are the same root: by certificates where there are any, by distance else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raphson_solver.proof import Certificate
from raphson_solver.solution.solution import Solution

Array = NDArray[np.float64]

_UNTRIED = 1e-6
"""Points nearer than this, in parts of the box, are one root where no proof was tried."""
_UNPROVEN = 1e-4
"""… where proof was tried and failed: solves end all around a multiple root."""


@dataclass(slots=True, eq=False)
class Known:
    """A root found so far."""

    solution: Solution
    certificate: Certificate | None
    found_by: str
    reached: int = 1

    @property
    def proven(self) -> bool:
        """Whether its certificate proves it."""
        return self.certificate is not None and self.certificate.proven


class Distinct:
    """The roots found so far, no two the same.

    Parameters
    ----------
    certify : callable or None
        Returns the certificate of a point; None not to try.
    width : ndarray, shape (n,)
        Of the box.
    """

    def __init__(self, certify: Callable[[Array], Certificate] | None, width: Array) -> None:
        self._certify = certify
        self._width = width
        self.roots: list[Known] = []

    def add(self, solution: Solution, found_by: str) -> bool:
        """Count a converged solve to the root where it ended; return whether that is a new one."""
        # Within half of where a root is alone no proof of the point's own is needed: its last step was short.
        same = self._near(solution.x)
        certificate = None
        if same is None:
            certificate = self._certify(solution.x) if self._certify is not None else None
            same = self._same(solution.x, certificate)
        if same is None:
            self.roots.append(Known(solution, certificate, found_by))
            return True
        same.reached += 1
        if not same.proven and _worst(solution) < _worst(same.solution):
            same.solution, same.certificate = solution, certificate if self._certify is not None else None
        return False

    def _near(self, x: Array) -> Known | None:
        for root in self.roots:
            if root.proven and root.certificate is not None:
                away = np.abs(x - root.solution.x)
                if np.all(away <= np.maximum(0.5 * root.certificate.unique_radius, root.certificate.radius)):
                    return root
        return None

    def _same(self, x: Array, certificate: Certificate | None) -> Known | None:
        for root in self.roots:
            if certificate is not None and certificate.proven and root.proven and root.certificate is not None:
                if _one_root(x, certificate, root.solution.x, root.certificate):
                    return root
            else:
                tried = certificate is not None and root.certificate is not None
                reach = _UNPROVEN if tried and not root.proven else _UNTRIED
                if np.all(np.abs(x - root.solution.x) <= reach * self._width):
                    return root
        return None


def _one_root(x: Array, mine: Certificate, y: Array, other: Certificate) -> bool:
    """Return whether two proven boxes hold one root: one lies where the other's root is alone, or they overlap."""
    if _within(mine, y, other.unique_radius) or _within(other, x, mine.unique_radius):
        return True
    return bool(np.all((mine.lower <= other.upper) & (other.lower <= mine.upper)))


def _within(box: Certificate, centre: Array, radius: Array) -> bool:
    return bool(np.all((centre - radius < box.lower) & (box.upper < centre + radius)))


def _worst(solution: Solution) -> float:
    return float(np.max(solution.scaled_residual))
