"""How the slopes of families make the entries of J: each entry is a sum of products along chains of sums.

A slope is that of one member's expression in one slot. Where the slot is a variable the slope is an entry by itself;
where it is a sum it is multiplied by the slopes of that sum's terms, and so on inwards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from raphson_solver.compiler.products import Products
from raphson_solver.errors import LimitError
from raphson_solver.expression.family import Buffer, Families, Places, Slot
from raphson_solver.limits import Limits
from raphson_solver.solution.family_layout import row_by_row

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Chains:
    """Products of slopes: what they are part of, what they are slopes in, and the slopes, shape (count, length)."""

    owner: Integers
    column: Integers
    slopes: Integers

    @property
    def count(self) -> int:
        return self.owner.size


class FamilyPattern:
    """The entries of J.

    Parameters
    ----------
    families : Families
        Of the system.
    slots : sequence of sequences of Slot
        The slots that each family of terms, and then each of equations, has slopes in.
    most : int
        How many entries there may be, each product along sums counted.
    n : int, optional
        How many columns there are: by default those of J.

    Raises
    ------
    LimitError
        Before more are made.

    Attributes
    ----------
    rows, columns : ndarray of int64, shape (entries,)
        Of each entry, row by row, columns ascending.
    targets : list of tuples of Places
        Where the slope in each slot goes, family by family: among the entries, if they need no assembly.
    """

    def __init__(
        self,
        families: Families,
        slots: Sequence[Sequence[Slot]],
        most: int = Limits().entries,
        n: int | None = None,
    ) -> None:
        self._most = most
        n = families.n if n is None else n
        self._one = sum(len(each) * family.count for each, family in zip(slots, (*families.sums, *families.equations),
                                                                         strict=True))  # fmt: skip
        self._admit(self._one)
        plain = None if families.sums else row_by_row(families, slots)
        if plain is not None:
            self.rows, self.columns, self.targets = plain.rows, plain.columns, plain.targets
            self._direct = True
            return
        self.targets = []
        first, sums, rows = 0, [_nothing()], [_nothing()]
        for number, (each, family) in enumerate(zip(slots, (*families.sums, *families.equations), strict=True)):
            if any(slot.buffer is Buffer.SUMS for slot in each):
                sums = [self._joined(sums)]
            made = self._family(first, each, family.places.array(family.count), sums[0])
            # Those of one slot side by side: that is how they are written.
            self.targets.append(tuple(Places(first + slot * family.count, 1) for slot in range(len(each))))
            first += len(each) * family.count
            (sums if number < len(families.sums) else rows).append(made)
        self._sort(self._joined(rows), n)

    def _sort(self, chains: _Chains, n: int) -> None:
        """Put chains in the order of the entries that they are part of, those of one entry as they come."""
        key = chains.owner * n + chains.column
        order = np.argsort(key, kind="stable")
        key = key[order]
        starts = np.flatnonzero(np.diff(key, prepend=-1))
        self._chains = np.take(chains.slopes, order, axis=0)
        self._starts = np.append(starts, key.size)
        self.rows, self.columns = np.divmod(key[starts], max(n, 1))
        is_plain = self._chains.shape == (self._one, 1) and starts.size == self._one
        self._direct = is_plain and np.array_equal(self._chains[:, 0], np.arange(self._one))

    def products(self) -> Products | None:
        """Return how slopes make entries; None if each slope goes where its entry is."""
        if self._direct:
            return None
        return Products(self._starts.astype(np.int32), np.ascontiguousarray(self._chains, np.int32))

    @property
    def slope_count(self) -> int:
        """How many slopes there are."""
        return self._one

    def assemble(self, fill: Callable[[Array], None], entries: Array) -> None:
        """Write the entries, from slopes that `fill` writes into the array that it is given, at their targets."""
        if self._direct:
            fill(entries)
            return
        slopes = np.empty(self._one + 1)
        slopes[-1] = 1.0
        fill(slopes)
        products = slopes[self._chains[:, 0]]
        for place in range(1, self._chains.shape[1]):
            products *= slopes[self._chains[:, place]]
        entries[:] = np.bincount(self._entry, products, entries.size)

    @cached_property
    def _entry(self) -> Integers:
        """What each chain is part of."""
        return np.repeat(np.arange(self.rows.size), np.diff(self._starts))

    def _family(self, first: int, slots: Sequence[Slot], owner: Integers, sums: _Chains) -> _Chains:
        """Return the chains that begin in one family, member by member."""
        width, count = len(slots), owner.size
        if not width:
            return _nothing()
        places = np.stack([slot.places.array(count) for slot in slots], axis=1)
        slope = first + np.arange(width * count).reshape(width, count).T
        is_sum = np.array([slot.buffer is Buffer.SUMS for slot in slots])
        owners = np.broadcast_to(owner[:, None], places.shape)
        plain = _Chains(owners[:, ~is_sum].ravel(), places[:, ~is_sum].ravel(), slope[:, ~is_sum].reshape(-1, 1))
        if not is_sum.any():
            return plain
        return self._joined(
            [plain, self._through(owners[:, is_sum].ravel(), places[:, is_sum].ravel(), slope[:, is_sum].ravel(), sums)]
        )

    def _admit(self, count: int) -> None:
        if count > self._most:
            advice = "entries of the Jacobian (a sum that many equations have in common can be a variable of its own)"
            raise LimitError("equations", "entries", count, self._most, advice)

    def _through(self, owner: Integers, which: Integers, slope: Integers, sums: _Chains) -> _Chains:
        """Return slopes in sums, each times every chain of that sum."""
        order = np.argsort(sums.owner, kind="stable")
        sorted_owner = sums.owner[order]
        starts, ends = np.searchsorted(sorted_owner, which), np.searchsorted(sorted_owner, which, "right")
        lengths = ends - starts
        self._admit(int(lengths.sum()))
        outer = np.repeat(np.arange(which.size), lengths)
        inner = order[np.arange(outer.size) - np.repeat(np.cumsum(lengths) - lengths, lengths) + starts[outer]]
        return _Chains(
            owner[outer], sums.column[inner], np.concatenate((slope[outer, None], sums.slopes[inner]), axis=1)
        )

    def _joined(self, parts: Sequence[_Chains]) -> _Chains:
        """Return all chains, the short ones made as long as the others by the slope that is 1."""
        parts = [part for part in parts if part.count] or [_nothing()]
        if len(parts) == 1:
            return parts[0]
        slopes = np.full((sum(part.count for part in parts), max(part.slopes.shape[1] for part in parts)), self._one)
        first = 0
        for part in parts:
            slopes[first : first + part.count, : part.slopes.shape[1]] = part.slopes
            first += part.count
        return _Chains(
            np.concatenate([part.owner for part in parts]), np.concatenate([part.column for part in parts]), slopes
        )


def _nothing() -> _Chains:
    none = np.empty(0, np.int64)
    return _Chains(none, none, np.empty((0, 1), np.int64))
