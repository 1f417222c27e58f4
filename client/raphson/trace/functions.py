"""NumPy's array functions on traced values."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from raphson.trace import operations as ops
from raphson.trace.array import TracedArray
from raphson.trace.location import untraceable
from raphson.trace.scalar import TracedScalar
from raphson.trace.ufuncs import reduce_axis

if TYPE_CHECKING:
    from collections.abc import Callable

    from raphson.trace.graph import Graph

# These move elements, so NumPy's own code does it on arrays of nodes.
MOVES: frozenset[Callable[..., Any]] = frozenset({
    np.append, np.array_split, np.atleast_1d, np.atleast_2d, np.block, np.broadcast_arrays, np.broadcast_to,
    np.column_stack, np.concatenate, np.copy, np.delete, np.diag, np.diagflat, np.diagonal, np.dsplit,
    np.dstack, np.expand_dims, np.flip, np.fliplr, np.flipud, np.hsplit, np.hstack, np.insert, np.meshgrid,
    np.moveaxis, np.ndim, np.pad, np.ravel, np.repeat, np.reshape, np.roll, np.rollaxis, np.rot90, np.shape,
    np.size, np.split, np.squeeze, np.stack, np.swapaxes, np.take, np.tile, np.transpose, np.tril, np.triu,
    np.vsplit, np.vstack,
})  # fmt: skip
# These combine them by + - * / alone, which nodes can do themselves.
COMBINES: frozenset[Callable[..., Any]] = frozenset({
    np.cross, np.cumprod, np.cumsum, np.diff, np.dot, np.einsum, np.inner, np.kron, np.mean, np.outer,
    np.polyval, np.tensordot, np.trace, np.vdot,
})  # fmt: skip


def call_function(
    graph: Graph, function: Callable[..., Any], arguments: tuple[Any, ...], options: dict[str, Any]
) -> Any:
    """Do what NumPy's function would, on traced values.

    Raises
    ------
    TraceError
        If the function cannot be traced.
    """
    if function in OWN:
        return OWN[function](graph, *arguments, **options)
    if function in MOVES or function in COMBINES:
        as_numbers = function in COMBINES
        plain_arguments = [_plain(graph, argument, as_numbers) for argument in arguments]
        plain_options = {name: _plain(graph, option, as_numbers) for name, option in options.items()}
        return graph.wrap(function(*plain_arguments, **plain_options))
    module = getattr(function, "__module__", "numpy").removeprefix("numpy").lstrip(".")
    name = ".".join(part for part in ("np", module, getattr(function, "__name__", str(function))) if part)
    raise untraceable(f"{name} cannot be traced", "Write it with arithmetic, loops and NumPy's elementwise functions.")


def _plain(graph: Graph, value: Any, as_numbers: bool) -> Any:
    if isinstance(value, (TracedArray, TracedScalar)):
        return graph.numbers(value) if as_numbers else graph.nodes(value)
    if isinstance(value, (list, tuple)):
        return type(value)([_plain(graph, element, as_numbers) for element in value])
    return value


def _where(graph: Graph, condition: Any, *choices: Any) -> Any:
    if len(choices) != 2:
        raise untraceable(
            "np.where(condition) would have a shape that depends on values", "Use np.where(condition, a, b)."
        )
    return graph.map(partial(graph.apply, ops.WHERE), condition, *choices)


def _select(graph: Graph, conditions: Any, choices: Any, default: Any = 0) -> Any:
    result = default
    for condition, choice in reversed(list(zip(conditions, choices, strict=True))):
        result = _where(graph, condition, choice, result)
    return result


def _clip(graph: Graph, value: Any, lower: Any = None, upper: Any = None, **options: Any) -> Any:
    lower = options.pop("min", lower)
    upper = options.pop("max", upper)
    if options:
        raise untraceable(f"np.clip with {', '.join(sorted(options))}= cannot be traced", "Use the bounds alone.")
    value = graph.wrap(graph.nodes(value))
    if lower is not None:
        value = np.maximum(value, lower)
    return value if upper is None else np.minimum(value, upper)


def _norm(graph: Graph, value: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:  # noqa: A002 - NumPy's name
    nodes = graph.wrap(graph.nodes(value))
    if ord == np.inf and (axis is not None or nodes.ndim == 1):
        return reduce_axis(graph, np.maximum, np.abs(nodes), axis, keepdims=keepdims)
    if ord == 1 and (axis is not None or nodes.ndim == 1):
        return reduce_axis(graph, np.add, np.abs(nodes), axis, keepdims=keepdims)
    if ord is None or (ord == 2 and nodes.ndim == 1):
        return np.sqrt(reduce_axis(graph, np.add, nodes**2, axis, keepdims=keepdims))
    raise untraceable(f"np.linalg.norm with ord={ord!r} cannot be traced", "Write the norm out.")


def _reduction(ufunc: np.ufunc) -> Callable[..., Any]:
    def reduction(graph: Graph, value: Any, axis: Any = None, **options: Any) -> Any:
        if options.pop("out", None) is not None:
            raise untraceable("out= cannot be traced here", "Take the returned value.")
        return reduce_axis(graph, ufunc, value, axis, **options)

    return reduction


def _filled(number: float) -> Callable[..., Any]:
    def filled(graph: Graph, value: Any, *_: Any, shape: Any = None, **__: Any) -> Any:
        extent = np.shape(value) if shape is None else shape
        return graph.wrap(graph.nodes(np.full(extent, number)))

    return filled


def _full_like(graph: Graph, value: Any, fill_value: Any, *_: Any, **__: Any) -> Any:
    return graph.wrap(np.broadcast_to(graph.nodes(fill_value), np.shape(value)).copy())


OWN: dict[Callable[..., Any], Callable[..., Any]] = {
    np.where: _where,
    np.select: _select,
    np.clip: _clip,
    np.linalg.norm: _norm,
    np.sum: _reduction(np.add),
    np.prod: _reduction(np.multiply),
    np.min: _reduction(np.minimum),
    np.max: _reduction(np.maximum),
    np.all: _reduction(np.logical_and),
    np.any: _reduction(np.logical_or),
    np.zeros_like: _filled(0.0),
    np.ones_like: _filled(1.0),
    # NumPy leaves chance there; NaN makes an element that is read before it is written an error.
    np.empty_like: _filled(np.nan),
    np.full_like: _full_like,
}
"""NumPy's functions that choose or compare, done on nodes."""
