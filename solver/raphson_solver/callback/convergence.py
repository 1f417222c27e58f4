"""What a point of a black box earns: root, minimum, or neither.

Equation i is solved when |f_i| ≤ tolerance · Σ_j |J_ij x_j| or |f_i| ≤ absolute_tolerance; J as it was asked last, and
as corrected by secants since, whichever makes it harder. The engine also knows the size of the terms that cancel in an
equation; here nobody does. Where that is what f waits for, as in (1e9 + x) − 1e9, rounding tells: `noise_scale`.

Steps earn nothing, but Newton's next must be short, or the iteration is escaping, and what f did must agree:

- `confirms`: the last step was short, and f fell along it as it was to; or
- `smooth_nearby`: f, asked a few hundredths away, fails there, and by less at half the distance. What is zero by
  underflow, by rounding far out, or everywhere, does not;
- and where J was asked far away, `seen_scale`: f changes on the way to such a point by as much as J says.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SMALL_STEP = 1e-3
_FELL = 0.1
_A_LITTLE = 2.0**-5
_NEAR = 0.1
_MARGIN, _LINEAR = 32.0, 2.0**-4
_LEAST_RATIO, _LARGEST_RATIO = 0.1, 0.9
_NO_SIZE, _ON_ITS_WAY = 1e-100, 1e-8
_EPSILON = 2.0**-52
# What rounding may excuse at most, as a share of what moving x by its size would do.
_LARGEST_NOISE = 1e-8
_NOISE_UNITS = 4.0
_STATIONARY = 1e-6
_ROOT_AT_ZERO = 1e-5


def scale_of(jacobian: Array, x: Array) -> Array:
    """Return what each residual is measured against, shape (m,)."""
    with np.errstate(all="ignore"):
        scale: Array = np.minimum(np.abs(jacobian) @ np.abs(x), 2.0**1023)
        return scale


def passes(f: Array, scale: Array, tolerance: float, absolute_tolerance: float) -> NDArray[np.bool_]:
    """Return which equations are solved; f may be rows of them."""
    size = np.abs(f)
    solved: NDArray[np.bool_] = (size <= tolerance * scale) | (size <= absolute_tolerance)
    return solved


def relative_size(x: Array, step: Array, largest: Array) -> float:
    """Return the largest |step_j| against the size of x_j; see the engine's `relative_size`."""
    size = np.maximum(np.abs(x), max(1e-8 * float(np.max(np.abs(x))), 1e-30))
    inwards = np.abs(x + step) <= np.abs(x)
    size = np.where(inwards, np.maximum(size, _ROOT_AT_ZERO * largest), size)
    return float(np.max(np.abs(step) / size))


def is_near(x: Array, other: Array) -> bool:
    """Return whether a J of another point tells sizes here."""
    return bool(np.all(np.abs(x - other) <= _NEAR * np.abs(x)))


def seen_scale(values: Array, f: Array, jacobian: Array, move: Array, scale: Array) -> Array:
    """Return what residuals may be measured against as f at one point of `nearby` shows it, shape (m,).

    `scale`, where f has changed on the way there as J says; else many times that change, since terms may cancel in it.
    """
    with np.errstate(all="ignore"):
        change = np.abs(values - f)
        expected = np.abs(values - f - jacobian @ move) <= _LINEAR * (np.abs(jacobian) @ np.abs(move))
    return np.where(expected | ~np.isfinite(change), scale, np.minimum(scale, _MARGIN / _A_LITTLE * change))


def confirms(before: float, after: float, relative: float) -> bool:
    """Return whether the last step, of a relative size, is evidence: ‖f‖ fell along it, and it was short."""
    return relative <= SMALL_STEP and after <= _FELL * before


def nearby(x: Array, largest: Array, side: float, turn: int = 0) -> Array:
    """Return two points beside x, shape (2, n): at some distance on one side, and half as far.

    Each variable moves by another share of its size, others in each turn; one on its way to zero by a little of what it
    has been.
    """
    size = np.maximum(np.abs(x), np.where(np.abs(x) > _NO_SIZE, _ON_ITS_WAY, 1.0) * largest)
    shares = 0.5 + (0.618 * np.arange(1, x.size + 1) + 0.377 * turn) % 1.0
    move = side * _A_LITTLE * np.where(size > 0.0, size, 1.0) * shares
    return np.array([x + move, x + 0.5 * move])


def smooth_nearby(values: Array, scale: Array, tolerance: float, absolute_tolerance: float) -> NDArray[np.bool_]:
    """Return for which equations f, at the points of `nearby`, shape (2, m), is what it is beside a root."""
    far, near = np.abs(values)
    with np.errstate(all="ignore"):
        ratio = near / far
    fails: NDArray[np.bool_] = ~passes(far, scale, tolerance, absolute_tolerance)
    smooth: NDArray[np.bool_] = fails & (ratio >= _LEAST_RATIO) & (ratio <= _LARGEST_RATIO)
    return smooth


def noise_points(x: Array, largest: Array) -> Array:
    """Return four points that differ from x by a few of its last digits, and one of `nearby`, shape (5, n)."""
    unit = _EPSILON * np.maximum(np.abs(x), _EPSILON * largest)
    signs = np.where(
        (np.arange(4)[:, None] + np.arange(x.size)[None, :] * (1 + np.arange(4)[:, None])) % 2 == 0, 1.0, -1.0
    )
    few = x + _NOISE_UNITS * unit * signs * np.array([1.0, 2.0, 3.0, 4.0])[:, None]
    return np.vstack([few, nearby(x, largest, 1.0)[:1]])


def noise_scale(f: Array, values: Array, moves: Array, jacobian: Array, scale: Array) -> Array:
    """Return, as far as rounding shows it, the size of the terms that cancel, added to `scale`, shape (m,).

    `values` are f after `moves` by a few digits of x, and at last to a point of `nearby`. Along the former f changes by
    J, and by what rounding leaves of its terms. An equation gains nothing if its residual is more than a
    hundred-millionth of what moving x by its size would do.
    """
    noise = np.max(np.abs(values - f - moves @ jacobian.T)[:-1], axis=0)
    size = np.minimum(scale, np.abs(values[-1] - f) / _A_LITTLE)
    excusable = np.isfinite(noise) & (np.abs(f) <= _LARGEST_NOISE * size)
    return np.asarray(np.where(excusable, size + noise / _EPSILON, size), np.float64)


def is_stationary(residual: Array, jacobian: Array, free: NDArray[np.bool_]) -> bool:
    """Return whether the gradient of ½‖f‖² vanishes beside its terms, for the variables that may move."""
    total = residual @ jacobian
    size = np.abs(residual) @ np.abs(jacobian)
    return bool(np.all((np.abs(total) <= _STATIONARY * size) | ~free))
