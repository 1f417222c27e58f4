"""Trees to nodes: what the language means, whether equations are written out one by one or family by family."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, NoReturn, TypeVar

from raphson_solver.errors import DefinitionError
from raphson_solver.expression import operations as op
from raphson_solver.expression.graph import Graph
from raphson_solver.language import names, syntax
from raphson_solver.language.alike import Alike
from raphson_solver.language.names import Array
from raphson_solver.language.syntax import Expression
from raphson_solver.language.tokens import clip
from raphson_solver.limits import Limits

Where = TypeVar("Where")


class Writer(ABC, Generic[Where]):
    """Turns trees into nodes, one text at a time.

    What depends on where an expression stands, in which member of which loops, is left to who inherits.

    Parameters
    ----------
    arrays : mapping of str to Array
        The declared names.
    limits : Limits
        How large the system may be.
    nowhere : Where
        Outside all loops.
    """

    def __init__(self, arrays: dict[str, Array], limits: Limits, nowhere: Where) -> None:
        self.graph = Graph(limits.nodes)
        self._arrays = arrays
        self._limits = limits
        self._nowhere = nowhere
        self._definitions: dict[str, int] = {}
        self._field = ""
        self._source = ""
        self._write = {
            syntax.Number: self._literal,
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
        """Give an expression a name."""
        self._enter(field, source)
        if item.name in names.RESERVED:
            self._fail(f"the name '{clip(item.name)}' already stands for something in the language", item.column)
        if item.name in self._arrays:
            kind = "variable" if self._arrays[item.name].is_variable else "parameter"
            self._fail(f"'{clip(item.name)}' is already a {kind}; a definition needs a name of its own", item.column)
        if item.name in self._definitions:
            self._fail(f"'{clip(item.name)}' is defined twice", item.column)
        self._definitions[item.name] = self._node(item.value, self._nowhere)

    @abstractmethod
    def write(self, item: syntax.Equation, field: str, source: str) -> None:
        """Write an equation, or a family of them."""

    def reserve(self, field: str) -> None:
        """Keep a place for an equation that `write_alike` writes; only families have any."""
        raise NotImplementedError(field)

    def write_alike(self, texts: Alike, sources: Sequence[str]) -> None:
        """Write texts that are one family; only families do."""
        raise NotImplementedError(texts, sources)

    @abstractmethod
    def _index_number(self, name: str, where: Where) -> int | None:
        """Return the node of a loop index as a number; None if no loop has that name."""

    @abstractmethod
    def _element(self, array: Array, tree: syntax.Index, where: Where) -> int:
        """Return the node of an element of an array."""

    @abstractmethod
    def _scalar(self, array: Array) -> int:
        """Return the node of a declared scalar."""

    @abstractmethod
    def _decided(self, condition: Expression, where: Where) -> bool | None:
        """Return whether a condition on whole numbers alone holds; None if it needs more."""

    @abstractmethod
    def _reduce(self, tree: syntax.Reduction, where: Where) -> int:
        """Return the node of a reduction over loops."""

    @abstractmethod
    def _reduce_array(self, name: str, array: Array) -> int:
        """Return the node of a reduction over all of an array."""

    def expression(self, tree: Expression, field: str, source: str) -> int:
        """Return the node of an expression outside all loops."""
        self._enter(field, source)
        return self._node(tree, self._nowhere)

    def _enter(self, field: str, source: str) -> None:
        self._field = field
        self._source = source

    def _check_loops(self, loops: list[syntax.Loop]) -> None:
        for loop in loops:
            if loop.name in self._arrays or loop.name in self._definitions or loop.name in names.RESERVED:
                self._fail(
                    f"the index '{clip(loop.name)}' shadows a name that already stands for something", loop.column
                )

    # --- numbers --------------------------------------------------------------------------------------------

    def _node(self, tree: Expression, where: Where) -> int:
        write = self._write.get(type(tree))
        if write is None:
            self._fail("expected a number, found a condition; write 'a if condition else b'", tree.column)
        return write(tree, where)  # type: ignore[operator, no-any-return]

    def _literal(self, tree: syntax.Number, _: Where) -> int:
        return self.graph.constant(tree.value)

    def _name(self, tree: syntax.Name, where: Where) -> int:
        name = tree.name
        index = self._index_number(name, where)
        if index is not None:
            return index
        array = self._arrays.get(name)
        if array is not None:
            if array.shape:
                subscript = ",".join("ijkl"[: len(array.shape)])
                self._fail(f"'{clip(name)}' is an array of shape {array.shape}; write {name}[{subscript}]", tree.column)
            return self._scalar(array)
        if name in self._definitions:
            return self._definitions[name]
        if name in names.CONSTANTS:
            return self.graph.constant(names.CONSTANTS[name])
        self._fail_unknown(tree)

    def _index(self, tree: syntax.Index, where: Where) -> int:
        array = self._arrays.get(tree.name)
        if array is None:
            if tree.name in self._definitions or self._index_number(tree.name, where) is not None:
                self._fail(f"'{clip(tree.name)}' is one number and takes no index", tree.column)
            self._fail_unknown(syntax.Name(tree.column, tree.name))
        if not array.shape:
            self._fail(f"'{clip(tree.name)}' is a scalar and takes no index", tree.column)
        return self._element(array, tree, where)

    def _sum(self, tree: syntax.Sum, where: Where) -> int:
        total = self._node(tree.terms[0][1], where)
        for sign, term in tree.terms[1:]:
            node = self._node(term, where)
            total = self.graph.add(total, node) if sign == "+" else self.graph.subtract(total, node)
        return total

    def _product(self, tree: syntax.Product, where: Where) -> int:
        result = self._node(tree.factors[0][1], where)
        for symbol, factor in tree.factors[1:]:
            node = self._node(factor, where)
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

    def _negative(self, tree: syntax.Negative, where: Where) -> int:
        return self.graph.negative(self._node(tree.argument, where))

    def _power(self, tree: syntax.Power, where: Where) -> int:
        return self.graph.power(self._node(tree.base, where), self._node(tree.exponent, where))

    def _conditional(self, tree: syntax.Conditional, where: Where) -> int:
        decided = self._decided(tree.condition, where)
        if decided is not None:
            # Only the branch taken is written: in "u[i-1] if i > 0 else left" the other has no valid index.
            return self._node(tree.first if decided else tree.second, where)
        return self.graph.select(
            self._condition(tree.condition, where),
            self._node(tree.first, where),
            self._node(tree.second, where),
        )

    def _call(self, tree: syntax.Call, where: Where) -> int:
        name, given = tree.name, len(tree.arguments)
        if name in {"sum", "prod"} or (name in {"min", "max"} and given == 1):
            return self._over_array(tree)
        if name in {"min", "max"}:
            return self._fold(name, [self._node(argument, where) for argument in tree.arguments])
        operation = names.FUNCTIONS.get(name)
        if operation is None and name not in names.WRITTEN:
            self._fail_function(tree)
        wanted = names.WRITTEN[name] if operation is None else operation.arity
        if given != wanted:
            self._fail(f"'{clip(name)}' takes {wanted} argument{'s' * (wanted > 1)}, not {given}", tree.column)
        if name == "where":
            condition, first, second = tree.arguments
            return self._conditional(syntax.Conditional(tree.column, condition, first, second), where)
        nodes = [self._node(argument, where) for argument in tree.arguments]
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
        return self._reduce_array(tree.name, array)

    def _reduction(self, tree: syntax.Reduction, where: Where) -> int:
        self._check_loops(tree.loops)
        return self._reduce(tree, where)

    def _check_not_empty(self, tree: syntax.Reduction, count: int) -> None:
        if not count and tree.name in {"min", "max"}:
            self._fail(f"'{clip(tree.name)}' of nothing: its range is empty", tree.column)

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

    def _condition(self, tree: Expression, where: Where) -> int:
        graph = self.graph
        match tree:
            case syntax.Comparison():
                nodes = [self._node(operand, where) for operand in tree.operands]
                parts = [
                    graph.apply(op.COMPARISONS[symbol], a, b)
                    for symbol, a, b in zip(tree.operators, nodes, nodes[1:], strict=False)
                ]
                return self._join(op.AND, parts)
            case syntax.Logic():
                parts = [self._condition(operand, where) for operand in tree.operands]
                return self._join(op.AND if tree.operator == "and" else op.OR, parts)
            case syntax.Not():
                return graph.apply(op.NOT, self._condition(tree.argument, where))
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
