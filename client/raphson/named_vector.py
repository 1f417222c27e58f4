"""A point by name: what a root of a search and a point of a branch have in common."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from raphson.arrays import WIRE, to_bytes
from raphson.unknowns import unknown_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from raphson.arrays import Array, Shape
    from raphson.v1.array_pb2 import NamedArray


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class NamedVector:
    """All unknowns in one vector, and each by its name: ``point["x"]``, ``dict(point)``.

    Attributes
    ----------
    x : ndarray of float64, shape (n,)
        All variables, flattened in order; read-only.
    variables : tuple of (str, tuple of int)
        Names and shapes, in the order of `x`.
    """

    x: Array
    variables: tuple[tuple[str, Shape], ...]

    @property
    def unknown_names(self) -> tuple[str, ...]:
        """A name for each number of `x`: ``x``, ``u[3]``, ``A[1,2]``."""
        return unknown_names(self.variables)

    def __getitem__(self, name: str) -> float | Array:
        first = 0
        for known, shape in self.variables:
            last = first + math.prod(shape)
            if known == name:
                return self.x[first:last].reshape(shape) if shape else float(self.x[first])
            first = last
        raise KeyError(f"{name!r} is not a variable; the variables are {', '.join(self)}")

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self.variables)

    def __contains__(self, name: object) -> bool:
        return any(name == known for known in self)

    def keys(self) -> tuple[str, ...]:
        """Return the variables' names, so that ``dict(point)`` works."""
        return tuple(self)


def to_vector(parts: Iterable[NamedArray]) -> tuple[Array, tuple[tuple[str, Shape], ...]]:
    """Read x, shape (n,), and the names and shapes of the variables in it."""
    parts = tuple(parts)
    x = np.frombuffer(b"".join([to_bytes(part.array) for part in parts]), dtype=WIRE)
    return x, tuple([(part.name, tuple(part.array.shape)) for part in parts])
