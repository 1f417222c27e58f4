"""Writes a definition as families: each expression once, with tables of where its members find their numbers."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from raphson_solver.errors import LimitError
from raphson_solver.expression.family import Buffer, Families, Family, Places, Slot
from raphson_solver.language import syntax
from raphson_solver.language.definition import size
from raphson_solver.language.index_arrays import ALONE, IndexArrays, Members
from raphson_solver.language.integers import decides
from raphson_solver.language.names import Array
from raphson_solver.language.parsed import Parsed, no_equation
from raphson_solver.language.syntax import Expression
from raphson_solver.language.writer import Writer
from raphson_solver.limits import Limits

# Sums of no more terms than this are written out inside the family's expression.
_SHORT_SUM = 8


@dataclass(frozen=True, slots=True)
class FamilyInstance:
    """A definition as families.

    Attributes
    ----------
    families : Families
        The expressions and their members.
    equation_names : sequence of str
        What to call each equation, e.g. ``"equations[0] at i=3"``.
    structural : dict of str to ndarray of int64
        Parameters whose values are part of the system.
    n, parameter_count : int
        Lengths of x and of p.
    """

    families: Families
    equation_names: Sequence[str]
    structural: dict[str, NDArray[np.int64]]
    n: int
    parameter_count: int


def as_families(text: Parsed, limits: Limits) -> FamilyInstance:
    """Write a definition as families.

    Raises
    ------
    DefinitionError
        Where the text makes no sense.
    LimitError
        Where it is too large.
    """
    writer = _FamilyWriter(text.arrays, limits)
    text.write(writer)
    names = writer.equation_names
    if not len(names):
        raise no_equation()
    families = Families(
        writer.graph, writer.variable_slots, writer.parameter_slots, writer.sums, writer.equations,
        len(names), text.n, writer.sum_count,
    )  # fmt: skip
    return FamilyInstance(families, names, text.structural, text.n, text.parameter_count)


class EquationNames(Sequence[str]):
    """The names of a family's equations, each made when it is asked for."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._parts: list[tuple[str, Members]] = []
        self._count = 0

    def add(self, field: str, members: Members) -> None:
        """Append the names of a text's members."""
        self._starts.append(self._count)
        self._parts.append((field, members))
        self._count += members.count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> tuple[str, ...]: ...

    def __getitem__(self, row: int | slice) -> str | tuple[str, ...]:
        if isinstance(row, slice):
            return tuple(self[each] for each in range(*row.indices(self._count)))
        row = row + self._count if row < 0 else row
        if not 0 <= row < self._count:
            raise IndexError(row)
        part = bisect_right(self._starts, row) - 1
        # Texts without members start where the next one does.
        field, members = self._parts[part]
        member = row - self._starts[part]
        at = ", ".join(f"{name}={values[member]}" for name, values in members.indices.items())
        return f"{field} at {at}" if at else field


class _MixedError(Exception):
    """A condition on whole numbers holds for some members only: they are families of their own."""

    def __init__(self, holds: NDArray[np.bool_]) -> None:
        super().__init__()
        self.holds = holds


