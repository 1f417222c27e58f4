"""How far a solve has come, told while it goes on."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from raphson_solver.engine import layout
from raphson_solver.engine.status import Method
from raphson_solver.solution.solution import DENSE_LU

if TYPE_CHECKING:
    from raphson_solver.solution.blocks import Blocks
    from raphson_solver.solution.solution import Solution

# Not told more often: a caller that draws or sends each message takes longer than a small system's iteration.
_SHORTEST_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a solve stands after an iteration.

    Attributes
    ----------
    iteration : int
        Newton steps so far, over all attempts.
    residual_norm : float
        The largest |f|, in the equations' units; of the block at work, where blocks are solved one after another.
    scaled_residual : float
        The largest |f| over the size of the terms that cancel in it; dimensionless.
    seconds : float
        Since the solve began.
    linear_seconds : float
        Of these, seconds spent on linear systems: factors, and what is solved by them. NaN where
        nobody measures it: the engine's own factors are made between two looks at the clock.
    method : Method
        Of the attempt.
    linear_solver : str
        How linear systems are solved, such as "dense LU" or "sparse LU".
    """

    iteration: int
    residual_norm: float
    scaled_residual: float
    seconds: float
    linear_seconds: float
    method: Method
    linear_solver: str


OnProgress = Callable[[Progress], object]


class Reporter:
    """Tells a caller of the first iteration, of the last, and of those between at a bearable pace.

    What the caller raises ends the solve and comes out of it.

    Parameters
    ----------
    on_progress : callable
        Is told.

    Attributes
    ----------
    linear_seconds : float
        As in `Progress`; whoever measures it writes it here.
    linear_solver : str
        As in `Progress`.
    """

    def __init__(self, on_progress: OnProgress) -> None:
        self.linear_seconds = math.nan
        self.linear_solver = DENSE_LU
        self._on_progress = on_progress
        self._began = time.monotonic()
        self._due = -math.inf
        self._told = -1

    def tell(self, iteration: int, method: Method, residuals: Callable[[], tuple[float, float]]) -> None:
        """Say where the solve stands, unless it was said a moment ago.

        Parameters
        ----------
        iteration, method
            As in `Progress`.
        residuals : callable
            Returns the largest |f|, and that over the size of its terms; called only if anything is said.
        """
        now = time.monotonic()
        if now >= self._due:
            self._say(Progress(iteration, *residuals(), now - self._began, self.linear_seconds, method,
                               self.linear_solver))  # fmt: skip
            self._due = time.monotonic() + _SHORTEST_SECONDS

    def tell_of_engine(self, memory: layout.Memory, blocks: Blocks | None) -> None:
        """Say where the engine stands between two slices."""
        here, number = memory, int(memory.plan[layout.BLOCK])
        done = int(memory.plan[layout.BLOCK_ITERATIONS])
        if blocks is not None and number < len(blocks.places):
            here = memory.kept[0][number]
        self.hear_of_linear_systems(memory)
        iteration = done + int(here.plan[layout.ITERATIONS])

        def residuals() -> tuple[float, float]:
            with np.errstate(all="ignore"):
                size = np.abs(here.f)
                return float(np.max(size)), float(np.max(np.where(here.scale > 0.0, size / here.scale, size)))

        self.tell(iteration, Method(int(here.plan[layout.STAGE])), residuals)

    def hear_of_linear_systems(self, memory: layout.Memory) -> None:
        """Take note of how linear systems were solved; what the engine does by itself it does not time."""
        for steps in memory.sparse[:1]:
            self.linear_solver = steps.description
            self.linear_seconds = math.nan if memory.plan[layout.FACTORS] else steps.seconds

    def tell_end(self, solution: Solution) -> None:
        """Say where the solve ended, unless that was the last thing said."""
        if solution.iterations != self._told:
            scaled = float(np.max(solution.scaled_residual))
            self._say(Progress(solution.iterations, solution.residual_norm, scaled, time.monotonic() - self._began,
                               self.linear_seconds, solution.method, self.linear_solver))  # fmt: skip

    def _say(self, progress: Progress) -> None:
        self._told = progress.iteration
        self._on_progress(progress)
