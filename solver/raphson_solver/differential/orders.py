"""In which order to multiply the Jacobians of a composition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raphson_solver.errors import InputError

Array = NDArray[np.float64]
Steps = tuple[tuple[int, int], ...]

_LARGEST_INT64 = 2**63 - 1


class ChainOrder(StrEnum):
    """An order of multiplying J_k · … · J_1."""

    AUTO = "auto"
    """The cheapest, by dynamic programming over the shapes."""
    FORWARD = "forward"
    """J_k (… (J_2 J_1)): from the input on."""
    REVERSE = "reverse"
    """((J_k J_{k−1}) …) J_1: from the output back."""


@dataclass(frozen=True)
class Product:
    """One order of multiplying.

    Attributes
    ----------
    name : ChainOrder
        AUTO for the cheapest where that is neither forward nor reverse.
    links : int
        How many matrices there are, k.
    operations : int
        Multiplications of numbers it takes: a·b·c for a×b by b×c.
    steps : tuple of pairs of int
        The products in order: which on the left and which on the right. J_i is number i − 1; the product that step s
        (from 0) makes is number k + s.
    """

    name: ChainOrder
    links: int
    operations: int
    steps: Steps

    @cached_property
    def brackets(self) -> str:
        """The order as it is written, such as "(J3·J2)·J1"."""
        written = [f"J{i + 1}" for i in range(self.links)]
        for left, right in self.steps:
            written.append("·".join(f"({part})" if "·" in part else part for part in (written[left], written[right])))
        return written[-1]

    def multiply(self, matrices: Sequence[Array]) -> Array:
        """Return J_k · … · J_1, shape (…, m, n), of J_1 to J_k in this order."""
        made: list[Any] = list(matrices)
        for left, right in self.steps:
            made.append(made[left] @ made[right])
            made[left] = made[right] = None  # each is used once
        return np.asarray(made[-1])


@dataclass(frozen=True)
class Plan:
    """What each order of multiplying J_k · … · J_1 costs.

    Attributes
    ----------
    forward, reverse, cheapest : Product
        The cheapest is one of the other two where that costs no more than any; where both do, reverse if the product
        has fewer rows than columns (a scalar function of many variables), else forward (a curve).
    """

    forward: Product
    reverse: Product
    cheapest: Product

    def take(self, order: str | ChainOrder) -> Product:
        """Return the order of a name; raises `InputError` for another."""
        match order:
            case ChainOrder.AUTO:
                return self.cheapest
            case ChainOrder.FORWARD:
                return self.forward
            case ChainOrder.REVERSE:
                return self.reverse
            case _:
                expected = ", ".join(f"'{member}'" for member in ChainOrder)
                raise InputError("order", f"expected one of {expected}; found {order!r}")

    @property
    def order(self) -> ChainOrder:
        """The cheapest order's name."""
        return self.cheapest.name

    @property
    def brackets(self) -> str:
        """The cheapest order as it is written, such as "(J3·J2)·J1"."""
        return self.cheapest.brackets

    @property
    def forward_operations(self) -> int:
        """Multiplications of numbers in forward order."""
        return self.forward.operations

    @property
    def reverse_operations(self) -> int:
        """Multiplications of numbers in reverse order."""
        return self.reverse.operations

    @property
    def cheapest_operations(self) -> int:
        """Multiplications of numbers in the cheapest order."""
        return self.cheapest.operations


def plan_product(shapes: Sequence[tuple[int, int]]) -> Plan:
    """Return the orders of multiplying J_k · … · J_1, for the shapes (m_i, n_i) of J_1 to J_k.

    The cheapest is found in O(k³) by dynamic programming (Godbole 1973).

    Raises
    ------
    InputError
        When there is no shape, an extent is below 1, or J_i does not take as many numbers as J_{i−1} gives.
    """
    if not shapes:
        raise InputError("links", "expected at least one; found none")
    for i, (m, n) in enumerate(shapes):
        if min(m, n) < 1:
            raise InputError(f"links[{i}]", f"expected extents of at least 1; found {m}×{n}")
        if i and n != shapes[i - 1][0]:
            raise InputError(
                f"links[{i}]",
                f"shapes do not meet: links[{i}] is {m}×{n} and takes {n} numbers, "
                f"links[{i - 1}] is {shapes[i - 1][0]}×{shapes[i - 1][1]} and gives {shapes[i - 1][0]}",
            )
    k = len(shapes)
    extents = [shapes[0][1], *(m for m, _ in shapes)]
    n, m = extents[0], extents[-1]
    forward = Product(
        ChainOrder.FORWARD,
        k,
        sum(extents[i + 1] * extents[i] * n for i in range(1, k)),
        tuple((i, k + i - 2 if i > 1 else 0) for i in range(1, k)),
    )
    reverse = Product(
        ChainOrder.REVERSE,
        k,
        sum(m * extents[i + 1] * extents[i] for i in range(k - 1)),
        tuple((k + s - 1 if s else k - 1, k - 2 - s) for s in range(k - 1)),
    )
    operations, splits = _cheapest(extents)
    first, second = (reverse, forward) if m < n else (forward, reverse)
    for order in (first, second):
        if order.operations == operations:
            return Plan(forward, reverse, order)
    return Plan(forward, reverse, Product(ChainOrder.AUTO, k, operations, _steps(splits, k)))


def _cheapest(extents: Sequence[int]) -> tuple[int, NDArray[np.int64]]:
    """Return the fewest multiplications, and for each part J_j · … · J_i, at [i, j], the s where it is split.

    That is into (J_j · … · J_{s+1}) · (J_s · … · J_i), all from 0.
    """
    k = len(extents) - 1
    exact = k * max(extents) ** 3 <= _LARGEST_INT64
    d = np.array(extents, dtype=np.int64 if exact else object)
    cost, splits = np.zeros((k, k), d.dtype), np.zeros((k, k), np.int64)
    for length in range(2, k + 1):
        # All parts of one length at once: a row for each, a column for each place to split it.
        low = np.arange(k - length + 1)[:, None]
        high, split = low + length - 1, low + np.arange(length - 1)
        totals = cost[low, split] + cost[split + 1, high] + d[high + 1] * d[split + 1] * d[low]
        best = np.argmin(totals, axis=1)
        row = low[:, 0]
        cost[row, row + length - 1] = totals[row, best]
        splits[row, row + length - 1] = row + best
    return int(cost[0, k - 1]), splits


def _steps(splits: NDArray[np.int64], k: int) -> Steps:
    """Return the products to make, parts before the wholes."""
    parts, wholes = [(0, k - 1)], list[tuple[int, int]]()
    while parts:
        low, high = parts.pop()
        if low == high:
            continue
        wholes.append((low, high))
        split = int(splits[low, high])
        parts += [(low, split), (split + 1, high)]
    number = {(i, i): i for i in range(k)}
    steps = list[tuple[int, int]]()
    for low, high in reversed(wholes):
        split = int(splits[low, high])
        steps.append((number[split + 1, high], number[low, split]))
        number[low, high] = k + len(steps) - 1
    return tuple(steps)
