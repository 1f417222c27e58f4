"""The roots that a search found, and what it may claim of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raphson_solver.proof import BoxSearch, Certificate
from raphson_solver.solution.solution import Solution

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class FoundRoot:
    """One root.

    Attributes
    ----------
    solution : Solution
        The converged solve.
    certificate : Certificate or None
        What was proven of it; None where no proof was tried.
    reached : int
        How many iterations ended at it.
    found_by : str
        What reached it first: ``"start"``, ``"deflation"`` or ``"proof"``.
    """

    solution: Solution
    certificate: Certificate | None
    reached: int
    found_by: str

    @property
    def x(self) -> Array:
        """The root, shape (n,)."""
        return self.solution.x

    @property
    def proven(self) -> bool:
        """Whether exactly one root was proven to be within its certificate's box."""
        return self.certificate is not None and self.certificate.proven


@dataclass(frozen=True, slots=True, eq=False)
class Roots:
    """What was found in a box.

    Attributes
    ----------
    roots : tuple of FoundRoot
        Distinct, in the order of x.
    starts : int
        How many starts were tried.
    converged : int
        How many of them led to a root in the box.
    deflated : int
        How many iterations away from known roots were tried besides.
    complete : bool
        Whether it was proven that the box holds no other roots.
    stopped : str
        Why the search from starts ended.
    expected_more : float
        How many roots more are to be expected after what the starts reached, if all roots were as easy to reach
        (Boender and Rinnooy Kan 1987): a guess, no bound. Infinite when too few starts converged to say.
    undecided : tuple of (ndarray, ndarray)
        Lower and upper corners of boxes that may hold more roots, when a proof was asked for.
    refuted : tuple of Solution
        Points that converged but were proven not to be at a root in the box.
    proof : BoxSearch or None
        The proof's own result, when one was asked for.
    """

    roots: tuple[FoundRoot, ...]
    starts: int
    converged: int
    deflated: int
    complete: bool
    stopped: str
    expected_more: float
    undecided: tuple[tuple[Array, Array], ...] = ()
    refuted: tuple[Solution, ...] = ()
    proof: BoxSearch | None = None

    @property
    def x(self) -> Array:
        """The roots, shape (roots, n)."""
        return np.array([root.x for root in self.roots])

    def __str__(self) -> str:
        number = len(self.roots)
        if self.proof is not None and self.complete:
            claim = "proven: the box holds no other"
        elif self.proof is not None:
            claim = f"not proven complete: {len(self.undecided)} places undecided, {self.proof.stopped}"
        else:
            claim = "no claim of completeness: other roots may exist"
        proven = sum(root.proven for root in self.roots)
        lines = [
            f"{number} root{'' if number == 1 else 's'}, {proven} proven to exist; {claim}",
            f"  {self.starts} starts, {self.converged} of them converged, {self.deflated} deflated; {self.stopped}",
        ]
        for root in self.roots:
            point = np.array2string(root.x, precision=10, threshold=8, edgeitems=3)
            lines.append(f"  {point}  reached {root.reached}×{'' if root.proven else '  (not proven)'}")
        return "\n".join(lines)
