"""What became of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from raphson_solver.engine.status import Status

if TYPE_CHECKING:
    from raphson_solver.solution.system import System

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class BatchSolution:
    """Where the iterations of a batch ended.

    Attributes
    ----------
    system : System
        What was solved.
    x : ndarray, shape (B, n)
        The returned points.
    status : ndarray of int8, shape (B,)
        The numbers of `Status`.
    residual_norm : ndarray, shape (B,)
        The largest |f| at each.
    iterations : ndarray of int32, shape (B,)
        Newton steps; 2³¹ − 1 stands for more.
    """

    system: System
    x: Array
    status: NDArray[np.int8]
    residual_norm: Array
    iterations: NDArray[np.int32]

    @property
    def converged(self) -> NDArray[np.bool_]:
        """Which members are roots, shape (B,)."""
        found: NDArray[np.bool_] = self.status == int(Status.CONVERGED)
        return found

    def __getitem__(self, name: str) -> Array:
        """Return a variable of all members, shape (B, *shape)."""
        place = 0
        for each, shape in self.system.variables:
            count = int(np.prod(shape, dtype=np.int64))
            if each == name:
                return self.x[:, place : place + count].reshape((-1, *shape))
            place += count
        raise KeyError(name)

    def __len__(self) -> int:
        return self.status.size

    def __str__(self) -> str:
        lines = [f"{len(self)} members"]
        for status in Status:
            count = int(np.count_nonzero(self.status == int(status)))
            if count:
                lines.append(f"  {count} {status.name.lower()}")
        return "\n".join(lines)
