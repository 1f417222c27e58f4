"""A function that can only be called: points of a server's question in, the function's arguments by name, rows out."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from raphson.arrays import Array, Shape, split
from raphson.errors import InvalidRequestError
from raphson.trace.function import call_by_name, check_arguments, name_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

Function = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class BlackBox:
    """f as the caller has it.

    Attributes
    ----------
    function : callable
        Takes the variables and parameters by name; returns m residuals as a list, an array or a scalar.
    start : mapping of str to ndarray
        Where to begin; names and shapes of the variables.
    parameters : mapping of str to array-like
        Given along at each call, as they are.
    jacobian : callable or None
        Takes the same; returns J, shape (m, n).
    is_vectorized : bool
        Whether the function takes the variables of k points at once, each with one dimension more, (k, *shape), and
        returns (k, m).

    Raises
    ------
    InvalidRequestError
        If the functions do not take the names given.
    """

    function: Function
    start: Mapping[str, Array]
    parameters: Mapping[str, ArrayLike]
    jacobian: Function | None = None
    is_vectorized: bool = False

    def __post_init__(self) -> None:
        for function in (self.function, self.jacobian):
            if function is not None:
                check_arguments(function, self.start, self.parameters, "start")

    @property
    def variables(self) -> tuple[tuple[str, Shape], ...]:
        """Names and shapes, in the order of x."""
        return tuple((name, value.shape) for name, value in self.start.items())

    @property
    def is_awaited(self) -> bool:
        """Whether the function, or that of the Jacobian, is a coroutine function."""
        return is_awaited(self.function) or is_awaited(self.jacobian)

    def calls(self, points: Array) -> list[dict[str, Any]]:
        """Return the arguments of each call that answers a question, points of shape (k, n)."""
        if self.is_vectorized:
            return [self._arguments(points, many=True)]
        return [self._arguments(point, many=False) for point in points]

    def call(self, arguments: Mapping[str, Any]) -> Any:
        """Call the function."""
        return call_by_name(self.function, arguments)

    def call_jacobian(self, arguments: Mapping[str, Any]) -> Any:
        """Call the Jacobian's function."""
        assert self.jacobian is not None
        return call_by_name(self.jacobian, arguments)

    def read(self, results: list[Any], count: int) -> Array:
        """Return what the calls returned as rows, shape (k, m), for k points.

        Raises
        ------
        InvalidRequestError
            If they are no residuals.
        """
        if self.is_vectorized:
            rows = _numbers(results[0], self.function)
            if rows.ndim < 2 or rows.shape[0] != count:
                what = f"{name_of(self.function)} returned shape {rows.shape} for {count} points"
                raise InvalidRequestError.at("equations", f"{what}; expected ({count}, m), since vectorized=True")
            return rows.reshape(count, -1)
        found = [_numbers(result, self.function).reshape(-1) for result in results]
        sizes = {row.size for row in found}
        if len(sizes) > 1:
            what = f"{name_of(self.function)} returned {min(sizes)} residuals at one point and {max(sizes)} at another"
            raise InvalidRequestError.at("equations", f"{what}; expected the same number everywhere")
        return np.array(found)

    def jacobian_arguments(self, points: Array) -> dict[str, Any]:
        """Return the arguments of the call that answers for J at the one point of a question."""
        return self._arguments(points[0], many=False)

    def read_jacobian(self, result: Any) -> Array:
        """Return what it returned, shape (m, n)."""
        assert self.jacobian is not None
        n = sum(value.size for value in self.start.values())
        found = _numbers(result, self.jacobian)
        if found.size % n:
            what = f"{name_of(self.jacobian)} returned shape {found.shape}"
            raise InvalidRequestError.at("jacobian", f"{what}; expected (m, {n}), equations by unknowns")
        return found.reshape(-1, n)

    def _arguments(self, flat: Array, *, many: bool) -> dict[str, Any]:
        # The caller may keep or change what it is given.
        flat = flat.copy()
        if not many:
            parts: dict[str, Any] = {
                name: part if part.ndim else float(part) for name, part in split(flat, self.variables, "start").items()
            }
        else:
            parts, first = {}, 0
            for name, value in self.start.items():
                parts[name] = flat[:, first : first + value.size].reshape(len(flat), *value.shape)
                first += value.size
        return {**parts, **self.parameters}


def is_awaited(function: Function | None) -> bool:
    """Return whether a function's calls are to be awaited."""
    # Of an object that is called, the method.
    method = getattr(type(function), "__call__", None)  # noqa: B004
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(method)


def _numbers(result: Any, function: Function) -> Array:
    if result is None:
        message = f"{name_of(function)} returned None; expected residuals, as a list, an array or a number"
        raise InvalidRequestError.at("equations", message)
    try:
        array = np.asarray(result)
        if array.dtype.kind == "O":
            array = np.concatenate([np.asarray(part).reshape(-1) for part in result])
        if array.dtype.kind in "biuf":
            return array.astype(np.float64)
    except (TypeError, ValueError):
        pass
    shown = repr(result)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}…"
    raise InvalidRequestError.at(
        "equations", f"{name_of(function)} returned {shown}; expected real numbers: a list, an array or a number"
    )
