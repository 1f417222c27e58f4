"""Beginning where another member ended: which member waits for which.

Members are solved in rounds. The first takes every sixty-fourth from its own start; each later one the members between,
from the root of one that is solved already: every sixteenth, every fourth, and then all. So three in four begin at the
root of a member at most three places away, and a round keeps all lanes and threads busy.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from raphson_solver.solution.options import WarmStart

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

_STRIDES = (64, 16, 4, 1)


def rounds(how: WarmStart, p: Array, count: int) -> Iterator[tuple[Integers, Integers | None]]:
    """Yield the members of each round, and for each the member whose root it begins at; None: its own start.

    Parameters
    ----------
    how : WarmStart
    p : array, shape (count or 1, k)
        The parameters.
    count : int
        Members in all.
    """
    every = np.arange(count)
    yield every[:: _STRIDES[0]], None
    for before, stride in pairwise(_STRIDES):
        solved, members = every[::before], every[::stride]
        members = members[members % before != 0]
        if how is WarmStart.PREVIOUS or p.shape[0] == 1:
            yield members, members // before * before
        else:
            yield members, solved[_nearest(p, solved, members)]


def _nearest(p: Array, solved: Integers, members: Integers) -> Integers:
    """Return which of the solved is nearest to each member."""
    from scipy.spatial import KDTree  # noqa: PLC0415 - a tenth of a second that few need

    # A number that is not finite is its member's own trouble, wherever that begins.
    finite = np.where(np.isfinite(p), p, 0.0)
    spread = np.std(finite, axis=0)
    scaled = finite / np.where(spread > 0.0, spread, 1.0)
    return np.asarray(KDTree(scaled[solved]).query(scaled[members])[1], np.int64)
