"""Writes a definition out as an expression graph: families, reductions and definitions become nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from raphson_solver.errors import DefinitionError, LimitError
from raphson_solver.expression import operations as op
from raphson_solver.expression.graph import Graph
from raphson_solver.language import names, syntax
from raphson_solver.language.definition import Definition, size
from raphson_solver.language.integers import Indices, Integers
from raphson_solver.language.names import Array
from raphson_solver.language.parser import Uses, parse_equation, parse_expression
from raphson_solver.language.syntax import Expression
from raphson_solver.language.tokens import clip
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


def instantiate(definition: Definition, limits: Limits) -> Instance:
    """Parse and write out a definition.

    Raises
    ------
    DefinitionError
        Where the text makes no sense.
    LimitError
        Where it is too large.
    """
    check_length(definition.equations, definition.jacobian, limits)
    fields = [f"equations[{number}]" for number in range(len(definition.equations))]
    uses = Uses()
    parsed = [
        parse_equation(text, field, limits.depth, uses)
        for text, field in zip(definition.equations, fields, strict=True)
    ]
    entries = [
        [parse_expression(text, f"jacobian[{i}][{j}]", limits.depth, uses) for j, text in enumerate(row)]
        for i, row in enumerate(definition.jacobian or ())
    ]
    declared = {name for name, _ in (*definition.variables, *definition.parameters)}
    structural = (uses.structural - uses.counted) & declared
    arrays = names.declare(definition, structural, limits)
    writer = _Writer(arrays, limits)
    for item, field, source in zip(parsed, fields, definition.equations, strict=True):
        if isinstance(item, syntax.Assignment):
            writer.define(item, field, source)
    for item, field, source in zip(parsed, fields, definition.equations, strict=True):
        if isinstance(item, syntax.Equation):
            writer.write(item, field, source)
    if not writer.equations:
        raise DefinitionError("equations", "there is no equation to solve or evaluate")
    n = sum(size(shape) for _, shape in definition.variables)
    if n == 0:
        raise DefinitionError("start", "there is no variable to solve for")
    m = len(writer.equations)
    if m * n > limits.dense_entries:
        raise LimitError("equations", "dense_entries", m * n, limits.dense_entries, "entries of a dense Jacobian")
    return Instance(
        graph=writer.graph,
        equations=tuple(writer.equations),
        equation_names=tuple(writer.equation_names),
        jacobian=_written_jacobian(definition, entries, writer, n) if definition.jacobian is not None else None,
        structural={name: array.values for name, array in arrays.items() if array.values is not None},
        n=n,
        parameter_count=sum(
            size(array.shape) for array in arrays.values() if not array.is_variable and array.values is None
        ),
    )


def check_length(equations: tuple[str, ...], jacobian: tuple[tuple[str, ...], ...] | None, limits: Limits) -> None:
    """Raise `LimitError` at the first text that takes the length of all of them past the limit."""
    length = 0
    for number, text in enumerate(equations):
        length += len(text)
        if length > limits.text_length:
            raise LimitError(f"equations[{number}]", "text_length", length, limits.text_length, "characters")
    for i, row in enumerate(jacobian or ()):
        length += sum(map(len, row))
        if length > limits.text_length:
            raise LimitError(f"jacobian[{i}]", "text_length", length, limits.text_length, "characters")


def _written_jacobian(
    definition: Definition, entries: list[list[Expression]], writer: _Writer, n: int
) -> tuple[tuple[int, ...], ...]:
    assert definition.jacobian is not None
    m = len(writer.equations)
    if len(entries) != m:
        raise DefinitionError("jacobian", f"expected {m} rows, one an equation; found {len(entries)}")
    rows = []
    for i, row in enumerate(entries):
        if len(row) != n:
            raise DefinitionError(f"jacobian[{i}]", f"expected {n} entries, one a variable; found {len(row)}")
        rows.append(
            tuple(
                writer.expression(entry, f"jacobian[{i}][{j}]", definition.jacobian[i][j])
                for j, entry in enumerate(row)
            )
        )
    return tuple(rows)


class _Writer:
    """Turns trees into nodes, one text at a time."""

    def __init__(self, arrays: dict[str, Array], limits: Limits) -> None:
        self.graph = Graph(limits.nodes)
        self.equations: list[int] = []
        self.equation_names: list[str] = []
        self._arrays = arrays
        self._limits = limits
        self._definitions: dict[str, int] = {}
        self._integers = Integers(arrays, limits.nodes)
        self._field = ""
        self._source = ""
        self._write = {
            syntax.Number: self._number,
            syntax.Name: self._name,
            syntax.Index: self._index,
            syntax.Sum: self._sum,
            syntax.Product: self._product,
            syntax.Negative: self._negative,
            syntax.Power: self._power,
            syntax.Conditional: self._conditional,
            syntax.Call: self._call,
            syntax.Reduction: self._reduction,
        }

    # --- texts ----------------------------------------------------------------------------------------------

    def define(self, item: syntax.Assignment, field: str, source: str) -> None:
        self._enter(field, source)
        if item.name in names.RESERVED:
            self._fail(f"the name '{clip(item.name)}' already stands for something in the language", item.column)
        if item.name in self._arrays:
            kind = "variable" if self._arrays[item.name].is_variable else "parameter"
            self._fail(f"'{clip(item.name)}' is already a {kind}; a definition needs a name of its own", item.column)
        if item.name in self._definitions:
            self._fail(f"'{clip(item.name)}' is defined twice", item.column)
        self._definitions[item.name] = self._node(item.value, {})

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

    def expression(self, tree: Expression, field: str, source: str) -> int:
        self._enter(field, source)
        return self._node(tree, {})

    def _enter(self, field: str, source: str) -> None:
        self._field = self._integers.field = field
        self._source = self._integers.source = source

    def _check_loops(self, loops: list[syntax.Loop]) -> None:
        for loop in loops:
            if loop.name in self._arrays or loop.name in self._definitions or loop.name in names.RESERVED:
                self._fail(
                    f"the index '{clip(loop.name)}' shadows a name that already stands for something", loop.column
                )

    # --- numbers --------------------------------------------------------------------------------------------

    def _node(self, tree: Expression, indices: Indices) -> int:
        write = self._write.get(type(tree))
        if write is None:
            self._fail("expected a number, found a condition; write 'a if condition else b'", tree.column)
        return write(tree, indices)  # type: ignore[operator, no-any-return]

    def _number(self, tree: syntax.Number, _: Indices) -> int:
        return self.graph.constant(tree.value)

    def _name(self, tree: syntax.Name, indices: Indices) -> int:
        name = tree.name
        if name in indices:
            return self.graph.constant(float(indices[name]))
        array = self._arrays.get(name)
        if array is not None:
            if array.shape:
                subscript = ",".join("ijkl"[: len(array.shape)])
                self._fail(f"'{clip(name)}' is an array of shape {array.shape}; write {name}[{subscript}]", tree.column)
            return self._number_at(array, 0)
        if name in self._definitions:
            return self._definitions[name]
        if name in names.CONSTANTS:
            return self.graph.constant(names.CONSTANTS[name])
        self._fail_unknown(tree)

    def _index(self, tree: syntax.Index, indices: Indices) -> int:
        array = self._arrays.get(tree.name)
        if array is None:
            if tree.name in self._definitions or tree.name in indices:
                self._fail(f"'{clip(tree.name)}' is one number and takes no index", tree.column)
            self._fail_unknown(syntax.Name(tree.column, tree.name))
        if not array.shape:
            self._fail(f"'{clip(tree.name)}' is a scalar and takes no index", tree.column)
        return self._number_at(array, self._integers.flat_index(tree.name, array, tree, indices))

    def _number_at(self, array: Array, place: int) -> int:
        if array.values is not None:
            return self.graph.constant(float(array.values.reshape(-1)[place]))
        place += array.offset
        return self.graph.variable(place) if array.is_variable else self.graph.parameter(place)

    def _sum(self, tree: syntax.Sum, indices: Indices) -> int:
        total = self._node(tree.terms[0][1], indices)
        for sign, term in tree.terms[1:]:
            node = self._node(term, indices)
            total = self.graph.add(total, node) if sign == "+" else self.graph.subtract(total, node)
        return total

    def _product(self, tree: syntax.Product, indices: Indices) -> int:
        result = self._node(tree.factors[0][1], indices)
        for symbol, factor in tree.factors[1:]:
            node = self._node(factor, indices)
            if symbol == "*":
                result = self.graph.multiply(result, node)
            elif symbol == "/":
                result = self.graph.divide(result, node)
            else:
                result = self._modulo(result, node) if symbol == "%" else self._floor_quotient(result, node)
        return result

    def _modulo(self, a: int, b: int) -> int:
        """Return a % b as in Python: with the sign of b."""
        graph = self.graph
        rest = graph.apply(op.REMAINDER, a, b)
        signs = graph.multiply(graph.apply(op.SIGN, rest), graph.apply(op.SIGN, b))
        return graph.select(graph.apply(op.LESS, signs, graph.zero), graph.add(rest, b), rest)

    def _floor_quotient(self, a: int, b: int) -> int:
        """Return a // b as in Python: from the remainder, since a / b may round up to a whole number."""
        graph = self.graph
        nearly_whole = graph.divide(graph.subtract(a, self._modulo(a, b)), b)
        whole = graph.apply(op.FLOOR, nearly_whole)
        above = graph.apply(op.GREATER, graph.subtract(nearly_whole, whole), graph.constant(0.5))
        return graph.select(above, graph.add(whole, graph.one), whole)

    def _negative(self, tree: syntax.Negative, indices: Indices) -> int:
        return self.graph.negative(self._node(tree.argument, indices))

    def _power(self, tree: syntax.Power, indices: Indices) -> int:
        return self.graph.power(self._node(tree.base, indices), self._node(tree.exponent, indices))

    def _conditional(self, tree: syntax.Conditional, indices: Indices) -> int:
        if self._integers.decides(tree.condition, indices):
            # Only the branch taken is written: in "u[i-1] if i > 0 else left" the other has no valid index.
            taken = tree.first if self._integers.condition(tree.condition, indices) else tree.second
            return self._node(taken, indices)
        return self.graph.select(
            self._condition(tree.condition, indices),
            self._node(tree.first, indices),
            self._node(tree.second, indices),
        )

    def _call(self, tree: syntax.Call, indices: Indices) -> int:
        name, given = tree.name, len(tree.arguments)
        if name in {"sum", "prod"} or (name in {"min", "max"} and given == 1):
            return self._over_array(tree)
        if name in {"min", "max"}:
            return self._fold(name, [self._node(argument, indices) for argument in tree.arguments])
        operation = names.FUNCTIONS.get(name)
        if operation is None and name not in names.WRITTEN:
            self._fail_function(tree)
        wanted = names.WRITTEN[name] if operation is None else operation.arity
        if given != wanted:
            self._fail(f"'{clip(name)}' takes {wanted} argument{'s' * (wanted > 1)}, not {given}", tree.column)
        if name == "where":
            condition, first, second = tree.arguments
            return self._conditional(syntax.Conditional(tree.column, condition, first, second), indices)
        nodes = [self._node(argument, indices) for argument in tree.arguments]
        if operation is not None:
            return self.graph.apply(operation, *nodes)
        match name:
            case "square":
                return self.graph.multiply(nodes[0], nodes[0])
            case "reciprocal":
                return self.graph.divide(self.graph.one, nodes[0])
            case "negative":
                return self.graph.negative(nodes[0])
            case _:
                return self.graph.power(*nodes)

    def _over_array(self, tree: syntax.Call) -> int:
        argument = tree.arguments[0]
        array = self._arrays.get(argument.name) if isinstance(argument, syntax.Name) else None
        if len(tree.arguments) != 1 or array is None or not array.shape:
            self._fail(
                f"'{clip(tree.name)}' takes an array's name, or an expression with 'for': "
                f"{tree.name}(x[i]**2 for i in range(n))",
                tree.column,
            )
        return self._fold(tree.name, [self._number_at(array, place) for place in range(size(array.shape))])

    def _reduction(self, tree: syntax.Reduction, indices: Indices) -> int:
        self._check_loops(tree.loops)
        nodes = [self._node(tree.body, inner) for inner in self._integers.steps(tree.loops, indices)]
        if not nodes and tree.name in {"min", "max"}:
            self._fail(f"'{clip(tree.name)}' of nothing: its range is empty", tree.column)
        return self._fold(tree.name, nodes)

    def _fold(self, name: str, nodes: list[int]) -> int:
        graph = self.graph
        if name == "sum":
            return graph.sum(nodes)
        if name == "prod":
            result = graph.one
            for node in nodes:
                result = graph.multiply(result, node)
            return result
        operation = op.MINIMUM if name == "min" else op.MAXIMUM
        result = nodes[0]
        for node in nodes[1:]:
            result = graph.apply(operation, result, node)
        return result

    # --- conditions -----------------------------------------------------------------------------------------

    def _condition(self, tree: Expression, indices: Indices) -> int:
        graph = self.graph
        match tree:
            case syntax.Comparison():
                nodes = [self._node(operand, indices) for operand in tree.operands]
                parts = [
                    graph.apply(op.COMPARISONS[symbol], a, b)
                    for symbol, a, b in zip(tree.operators, nodes, nodes[1:], strict=False)
                ]
                return self._join(op.AND, parts)
            case syntax.Logic():
                parts = [self._condition(operand, indices) for operand in tree.operands]
                return self._join(op.AND if tree.operator == "and" else op.OR, parts)
            case syntax.Not():
                return graph.apply(op.NOT, self._condition(tree.argument, indices))
            case _:
                self._fail("expected a condition, such as x > 0, found a number", tree.column)

    def _join(self, operation: op.Operation, parts: list[int]) -> int:
        result = parts[0]
        for part in parts[1:]:
            result = self.graph.apply(operation, result, part)
        return result

    # --- errors ---------------------------------------------------------------------------------------------

    def _fail_unknown(self, tree: syntax.Name) -> NoReturn:
        if tree.name in names.FUNCTIONS or tree.name in names.WRITTEN:
            self._fail(f"'{clip(tree.name)}' is a function; write {tree.name}(…)", tree.column)
        known = self._arrays.keys() | self._definitions.keys() | names.CONSTANTS.keys()
        self._fail(
            f"unknown name '{clip(tree.name)}': neither a variable nor a parameter nor defined above"
            + names.suggestion(tree.name, known),
            tree.column,
        )

    def _fail_function(self, tree: syntax.Call) -> NoReturn:
        if tree.name in self._arrays or tree.name in self._definitions:
            self._fail(f"'{clip(tree.name)}' is not a function; write '*' to multiply", tree.column)
        known = names.FUNCTIONS.keys() | names.WRITTEN.keys() | {"sum", "prod", "min", "max"}
        self._fail(f"unknown function '{clip(tree.name)}'" + names.suggestion(tree.name, known), tree.column)

    def _fail(self, message: str, column: int) -> NoReturn:
        raise DefinitionError(self._field, message, self._source, column)
