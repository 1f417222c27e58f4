"""What a caller says of a system: texts, names and shapes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

Shape = tuple[int, ...]


class Table(Sequence[float]):
    """Numbers that never change, flattened: as good a key as a tuple of them, at the cost of their bytes.

    Parameters
    ----------
    numbers : array-like
        Copied.
    """

    __slots__ = ("_array", "_bytes")

    def __init__(self, numbers: ArrayLike) -> None:
        self._bytes = np.asarray(numbers, np.float64).tobytes()
        self._array = np.frombuffer(self._bytes)

    def __len__(self) -> int:
        return self._array.size

    @overload
    def __getitem__(self, place: int) -> float: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[float, ...]: ...

    def __getitem__(self, place: int | slice) -> float | tuple[float, ...]:
        return tuple(self._array[place].tolist()) if isinstance(place, slice) else float(self._array[place])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self._array, dtype) if copy or dtype not in {None, self._array.dtype} else self._array

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Table) and self._bytes == other._bytes

    def __hash__(self) -> int:
        # Python remembers the hash of bytes.
        return hash(self._bytes)

    def __repr__(self) -> str:
        return f"Table({np.array2string(self._array, threshold=6)})"


@dataclass(frozen=True, slots=True)
class Definition:
    """The text of f: Rⁿ → Rᵐ.

    Attributes
    ----------
    equations : tuple of str
        In the raphson language; ``"name := expression"`` defines, ``"… for i in range(n)"`` writes a family.
    variables, parameters : tuple of (str, shape)
        Names with the extent of each dimension, ``()`` for a scalar, in the order of x and of p.
    values : tuple of (str, tuple of float or Table)
        Parameters whose numbers are known, flattened in C order. Those that the text uses in a range or as an
        index become a part of the system; the others stay free.
    jacobian : tuple of tuple of str, optional
        The caller's own Jacobian, m rows of n expressions.
    """

    equations: tuple[str, ...]
    variables: tuple[tuple[str, Shape], ...]
    parameters: tuple[tuple[str, Shape], ...] = ()
    values: tuple[tuple[str, tuple[float, ...] | Table], ...] = ()
    jacobian: tuple[tuple[str, ...], ...] | None = None


def size(shape: Shape) -> int:
    """Return how many numbers an array of this shape holds."""
    return math.prod(shape)
