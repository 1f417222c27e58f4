"""Names that are still free, and the arrays of numbers that a text needs beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Collection

COEFFICIENTS, PLACES, DEFINITIONS = "c", "p", "t"
INDICES = "ijklmn"

Table = NDArray[np.float64] | NDArray[np.int64]


def free_prefix(prefix: str, taken: Collection[str]) -> str:
    """Return a prefix, longer if need be, that makes no taken name when a number follows."""
    while any(name.startswith(prefix) and name[len(prefix) :].isdigit() for name in taken):
        prefix += "_"
    return prefix


class Tables:
    """Arrays that a text refers to by names of their own; equal ones are one.

    Parameters
    ----------
    taken : collection of str
        The caller's names.

    Attributes
    ----------
    arrays : dict of str to ndarray
        Coefficients as float64; what stands in an index or a range as int64.
    numbers : int
        How many they hold together.
    indices : list of str
        Names for loops, in the order of nesting.
    """

    def __init__(self, taken: Collection[str]) -> None:
        self.arrays: dict[str, Table] = {}
        self.numbers = 0
        self.indices = [name for name in INDICES if name not in taken]
        counted = free_prefix("i", taken)
        self.indices += [f"{counted}{number}" for number in range(1, 20)]
        self._prefixes = {kind: free_prefix(prefix, taken) for kind, prefix in (("f", COEFFICIENTS), ("i", PLACES))}
        self._names: dict[tuple[Any, ...], str] = {}

    def add(self, values: Table) -> str:
        """Return the name of an array."""
        key = (values.dtype, values.shape, values.tobytes())
        name = self._names.get(key)
        if name is None:
            kind = values.dtype.kind
            name = f"{self._prefixes[kind]}{sum(array.dtype.kind == kind for array in self.arrays.values()) + 1}"
            self._names[key] = name
            self.arrays[name] = values
            self.numbers += values.size
        return name

    def forget(self, count: int) -> None:
        """Drop all arrays but the first so many."""
        for name in list(self.arrays)[count:]:
            values = self.arrays.pop(name)
            self.numbers -= values.size
            del self._names[values.dtype, values.shape, values.tobytes()]
