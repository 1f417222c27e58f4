"""Writes a definition as families: each expression once, with tables of where its members find their numbers."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from raphson_solver.errors import DefinitionError, LimitError
from raphson_solver.expression.family import Buffer, Families, Family, Numbers, Places, Slot
from raphson_solver.language import syntax
from raphson_solver.language.alike import Alike
from raphson_solver.language.definition import size
from raphson_solver.language.grid import ALONE, Affine, Members, Whole, add, open_array
from raphson_solver.language.index_arrays import OWNER, IndexArrays
from raphson_solver.language.integers import decides
from raphson_solver.language.names import Array
from raphson_solver.language.parsed import Parsed, field_of, no_equation
from raphson_solver.language.parser import Uses, parse_equation
from raphson_solver.language.syntax import Expression
from raphson_solver.language.writer import Writer
from raphson_solver.limits import Limits

# The index that says which row of f a member is.
_ROW = "#"
_IN_ORDER = Places(0, 1)
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
        at = ", ".join(f"{name}={value}" for name, value in members.at(row - self._starts[part]).items())
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
        self._reserved: dict[str, int] = {}
        self._integers = IndexArrays(arrays, limits.members)
        self._leaves: dict[tuple[object, ...], int] = {}

    def write(self, item: syntax.Equation, field: str, source: str) -> None:
        self._enter(field, source)
        self._check_loops(item.loops)
        members = self._integers.expand(item.loops, ALONE)
        first = len(self.equation_names)
        self.equation_names.add(field, members)
        self._write_members(item, members.adding(_ROW, add(first, members.numbers(), members.shape)))

    def reserve(self, field: str) -> None:
        self._reserved[field] = len(self.equation_names)
        self.equation_names.add(field, ALONE)

    def write_alike(self, texts: Alike, sources: Sequence[str]) -> None:
        """Write texts that are one family."""
        try:
            self._write_alike(texts)
        except DefinitionError:
            # The first half that fails, and so on, until the text is found that has to be told of.
            while len(texts.texts) > 1:
                half = texts.part(slice(len(texts.texts) // 2))
                try:
                    self._write_alike(half)
                except DefinitionError:
                    texts = half
                else:
                    texts = texts.part(slice(len(half.texts), None))
            number = min(texts.texts)
            item = parse_equation(sources[number], field_of(number), self._limits.depth, Uses())
            assert isinstance(item, syntax.Equation)
            self.write(item, field_of(number), sources[number])
            raise

    def _write_alike(self, texts: Alike) -> None:
        self._enter(field_of(texts.texts[0]), "")
        rows = np.array([self._reserved[field_of(number)] for number in texts.texts])
        self._write_members(texts.item, Members((len(texts.texts),), {**texts.numbers, _ROW: rows}))

    def _write_members(self, item: syntax.Equation, members: Members) -> None:
        if not members.count:
            return
        sums = len(self.sums), self.sum_count
        try:
            left = self._node(item.left, members)
            node = left if item.right is None else self.graph.subtract(left, self._node(item.right, members))
        except _MixedError as mixed:
            self._forget_sums(*sums)
            for which in (mixed.holds, ~mixed.holds):
                self._write_members(item, members.take(which))
            return
        self.equations.append(Family(node, members.count, _places(members.indices[_ROW], members)))
        self._check_family_count()

    def _enter(self, field: str, source: str) -> None:
        super()._enter(field, source)
        self._integers.field, self._integers.source = field, source

    # --- leaves ---------------------------------------------------------------------------------------------

    def _index_number(self, name: str, where: Members) -> int | None:
        return self._numbers(where.indices[name], where) if name in where.indices else None

    def _scalar(self, array: Array) -> int:
        return self._number_at(array, 0, ALONE)

    def _element(self, array: Array, tree: syntax.Index, where: Members) -> int:
        return self._number_at(array, self._integers.flat_index(tree.name, array, tree, where), where)

    def _number_at(self, array: Array, place: Whole, where: Members) -> int:
        if array.values is not None:
            values = array.values.reshape(-1)
            found = int(values[place]) if isinstance(place, int) else values[open_array(place, where.shape)]
            return self._numbers(found, where)
        buffer = Buffer.X if array.is_variable else Buffer.P
        return self._leaf(Slot(buffer, _places(add(place, array.offset, where.shape), where)))

    def _numbers(self, values: Whole, where: Members) -> int:
        """Return the node of a number that is known for each member."""
        if isinstance(values, int):
            return self.graph.constant(float(values))
        if isinstance(values, np.ndarray):
            if values.size and np.all(values == values.flat[0]):
                return self.graph.constant(float(values.flat[0]))
            if values.dtype.kind == "f":
                numbers = Numbers(_IN_ORDER, where.count, values.astype(np.float64))
                return self._leaf(Slot(Buffer.NUMBERS, _IN_ORDER, numbers))
        return self._leaf(Slot(Buffer.NUMBERS, _IN_ORDER, Numbers(_places(values, where), where.count)))

    def _leaf(self, slot: Slot) -> int:
        key = (slot.buffer, slot.places.key, None if slot.known is None else slot.known.key)
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
        raise _MixedError(np.asarray(holds))

    def _reduce(self, tree: syntax.Reduction, where: Members) -> int:
        # A reduction in which no index of the loops around it stands is the same for every member.
        if not _names(tree) & where.indices.keys():
            where = ALONE
        inner = self._integers.expand(tree.loops, where)
        if inner.has_grid_of(where, OWNER):
            counts, fewest = None, inner.count // where.count
            most = fewest
        else:
            owner = open_array(inner.indices[OWNER], inner.shape)
            counts = np.bincount(np.broadcast_to(owner, inner.shape).reshape(-1), minlength=where.count)
            fewest, most = int(counts.min()), int(counts.max())
        self._check_not_empty(tree, fewest)
        # Written out, sums of each length would be another family: 35 of the buses of a network of 118.
        if tree.name == "sum" and (most > _SHORT_SUM or fewest != most):
            return self._sum_of(self._terms(tree.body, inner), where.count)
        if counts is not None and fewest != most:
            raise _MixedError((counts == most).reshape(where.shape))
        nodes = [self._node(tree.body, inner.inner(where, k, most)) for k in range(most)]
        return self._fold(tree.name, nodes)

    def _reduce_array(self, name: str, array: Array) -> int:
        count = size(array.shape)
        if array.values is None and name == "sum" and count > _SHORT_SUM:
            node = self._leaf(Slot(Buffer.X if array.is_variable else Buffer.P, Places(array.offset, 1)))
            return self._sum_of([(node, Members((count,), {OWNER: 0}))], 1)
        return self._fold(name, [self._number_at(array, place, ALONE) for place in range(count)])

    # --- sums over families ---------------------------------------------------------------------------------

    def _terms(self, body: Expression, inner: Members) -> list[tuple[int, Members]]:
        """Return the nodes of a sum's terms and whose they are."""
        if not inner.count:
            return []
        sums = len(self.sums), self.sum_count
        try:
            return [(self._node(body, inner), inner)]
        except _MixedError as mixed:
            self._forget_sums(*sums)
            holds = mixed.holds
            return [part for which in (holds, ~holds) for part in self._terms(body, inner.take(which))]

    def _sum_of(self, terms: list[tuple[int, Members]], count: int) -> int:
        """Return the node of a sum that each of `count` members has, from terms that belong to their `OWNER`."""
        first = self.sum_count
        self.sum_count += count
        for node, members in terms:
            which = add(first, members.indices[OWNER], members.shape)
            self.sums.append(Family(node, members.count, _places(which, members)))
            self._check_family_count()
        return self._leaf(Slot(Buffer.SUMS, Places(first, 1 if count > 1 else 0)))

    def _forget_sums(self, families: int, count: int) -> None:
        del self.sums[families:]
        self.sum_count = count

    def _check_family_count(self) -> None:
        count = len(self.sums) + len(self.equations)
        if count > self._limits.families:
            raise LimitError(self._field, "families", count, self._limits.families, "different expressions")


def _places(number: Whole, members: Members) -> Places:
    """Return a number as a place for each member."""
    if isinstance(number, int):
        return Places(number, 0)
    if isinstance(number, Affine):
        return Places.on_grid(number.first, number.steps, members.shape)
    return Places.of(np.broadcast_to(number, members.shape).reshape(-1))


def _names(tree: object) -> set[str]:
    """Return every name in a tree."""
    if isinstance(tree, (list, tuple)):
        return set().union(*map(_names, tree)) if tree else set()
    if isinstance(tree, str):
        return {tree}
    fields = getattr(tree, "__slots__", ())
    return set().union(*(_names(getattr(tree, field)) for field in fields)) if fields else set()
