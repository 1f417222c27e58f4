"""The way an iteration went, step by step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raphson_solver.engine import layout
from raphson_solver.engine.status import Method
from raphson_solver.solution.blocks import Blocks


@dataclass(frozen=True, slots=True)
class TraceStep:
    """Where the iteration stood after one step; the first is where an attempt began.

    Attributes
    ----------
    method : Method
        Of the attempt.
    x : ndarray, shape (n,)
        The point.
    residual_norm : float
        The largest |f|, in the equations' units.
    scaled_residual : float
        The largest |f| over the size of the terms that cancel in it; dimensionless.
    step : float
        How long Newton's step was that led here, relative to x; NaN where there was none.
    damping : float
        What the method did to it: the share of the step that was taken (Newton, line searches, Broyden), μ
        (Levenberg–Marquardt), the radius (trust region), or the pseudo-time (pseudo-transient); NaN without a step.
    """

    method: Method
    x: NDArray[np.float64]
    residual_norm: float
    scaled_residual: float
    step: float
    damping: float


def read(memory: layout.Memory, blocks: Blocks | None) -> TraceStep:
    """Return where the engine stands: within a block, the variables of the others are as they were found, or given."""
    here, x = memory, memory.x.copy()
    number = int(memory.plan[layout.BLOCK])
    if blocks is not None and number < len(blocks.places):
        here = memory.kept[0][number]
        x[blocks.places[number]] = here.x
    with np.errstate(all="ignore"):
        size = np.abs(here.f)
        scaled = np.where(here.scale > 0.0, size / here.scale, size)
    step, length = here.settings[layout.LAST_STEP], here.settings[layout.LAST_LENGTH]
    return TraceStep(
        method=Method(int(here.plan[layout.STAGE])),
        x=x,
        residual_norm=float(np.max(size)),
        scaled_residual=float(np.max(scaled)),
        step=float(step) if np.isfinite(step) else np.nan,
        damping=float(length) if length > 0.0 else np.nan,
    )
