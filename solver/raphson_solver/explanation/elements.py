"""What to call each number of x and of p."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product


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
