"""What a caller says of a system: texts, names and shapes."""

from __future__ import annotations

import math
from dataclasses import dataclass

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Definition:
    """The text of f: Rⁿ → Rᵐ.

    Attributes
    ----------
    equations : tuple of str
        In the raphson language; ``"name := expression"`` defines, ``"… for i in range(n)"`` writes a family.
    variables, parameters : tuple of (str, shape)
        Names with the extent of each dimension, ``()`` for a scalar, in the order of x and of p.
    values : tuple of (str, tuple of float)
        Parameters whose numbers are known, flattened in C order. Those that the text uses in a range or as an
        index become a part of the system; the others stay free.
    jacobian : tuple of tuple of str, optional
        The caller's own Jacobian, m rows of n expressions.
    """

    equations: tuple[str, ...]
    variables: tuple[tuple[str, Shape], ...]
    parameters: tuple[tuple[str, Shape], ...] = ()
    values: tuple[tuple[str, tuple[float, ...]], ...] = ()
    jacobian: tuple[tuple[str, ...], ...] | None = None


def size(shape: Shape) -> int:
    """Return how many numbers an array of this shape holds."""
    return math.prod(shape)
