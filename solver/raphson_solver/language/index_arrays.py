"""Whole numbers known before any x, for all members of a family at once: indices, ranges and filters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from raphson_solver.errors import LimitError
from raphson_solver.language import syntax
from raphson_solver.language.grid import Affine, Members, Truth, Whole, add, divide, largest, open_array, times
from raphson_solver.language.integers import LARGEST, IndexText
from raphson_solver.language.names import Array
from raphson_solver.language.syntax import Expression

OWNER = "."
"""The index that says which member of the loops outside a member belongs to."""

_COMPARE = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}


class IndexArrays(IndexText):
    """Evaluates the index expressions of one text, in all members of its loops at once.

    Parameters
    ----------
    arrays : mapping of str to Array
        The declared names.
    member_limit : int
        Most members that all loops of the system may have together.
    """

    def __init__(self, arrays: dict[str, Array], member_limit: int) -> None:
        super().__init__(arrays)
        self._member_limit = member_limit
        self._members = 0

    def expand(self, loops: list[syntax.Loop], outer: Members) -> Members:
        """Return a member for every step of nested loops, the last loop fastest; `OWNER` says of which outer member."""
        members = outer.adding(OWNER, outer.numbers())
        for loop in loops:
            self._check_free(loop, members.indices)
            members = self._stepped(loop, members)
            for part in loop.filters:
                holds = np.asarray(self.condition(part, members))
                if not np.all(holds):
                    members = members.take(holds.reshape(holds.shape or (1,) * len(members.shape)))
        return members

    def _stepped(self, loop: syntax.Loop, members: Members) -> Members:
        """Return the members of one more loop, filters aside."""
        bounds = [self.value(bound, members) for bound in loop.bounds]
        first: Whole = 0 if len(bounds) == 1 else bounds[0]
        last: Whole = bounds[0] if len(bounds) == 1 else bounds[1]
        step: Whole = bounds[2] if len(bounds) == 3 else 1
        if np.any(np.equal(open_array(step, members.shape), 0)):
            self._fail("the step of a range must not be zero", loop.bounds[2])
        extent = add(last, first, members.shape, -1)
        if isinstance(extent, int) and isinstance(step, int):
            count = max(0, -(-extent // step))
            self._admit(members.count * count)
            return members.extended(loop.name, first, count, step)
        starts, extents, steps = (
            np.broadcast_to(open_array(each, members.shape), members.shape).reshape(-1)
            for each in (first, extent, step)
        )
        counts = np.maximum(0, -(-extents // steps))
        # Summed as floats first: the true sum may not fit an integer.
        is_huge = counts.sum(dtype=np.float64) > self._member_limit
        self._admit(sum(map(int, counts[:1_000_000])) if is_huge else int(counts.sum()))
        return members.repeated(loop.name, starts, counts, steps)

    def _admit(self, count: int) -> None:
        """Raise `LimitError` before there are too many members."""
        self._members += count
        if self._members > self._member_limit:
            raise LimitError(self.field, "members", self._members, self._member_limit, "members of families")

    def value(self, node: Expression, members: Members) -> Whole:
        """Return the whole number that an index expression stands for, of each member or of all."""
        result = self._value(node, members)
        self._check_size(result, members, node)
        return result

    def condition(self, node: Expression, members: Members) -> Truth:
        """Return whether a filter holds, for each member or for all; an array has the axes of the members' grid."""
        match node:
            case syntax.Comparison():
                values = [self.value(operand, members) for operand in node.operands]
                holds: Truth = True
                for symbol, a, b in zip(node.operators, values, values[1:], strict=False):
                    # A difference changes along fewer axes than what it is made of.
                    difference = add(a, b, members.shape, -1)
                    numbers = difference.open(members.shape) if isinstance(difference, Affine) else difference
                    holds = holds & _COMPARE[symbol](numbers, 0)
                return holds
            case syntax.Logic(operator="and"):
                holds = True
                for operand in node.operands:
                    holds = holds & self.condition(operand, members)
                return holds
            case syntax.Logic():
                holds = False
                for operand in node.operands:
                    holds = holds | self.condition(operand, members)
                return holds
            case syntax.Not():
                return np.logical_not(self.condition(node.argument, members))
            case _:
                self._fail("a filter needs a comparison of whole numbers, such as i != j", node)

    def flat_index(self, name: str, array: Array, node: syntax.Index, members: Members) -> Whole:
        """Return the place of ``name[i, j]`` in the flattened array."""
        self._check_dimensions(name, array, node)
        place: Whole = 0
        for axis, (part, extent) in enumerate(zip(node.indices, array.shape, strict=True)):
            number = self.value(part, members)
            if members.count and not _is_within(number, extent, members):
                values = open_array(number, members.shape)
                outside = np.broadcast_to((values < 0) | (values >= extent), members.shape).reshape(-1)
                first = int(np.argmax(outside))
                found = int(np.broadcast_to(values, members.shape).reshape(-1)[first])
                self._fail_outside(name, array, part, members.at(first), axis, found)
            place = add(times(place, extent, members.shape), number, members.shape)
        return place

    def _value(self, node: Expression, members: Members) -> Whole:
        match node:
            case syntax.Number():
                return self._whole_literal(node)
            case syntax.Name():
                return members.indices[node.name] if node.name in members.indices else self._scalar(node)
            case syntax.Index():
                table = self._table(node, node.name)
                place = self.flat_index(node.name, self._arrays[node.name], node, members)
                found = table.reshape(-1)
                return int(found[place]) if isinstance(place, int) else found[open_array(place, members.shape)]
            case syntax.Sum():
                total: Whole = 0
                for sign, term in node.terms:
                    total = add(total, self.value(term, members), members.shape, 1 if sign == "+" else -1)
                return total
            case syntax.Negative():
                return times(-1, self._value(node.argument, members), members.shape)
            case syntax.Product():
                return self._product(node, members)
            case syntax.Power():
                return self._power(node, members)
            case _:
                self._fail("an index may hold whole numbers, loop indices, + - * // % ** and integer tables", node)

    def _product(self, node: syntax.Product, members: Members) -> Whole:
        result: Whole = 1
        shape = members.shape
        for symbol, factor in node.factors:
            number = self.value(factor, members)
            if symbol == "*":
                if largest(result, shape) * largest(number, shape) > LARGEST:
                    self._fail("the index is too large", factor)
                result = times(result, number, shape)
                continue
            if np.any(np.equal(open_array(number, shape), 0)):
                self._fail("division by zero in an index", factor)
            quotient, rest = divide(result, number, shape)
            if symbol == "/" and not (isinstance(rest, int) and rest == 0) and np.any(open_array(rest, shape)):
                self._fail("a quotient in an index is not whole; write // for the whole part", factor)
            result = rest if symbol == "%" else quotient
        return result

    def _power(self, node: syntax.Power, members: Members) -> Whole:
        base, exponent = self.value(node.base, members), self.value(node.exponent, members)
        digits = (largest(base, members.shape).bit_length() - 1) * largest(exponent, members.shape)
        exponents = open_array(exponent, members.shape)
        if np.any(exponents < 0) or (largest(base, members.shape) > 1 and digits > 53):
            self._fail("this power is no index: it is negative or too large", node)
        if isinstance(base, int) and isinstance(exponent, int):
            return int(base**exponent)
        power: NDArray[np.int64] = open_array(base, members.shape) ** exponents
        return power

    def _check_size(self, number: Whole, members: Members, node: Expression) -> None:
        if largest(number, members.shape) > LARGEST:
            self._fail("the index is too large", node)


def _is_within(number: Whole, extent: int, members: Members) -> bool:
    """Return whether an index is one of an axis, in all members."""
    if isinstance(number, int):
        return 0 <= number < extent
    if isinstance(number, Affine):
        least, greatest = number.extremes(members.shape)
        return least >= 0 and greatest < extent
    return bool(np.all((number >= 0) & (number < extent)))
