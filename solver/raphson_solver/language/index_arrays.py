"""Whole numbers known before any x, for all members of a family at once: indices, ranges and filters as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raphson_solver.errors import LimitError
from raphson_solver.language import syntax
from raphson_solver.language.integers import LARGEST, IndexText
from raphson_solver.language.names import Array
from raphson_solver.language.syntax import Expression

Whole = int | NDArray[np.int64]
Truth = bool | NDArray[np.bool_]

_COMPARE = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}


@dataclass(frozen=True, slots=True)
class Members:
    """The members of a family.

    Attributes
    ----------
    count : int
        How many.
    indices : dict of str to ndarray of int64, shape (count,)
        What each loop index is.
    """

    count: int
    indices: dict[str, NDArray[np.int64]]

    def take(self, which: NDArray[np.int64] | NDArray[np.bool_]) -> Members:
        """Return some of them."""
        indices = {name: values[which] for name, values in self.indices.items()}
        count = int(np.count_nonzero(which)) if which.dtype == bool else which.size
        return Members(count, indices)


ALONE = Members(1, {})


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

    def expand(self, loops: list[syntax.Loop], outer: Members) -> tuple[Members, NDArray[np.int64]]:
        """Return a member for every step of nested loops, the last loop fastest, and which outer member each is of."""
        members, owner = outer, np.arange(outer.count)
        for loop in loops:
            self._check_free(loop, members.indices)
            first, counts, step = self._range(loop, members)
            total = int(counts.sum())
            self._members += total
            if self._members > self._member_limit:
                raise LimitError(self.field, "members", self._members, self._member_limit, "members of families")
            repeated = np.repeat(np.arange(members.count), counts)
            within = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
            members, owner = members.take(repeated), owner[repeated]
            members.indices[loop.name] = first[repeated] + step[repeated] * within
            for part in loop.filters:
                kept = np.broadcast_to(self.condition(part, members), (members.count,))
                members, owner = members.take(kept), owner[kept]
        return members, owner

    def _range(
        self, loop: syntax.Loop, members: Members
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return first number, count and step of a loop for each member."""
        bounds = [np.broadcast_to(self.value(bound, members), (members.count,)) for bound in loop.bounds]
        first, last, step = bounds[0], bounds[-1], np.ones(members.count, np.int64)
        if len(bounds) == 1:
            first = np.zeros(members.count, np.int64)
        elif len(bounds) == 3:
            last, step = bounds[1], bounds[2]
            if np.any(step == 0):
                self._fail("the step of a range must not be zero", loop.bounds[2])
        counts = np.maximum(0, -((first - last) // step))
        # Summed as floats first: the true sum may not fit an integer.
        if counts.sum(dtype=np.float64) > self._member_limit:
            total = sum(map(int, counts[:1_000_000]))
            raise LimitError(self.field, "members", total, self._member_limit, "members of families")
        return first, counts, step

    def value(self, node: Expression, members: Members) -> Whole:
        """Return the whole number that an index expression stands for, of each member or of all."""
        result = self._value(node, members)
        self._check_size(result, node)
        return result

    def condition(self, node: Expression, members: Members) -> Truth:
        """Return whether a filter holds, for each member or for all."""
        match node:
            case syntax.Comparison():
                values = [self.value(operand, members) for operand in node.operands]
                holds: Truth = True
                for symbol, a, b in zip(node.operators, values, values[1:], strict=False):
                    holds = holds & _COMPARE[symbol](a, b)
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
            outside = np.atleast_1d((np.asarray(number) < 0) | (np.asarray(number) >= extent))
            if np.any(outside):
                first = int(np.argmax(outside))
                at = {key: int(values[first]) for key, values in members.indices.items()}
                self._fail_outside(name, array, part, at, axis, int(np.broadcast_to(number, outside.shape)[first]))
            place = place * extent + number
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
                found = table.reshape(-1)[place]
                return int(found) if isinstance(place, int) else found
            case syntax.Sum():
                total: Whole = 0
                for sign, term in node.terms:
                    number = self.value(term, members)
                    total = total + number if sign == "+" else total - number
                return total
            case syntax.Negative():
                return -self._value(node.argument, members)
            case syntax.Product():
                return self._product(node, members)
            case syntax.Power():
                return self._power(node, members)
            case _:
                self._fail("an index may hold whole numbers, loop indices, + - * // % ** and integer tables", node)

    def _product(self, node: syntax.Product, members: Members) -> Whole:
        result: Whole = 1
        for symbol, factor in node.factors:
            number = self.value(factor, members)
            if symbol == "*":
                if _largest(result) * _largest(number) > LARGEST:
                    self._fail("the index is too large", factor)
                result = result * number
                continue
            if np.any(np.equal(number, 0)):
                self._fail("division by zero in an index", factor)
            if symbol == "%":
                result = result % number
                continue
            if symbol == "/" and np.any(result % number):
                self._fail("a quotient in an index is not whole; write // for the whole part", factor)
            result = result // number
        return result

    def _power(self, node: syntax.Power, members: Members) -> Whole:
        base, exponent = self.value(node.base, members), self.value(node.exponent, members)
        digits = (_largest(base).bit_length() - 1) * _largest(exponent)
        if np.any(np.less(exponent, 0)) or (_largest(base) > 1 and digits > 53):
            self._fail("this power is no index: it is negative or too large", node)
        return base**exponent

    def _check_size(self, number: Whole, node: Expression) -> None:
        if _largest(number) > LARGEST:
            self._fail("the index is too large", node)


def _largest(number: Whole) -> int:
    """Return the largest absolute value."""
    if isinstance(number, int):
        return abs(number)
    return max(abs(int(number.max(initial=0))), abs(int(number.min(initial=0))))
