"""Writes a definition out as an expression graph: families, reductions and definitions become nodes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raphson_solver.errors import DefinitionError, LimitError
from raphson_solver.expression.graph import Graph
from raphson_solver.language import syntax
from raphson_solver.language.definition import size
from raphson_solver.language.integers import Indices, Integers, decides
from raphson_solver.language.names import Array
from raphson_solver.language.parsed import Parsed, no_equation
from raphson_solver.language.syntax import Expression
from raphson_solver.language.writer import Writer
from raphson_solver.limits import Limits


@dataclass(frozen=True, slots=True)
class Instance:
    """A definition, written out.

    Attributes
    ----------
    graph : Graph
        Holds every node.
    equations : tuple of int
        The m nodes of f.
    equation_names : tuple of str
        What to call each, e.g. ``"equations[0] at i=3"``.
    jacobian : tuple of tuple of int, optional
        The caller's m×n nodes.
    structural : dict of str to ndarray of int64
        Parameters whose values are part of the system.
    n, parameter_count : int
        Lengths of x and of p.
    """

    graph: Graph
    equations: tuple[int, ...]
    equation_names: tuple[str, ...]
    jacobian: tuple[tuple[int, ...], ...] | None
    structural: dict[str, NDArray[np.int64]]
    n: int
    parameter_count: int


def instantiate(text: Parsed, limits: Limits) -> Instance:
    """Write out a definition.

    Raises
    ------
    DefinitionError
        Where the text makes no sense.
    LimitError
        Where it is too large.
    """
    writer = _WrittenOut(text.arrays, limits)
    text.write(writer)
    if not writer.equations:
        raise no_equation()
    m, n = len(writer.equations), text.n
    if m * n > limits.dense_entries:
        raise LimitError("equations", "dense_entries", m * n, limits.dense_entries, "entries of a dense Jacobian")
    return Instance(
        graph=writer.graph,
        equations=tuple(writer.equations),
        equation_names=tuple(writer.equation_names),
        jacobian=None if text.definition.jacobian is None else _written_jacobian(text, writer),
        structural=text.structural,
        n=n,
        parameter_count=text.parameter_count,
    )


def _written_jacobian(text: Parsed, writer: _WrittenOut) -> tuple[tuple[int, ...], ...]:
    texts, m, n = text.definition.jacobian, len(writer.equations), text.n
    assert texts is not None
    if len(text.entries) != m:
        raise DefinitionError("jacobian", f"expected {m} rows, one an equation; found {len(text.entries)}")
    rows = []
    for i, row in enumerate(text.entries):
        if len(row) != n:
            raise DefinitionError(f"jacobian[{i}]", f"expected {n} entries, one a variable; found {len(row)}")
        rows.append(tuple(writer.expression(entry, f"jacobian[{i}][{j}]", texts[i][j]) for j, entry in enumerate(row)))
    return tuple(rows)


class _WrittenOut(Writer[Indices]):
    """Writes every equation on its own."""

    def __init__(self, arrays: dict[str, Array], limits: Limits) -> None:
        super().__init__(arrays, limits, {})
        self.equations: list[int] = []
        self.equation_names: list[str] = []
        self._integers = Integers(arrays, limits.nodes)

    def write(self, item: syntax.Equation, field: str, source: str) -> None:
        self._enter(field, source)
        self._check_loops(item.loops)
        for indices in self._integers.steps(item.loops, {}, self._limits.equations):
            left = self._node(item.left, indices)
            node = left if item.right is None else self.graph.subtract(left, self._node(item.right, indices))
            self.equations.append(node)
            at = ", ".join(f"{name}={number}" for name, number in indices.items())
            self.equation_names.append(f"{field} at {at}" if at else field)
            if len(self.equations) > self._limits.equations:
                raise LimitError(field, "equations", len(self.equations), self._limits.equations, "equations")

    def _enter(self, field: str, source: str) -> None:
        super()._enter(field, source)
        self._integers.field, self._integers.source = field, source

    def _index_number(self, name: str, where: Indices) -> int | None:
        return self.graph.constant(float(where[name])) if name in where else None

    def _scalar(self, array: Array) -> int:
        return self._number_at(array, 0)

    def _element(self, array: Array, tree: syntax.Index, where: Indices) -> int:
        return self._number_at(array, self._integers.flat_index(tree.name, array, tree, where))

    def _number_at(self, array: Array, place: int) -> int:
        if array.values is not None:
            return self.graph.constant(float(array.values.reshape(-1)[place]))
        place += array.offset
        return self.graph.variable(place) if array.is_variable else self.graph.parameter(place)

    def _decided(self, condition: Expression, where: Indices) -> bool | None:
        if not decides(condition, where, self._arrays):
            return None
        return self._integers.condition(condition, where)

    def _reduce(self, tree: syntax.Reduction, where: Indices) -> int:
        nodes = [self._node(tree.body, inner) for inner in self._integers.steps(tree.loops, where)]
        self._check_not_empty(tree, len(nodes))
        return self._fold(tree.name, nodes)

    def _reduce_array(self, name: str, array: Array) -> int:
        return self._fold(name, [self._number_at(array, place) for place in range(size(array.shape))])
