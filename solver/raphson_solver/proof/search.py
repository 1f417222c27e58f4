"""All the roots in a box: what cannot hold a root is left out, what holds one is proven to, the rest is halved."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from flint import arb
from numpy.typing import ArrayLike, NDArray

from raphson_solver.errors import InputError
from raphson_solver.expression.graph import Graph
from raphson_solver.proof import balls, krawczyk
from raphson_solver.proof.certificate import Certificate, Prover
from raphson_solver.proof.clusters import merged
from raphson_solver.proof.extent import Extent, Reach
from raphson_solver.proof.krawczyk import SingularError
from raphson_solver.proof.precision import working_bits
from raphson_solver.proof.slopes import NoSlopeError

Vector = NDArray[np.float64]
Box = tuple[Extent, ...]
Progress = Callable[[int, int, int], None]

_BITS = 53
_FARTHEST = 0.5 * float(np.finfo(np.float64).max)
"""Corners as far as this are refused: the width of the box would not be finite."""
_PROGRESS_EVERY = 64
_MOST_CONTRACTIONS = 4
_WORTHWHILE = 0.7
"""A contraction is repeated while it leaves less than this of the widest side."""
_SPLIT = 0.4871
"""Not the middle: roots like to be there, and a root on an edge is met twice."""
_SMALL = 1e-4
"""Boxes this narrow are pursued to their end before wider ones, which go in turn."""
_MARGIN = 16.0
"""How far around a box too narrow to halve nothing is looked for, in narrowest widths."""
_WIDEST_BLUR = 1e-4
"""How much of the width such a place may take when several grow together."""
_NEAR = 1e3
"""How far apart undecided boxes may be to be told as one, in narrowest widths."""
_TOO_NARROW = (
    "boxes became too narrow to halve: they may hold a root that is multiple, or at a kink, jump or domain's end"
)


@dataclass(frozen=True, slots=True, eq=False)
class BoxSearch:
    """What a box was found to hold.

    Attributes
    ----------
    roots : tuple of Certificate
        One a root, each the only one in its own box. A root on an edge of the box searched, but for rounding, is here.
    undecided : tuple of (ndarray, ndarray)
        Lower and upper corners of boxes that may hold more roots.
    complete : bool
        Whether nothing is undecided: the roots are all that there are.
    boxes : int
        How many boxes were examined.
    stopped : str
        Why boxes were left undecided, empty if none was.
    """

    roots: tuple[Certificate, ...]
    undecided: tuple[tuple[Vector, Vector], ...]
    complete: bool
    boxes: int
    stopped: str = ""

    def __str__(self) -> str:
        found = f"{len(self.roots)} root{'s' if len(self.roots) != 1 else ''}"
        if self.complete:
            return f"{found} in the box, and no other ({self.boxes} boxes examined)"
        return f"{found} found, {len(self.undecided)} places undecided ({self.boxes} boxes examined): {self.stopped}"


def search_box(
    graph: Graph,
    equations: Sequence[int],
    lower: ArrayLike,
    upper: ArrayLike,
    p: ArrayLike = (),
    *,
    limit_boxes: int = 50_000,
    narrowest: float = 1e-10,
    should_stop: Callable[[], bool] | None = None,
    progress: Progress | None = None,
) -> BoxSearch:
    """Find all the roots in a closed box; the work grows quickly with n, which should be at most 4 or so.

    f is the graph's function of real numbers: constants, parameters and the bounds are the doubles they are.

    Parameters
    ----------
    graph : Graph
        Holds f.
    equations : sequence of int, length n
        The nodes of f.
    lower, upper : array-like, shape (n,)
        The corners of the box, finite.
    p : array-like, shape (k,), optional
        Parameters.
    limit_boxes : int
        How many boxes to examine before the rest is left undecided.
    narrowest : float
        What part of the box's width is not halved any more.
    should_stop : callable, optional
        Asked before every box.
    progress : callable, optional
        Told from time to time how many boxes were examined, how many wait, and how many roots were found.

    Raises
    ------
    InputError
        Where the corners are no box, or there are not as many equations as unknowns.
    """
    low, high = (np.array(corner, dtype=np.float64).reshape(-1) for corner in (lower, upper))
    if low.shape != high.shape or not np.all((low < high) & (np.abs(low) < _FARTHEST) & (np.abs(high) < _FARTHEST)):
        raise InputError("lower", "the corners must be finite, as many as each other, and each lower below its upper")
    if len(equations) != low.size:
        raise InputError("equations", f"{len(equations)} of them in {low.size} unknowns: expected as many of both")
    given = np.array(p, dtype=np.float64).reshape(-1)
    if not np.all(np.isfinite(given)):
        raise InputError("parameters", "they must be finite")
    search = _Search(graph, equations, tuple(zip(low.tolist(), high.tolist(), strict=True)), given.tolist(), narrowest)
    return search.run(limit_boxes, should_stop or (lambda: False), progress or (lambda examined, waiting, found: None))


class _Search:
    """The boxes that wait, and what was found so far."""

    def __init__(self, graph: Graph, equations: Sequence[int], whole: Box, p: list[float], narrowest: float) -> None:
        self._prover = Prover(graph, equations)
        self._reach = Reach(graph, equations)
        self._whole = whole
        self._widths = [high - low for low, high in whole]
        self._narrowest = narrowest
        self._p = p
        self._parameters = balls.points(p)
        self._waiting: deque[Box] = deque([whole])
        self._roots: list[Certificate] = []
        # For each root, where no other is.
        self._alone: list[Box] = []
        # Where boxes became too narrow, and a margin around: nothing there is pursued any further.
        self._undecided: list[Box] = []

    def run(self, limit_boxes: int, should_stop: Callable[[], bool], progress: Progress) -> BoxSearch:
        """Examine boxes until none is left, or it is time to stop."""
        examined, stopped = 0, ""
        while self._waiting:
            if should_stop():
                stopped = "the search was stopped"
                break
            if examined >= limit_boxes:
                stopped = f"the limit of {limit_boxes:,} boxes was met"
                break
            with working_bits(_BITS):
                self._examine(self._waiting.popleft())
            examined += 1
            if examined % _PROGRESS_EVERY == 0:
                progress(examined, len(self._waiting), len(self._roots))
        left = merged([*self._undecided, *self._waiting], [_NEAR * self._narrowest * width for width in self._widths])
        return BoxSearch(
            roots=tuple(root for root in self._roots if self._is_in(root)),
            undecided=tuple((box[:, 0].copy(), box[:, 1].copy()) for box in left),
            complete=not left,
            boxes=examined,
            stopped=stopped or (_TOO_NARROW * bool(left)),
        )

    def _is_in(self, root: Certificate) -> bool:
        return all(
            low <= b and a <= high for a, b, (low, high) in zip(root.lower, root.upper, self._whole, strict=True)
        )

    def _examine(self, box: Box) -> None:
        """Leave a box out, or put what is left of it back, in halves."""
        rest: Box | None = self._trimmed(box)
        for _ in range(_MOST_CONTRACTIONS):
            if rest is None or self._reach.excludes_zero(rest, self._p):
                return
            smaller = self._contracted(rest)
            if smaller is None:
                return
            gain = self._width(smaller) < _WORTHWHILE * self._width(rest)
            rest = smaller
            if not gain:
                break
        assert rest is not None
        self._halve(rest)

    def _width(self, box: Box) -> float:
        return max((high - low) / width for (low, high), width in zip(box, self._widths, strict=True))

    def _trimmed(self, box: Box) -> Box | None:
        """Return a box without where a root is known to be alone, or nothing is known; None if nothing is left."""
        for done in (*self._alone, *self._undecided):
            trimmed = _without(box, done)
            if trimmed is None:
                return None
            box = trimmed
        return box

    def _contracted(self, box: Box) -> Box | None:
        """Return the part of a box that may hold a root not yet found, by the Krawczyk operator; None if none may."""
        slopes, p = self._prover.slopes, self._parameters
        middles = [0.5 * low + 0.5 * high for low, high in box]
        centre = balls.points(middles)
        # The ball is around the middle: it covers the box.
        reaches = [
            math.nextafter(max(high - c, c - low), math.inf) for c, (low, high) in zip(middles, box, strict=True)
        ]
        radii = balls.points(reaches)
        differences = krawczyk.differences(radii)
        try:
            at_centre = slopes.values(centre, p)
            _, rows = slopes.enclose([arb(c, r) for c, r in zip(centre, radii, strict=True)], p)
        except NoSlopeError:
            return box
        for value, row in zip(at_centre, rows, strict=True):
            change = sum((slope * differences[j] for j, slope in row.items()), balls.ZERO)
            if not (value + change).contains(balls.ZERO):
                return None
        try:
            inverse = krawczyk.inverse_of(rows)
        except SingularError:
            return box
        spread = krawczyk.spread_of(inverse, rows, radii)
        correction = krawczyk.product(inverse, at_centre)
        image = [q - e for q, e in zip(spread, correction, strict=True)]
        smaller = []
        for c, (low, high), k in zip(centre, box, image, strict=True):
            reach = c + k
            first, last = max(low, balls.below(reach)), min(high, balls.above(reach))
            if first > last:
                return None
            smaller.append((first, last))
        if krawczyk.is_inside(spread, radii):
            self._settle([float(c - e) for c, e in zip(centre, correction, strict=True)])
            return self._trimmed(tuple(smaller))
        return tuple(smaller)

    def _settle(self, near: list[float]) -> None:
        """Prove the root to which a point leads, if it is a new one."""
        x, found = self._prover.find(near, self._p)
        if not found.proven:
            return
        alone = tuple(
            (math.nextafter(c - r, math.inf), math.nextafter(c + r, -math.inf))
            for c, r in zip(x.tolist(), found.unique_radius.tolist(), strict=True)
        )
        box = tuple(zip(found.lower.tolist(), found.upper.tolist(), strict=True))
        # Two roots whose boxes meet may be one: they count as two only where they are known to be apart.
        if any(_meet(box, known) for known in self._alone):
            return
        if all(low < high for low, high in alone) and _within(box, alone):
            self._roots.append(found)
            self._alone.append(alone)

    def _halve(self, box: Box) -> None:
        widths = [(high - low) / width for (low, high), width in zip(box, self._widths, strict=True)]
        j = max(range(len(box)), key=widths.__getitem__)
        low, high = box[j]
        middle = low + _SPLIT * (high - low)
        if widths[j] <= self._narrowest or not low < middle < high:
            self._give_up(box)
            return
        halves = ((*box[:j], (low, middle), *box[j + 1 :]), (*box[:j], (middle, high), *box[j + 1 :]))
        if widths[j] <= _SMALL:
            self._waiting.extendleft(halves)
        else:
            self._waiting.extend(halves)

    def _give_up(self, box: Box) -> None:
        """Leave a box undecided with a margin, which doubles as more of them come together around a multiple root."""
        blur = self._widened(box, [_MARGIN * self._narrowest * width for width in self._widths])
        near = [known for known in self._undecided if _meet(blur, known)]
        for known in near:
            both = tuple((min(a, c), max(b, d)) for (a, b), (c, d) in zip(blur, known, strict=True))
            wider = self._widened(both, [high - low for low, high in both])
            if self._width(wider) <= _WIDEST_BLUR:
                self._undecided.remove(known)
                blur = wider
        self._undecided.append(blur)

    def _widened(self, box: Box, margins: Sequence[float]) -> Box:
        """Return a box with margins, as far as they lie in the box searched."""
        return tuple(
            (max(a, low - margin), min(b, high + margin))
            for (low, high), margin, (a, b) in zip(box, margins, self._whole, strict=True)
        )


def _within(box: Box, other: Box) -> bool:
    return all(low <= a and b <= high for (a, b), (low, high) in zip(box, other, strict=True))


def _meet(box: Box, other: Box) -> bool:
    return all(low <= b and a <= high for (a, b), (low, high) in zip(box, other, strict=True))


def _without(box: Box, other: Box) -> Box | None:
    """Return a closed box that holds what another one, closed, leaves of it; None if that is nothing."""
    sticking_out = [j for j, ((a, b), (low, high)) in enumerate(zip(box, other, strict=True)) if a < low or high < b]
    if not sticking_out:
        return None
    if len(sticking_out) > 1 or not _meet(box, other):
        return box
    j = sticking_out[0]
    (a, b), (low, high) = box[j], other[j]
    if a < low and high < b:
        return box
    return (*box[:j], (a, low) if a < low else (high, b), *box[j + 1 :])
