"""NumPy's elementwise functions on traced values."""

from __future__ import annotations

from functools import partial, reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from raphson.trace import operations as ops
from raphson.trace.array import TracedArray
from raphson.trace.location import untraceable
from raphson.trace.refusals import no_logic

if TYPE_CHECKING:
    from raphson.trace.graph import Graph

# scipy.special's are not NumPy's, and are known by name so that SciPy is not needed to trace.
SPECIAL = {"erf": ops.ERF, "erfc": ops.ERFC}
REDUCIBLE = (ops.ADD, ops.MULTIPLY, ops.MINIMUM, ops.MAXIMUM, ops.AND, ops.OR)
IGNORED_OPTIONS = {"dtype", "casting", "order", "subok"}
DTYPES = (np.dtype(np.float64), np.dtype(object))
LOGIC = (np.bitwise_and, np.bitwise_or, np.invert)


def call_ufunc(graph: Graph, ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Do what NumPy's function would, on traced values.

    Raises
    ------
    TraceError
        If the function, the way it is called or one of its options cannot be traced.
    """
    out = options.pop("out", None)
    if method == "__call__":
        _refuse(ufunc, options)
        result = _matmul(graph, inputs) if ufunc is np.matmul else _elementwise(graph, ufunc, inputs)
    elif method == "reduce":
        result = reduce_axis(graph, ufunc, *inputs, **options)
    elif method == "outer":
        first, second = (graph.nodes(value) for value in inputs)
        result = _elementwise(graph, ufunc, (first.reshape(first.shape + (1,) * second.ndim), second))
    else:
        raise untraceable(f"np.{ufunc.__name__}.{method} cannot be traced", "Write it with loops or slices.")
    return result if out is None else _store(graph, result, out[0])


def _elementwise(graph: Graph, ufunc: np.ufunc, inputs: tuple[Any, ...]) -> Any:
    if ufunc in LOGIC and not all(
        node.operation.yields_condition for value in inputs for node in graph.nodes(value).flat
    ):
        raise no_logic(f"np.{ufunc.__name__}")
    build = partial(graph.apply, _operation(ufunc)) if ufunc not in ops.COMPOSED else ops.COMPOSED[ufunc]
    return graph.map(build, *inputs)


def _operation(ufunc: np.ufunc) -> ops.Operation:
    operation = ops.UFUNCS.get(ufunc) or SPECIAL.get(ufunc.__name__)
    if operation is None:
        known = sorted({known.__name__ for known in (*ops.UFUNCS, *ops.COMPOSED)} | set(SPECIAL))
        raise untraceable(
            f"the function '{ufunc.__name__}' is not a part of the language",
            f"Write it with others: {', '.join(known)}, where.",
        )
    return operation


def _matmul(graph: Graph, inputs: tuple[Any, ...]) -> Any:
    return graph.wrap(np.matmul(*[graph.nodes(value) for value in inputs]))


def reduce_axis(
    graph: Graph, ufunc: np.ufunc, value: Any, axis: Any = 0, *, keepdims: bool = False, **options: Any
) -> Any:
    """Combine the elements along one axis, several, or (None) all, in the order of the axis."""
    operation = _operation(ufunc)
    initial = options.pop("initial", None)
    _refuse(ufunc, options)
    if operation not in REDUCIBLE:
        raise untraceable(f"np.{ufunc.__name__}.reduce cannot be traced", "Write it as a loop.")
    # NumPy counts truth values when it adds them up.
    nodes = graph.numbers(value) if operation in (ops.ADD, ops.MULTIPLY) else graph.nodes(value)
    axes = tuple(range(nodes.ndim)) if axis is None else (axis,) if not isinstance(axis, tuple) else axis
    axes = tuple(place % nodes.ndim for place in axes) if nodes.ndim else ()
    kept = [place for place in range(nodes.ndim) if place not in axes]
    extent = int(np.prod([nodes.shape[place] for place in axes], dtype=int))
    rows = nodes.transpose(kept + list(axes)).reshape(-1, extent) if extent else np.empty((0, 0), object)
    start = [] if initial is None or initial is np._NoValue else [initial]  # noqa: SLF001 - NumPy's own default
    if not extent and not start:
        if ufunc.identity is None:
            raise ValueError(f"zero-size array to reduction operation {ufunc.__name__} which has no identity")
        start = [ufunc.identity]
    shape = [nodes.shape[place] for place in kept]
    combined = np.empty(int(np.prod(shape, dtype=int)), dtype=object)
    for place in range(combined.size):
        row = rows[place] if extent else ()
        combined[place] = graph.lift(reduce(partial(graph.apply, operation), [*start, *row]))
    if keepdims:
        shape = [1 if place in axes else extent for place, extent in enumerate(nodes.shape)]
    return graph.wrap(combined.reshape(shape))


def _store(graph: Graph, result: Any, out: Any) -> Any:
    if isinstance(out, TracedArray):
        out[...] = result
        return out
    if isinstance(out, np.ndarray) and out.dtype == object:
        out[...] = graph.nodes(result)
        return out
    if isinstance(out, np.ndarray):
        raise untraceable(
            f"traced values are written into an array of {out.dtype}",
            "Write a = a + b rather than a += b, or begin with np.zeros_like(x) of a traced x.",
        )
    # A traced scalar stands for a number, which Python rebinds rather than changes.
    return result


def _refuse(ufunc: np.ufunc, options: dict[str, Any]) -> None:
    dtype = options.get("dtype")
    if dtype is not None and np.dtype(dtype) not in DTYPES:
        raise untraceable(
            f"np.{ufunc.__name__} with dtype={np.dtype(dtype)} cannot be traced", "Traced values stand for float64."
        )
    wanted = {key for key, value in options.items() if not (key == "where" and value is True)} - IGNORED_OPTIONS
    if wanted:
        raise untraceable(
            f"np.{ufunc.__name__} with {', '.join(sorted(wanted))}= cannot be traced",
            "Use np.where(condition, a, b).",
        )
