"""What a solve returns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from raphson.display import describe
from raphson.vocabulary import Method, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raphson.arrays import Array, Shape


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Solution:
    """The point that an iteration ended at, and the evidence for it. Arrays are read-only.

    ``solution["x"]`` is the value of one variable: a float, or an array of the variable's shape.

    Attributes
    ----------
    status : Status
        How the iteration ended.
    message : str
        What happened, in a sentence.
    remedy : str
        What to try next; empty when converged.
    x : ndarray of float64, shape (n,)
        The returned point: all variables, flattened in order.
    residual : ndarray of float64, shape (m,)
        f(x): left minus right side of each equation, in its own unit.
    scaled_residual : ndarray of float64, shape (m,)
        |f| of each equation divided by the size of the terms that cancel in it.
    residual_norm : float
        The largest |f|.
    iterations, evaluations, jacobian_evaluations : int
        Newton steps, evaluations of f, and evaluations of the Jacobian.
    elapsed_seconds : float
        Time spent iterating, without parsing, compiling or transport.
    system_id : str
        Id of the system solved.
    method : Method
        The method that reached the point.
    variables : tuple of (str, tuple of int)
        Names and shapes, in the order of `x`.
    jacobian : ndarray of float64, shape (m, n), or None
        The Jacobian at `x`, if it was asked for.
    """

    status: Status
    message: str
    remedy: str
    x: Array
    residual: Array
    scaled_residual: Array
    residual_norm: float
    iterations: int
    evaluations: int
    jacobian_evaluations: int
    elapsed_seconds: float
    system_id: str
    method: Method
    variables: tuple[tuple[str, Shape], ...]
    jacobian: Array | None = None

    @property
    def converged(self) -> bool:
        """Whether the scaled residual passes at `x`."""
        return self.status == Status.CONVERGED

    def __getitem__(self, name: str) -> float | Array:
        first = 0
        for known, shape in self.variables:
            last = first + math.prod(shape)
            if known == name:
                return self.x[first:last].reshape(shape) if shape else float(self.x[first])
            first = last
        raise KeyError(f"{name!r} is not a variable; the variables are {', '.join(self)}")

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self.variables)

    def __contains__(self, name: object) -> bool:
        return any(name == known for known, _ in self.variables)

    def keys(self) -> tuple[str, ...]:
        """Return the variables' names, so that ``dict(solution)`` works."""
        return tuple(self)

    def __repr__(self) -> str:
        return describe(self)


@dataclass(frozen=True, slots=True)
class Determinant:
    """det J = sign · exp(log_abs), which neither overflows nor underflows.

    Attributes
    ----------
    sign : float
        −1, 0 or 1.
    log_abs : float
        log|det J|; −inf when the sign is 0.
    """

    sign: float
    log_abs: float

    @property
    def value(self) -> float:
        """The determinant as a plain number: ±inf or 0 where float64 ends."""
        try:
            return self.sign * math.exp(self.log_abs)
        except OverflowError:
            return self.sign * math.inf
