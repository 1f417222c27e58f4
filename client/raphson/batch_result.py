"""What became of a batch of solves: a column a quantity, a row a member."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from raphson.unknowns import unknown_names
from raphson.vocabulary import Status

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from raphson.arrays import Array, Shape


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class BatchResult:
    """Where the iterations of a batch ended; ``result["x"]`` is a variable of all members.

    Attributes
    ----------
    x : ndarray of float64, shape (B, n)
        The returned points: all variables, flattened in order.
    status : ndarray of int8, shape (B,)
        How each member ended: the numbers of `Status`.
    residual_norm : ndarray of float64, shape (B,)
        The largest |f| of each; NaN where a parameter is not finite.
    iterations : ndarray of int32, shape (B,)
        Newton steps of each over all attempts; 2³¹ − 1 stands for more.
    variables : tuple of (str, tuple of int)
        Names and shapes, in the order of the columns of `x`.
    """

    x: Array
    status: NDArray[np.int8]
    residual_norm: Array
    iterations: NDArray[np.int32]
    variables: tuple[tuple[str, Shape], ...]

    @property
    def converged(self) -> NDArray[np.bool_]:
        """Which members are roots, shape (B,)."""
        found: NDArray[np.bool_] = self.status == int(Status.CONVERGED)
        return found

    @property
    def unknown_names(self) -> tuple[str, ...]:
        """A name for each column of `x`: ``x``, ``u[3]``, ``A[1,2]``."""
        return unknown_names(self.variables)

    def keys(self) -> tuple[str, ...]:
        """Return the variables' names, so that ``dict(result)`` works."""
        return tuple(name for name, _ in self.variables)

    def __getitem__(self, name: str) -> Array:
        """Return a variable of all members, shape (B, *shape): a view of `x`, unless its shape forbids that."""
        first = 0
        for known, shape in self.variables:
            last = first + math.prod(shape)
            if known == name:
                return self.x[:, first:last].reshape((-1, *shape))
            first = last
        raise KeyError(f"{name!r} is not a variable; the variables are {', '.join(self.keys())}")

    def __len__(self) -> int:
        return self.status.size

    def __str__(self) -> str:
        counts = np.bincount(self.status, minlength=max(Status) + 1)
        ended = [(int(counts[status]), status.name.lower().replace("_", " ")) for status in Status if counts[status]]
        width = len(str(max(count for count, _ in ended)))
        head = f"{len(self)} member{'s' * (len(self) != 1)}"
        return "\n".join([head, *(f"  {count:>{width}} {name}" for count, name in ended)])

    def __repr__(self) -> str:
        return f"<BatchResult of {len(self)} members, {int(np.count_nonzero(self.converged))} converged>"
