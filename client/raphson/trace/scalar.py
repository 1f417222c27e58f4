"""One traced number: a node of the graph that answers to Python's operators and to NumPy."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from raphson.trace import operations as ops
from raphson.trace import refusals
from raphson.trace.location import untraceable

if TYPE_CHECKING:
    from collections.abc import Callable

    from raphson.trace.graph import Graph

PLAIN_NUMBERS = (int, float)


class TracedScalar:
    """A number, or the truth value of a condition, that is known as an expression only.

    Attributes
    ----------
    graph : Graph
        Where it was made, and where everything computed from it is made.
    operation : Operation
        How it is computed.
    arguments : tuple of TracedScalar
        What it is computed from.
    value : float, bool or str
        The number or truth value of a constant; the text of a name, e.g. ``"u[3]"``; empty otherwise.
    index : int
        Its place in the graph; arguments stand before what is computed from them.
    """

    __slots__ = ("arguments", "graph", "index", "operation", "value")

    shape: tuple[int, ...] = ()
    ndim = 0
    size = 1

    def __init__(
        self,
        graph: Graph,
        operation: ops.Operation,
        arguments: tuple[TracedScalar, ...],
        value: float | bool | str,
        index: int,
    ) -> None:
        self.graph = graph
        self.operation = operation
        self.arguments = arguments
        self.value = value
        self.index = index

    # Identity, because == makes a condition.
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        if self.operation.arity == 0:
            return f"<traced {self.value}>"
        kind = "condition" if self.operation.yields_condition else "number"
        return f"<traced {kind} {self.operation.name!r}>"

    # --- NumPy
    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        return self.graph.call_ufunc(ufunc, method, inputs, options)

    def __array_function__(
        self, function: Callable[..., Any], types: Any, arguments: tuple[Any, ...], options: dict[str, Any]
    ) -> Any:
        return self.graph.call_function(function, arguments, options)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        # NumPy calls x.exp() and the like on the elements of a plain object array.
        ufunc = ops.UFUNCS_BY_NAME.get(name)
        if ufunc is not None:
            return partial(ufunc, self)
        if not name.startswith("_") and callable(getattr(float, name, getattr(np.float64, name, None))):
            raise untraceable(f"the method {name!r} of a number cannot be traced", "Compute with the number itself.")
        raise AttributeError(f"a traced number has no attribute {name!r}")

    # --- operators
    def _binary(self, operation: ops.Operation, ufunc_name: str, other: Any, *, swapped: bool = False) -> Any:
        if isinstance(other, (TracedScalar, *PLAIN_NUMBERS)):
            pair = (other, self) if swapped else (self, other)
            return self.graph.apply(operation, *pair)
        return self.graph.operate(ufunc_name, other, self) if swapped else self.graph.operate(ufunc_name, self, other)

    def __add__(self, other: Any) -> Any:
        return self._binary(ops.ADD, "add", other)

    def __radd__(self, other: Any) -> Any:
        return self._binary(ops.ADD, "add", other, swapped=True)

    def __sub__(self, other: Any) -> Any:
        return self._binary(ops.SUBTRACT, "subtract", other)

    def __rsub__(self, other: Any) -> Any:
        return self._binary(ops.SUBTRACT, "subtract", other, swapped=True)

    def __mul__(self, other: Any) -> Any:
        return self._binary(ops.MULTIPLY, "multiply", other)

    def __rmul__(self, other: Any) -> Any:
        return self._binary(ops.MULTIPLY, "multiply", other, swapped=True)

    def __truediv__(self, other: Any) -> Any:
        return self._binary(ops.DIVIDE, "divide", other)

    def __rtruediv__(self, other: Any) -> Any:
        return self._binary(ops.DIVIDE, "divide", other, swapped=True)

    def __pow__(self, other: Any) -> Any:
        return self._binary(ops.POWER, "power", other)

    def __rpow__(self, other: Any) -> Any:
        return self._binary(ops.POWER, "power", other, swapped=True)

    def __lt__(self, other: Any) -> Any:
        return self._binary(ops.LESS, "less", other)

    def __le__(self, other: Any) -> Any:
        return self._binary(ops.LESS_EQUAL, "less_equal", other)

    def __gt__(self, other: Any) -> Any:
        return self._binary(ops.GREATER, "greater", other)

    def __ge__(self, other: Any) -> Any:
        return self._binary(ops.GREATER_EQUAL, "greater_equal", other)

    def __eq__(self, other: object) -> Any:
        return self._binary(ops.EQUAL, "equal", other)

    def __ne__(self, other: object) -> Any:
        return self._binary(ops.NOT_EQUAL, "not_equal", other)

    def __and__(self, other: Any) -> Any:
        return self.graph.operate("bitwise_and", self, other)

    def __rand__(self, other: Any) -> Any:
        return self.graph.operate("bitwise_and", other, self)

    def __or__(self, other: Any) -> Any:
        return self.graph.operate("bitwise_or", self, other)

    def __ror__(self, other: Any) -> Any:
        return self.graph.operate("bitwise_or", other, self)

    def __invert__(self) -> Any:
        return self.graph.operate("invert", self)

    def __neg__(self) -> TracedScalar:
        return self.graph.apply(ops.NEGATIVE, self)

    def __pos__(self) -> TracedScalar:
        return self

    def __abs__(self) -> TracedScalar:
        return self.graph.apply(ops.ABS, self)

    def __floor__(self) -> Any:
        return self.graph.operate("floor", self)

    def __ceil__(self) -> Any:
        return self.graph.operate("ceil", self)

    # --- what a formula cannot do
    def __index__(self) -> int:
        return self.graph.known_integer(self)

    def __bool__(self) -> NoReturn:
        raise refusals.no_truth_value()

    def __float__(self) -> NoReturn:
        raise refusals.no_plain_number()

    def __int__(self) -> int:
        return self.graph.known_integer(self)

    def __complex__(self) -> NoReturn:
        raise refusals.no_complex_number()

    def __round__(self, digits: int | None = None) -> NoReturn:
        raise untraceable("round() is not a part of the language", "Use np.floor or np.ceil.")

    def __floordiv__(self, other: Any) -> NoReturn:
        raise untraceable("// is not a part of the language", "Use np.floor(a / b).")

    __rfloordiv__ = __floordiv__

    def __mod__(self, other: Any) -> NoReturn:
        raise untraceable("% is not a part of the language", "Use a - b*np.floor(a / b).")

    __rmod__ = __mod__
