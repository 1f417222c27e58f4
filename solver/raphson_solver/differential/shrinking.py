"""Whether a sequence goes to zero as steps do, as far as it can be seen above rounding."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# The slope of what shrinks no faster cannot be told from 0; it is fitted to the last steps seen, and to fewer of them,
# which tells a limit that is reached only there.
LEAST_ORDER = 0.1
_MANY, _FEW = 5, 3


def shrinking(seen: Array, steps: Array) -> tuple[NDArray[np.bool_], Array]:
    """Return, for each sequence, whether it goes to zero, and its order: the slope of its log against the step's.

    One that is seen at one step or none goes to zero, its order is NaN.

    Parameters
    ----------
    seen : array, shape (s, k)
        k sequences; 0 where rounding hides the number, NaN where there is none.
    steps : array, shape (s,)
        Decreasing.
    """
    visible = np.isfinite(seen) & (seen > 0.0)
    long, short = _slope(seen, steps, visible, _MANY), _slope(seen, steps, visible, _FEW)
    shrinks = ~(np.fmin(long, short) < LEAST_ORDER)
    return shrinks, np.where(shrinks, long, np.maximum(np.fmin(long, short), 0.0))


def _slope(seen: Array, steps: Array, visible: NDArray[np.bool_], most: int) -> Array:
    """Fit a line to the last visible numbers of each sequence; NaN where there are fewer than two."""
    # Counted from the last step: 1 at the last that is visible, 2 at the one before.
    rank = np.cumsum(visible[::-1], axis=0)[::-1]
    used = visible & (rank <= most)
    count = np.count_nonzero(used, axis=0)
    x = np.where(used, np.log(steps)[:, None], 0.0)
    y = np.log(np.where(used, seen, 1.0))
    with np.errstate(all="ignore"):
        off = np.where(used, x - x.sum(axis=0) / count, 0.0)
        slope: Array = (off * y).sum(axis=0) / (off * off).sum(axis=0)
    return np.where(count >= 2, slope, np.nan)