class _FamilyWriter(Writer[Members]):
    """Writes each expression once for all of its members."""

    def __init__(self, arrays: dict[str, Array], limits: Limits) -> None:
        super().__init__(arrays, limits, ALONE)
        self.variable_slots: list[Slot] = []
        self.parameter_slots: list[Slot] = []
        self.sums: list[Family] = []
        self.sum_count = 0
        self.equations: list[Family] = []
        self.equation_names = EquationNames()
        self._integers = IndexArrays(arrays, limits.members)
        self._leaves: dict[tuple[object, ...], int] = {}

    def write(self, item: syntax.Equation, field: str, source: str) -> None:
        self._enter(field, source)
        self._check_loops(item.loops)
        members, _ = self._integers.expand(item.loops, ALONE)
        first = len(self.equation_names)
        self.equation_names.add(field, members)
        self._write_members(item, members, first + np.arange(members.count))

    def _write_members(self, item: syntax.Equation, members: Members, rows: NDArray[np.int64]) -> None:
        if not members.count:
            return
        sums = len(self.sums), self.sum_count
        try:
            left = self._node(item.left, members)
            node = left if item.right is None else self.graph.subtract(left, self._node(item.right, members))
        except _MixedError as mixed:
            self._forget_sums(*sums)
            for which in (mixed.holds, ~mixed.holds):
                self._write_members(item, members.take(which), rows[which])
            return
        self.equations.append(Family(node, members.count, Places.of(rows)))
        self._check_family_count()

    def _enter(self, field: str, source: str) -> None:
        super()._enter(field, source)
        self._integers.field, self._integers.source = field, source

    # --- leaves ---------------------------------------------------------------------------------------------

    def _index_number(self, name: str, where: Members) -> int | None:
        return self._numbers(where.indices[name]) if name in where.indices else None

    def _scalar(self, array: Array) -> int:
        return self._number_at(array, 0)

    def _element(self, array: Array, tree: syntax.Index, where: Members) -> int:
        return self._number_at(array, self._integers.flat_index(tree.name, array, tree, where))

    def _number_at(self, array: Array, place: int | NDArray[np.int64]) -> int:
        if array.values is not None:
            return self._numbers(array.values.reshape(-1)[place])
        buffer = Buffer.X if array.is_variable else Buffer.P
        return self._leaf(Slot(buffer, Places.of(place + array.offset)))

    def _numbers(self, values: NDArray[np.int64]) -> int:
        """Return the node of a number that is known for each member."""
        first = values.reshape(-1)[0] if values.size else 0
        if np.all(values == first):
            return self.graph.constant(float(first))
        return self._leaf(Slot(Buffer.NUMBERS, Places(0, 1), values.astype(np.float64)))

    def _leaf(self, slot: Slot) -> int:
        numbers = None if slot.numbers is None else slot.numbers.tobytes()
        key = (slot.buffer, slot.places.key, numbers)
        if key not in self._leaves:
            changes = slot.buffer in {Buffer.X, Buffer.SUMS}
            slots = self.variable_slots if changes else self.parameter_slots
            make = self.graph.variable if changes else self.graph.parameter
            self._leaves[key] = make(len(slots))
            slots.append(slot)
        return self._leaves[key]

    # --- what depends on the member -------------------------------------------------------------------------

    def _decided(self, condition: Expression, where: Members) -> bool | None:
        if not decides(condition, where.indices, self._arrays):
            return None
        holds = self._integers.condition(condition, where)
        if np.all(holds):
            return True
        if not np.any(holds):
            return False
        raise _MixedError(np.broadcast_to(holds, (where.count,)))

    def _reduce(self, tree: syntax.Reduction, where: Members) -> int:
        # A reduction in which no index of the loops around it stands is the same for every member.
        if not _names(tree) & where.indices.keys():
            where = ALONE
        inner, owner = self._integers.expand(tree.loops, where)
        counts = np.bincount(owner, minlength=where.count)
        fewest, most = int(counts.min()), int(counts.max())
        self._check_not_empty(tree, fewest)
        if tree.name == "sum" and most > _SHORT_SUM:
            return self._long_sum(tree.body, inner, owner, where.count)
        if fewest != most:
            raise _MixedError(counts == most)
        nodes = [self._node(tree.body, inner.take(np.arange(k, inner.count, most))) for k in range(most)]
        return self._fold(tree.name, nodes)

    def _reduce_array(self, name: str, array: Array) -> int:
        count = size(array.shape)
        if array.values is None and name == "sum" and count > _SHORT_SUM:
            place = np.arange(array.offset, array.offset + count)
            node = self._leaf(Slot(Buffer.X if array.is_variable else Buffer.P, Places.of(place)))
            return self._sum_of([(node, count, np.zeros(count, np.int64))], 1)
        return self._fold(name, [self._number_at(array, place) for place in range(count)])

    # --- sums over families ---------------------------------------------------------------------------------

    def _long_sum(self, body: Expression, inner: Members, owner: NDArray[np.int64], count: int) -> int:
        """Return the node of a sum that each of `count` members has; member k's terms are those with owner k."""
        return self._sum_of(self._terms(body, inner, owner), count)

    def _terms(
        self, body: Expression, inner: Members, owner: NDArray[np.int64]
    ) -> list[tuple[int, int, NDArray[np.int64]]]:
        if not inner.count:
            return []
        sums = len(self.sums), self.sum_count
        try:
            return [(self._node(body, inner), inner.count, owner)]
        except _MixedError as mixed:
            self._forget_sums(*sums)
            holds = mixed.holds
            return [part for which in (holds, ~holds) for part in self._terms(body, inner.take(which), owner[which])]

    def _sum_of(self, terms: list[tuple[int, int, NDArray[np.int64]]], count: int) -> int:
        first = self.sum_count
        self.sum_count += count
        for node, members, owner in terms:
            self.sums.append(Family(node, members, Places.of(first + owner)))
            self._check_family_count()
        return self._leaf(Slot(Buffer.SUMS, Places(first, 1 if count > 1 else 0)))

    def _forget_sums(self, families: int, count: int) -> None:
        del self.sums[families:]
        self.sum_count = count

    def _check_family_count(self) -> None:
        count = len(self.sums) + len(self.equations)
        if count > self._limits.families:
            raise LimitError(self._field, "families", count, self._limits.families, "different expressions")


def _names(tree: object) -> set[str]:
    """Return every name in a tree."""
    if isinstance(tree, (list, tuple)):
        return set().union(*map(_names, tree)) if tree else set()
    if isinstance(tree, str):
        return {tree}
    fields = getattr(tree, "__slots__", ())
    return set().union(*(_names(getattr(tree, field)) for field in fields)) if fields else set()
