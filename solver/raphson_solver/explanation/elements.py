"""What to call each number of x and of p."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, product
from typing import overload


def element_names(declared: Sequence[tuple[str, tuple[int, ...]]]) -> tuple[str, ...]:
    """Return names as the language writes them, ``x``, ``u[3]``, ``W[1,2]``, in the order of the flat vector.

    Parameters
    ----------
    declared : sequence of (str, shape)
        Variables, or the parameters that are not part of the system.
    """
    return tuple(
        f"{name}[{','.join(map(str, place))}]" if shape else name
        for name, shape in declared
        for place in product(*map(range, shape))
    )


class ElementNames(Sequence[str]):
    """The names that `element_names` returns, each made when it is asked for.

    Parameters
    ----------
    declared : sequence of (str, shape)
        Variables, or parameters.
    """

    def __init__(self, declared: Sequence[tuple[str, tuple[int, ...]]]) -> None:
        self._declared = tuple(declared)
        self._ends = list(accumulate(math.prod(shape) for _, shape in self._declared))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[str, ...]: ...

    def __getitem__(self, place: int | slice) -> str | tuple[str, ...]:
        if isinstance(place, slice):
            return tuple(self[each] for each in range(*place.indices(len(self))))
        place = place + len(self) if place < 0 else place
        if not 0 <= place < len(self):
            raise IndexError(place)
        part = bisect_right(self._ends, place)
        name, shape = self._declared[part]
        rest, digits = place - (self._ends[part - 1] if part else 0), []
        for extent in reversed(shape):
            rest, digit = divmod(rest, extent)
            digits.append(str(digit))
        return f"{name}[{','.join(reversed(digits))}]" if shape else name
