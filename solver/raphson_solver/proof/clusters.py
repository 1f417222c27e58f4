"""Boxes that touch, or nearly so, put together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def merged(boxes: Sequence[Sequence[tuple[float, float]]], gaps: Sequence[float]) -> list[NDArray[np.float64]]:
    """Return boxes that hold the given ones and are further apart than the gaps.

    Parameters
    ----------
    boxes : sequence of boxes
        Each a sequence of n pairs (lower, upper).
    gaps : sequence of float, length n
        How far apart boxes may be to be put together.

    Returns
    -------
    list of ndarray, shape (n, 2)
    """
    reach = np.array(gaps)
    apart: list[NDArray[np.float64]] = []
    for given in boxes:
        box = np.array(given, dtype=np.float64)
        while apart:
            others = np.array(apart)
            touching = np.all((others[:, :, 0] - reach <= box[:, 1]) & (box[:, 0] - reach <= others[:, :, 1]), axis=1)
            if not touching.any():
                break
            together = others[touching]
            box = np.column_stack(
                [np.minimum(box[:, 0], together[:, :, 0].min(0)), np.maximum(box[:, 1], together[:, :, 1].max(0))]
            )
            apart = list(others[~touching])
        apart.append(box)
    return apart
