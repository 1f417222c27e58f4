"""Whole numbers known before any x: indices, ranges and filters."""

from __future__ import annotations

import operator
from collections.abc import Callable, Container, Iterator, Mapping
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from raphson_solver.errors import DefinitionError, LimitError
from raphson_solver.language import syntax
from raphson_solver.language.names import Array
from raphson_solver.language.syntax import Expression
from raphson_solver.language.tokens import clip

Indices = dict[str, int]

_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
LARGEST = 2**53


def decides(node: Expression, indices: Container[str], arrays: Mapping[str, Array]) -> bool:
    """Return whether a condition holds only whole numbers known before any x."""
    match node:
        case syntax.Number():
            return node.value.is_integer() and abs(node.value) <= LARGEST
        case syntax.Name():
            return node.name in indices or is_table(node.name, arrays)
        case syntax.Index():
            return is_table(node.name, arrays)
        case syntax.Sum():
            return all(decides(term, indices, arrays) for _, term in node.terms)
        case syntax.Product():
            return all(symbol != "/" and decides(factor, indices, arrays) for symbol, factor in node.factors)
        case syntax.Power():
            return decides(node.base, indices, arrays) and decides(node.exponent, indices, arrays)
        case syntax.Negative() | syntax.Not():
            return decides(node.argument, indices, arrays)
        case syntax.Comparison() | syntax.Logic():
            return all(decides(operand, indices, arrays) for operand in node.operands)
        case _:
            return False


def is_table(name: str, arrays: Mapping[str, Array]) -> bool:
    """Return whether a name stands for whole numbers that are part of the system."""
    return name in arrays and arrays[name].values is not None


class IndexText:
    """The tables that one text's index expressions may look up, and what is wrong with those that make no sense.

    Parameters
    ----------
    arrays : mapping of str to Array
        The declared names.

    Attributes
    ----------
    source, field : str
        The text, and what errors call it.
    """

    def __init__(self, arrays: dict[str, Array]) -> None:
        self._arrays = arrays
        self.source = ""
        self.field = ""

    def _whole_literal(self, node: syntax.Number) -> int:
        if not node.value.is_integer():
            self._fail(f"an index must be a whole number; found {node.value!r}", node)
        return int(node.value)

    def _scalar(self, node: syntax.Name) -> int:
        table = self._table(node, node.name)
        if table.shape:
            self._fail(f"'{clip(node.name)}' is a table of shape {table.shape}; write {node.name}[…]", node)
        return int(table)

    def _table(self, node: Expression, name: str) -> NDArray[np.int64]:
        array = self._arrays.get(name)
        if array is None:
            self._fail(f"unknown name '{clip(name)}' in an index: neither a loop index nor a parameter", node)
        if array.values is None:
            self._fail(f"'{clip(name)}' cannot be used in an index", node)
        return array.values

    def _check_free(self, loop: syntax.Loop, indices: Container[str]) -> None:
        if loop.name in indices:
            raise DefinitionError(
                self.field, f"the index '{clip(loop.name)}' is already in use", self.source, loop.column
            )

    def _check_dimensions(self, name: str, array: Array, node: syntax.Index) -> None:
        if len(node.indices) != len(array.shape):
            self._fail(
                f"'{clip(name)}' has shape {array.shape} and so takes {len(array.shape)} "
                f"{'index' if len(array.shape) == 1 else 'indices'}, not {len(node.indices)}",
                node,
            )

    def _fail_outside(
        self, name: str, array: Array, part: Expression, indices: Mapping[str, int], axis: int, number: int
    ) -> NoReturn:
        where = f" in dimension {axis}" if len(array.shape) > 1 else ""
        at = ", ".join(f"{key}={value}" for key, value in indices.items())
        source = ""
        if isinstance(part, syntax.Index):
            # Of a table it is told which of its numbers that is.
            alone = Integers(self._arrays, 0)
            alone.field, alone.source = self.field, self.source
            places = ",".join(str(alone.value(each, dict(indices))) for each in part.indices)
            source = f", which is {clip(part.name)}[{places}],"
        self._fail(
            f"the index {number}{where} of '{clip(name)}'{source} is outside 0 … {array.shape[axis] - 1}"
            + (f" (at {at})" if at else ""),
            part,
        )

    def _fail(self, message: str, node: Expression) -> NoReturn:
        raise DefinitionError(self.field, message, self.source, node.column)


