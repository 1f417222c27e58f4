"""Proves that exactly one root is near a point, in numbers that allow for every rounding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from flint import arb
from numpy.typing import ArrayLike, NDArray

from raphson_solver.expression.graph import Graph
from raphson_solver.proof import balls, krawczyk
from raphson_solver.proof.krawczyk import Centre, SingularError
from raphson_solver.proof.precision import working_bits
from raphson_solver.proof.slopes import NoSlopeError, Slopes

Vector = NDArray[np.float64]

_BITS = (106, 212, 424)
_LARGEST_NEWTON_STEPS = 8
_LARGEST_GROWTHS = 8
_DOUBLE_BITS = 50
"""No box is made smaller than this against its coordinates: its bounds are to be doubles."""


@dataclass(frozen=True, slots=True, eq=False)
class Certificate:
    """What was proven of a point x.

    Attributes
    ----------
    proven : bool
        Whether exactly one root lies in the box [lower, upper], which holds x too.
    lower, upper : ndarray, shape (n,)
        The box; all numbers when nothing was proven.
    radius : ndarray, shape (n,)
        How far the root is from x at most, coordinate by coordinate; infinite when nothing was proven.
    unique_radius : ndarray, shape (n,)
        No second root is as near to x as this in all coordinates; 0 when nothing was proven.
    reason : str
        Why nothing was proven; empty when it was.
    """

    proven: bool
    lower: Vector
    upper: Vector
    radius: Vector
    unique_radius: Vector
    reason: str = ""

    def __str__(self) -> str:
        if not self.proven:
            return f"not proven: {self.reason}"
        near, alone = self.radius.max(), self.unique_radius.min()
        return f"proven: exactly one root within {near:.1e} of x, no other within {alone:.1e}"


class NotProvenError(ArithmeticError):
    """No proof was found; the message says why."""


def certify(graph: Graph, equations: Sequence[int], x: ArrayLike, p: ArrayLike = ()) -> Certificate:
    """Try to prove that exactly one root of f is at x but for rounding.

    f is the graph's function of real numbers: constants, parameters and x are the doubles they are.

    Parameters
    ----------
    graph : Graph
        Holds f.
    equations : sequence of int, length m
        The nodes of f.
    x : array-like, shape (n,)
        Where the root is thought to be.
    p : array-like, shape (k,), optional
        Parameters.
    """
    return Prover(graph, equations).certify(x, p)


class Prover:
    """f, planned once to certify many points.

    Attributes
    ----------
    slopes : Slopes
        Encloses f and its slopes.
    """

    def __init__(self, graph: Graph, equations: Sequence[int]) -> None:
        self.slopes = Slopes(graph, equations)
        self._m = len(equations)

    def certify(self, x: ArrayLike, p: ArrayLike = ()) -> Certificate:
        """Try to prove that exactly one root of f is at x but for rounding; see `certify`."""
        at = np.array(x, dtype=np.float64).reshape(-1)
        given = np.array(p, dtype=np.float64).reshape(-1)
        if self._m != at.size:
            return refused(at.size, f"{self._m} equations in {at.size} unknowns: proofs need as many of both")
        if not (np.all(np.isfinite(at)) and np.all(np.isfinite(given))):
            return refused(at.size, "x and the parameters must be finite")
        reason, parameters = "", balls.points(given)
        for bits in _BITS:
            with working_bits(bits):
                try:
                    return _prove(self.slopes, at, parameters, _refined(self.slopes, at, parameters, bits), bits)
                except (NotProvenError, SingularError, NoSlopeError) as error:
                    reason = str(error)
        with working_bits(_BITS[0]):
            known = _excluded(self.slopes, at, parameters) or _broken(self.slopes, at, parameters)
        return refused(at.size, known or reason)

    def find(self, near: Sequence[float], p: Sequence[float] = ()) -> tuple[Vector, Certificate]:
        """Return the double nearest to where Newton's method leads, and what was proven of it, at one precision."""
        parameters, x = balls.points(p), np.array(near, dtype=np.float64)
        with working_bits(_BITS[0]):
            try:
                centre = _refined(self.slopes, x, parameters, _BITS[0])
                x = np.array([float(c) for c in centre.point])
                return x, _prove(self.slopes, x, parameters, centre, _BITS[0])
            except (NotProvenError, SingularError, NoSlopeError) as error:
                return x, refused(x.size, str(error))


def refused(n: int, reason: str) -> Certificate:
    """Return the certificate that proves nothing."""
    return Certificate(
        proven=False,
        lower=np.full(n, -np.inf),
        upper=np.full(n, np.inf),
        radius=np.full(n, np.inf),
        unique_radius=np.zeros(n),
        reason=reason,
    )


def _prove(slopes: Slopes, x: Vector, p: list[arb], centre: Centre, bits: int) -> Certificate:
    """Return the certificate of a root, with one working precision, from a centre near it.

    Raises
    ------
    NotProvenError, SingularError, NoSlopeError
        Where there is no proof.
    """
    radii = _first_radii(balls.points(x), centre, bits)
    contracts = False
    for _ in range(_LARGEST_GROWTHS):
        image = krawczyk.apply(slopes, centre, radii, p)
        contracts = image.is_contracting
        if image.is_inside:
            return _certificate(slopes, x, p, centre, radii, image.offset)
        # From here on larger only where the image is: each radius finds its own scale.
        grown = [_larger(r, 3 * k.abs_upper()) for r, k in zip(radii, image.offset, strict=True)]
        if not all(r.is_finite() for r in grown):
            break
        radii = grown
    if contracts:
        raise NotProvenError("there is no root as near to x as the box reaches, or x is too far from it")
    raise NotProvenError("the Jacobian may be singular on the box: the root may be a multiple one, or at a kink")


