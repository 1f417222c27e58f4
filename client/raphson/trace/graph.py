"""The expressions met while a function runs; equal ones are one node."""

from __future__ import annotations

import math
import numbers
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from raphson.trace import operations as ops
from raphson.trace.array import TracedArray
from raphson.trace.functions import call_function
from raphson.trace.location import untraceable
from raphson.trace.refusals import no_whole_number
from raphson.trace.scalar import TracedScalar
from raphson.trace.ufuncs import call_ufunc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from raphson.trace.operations import Operation

BOTH = (True, True)
SCALARS = (TracedScalar, float, int)


class Declared(NamedTuple):
    """A named quantity: its nodes are consecutive, in C order, from the graph's node `first` on."""

    name: str
    shape: tuple[int, ...]
    first: int


class Graph:
    """Makes every traced value of one trace, simplifies the obvious, and shares what is equal.

    Attributes
    ----------
    arrays : list of Declared
        The named quantities.
    fixed : set of str
        Names of the integer parameters whose value the function used as a range or an index, so that the
        traced equations hold for this value alone.
    """

    def __init__(self) -> None:
        self.arrays: list[Declared] = []
        self.fixed: set[str] = set()
        self._nodes: dict[tuple[Any, ...], TracedScalar] = {}
        self._integers: dict[int, tuple[str, int]] = {}

    # --- leaves
    def name(self, name: str, shape: tuple[int, ...], integers: NDArray[np.int64] | None = None) -> Any:
        """Make a named quantity: a scalar, or an array of ``name[i, j]``.

        Parameters
        ----------
        name : str
            As the equations call it.
        shape : tuple of int
            ``()`` for a scalar.
        integers : ndarray of int64 or None
            Its values, of this shape, if they are whole numbers that a range or an index may use.
        """
        self.arrays.append(Declared(name, shape, len(self._nodes)))
        nodes = np.empty(shape, dtype=object)
        for place in np.ndindex(*shape):
            subscript = f"[{','.join(map(str, place))}]" if place else ""
            node = self._node(ops.NAME, (), name + subscript)
            if integers is not None:
                self._integers[node.index] = (name, int(integers[place]))
            nodes[place] = node
        return TracedArray(self, nodes) if shape else nodes[()]

    def constant(self, value: float) -> TracedScalar:
        """Make a number."""
        return self._node(ops.CONSTANT, (), float(value))

    def lift(self, value: Any) -> TracedScalar:
        """Turn one number, truth value or traced scalar into a node of this graph."""
        if isinstance(value, TracedScalar):
            if value.graph is not self:
                raise untraceable("a value of an earlier trace is used", "Do not keep traced values between calls.")
            return value
        # What NumPy makes of a traced scalar in a list: np.concatenate(([x[0]], x)).
        if isinstance(value, np.ndarray) and value.ndim == 0:
            return self.lift(value.item())
        if isinstance(value, (bool, np.bool_)):
            return self._node(ops.TRUTH, (), bool(value))
        # The plain types first: asking whether a number is Real takes longer than all the rest.
        if isinstance(value, (float, int, numbers.Real)):
            return self.constant(float(value))
        raise untraceable(
            f"{value!r} of type {type(value).__name__} is met where a real number was expected",
            "Compute with real numbers and NumPy's functions of them.",
        )

    # --- computed values
    def apply(self, operation: Operation, *values: Any) -> TracedScalar:
        """Make ``operation(*values)`` of scalars, folded and simplified where that changes no value."""
        for value in values:
            if type(value) is not TracedScalar or value.graph is not self or not value.operation.is_plain:
                break
        else:
            if operation.takes_numbers:
                return self._node(operation, values, "")
        nodes = tuple([self.lift(value) for value in values])
        are_conditions = tuple([node.operation.yields_condition for node in nodes])
        if are_conditions == BOTH and operation in (ops.ADD, ops.MULTIPLY):
            # NumPy adds truth values by `or`, and multiplies them by `and`.
            operation = ops.OR if operation is ops.ADD else ops.AND
        if are_conditions != operation.takes_conditions:
            pairs = zip(nodes, operation.takes_conditions, strict=True)
            nodes = tuple([self._converted(node, to_condition) for node, to_condition in pairs])
        are_constant = [node.operation.is_constant for node in nodes]
        if all(are_constant):
            with np.errstate(all="ignore"):
                return self.lift(operation.evaluate(*[node.value for node in nodes]))
        simple = self._simplified(operation, nodes)
        return self._node(operation, nodes, "") if simple is None else simple

    def operate(self, ufunc_name: str, *values: Any) -> Any:
        """Call a NumPy function on values of which at least one is traced."""
        return getattr(np, ufunc_name)(*values)

    def _converted(self, node: TracedScalar, to_condition: bool) -> TracedScalar:
        if node.operation.yields_condition == to_condition:
            return node
        return self.apply(ops.NOT_EQUAL, node, 0) if to_condition else self.apply(ops.WHERE, node, 1, 0)

    def _simplified(self, operation: Operation, nodes: tuple[TracedScalar, ...]) -> TracedScalar | None:
        if operation is ops.WHERE and nodes[0].operation is ops.TRUTH:
            return nodes[1] if nodes[0].value else nodes[2]
        if operation is ops.NEGATIVE and nodes[0].operation is ops.NEGATIVE:
            return nodes[0].arguments[0]
        if operation.arity != 2:
            return None
        a, b = nodes
        if operation in (ops.ADD, ops.SUBTRACT) and b.operation is ops.NEGATIVE:
            return self.apply(ops.SUBTRACT if operation is ops.ADD else ops.ADD, a, b.arguments[0])
        left = a.value if a.operation in (ops.CONSTANT, ops.TRUTH) else None
        right = b.value if b.operation in (ops.CONSTANT, ops.TRUTH) else None
        if left is None and right is None:
            return None
        if operation is ops.ADD:
            return b if left == 0 else a if right == 0 else None
        if operation is ops.SUBTRACT:
            return a if right == 0 else self.apply(ops.NEGATIVE, b) if left == 0 else None
        if operation is ops.MULTIPLY:
            if 0 in (left, right):
                # What a zero coefficient multiplies takes no part in the formula, whatever its value.
                return self.constant(0.0)
            if -1 in (left, right):
                return self.apply(ops.NEGATIVE, b if left == -1 else a)
            return b if left == 1 else a if right == 1 else None
        if operation in (ops.DIVIDE, ops.POWER):
            return a if right == 1 else None
        if operation is ops.AND:
            return (b if left else a) if left is not None else (a if right else b)
        if operation is ops.OR:
            return (a if left else b) if left is not None else (b if right else a)
        return None

    def _node(
        self, operation: Operation, arguments: tuple[TracedScalar, ...], value: float | bool | str
    ) -> TracedScalar:
        key: tuple[Any, ...]
        if len(arguments) == 2:
            key = operation, arguments[0].index, arguments[1].index
        elif arguments:
            key = (operation, *[node.index for node in arguments])
        else:
            # repr tells -0.0 from 0.0, and True from 1.0.
            key = operation, repr(value)
        node = self._nodes.get(key)
        if node is None:
            node = TracedScalar(self, operation, arguments, value, len(self._nodes))
            self._nodes[key] = node
        return node

    # --- arrays
    def nodes(self, value: Any) -> NDArray[Any]:
        """Turn anything array-like into an object array of nodes of the same shape."""
        if isinstance(value, TracedArray):
            return value.nodes
        return self._each(self.lift, value)

    def numbers(self, value: Any) -> NDArray[Any]:
        """Turn anything array-like into nodes that are numbers: truth values become 1 or 0."""
        return self._each(lambda element: self._converted(self.lift(element), to_condition=False), value)

    def map(self, build: Callable[..., TracedScalar], *values: Any) -> Any:
        """Make one traced value for each place of some values, which broadcast as in NumPy."""
        if all(isinstance(value, SCALARS) for value in values):
            return build(*[self.lift(value) for value in values])
        built = self._each(build, *[self.nodes(value) for value in values])
        return TracedArray(self, built) if built.ndim else built[()]

    def _each(self, build: Callable[..., TracedScalar], *values: Any) -> NDArray[Any]:
        arrays = [value.nodes if isinstance(value, TracedArray) else as_objects(value) for value in values]
        with np.errstate(all="ignore"):  # folding 1/0 may leave the processor's flag behind for NumPy to find
            built = np.frompyfunc(build, len(arrays), 1)(*arrays)
        return built if isinstance(built, np.ndarray) else as_objects(built)

    def wrap(self, value: Any) -> Any:
        """Turn what NumPy made of object arrays back into traced values."""
        if isinstance(value, np.ndarray) and value.dtype == object:
            return TracedArray(self, self.nodes(value)) if value.ndim else self.lift(value[()])
        if isinstance(value, (list, tuple)):
            return type(value)([self.wrap(element) for element in value])
        return value

    def call_ufunc(self, ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Answer NumPy's ``__array_ufunc__``."""
        return call_ufunc(self, ufunc, method, inputs, options)

    def call_function(self, function: Callable[..., Any], arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Answer NumPy's ``__array_function__``."""
        return call_function(self, function, arguments, options)

    def needed(self, roots: Iterable[TracedScalar]) -> list[TracedScalar]:
        """Return all nodes that the roots are computed from, themselves included; arguments first."""
        nodes = list(self._nodes.values())
        is_needed = bytearray(len(nodes))
        for root in roots:
            is_needed[root.index] = 1
        for node in reversed(nodes):
            if is_needed[node.index]:
                for argument in node.arguments:
                    is_needed[argument.index] = 1
        return [node for node in nodes if is_needed[node.index]]

    # --- whole numbers
    def known_integer(self, node: TracedScalar) -> int:
        """Return the value of an expression of whole-numbered parameters, and note that it was used."""
        values: dict[int, float] = {}
        names: set[str] = set()
        for part in ancestors([node]):
            if part.index in self._integers:
                name, integer = self._integers[part.index]
                values[part.index] = float(integer)
                names.add(name)
            elif part.operation is ops.CONSTANT:
                values[part.index] = float(part.value)
            elif part.arguments and all(argument.index in values for argument in part.arguments):
                arguments = [values[argument.index] for argument in part.arguments]
                values[part.index] = float(part.operation.evaluate(*arguments))
        value = values.get(node.index, math.nan)
        if not value.is_integer():
            raise no_whole_number()
        self.fixed |= names
        return int(value)


def as_objects(value: Any) -> NDArray[Any]:
    """Return anything array-like as an array of objects; a traced scalar as one without dimensions."""
    if isinstance(value, TracedScalar):
        # NumPy would ask it what it is in half a dozen ways.
        plain = np.empty((), dtype=object)
        plain[()] = value
        return plain
    return np.asarray(value, dtype=object)


def ancestors(roots: Iterable[TracedScalar]) -> list[TracedScalar]:
    """Return what a few roots are computed from, themselves included, looking at no other node; arguments first."""
    seen: dict[int, TracedScalar] = {}
    waiting = list(roots)
    while waiting:
        node = waiting.pop()
        if node.index not in seen:
            seen[node.index] = node
            waiting.extend(node.arguments)
    return [seen[index] for index in sorted(seen)]