class Integers(IndexText):
    """Evaluates the index expressions of one text, in one member of its loops at a time.

    Parameters
    ----------
    arrays : mapping of str to Array
        The declared names.
    step_limit : int
        Most steps that all loops of the system may take together.
    """

    def __init__(self, arrays: dict[str, Array], step_limit: int) -> None:
        super().__init__(arrays)
        self._steps = 0
        self._step_limit = step_limit

    def value(self, node: Expression, indices: Indices) -> int:
        """Return the whole number that an index expression stands for."""
        result = self._value(node, indices)
        if abs(result) > LARGEST:
            self._fail("the index is too large", node)
        return result

    def condition(self, node: Expression, indices: Indices) -> bool:
        """Return whether a filter holds."""
        match node:
            case syntax.Comparison():
                values = [self.value(operand, indices) for operand in node.operands]
                return all(
                    _COMPARE[symbol](a, b) for symbol, a, b in zip(node.operators, values, values[1:], strict=False)
                )
            case syntax.Logic(operator="and"):
                return all(self.condition(operand, indices) for operand in node.operands)
            case syntax.Logic():
                return any(self.condition(operand, indices) for operand in node.operands)
            case syntax.Not():
                return not self.condition(node.argument, indices)
            case _:
                self._fail("a filter needs a comparison of whole numbers, such as i != j", node)

    def steps(self, loops: list[syntax.Loop], indices: Indices, equation_limit: int | None = None) -> Iterator[Indices]:
        """Yield the indices of every step of nested loops, the last loop fastest.

        With `equation_limit` each step is an equation: too many are refused before the first is written.
        """
        if not loops:
            yield indices
            return
        loop, rest = loops[0], loops[1:]
        self._check_free(loop, indices)
        bounds = [self.value(bound, indices) for bound in loop.bounds]
        if len(bounds) == 3 and bounds[2] == 0:
            self._fail("the step of a range must not be zero", loop.bounds[2])
        numbers = range(*bounds)
        # Not len(): it refuses ranges longer than a list can be.
        count = max(0, -((numbers.start - numbers.stop) // numbers.step))
        if equation_limit is not None and count > equation_limit and not loop.filters:
            raise LimitError(self.field, "equations", count, equation_limit, "equations")
        self._steps += count
        if self._steps > self._step_limit:
            raise LimitError(self.field, "nodes", self._steps, self._step_limit, "loop steps")
        for number in numbers:
            inner = {**indices, loop.name: number}
            if all(self.condition(part, inner) for part in loop.filters):
                yield from self.steps(rest, inner)

    def flat_index(self, name: str, array: Array, node: syntax.Index, indices: Indices) -> int:
        """Return the place of ``name[i, j]`` in the flattened array."""
        self._check_dimensions(name, array, node)
        place = 0
        for axis, (part, extent) in enumerate(zip(node.indices, array.shape, strict=True)):
            number = self.value(part, indices)
            if not 0 <= number < extent:
                self._fail_outside(name, array, part, indices, axis, number)
            place = place * extent + number
        return place

    def _value(self, node: Expression, indices: Indices) -> int:
        match node:
            case syntax.Number():
                return self._whole_literal(node)
            case syntax.Name():
                return indices[node.name] if node.name in indices else self._scalar(node)
            case syntax.Index():
                table = self._table(node, node.name)
                place = self.flat_index(node.name, self._arrays[node.name], node, indices)
                return int(table.reshape(-1)[place])
            case syntax.Sum():
                return sum(self._value(term, indices) * (1 if sign == "+" else -1) for sign, term in node.terms)
            case syntax.Negative():
                return -self._value(node.argument, indices)
            case syntax.Product():
                return self._product(node, indices)
            case syntax.Power():
                return self._power(node, indices)
            case _:
                self._fail("an index may hold whole numbers, loop indices, + - * // % ** and integer tables", node)

    def _product(self, node: syntax.Product, indices: Indices) -> int:
        result = 1
        for symbol, factor in node.factors:
            number = self._value(factor, indices)
            if symbol == "*":
                result *= number
                if abs(result) > LARGEST:
                    self._fail("the index is too large", factor)
                continue
            if number == 0:
                self._fail("division by zero in an index", factor)
            if symbol == "//":
                result //= number
            elif symbol == "%":
                result %= number
            elif result % number:
                self._fail(f"{result}/{number} is not whole; write // for the whole part", factor)
            else:
                result //= number
            if abs(result) > LARGEST:
                self._fail("the index is too large", factor)
        return result

    def _power(self, node: syntax.Power, indices: Indices) -> int:
        base, exponent = self._value(node.base, indices), self._value(node.exponent, indices)
        if exponent < 0 or (abs(base) > 1 and exponent * (abs(base).bit_length() - 1) > 53):
            written = f"{base}**{exponent}" if max(abs(base), abs(exponent)) <= LARGEST else "this power"
            self._fail(f"{written} is no index: it is negative or too large", node)
        return int(base**exponent)
