"""What happens between two neighbouring points of a curve: turning points, and meeting the start again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from raphson_solver.continuation.curve import Curve, CurvePoint, OffCurveError

Array = NDArray[np.float64]

_LARGEST_ITERATIONS = 60
_FLAT = 1e-13
_ROUNDING = 1e-10
_IN_VAIN = 4
"""A slope this small that so many iterations made no smaller is zero but for rounding."""
_NARROW = 1e-15
_SEEN = 1e-9
"""A dip of dλ/ds that is smaller is taken for rounding."""
_NEAR = 0.3
_ALIKE = 0.9
_SAME = 1e-6


def turning_point(curve: Curve, here: CurvePoint, there: CurvePoint) -> CurvePoint:
    """Return the point between two where dλ/ds is 0, whose signs differ at both.

    By false position (Illinois), with halving; dλ/ds of the tangent is as exact as f's derivatives are, so no second
    derivatives are needed.

    Raises
    ------
    OffCurveError
        Where Newton's method does not come back to the curve.
    """
    row, base = here.tangent, float(here.tangent @ here.z)
    low, high = 0.0, float(row @ there.z) - base
    whole, best = high, min(here, there, key=lambda point: abs(point.tangent[-1]))
    at_low, at_high = float(here.tangent[-1]), float(there.tangent[-1])
    moved_low: bool | None = None
    in_vain = 0
    for iteration in range(_LARGEST_ITERATIONS):
        place = low - at_low * (high - low) / (at_high - at_low)
        if iteration % 8 == 7 or not low < place < high:
            place = 0.5 * (low + high)
        begin = _between(here, there, place / whole)
        point = curve.back(begin, row, base + place, row, whole)
        slope = float(point.tangent[-1])
        if abs(slope) < abs(best.tangent[-1]):
            best, in_vain = point, 0
        else:
            in_vain += 1
        if in_vain == _IN_VAIN and abs(best.tangent[-1]) <= _ROUNDING:
            break
        if abs(slope) <= _FLAT or high - low <= _NARROW * max(1.0, abs(base)):
            break
        moves_low = slope * at_low > 0.0
        if moves_low:
            low, at_low = place, slope
            at_high *= 0.5 if moved_low is True else 1.0
        else:
            high, at_high = place, slope
            at_low *= 0.5 if moved_low is False else 1.0
        moved_low = moves_low
    return best


def hides_fold(here: CurvePoint, there: CurvePoint) -> bool:
    """Return whether λ may turn twice between two points, by the cubic through both with their slopes."""
    length = float(np.linalg.norm(there.z - here.z))
    if length == 0.0:
        return False
    first, last = float(here.tangent[-1]), float(there.tangent[-1])
    mean = float(there.z[-1] - here.z[-1]) / length
    # λ'(u) = first + (6 mean − 4 first − 2 last) u + 3 (first + last − 2 mean) u²
    linear, square = 6 * mean - 4 * first - 2 * last, 3 * (first + last - 2 * mean)
    if square == 0.0 or not 0.0 < -0.5 * linear / square < 1.0:
        return False
    extreme = first - 0.25 * linear**2 / square
    return bool(extreme * first < 0.0 and abs(extreme) > _SEEN)


def meeting(curve: Curve, here: CurvePoint, there: CurvePoint, start: CurvePoint) -> CurvePoint | None:
    """Return the start, with its own z, if the curve passes through it between two points the way it left."""
    row, base = here.tangent, float(here.tangent @ here.z)
    whole = float(row @ there.z) - base
    place = float(row @ start.z) - base
    if not 0.0 < place <= whole or float(start.tangent @ there.tangent) < _ALIKE:
        return None
    begin = _between(here, there, place / whole)
    if np.linalg.norm(start.z - begin) > _NEAR * whole:
        return None
    try:
        # From the curve, not from the start: that may lie on another branch nearby.
        point = curve.back(begin, row, base + place, row, whole)
    except OffCurveError:
        return None
    if np.linalg.norm(point.z - start.z) > _SAME * max(1.0, float(np.linalg.norm(start.z))):
        return None
    return CurvePoint(start.z, start.tangent, start.sign, point.iterations, start.scaled_residual)


def _between(here: CurvePoint, there: CurvePoint, part: float) -> Array:
    """Return the cubic through both points, with their tangents, at a part of the way."""
    chord = there.z - here.z
    length = np.linalg.norm(chord)
    first, last = length * here.tangent, length * there.tangent
    bend = first + last - 2 * chord
    cubic: Array = here.z + part * (first + part * (3 * chord - 2 * first - last + part * bend))
    return cubic
