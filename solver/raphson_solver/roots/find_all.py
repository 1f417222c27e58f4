"""Looks for all the roots in a box."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raphson_solver.errors import InputError
from raphson_solver.proof import BoxSearch, Certificate, Prover, search_box
from raphson_solver.roots.deflation import deflated
from raphson_solver.roots.distinct import Distinct, Known
from raphson_solver.roots.roots import FoundRoot, Roots
from raphson_solver.solution.local import vectors
from raphson_solver.solution.options import SolveOptions
from raphson_solver.solution.packing import check_finite, pack, vector
from raphson_solver.solution.solution import Solution

if TYPE_CHECKING:
    from raphson_solver.solution.system import System

Array = NDArray[np.float64]
Point = ArrayLike | Mapping[str, Any]

LARGEST_PROVEN = 4
"""Variables up to which the absence of other roots can be proven on request."""
LARGEST_CERTIFIED = 20
"""Variables up to which roots are certified: the work grows with their cube, in arithmetic of 106 bits."""

_BATCH = 64
_LARGEST_SOBOL = 21_201
_WIDEST = 0.5 * float(np.finfo(np.float64).max)
_UNLIKELY = 0.5
_OFTEN, _SELDOM = 10, 4
"""After this many starts that found nothing new, only one in so many is deflated."""
_DEFAULT = SolveOptions(max_iterations=200)


@dataclass(frozen=True, kw_only=True, slots=True)
class RootLimits:
    """How far to look.

    Attributes
    ----------
    max_starts : int
        Starts to try; at least 1.
    max_roots : int
        Roots after which the search ends; at least 1.
    patience : int
        It may end when as many starts in a row found nothing new, and less than half a root more is to be expected;
        at least 1.
    max_boxes : int
        Boxes to examine when a proof is asked for; at least 1.
    """

    max_starts: int = 1000
    max_roots: int = 1000
    patience: int = 40
    max_boxes: int = 50_000

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if not (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
                raise InputError(f"limits.{name}", f"expected a whole number of at least 1, found {value!r}")


def find_all(
    system: System,
    lower: Point,
    upper: Point,
    p: Point | None = None,
    options: SolveOptions = _DEFAULT,
    *,
    limits: RootLimits | None = None,
    seed: int = 0,
    prove: bool = False,
    should_stop: Callable[[], bool] | None = None,
    progress: Callable[[int, int], None] | None = None,
    on_root: Callable[[FoundRoot], None] | None = None,
) -> Roots:
    """Look for all the roots in a box, from many starts and away from the roots already found.

    Without `prove` nothing is claimed of roots that were not found. The same arguments give the same roots.

    Parameters
    ----------
    system : System
        With at least as many equations as variables.
    lower, upper : array of shape (n,), or mapping of names to values
        The box: finite, and f is not evaluated outside.
    p : array of shape (k,), or mapping of names to values, optional
        The parameters.
    options : SolveOptions
        Of each solve; best with few iterations.
    limits : RootLimits, optional
        How far to look.
    seed : int
        Of the starts.
    prove : bool
        Whether to examine the whole box afterwards, so that no root is missed: for a square system of four variables
        at most, without bounds on the time it may take but `limits.max_boxes`.
    should_stop : callable, optional
        Asked before every start, and before every box.
    progress : callable, optional
        Told after every start how many were tried, and how many roots were found.
    on_root : callable, optional
        Told of each root at once when it is found. One whose certificate proves nothing may still be found again more
        exactly, or be refuted by a proof of the whole box: the result is what counts.

    Returns
    -------
    Roots

    Raises
    ------
    InputError
        When the box is none, an argument does not fit, or nothing can be proven of such a system.
    """
    search = _Search(system, lower, upper, p, options, limits or RootLimits(), should_stop or (lambda: False))
    search.on_root = on_root or (lambda root: None)
    if prove and not (system.m == system.n <= LARGEST_PROVEN):
        raise InputError(
            "prove",
            f"that no root is missed can be proven of square systems of {LARGEST_PROVEN} variables at most; "
            f"this one is {system.m}×{system.n}",
        )
    search.run(seed, progress or (lambda starts, roots: None))
    return search.proven() if prove else search.found()


class _Search:
    def __init__(
        self,
        system: System,
        lower: Point,
        upper: Point,
        p: Point | None,
        options: SolveOptions,
        limits: RootLimits,
        should_stop: Callable[[], bool],
    ) -> None:
        if system.m < system.n:
            raise InputError(
                "roots",
                f"with {system.m} equations for {system.n} variables roots are not apart from each other; "
                "expected at least as many equations",
            )
        self._system, self._options, self._limits, self._should_stop = system, options, limits, should_stop
        self._lower, self._upper = _corner(system, lower, "lower"), _corner(system, upper, "upper")
        if not np.all(self._lower < self._upper):
            raise InputError("lower", "each number must be below the one in `upper`")
        if not np.all(0.5 * self._upper - 0.5 * self._lower < _WIDEST):
            raise InputError("upper", "the box is too wide for doubles")
        _, self._p = vectors(system, self._lower, p)
        made = system.kernels
        self._prover = None
        if system.m == system.n <= LARGEST_CERTIFIED:
            self._prover = Prover(made.graph, made.equations)
        self._distinct = Distinct(None if self._prover is None else self._certified, self._upper - self._lower)
        self._starts = self._converged = self._deflated = 0
        self._stopped = ""
        self.on_root: Callable[[FoundRoot], None] = lambda root: None

    def run(self, seed: int, progress: Callable[[int, int], None]) -> None:
        """Try starts until it is time to stop."""
        limits, quiet = self._limits, 0
        for start in _starts(self._lower, self._upper, seed):
            if self._should_stop():
                self._stopped = "stopped by the caller"
            elif self._starts >= limits.max_starts:
                self._stopped = f"the limit of {limits.max_starts:,} starts was met"
            elif len(self._distinct.roots) >= limits.max_roots:
                self._stopped = f"the limit of {limits.max_roots:,} roots was met"
            elif quiet >= limits.patience and self._enough():
                self._stopped = f"the last {quiet} starts found nothing new"
            if self._stopped:
                return
            quiet = 0 if self._try(start, deflate=quiet <= _OFTEN or quiet % _SELDOM == 0) else quiet + 1
            progress(self._starts, len(self._distinct.roots))

    def found(self) -> Roots:
        """Return what was found, which claims nothing of other roots."""
        return Roots(
            roots=self._ordered(self._distinct.roots),
            starts=self._starts,
            converged=self._converged,
            deflated=self._deflated,
            complete=False,
            stopped=self._stopped,
            expected_more=self._expected_more(),
        )

    def proven(self) -> Roots:
        """Return what was found after the whole box was examined."""
        made = self._system.kernels
        result = search_box(
            made.graph,
            made.equations,
            self._lower,
            self._upper,
            self._p,
            limit_boxes=self._limits.max_boxes,
            should_stop=self._should_stop,
        )
        lost = [root for root in result.roots if not self._is_known(root.lower, root.upper)]
        for root in lost:
            sides = np.maximum(self._lower, root.lower), np.minimum(self._upper, root.upper)
            solution = self._system.solve(sides[0], self._p, self._options, bounds=sides)
            self._distinct.roots.append(Known(solution, root, "proof"))
            self.on_root(_told(self._distinct.roots[-1]))
        kept, refuted = self._judged(result)
        return replace(
            self.found(),
            roots=self._ordered(kept),
            refuted=tuple(known.solution for known in refuted),
            complete=result.complete,
            undecided=result.undecided,
            proof=result,
        )

    def _try(self, start: Array, *, deflate: bool) -> bool:
        """Solve from a start, and perhaps again away from what is known; return whether anything new was found."""
        self._starts += 1
        solution = self._solve(start)
        new = False
        if solution.converged:
            self._converged += 1
            new = self._add(solution, "start")
        if not deflate or self._system.m != self._system.n or not self._distinct.roots:
            return new
        self._deflated += 1
        known = [root.solution.x for root in self._distinct.roots]
        end = deflated(self._system, start, self._p, known, self._lower, self._upper)
        if end is not None:
            polished = self._solve(end)
            if polished.converged:
                new = self._add(polished, "deflation") or new
        return new

    def _add(self, solution: Solution, found_by: str) -> bool:
        """Count a converged solve; return whether its root is a new one."""
        is_new = self._distinct.add(solution, found_by)
        if is_new:
            self.on_root(_told(self._distinct.roots[-1]))
        return is_new

    def _solve(self, start: Array) -> Solution:
        return self._system.solve(start, self._p, self._options, bounds=(self._lower, self._upper))

    def _certified(self, x: Array) -> Certificate:
        assert self._prover is not None
        return self._prover.certify(x, self._p)

    def _expected_more(self) -> float:
        found, tries = len(self._distinct.roots), self._converged
        return found * (found + 1) / (tries - found - 2) if tries > found + 2 else math.inf

    def _enough(self) -> bool:
        # Where no start converges at all, there is nothing to estimate from.
        return not self._distinct.roots or self._expected_more() < _UNLIKELY

    def _is_known(self, lower: Array, upper: Array) -> bool:
        return any(_meets(root, lower, upper) for root in self._distinct.roots)

    def _judged(self, result: BoxSearch) -> tuple[list[Known], list[Known]]:
        """Return the roots that a proof leaves, and points that it shows to be none."""
        kept: list[Known] = []
        refuted: list[Known] = []
        for root in self._distinct.roots:
            held = [*((proof.lower, proof.upper) for proof in result.roots), *result.undecided]
            is_left = root.proven or not result.complete or any(_meets(root, low, high) for low, high in held)
            (kept if is_left else refuted).append(root)
        return kept, refuted

    def _ordered(self, roots: list[Known]) -> tuple[FoundRoot, ...]:
        ordered = sorted(roots, key=lambda root: root.solution.x.tolist())
        return tuple(map(_told, ordered))


def _told(root: Known) -> FoundRoot:
    return FoundRoot(root.solution, root.certificate, root.reached, root.found_by)


def _meets(root: Known, lower: Array, upper: Array) -> bool:
    """Return whether a root may be in a box: its certificate's box meets it, or its point is inside."""
    low = high = root.solution.x
    if root.proven and root.certificate is not None:
        low, high = root.certificate.lower, root.certificate.upper
    return bool(np.all((low <= upper) & (lower <= high)))


def _corner(system: System, values: Point, field: str) -> Array:
    if isinstance(values, Mapping):
        return pack(values, system.variables, field)
    corner = vector(values, system.n, field, "a number a variable").copy()
    check_finite(corner, field)
    return corner


def _starts(lower: Array, upper: Array, seed: int) -> Iterator[Array]:
    """Yield the middle of the box, then points that fill it evenly, without end."""
    from scipy.stats import qmc  # noqa: PLC0415 - half a second

    yield 0.5 * lower + 0.5 * upper
    kind = qmc.Sobol if lower.size <= _LARGEST_SOBOL else qmc.Halton
    sequence = kind(lower.size, scramble=False)
    # Shifted around, not scrambled: the same starts with every version of SciPy.
    shift = np.random.default_rng(seed).random(lower.size)
    while True:
        for point in (sequence.random(_BATCH) + shift) % 1.0:
            yield np.clip(lower + point * (upper - lower), lower, upper)
