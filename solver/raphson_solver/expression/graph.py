"""The expression graph: nodes in an arena, each made once, arguments always before their users.

A node is its number. Equal expressions get the same number as they are made, so common subexpressions are
shared by construction, and a walk in the order of the numbers is a walk in the order of evaluation.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from raphson_solver.errors import LimitError
from raphson_solver.expression import operations as op
from raphson_solver.expression.operations import Operation

LARGEST_UNROLLED_POWER = 64
_REWRITTEN = frozenset({op.CONSTANT, op.NEGATIVE})


class Graph:
    """An arena of nodes.

    Attributes
    ----------
    operation : list of Operation
        What each node does.
    arguments : list of tuple of int
        The nodes that each node takes.
    value : list of float
        A constant's number; a variable's or parameter's place in its vector.
    zero, one : int
        The constants 0 and 1.
    """

    def __init__(self, node_limit: int = 1_000_000) -> None:
        self.operation: list[Operation] = []
        self.arguments: list[tuple[int, ...]] = []
        self.value: list[float] = []
        self._flat_arguments = array("i")
        self._interned: dict[tuple[object, ...], int] = {}
        self._node_limit = node_limit
        self.zero = self.constant(0.0)
        self.one = self.constant(1.0)

    def __len__(self) -> int:
        return len(self.operation)

    def copy(self) -> Graph:
        """Return a graph with the same nodes, by the same numbers."""
        twin = Graph(self._node_limit)
        twin.operation, twin.arguments, twin.value = list(self.operation), list(self.arguments), list(self.value)
        twin._flat_arguments, twin._interned = self._flat_arguments[:], dict(self._interned)
        return twin

    # --- leaves ---------------------------------------------------------------------------------------

    def constant(self, value: float) -> int:
        """Return the node of a finite number; +0 and −0 are two nodes."""
        return self._intern((op.CONSTANT, value, math.copysign(1.0, value)), op.CONSTANT, (), value)

    def variable(self, place: int) -> int:
        """Return the node of x[place]."""
        return self._intern((op.VARIABLE, place), op.VARIABLE, (), place)

    def parameter(self, place: int) -> int:
        """Return the node of p[place]."""
        return self._intern((op.PARAMETER, place), op.PARAMETER, (), place)

    # --- arithmetic, simplified as it is made ---------------------------------------------------------------

    def add(self, a: int, b: int) -> int:
        """Return a + b."""
        if a == self.zero:
            return b
        if b == self.zero:
            return a
        if a == b:
            return self.multiply(self.constant(2.0), a)
        if self.operation[b] is op.NEGATIVE:
            return self.subtract(a, self.arguments[b][0])
        if self.operation[a] is op.NEGATIVE:
            return self.subtract(b, self.arguments[a][0])
        if self._is_exp_and_minus_one(a, b):
            return self.apply(op.EXPM1, self.arguments[a][0])
        if self._is_exp_and_minus_one(b, a):
            return self.apply(op.EXPM1, self.arguments[b][0])
        return self._make(op.ADD, (a, b) if a < b else (b, a))

    def subtract(self, a: int, b: int) -> int:
        """Return a − b."""
        if b == self.zero:
            return a
        if a == self.zero:
            return self.negative(b)
        if a == b:
            return self.zero
        if self.operation[b] is op.NEGATIVE:
            return self.add(a, self.arguments[b][0])
        # Where u is small the difference would be rounding alone.
        if b == self.one and self.operation[a] is op.EXP:
            return self.apply(op.EXPM1, self.arguments[a][0])
        if a == self.one and self.operation[b] is op.EXP:
            return self.negative(self.apply(op.EXPM1, self.arguments[b][0]))
        return self._make(op.SUBTRACT, (a, b))

    def negative(self, a: int) -> int:
        """Return −a."""
        kind = self.operation[a]
        if kind is op.CONSTANT:
            return self.constant(-self.value[a])
        if kind is op.NEGATIVE:
            return self.arguments[a][0]
        if kind is op.SUBTRACT:
            first, second = self.arguments[a]
            return self.subtract(second, first)
        return self._make(op.NEGATIVE, (a,))

    def multiply(self, a: int, b: int) -> int:
        """Return a · b."""
        if b < a:
            a, b = b, a
        if a == self.zero:
            return a
        if a == self.one:
            return b
        kind_a, kind_b = self.operation[a], self.operation[b]
        if kind_a in _REWRITTEN or kind_b in _REWRITTEN:
            for this, kind, other in ((a, kind_a, b), (b, kind_b, a)):
                if kind is op.CONSTANT and self.value[this] == -1.0:
                    return self.negative(other)
                if kind is op.NEGATIVE:
                    return self.negative(self.multiply(self.arguments[this][0], other))
        return self._make(op.MULTIPLY, (a, b))

    def divide(self, a: int, b: int) -> int:
        """Return a / b."""
        if b == self.one:
            return a
        kind = self.operation[a]
        if a == self.zero and not (self.operation[b] is op.CONSTANT and self.value[b] == 0.0):
            return a
        if kind is op.NEGATIVE:
            return self.negative(self.divide(self.arguments[a][0], b))
        return self._make(op.DIVIDE, (a, b))

    def power(self, a: int, b: int) -> int:
        """Return a ** b; a whole constant exponent becomes multiplications."""
        if self.operation[b] is op.CONSTANT:
            exponent = self.value[b]
            if exponent == 0.5:
                return self.apply(op.SQRT, a)
            if exponent.is_integer() and abs(exponent) <= LARGEST_UNROLLED_POWER:
                return self._whole_power(a, int(exponent))
        return self._make(op.POWER, (a, b))

    def select(self, condition: int, a: int, b: int) -> int:
        """Return a where the condition holds, else b."""
        if self.operation[condition] is op.CONSTANT:
            return a if self.value[condition] else b
        if a == b:
            return a
        return self._make(op.SELECT, (condition, a, b))

    def apply(self, operation: Operation, *arguments: int) -> int:
        """Return a function or a comparison of its arguments."""
        return self._make(operation, arguments)

    def sum(self, terms: Iterable[int]) -> int:
        """Return the sum of the terms, added from the left."""
        total = self.zero
        for term in terms:
            total = self.add(total, term)
        return total

    # --- how nodes are made ---------------------------------------------------------------------------------

    def _is_exp_and_minus_one(self, a: int, b: int) -> bool:
        return self.operation[a] is op.EXP and self.operation[b] is op.CONSTANT and self.value[b] == -1.0

    def _whole_power(self, a: int, exponent: int) -> int:
        if exponent < 0:
            return self.divide(self.one, self._whole_power(a, -exponent))
        result, square = self.one, a
        while exponent:
            if exponent & 1:
                result = self.multiply(result, square)
            exponent >>= 1
            if exponent:
                square = self.multiply(square, square)
        return result

    def _make(self, operation: Operation, arguments: tuple[int, ...]) -> int:
        key = (operation, *arguments)
        node = self._interned.get(key)
        if node is not None:
            return node
        if self.operation[arguments[0]] is op.CONSTANT:
            folded = self._fold(operation, arguments)
            if folded is not None:
                return folded
        return self._intern(key, operation, arguments, 0.0)

    def _fold(self, operation: Operation, arguments: tuple[int, ...]) -> int | None:
        if any(self.operation[argument] is not op.CONSTANT for argument in arguments):
            return None
        with np.errstate(all="ignore"):
            folded = float(operation.value(*(self.value[argument] for argument in arguments)))
        # A constant that is not finite stays as written, to be met, and reported, where it is evaluated.
        return self.constant(folded) if math.isfinite(folded) else None

    def _intern(self, key: tuple[object, ...], operation: Operation, arguments: tuple[int, ...], value: float) -> int:
        node = self._interned.get(key)
        if node is None:
            node = len(self.operation)
            if node >= self._node_limit:
                raise LimitError("equations", "nodes", node + 1, self._node_limit, "expression nodes")
            self._interned[key] = node
            self.operation.append(operation)
            self.arguments.append(arguments)
            self.value.append(value)
            self._flat_arguments.extend(arguments)
        return node

    # --- walks ----------------------------------------------------------------------------------------------

    def reachable(self, outputs: Iterable[int]) -> list[int]:
        """Return the nodes that the outputs need, in the order of evaluation."""
        needed = bytearray(len(self.operation))
        last = -1
        for node in outputs:
            needed[node] = 1
            last = max(last, node)
        arguments = self.arguments
        for node in range(last, -1, -1):
            if needed[node]:
                for argument in arguments[node]:
                    needed[argument] = 1
        return [node for node in range(last + 1) if needed[node]]

    def when_needed(self, outputs: Iterable[int], done: set[int] | None = None) -> Iterator[int]:
        """Yield the nodes that the outputs need, each just before what needs it first, but for those that are done.

        They are done when they have been yielded: the set grows.
        """
        done = set() if done is None else done
        for output in outputs:
            waiting = [output]
            while waiting:
                node = waiting[-1]
                missing = () if node in done else [each for each in self.arguments[node] if each not in done]
                if missing:
                    waiting.extend(reversed(missing))
                    continue
                waiting.pop()
                if node not in done:
                    done.add(node)
                    yield node

    def columns(self, count: int) -> NDArray[np.int32]:
        """Return the arguments of the first `count` nodes, shape (count, 3), 0 where a node has fewer."""
        lengths = np.fromiter(map(len, self.arguments[:count]), np.int64, count)
        flat = np.frombuffer(self._flat_arguments, np.int32)[: int(lengths.sum())].copy()
        columns = np.zeros((count, 3), np.int32)
        columns[np.arange(3) < lengths[:, None]] = flat
        return columns

    def dependent(self, leaf: Operation = op.VARIABLE) -> bytearray:
        """Return, for every node, whether it depends on a variable, or on a parameter if that is the leaf named."""
        depends = bytearray(len(self.operation))
        for node, (kind, arguments) in enumerate(zip(self.operation, self.arguments, strict=True)):
            if kind is leaf:
                depends[node] = 1
            else:
                for argument in arguments:
                    if depends[argument]:
                        depends[node] = 1
                        break
        return depends
