"""Names of the single unknowns."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from raphson.arrays import Shape


def unknown_names(variables: Iterable[tuple[str, Shape]]) -> tuple[str, ...]:
    """Return a name for each unknown, flattened in order: ``x``, ``u[3]``, ``A[1,2]``."""
    return tuple(
        f"{name}[{','.join(map(str, place))}]" if place else name
        for name, shape in variables
        for place in itertools.product(*map(range, shape))
    )