def _refined(slopes: Slopes, x: Vector, p: list[arb], bits: int) -> Centre:
    """Return a centre from which a Newton step is no larger than the working precision, if a few steps lead there."""
    start = balls.points(x)
    inverse = krawczyk.inverse_at(slopes, start, p)
    centre = krawczyk.centre_at(slopes, start, p, inverse)
    scale = [balls.size(c) for c in start]
    step = _relative(centre, scale)
    for _ in range(_LARGEST_NEWTON_STEPS):
        if step < 2.0 ** (16 - bits):
            break
        following = [(c - e).mid() for c, e in zip(centre.point, centre.correction, strict=True)]
        try:
            if step > 1e-7:
                inverse = krawczyk.inverse_at(slopes, following, p)
            nearer = krawczyk.centre_at(slopes, following, p, inverse)
        except (NoSlopeError, SingularError):
            break
        smaller = _relative(nearer, scale)
        if not smaller < 0.5 * step:
            break
        centre, step = nearer, smaller
    return centre


def _relative(centre: Centre, scale: list[float]) -> float:
    """Return the size of the Newton step against that of the point, or of where it started if that is larger."""
    sizes = [max(balls.size(c), least) for c, least in zip(centre.point, scale, strict=True)]
    largest = max(sizes)
    return max(balls.size(e) / (own or largest or 1.0) for e, own in zip(centre.correction, sizes, strict=True))


def _first_radii(start: list[arb], centre: Centre, bits: int) -> list[arb]:
    """Return the radii of the smallest box to try: it holds x and twice the next Newton step."""
    largest = max((c.abs_upper() for c in centre.point), key=float)
    tiny, smallest = arb(2.0 ** (-bits // 2)), arb(2.0**-_DOUBLE_BITS)
    radii = []
    for x, c, e in zip(start, centre.point, centre.correction, strict=True):
        radius = 2 * (x - c).abs_upper() + 2 * e.abs_upper()
        if x.is_zero():
            radius = _larger(radius, tiny * (largest if largest > 0 else 1))
        else:
            radius = _larger(radius, smallest * x.abs_upper())
        radii.append(radius.upper())
    return radii


def _larger(a: arb, b: arb) -> arb:
    return a.max(b).upper()


def _certificate(
    slopes: Slopes, x: Vector, p: list[arb], centre: Centre, radii: list[arb], offset: list[arb]
) -> Certificate:
    """Return the box of the image and of x, in doubles, which is still inside the box that was proven to hold one."""
    n = x.size
    lower, upper, radius, unique = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    for j, (c, r, k) in enumerate(zip(centre.point, radii, offset, strict=True)):
        root = c + k
        lower[j], upper[j] = min(x[j], balls.below(root)), max(x[j], balls.above(root))
        box = arb(c, r)
        if not (box.contains(arb(lower[j])) and box.contains(arb(upper[j]))):
            raise NotProvenError("the root lies nearer to x than doubles tell apart")
        at = arb(float(x[j]))
        radius[j] = balls.above((root - at).abs_upper())
        unique[j] = max(0.0, balls.below(r - (c - at).abs_upper()))
    larger = _unique_radii(slopes, x, p, centre)
    # Two boxes, of which one is taken as a whole.
    if np.all(larger >= np.maximum(unique, radius)):
        unique = larger
    return Certificate(proven=True, lower=lower, upper=upper, radius=radius, unique_radius=unique)


def _unique_radii(slopes: Slopes, x: Vector, p: list[arb], centre: Centre) -> Vector:
    """Return how far around x, in parts of its coordinates, there is at most one root."""
    scale = np.abs(x)
    # What is that much smaller than the rest is 0 but for rounding, and says nothing of its scale.
    scale[scale <= 1e-9 * scale.max()] = scale.max() or 1.0
    around = Centre(balls.points(x), centre.inverse, [])
    far_enough, too_far = -_DOUBLE_BITS, 8
    found = np.zeros_like(x)
    with working_bits(53):
        while too_far - far_enough > 1:
            power = (far_enough + too_far) // 2
            radii = np.ldexp(scale, power)
            if _contracts(slopes, around, radii, p):
                far_enough, found = power, radii
            else:
                too_far = power
    return found


def _contracts(slopes: Slopes, around: Centre, radii: Vector, p: list[arb]) -> bool:
    try:
        radii_as_balls = balls.points(radii)
        return krawczyk.is_inside(krawczyk.spread(slopes, around, radii_as_balls, p), radii_as_balls)
    except NoSlopeError:
        return False


def _broken(slopes: Slopes, x: Vector, p: list[arb]) -> str:
    """Return the sentence that f jumps at x or is not defined around it, empty if that is not so."""
    radii = np.ldexp(np.where(x == 0.0, 1.0, np.abs(x)), -_DOUBLE_BITS)
    try:
        slopes.values(_box(x, radii), p)
    except NoSlopeError as error:
        return str(error)
    return ""


def _box(x: Vector, radii: Vector) -> list[arb]:
    return [arb(float(c), float(r)) for c, r in zip(x, radii, strict=True)]


def _excluded(slopes: Slopes, x: Vector, p: list[arb]) -> str:
    """Return the sentence that f is nowhere zero around x, empty if that is not so."""
    scale = np.maximum(np.abs(x), 1.0)
    for power in (-10, -26, -40):
        radii = np.ldexp(scale, power)
        values = slopes.enclosure.enclose(_box(x, radii), p)
        for i, value in enumerate(values):
            if value is not None and not value.contains(balls.ZERO):
                return f"no root: equation {i} is nowhere zero within {float(radii.min()):.1e} of x"
    return ""
