"""A traced array: NumPy's shapes, slices and views around traced scalars."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from raphson.trace import refusals
from raphson.trace.location import untraceable
from raphson.trace.scalar import TracedScalar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from raphson.trace.graph import Graph


# Methods that change the array, as NumPy's function of the same name does not.
IN_PLACE = {"partition", "put", "resize", "sort"}


class TracedArray(NDArrayOperatorsMixin):
    """An array of at least one dimension whose elements are known as expressions only.

    Attributes
    ----------
    graph : Graph
        Where its elements were made.
    nodes : ndarray of object
        The elements. Slices share them, so that writing into a slice works as it does in NumPy.
    """

    __slots__ = ("graph", "nodes")

    def __init__(self, graph: Graph, nodes: NDArray[Any]) -> None:
        self.graph = graph
        self.nodes = nodes

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<traced array of shape {self.shape}>"

    # --- NumPy
    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        return self.graph.call_ufunc(ufunc, method, inputs, options)

    def __array_function__(
        self, function: Callable[..., Any], types: Any, arguments: tuple[Any, ...], options: dict[str, Any]
    ) -> Any:
        return self.graph.call_function(function, arguments, options)

    # --- shape and elements
    @property
    def shape(self) -> tuple[int, ...]:
        """Extent of each dimension."""
        return self.nodes.shape

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return self.nodes.ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.nodes.size

    @property
    def dtype(self) -> np.dtype[np.float64]:
        """What the elements stand for."""
        return np.dtype(np.float64)

    @property
    def T(self) -> TracedArray:
        """The array with its axes reversed, sharing elements."""
        return TracedArray(self.graph, self.nodes.T)

    @property
    def flat(self) -> Iterator[TracedScalar]:
        """The elements in C order."""
        return iter(self.nodes.ravel())

    def __len__(self) -> int:
        return len(self.nodes)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, key: Any) -> Any:
        taken = self.nodes[self._plain_key(key)]
        return TracedArray(self.graph, taken) if isinstance(taken, np.ndarray) and taken.ndim else _element(taken)

    def __setitem__(self, key: Any, value: Any) -> None:
        nodes = self.graph.nodes(value)
        self.nodes[self._plain_key(key)] = nodes if nodes.ndim else nodes[()]

    def __contains__(self, value: object) -> NoReturn:
        raise untraceable("`in` compares traced values", "Say which element is meant.")

    def _plain_key(self, key: Any) -> Any:
        if isinstance(key, tuple):
            return tuple(map(self._plain_key, key))
        if isinstance(key, TracedScalar):
            return self.graph.known_integer(key)
        if isinstance(key, TracedArray):
            if any(node.operation.yields_condition for node in key.flat):
                raise untraceable(
                    "a selection by a traced condition would have a shape that depends on values",
                    "Use np.where(condition, a, b).",
                )
            known = [self.graph.known_integer(node) for node in key.flat]
            return np.array(known, dtype=np.int64).reshape(key.shape)
        return key

    # --- what a formula cannot do
    def __bool__(self) -> NoReturn:
        raise refusals.no_truth_value()

    def __float__(self) -> NoReturn:
        raise refusals.no_plain_number()

    def __int__(self) -> NoReturn:
        raise refusals.no_whole_number()

    __index__ = __int__

    def __complex__(self) -> NoReturn:
        raise refusals.no_complex_number()

    # --- methods
    def __getattr__(self, name: str) -> Callable[..., Any]:
        # What NumPy has a function of the same name for.
        method = None if name.startswith("_") else getattr(np.ndarray, name, None)
        if method is None:
            raise AttributeError(f"a traced array has no attribute {name!r}")
        function = getattr(np, name, None)
        if not callable(method) or not callable(function) or name in IN_PLACE:
            raise untraceable(
                f"the attribute {name!r} of an array cannot be traced",
                "Write it with arithmetic, loops and NumPy's elementwise functions.",
            )
        return partial(function, self)

    def reshape(self, *shape: Any) -> TracedArray:
        """Return the elements under another shape."""
        return self._moved(self.nodes.reshape(*shape))

    def transpose(self, *axes: Any) -> TracedArray:
        """Return the array with its axes permuted, sharing elements."""
        return self._moved(self.nodes.transpose(*axes))

    def ravel(self) -> TracedArray:
        """Return the elements in one dimension, shared where possible."""
        return self._moved(self.nodes.ravel())

    def flatten(self) -> TracedArray:
        """Return a copy of the elements in one dimension."""
        return self._moved(self.nodes.flatten())

    def copy(self) -> TracedArray:
        """Return a copy that can be written into."""
        return self._moved(self.nodes.copy())

    def squeeze(self) -> Any:
        """Return the array without dimensions of extent 1."""
        return self.graph.wrap(self.nodes.squeeze())

    def tolist(self) -> list[Any]:
        """Return nested lists of traced scalars."""
        nested: list[Any] = self.nodes.tolist()
        return nested

    def astype(self, dtype: Any) -> TracedArray:
        """Return a copy; the only type that traced values have is float64."""
        if np.dtype(dtype) != np.float64:
            raise untraceable(f"traced values cannot become {np.dtype(dtype)}", "They stand for float64.")
        return self.copy()

    def _moved(self, nodes: NDArray[Any]) -> TracedArray:
        return TracedArray(self.graph, nodes)


def _element(taken: Any) -> Any:
    return taken[()] if isinstance(taken, np.ndarray) else taken
