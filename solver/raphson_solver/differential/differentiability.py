"""Whether f is differentiable at a point: whether ‖f(x + h) − f(x) − J·h‖ / ‖h‖ goes to 0 with h in every direction.

J are the exact partial derivatives; where the formula has none, or has one that the difference quotients contradict, as
that of where(x == 0, 0, sin(x)) at 0, they are the limits of those. The remainder is followed along the axes and in
many directions, some of them bent, over h from 1/4 to 10⁻¹³, in units of each variable's size (|x_j|, 1 where that is
0). What rounding may make of it, by an error analysis of every point, is not looked at: a kink that is smaller than
that at every step goes unseen, and an order below 0.1, as that of x/log|x|, cannot be told from 0.

On the edge of f's domain the test is one of where f is finite, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raphson_solver.differential.dependencies import dependencies, exact_slopes
from raphson_solver.differential.neighbourhood import STEPS, Neighbourhood
from raphson_solver.differential.rounding import rounding_errors
from raphson_solver.differential.verdict import Verdict
from raphson_solver.errors import InputError
from raphson_solver.interruption import Between, uninterrupted
from raphson_solver.solution.packing import check_finite, vector
from raphson_solver.solution.system import System

Array = NDArray[np.float64]

_EPSILON = float(np.finfo(np.float64).eps)
# A value of f given beside one that the formula has must be the same but for digits not written.
_SAME = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Differentiability:
    """What the remainder does as h goes to 0.

    Attributes
    ----------
    differentiable : bool
        Whether it goes to zero in every direction tried.
    affine : bool
        Whether it is at rounding level at every step.
    order : float
        The slope of its logarithm against that of the step, in the equation that is slowest: 1 or more for smooth f, 0
        where it does not shrink; NaN where it is at rounding level or f is not finite.
    steps, remainders : ndarray, same shape
        The steps, decreasing, and the largest remainder at each, in f's unit; NaN where f is finite nowhere, empty
        where f has no value at x.
    worst_direction : ndarray, shape (n,)
        Where the remainder was largest at the last step that shows it; of length 1.
    partial_derivatives_exist : bool
        Whether every partial derivative exists, which is not enough.
    message : str
        In a sentence.
    """

    differentiable: bool
    affine: bool
    order: float
    steps: Array
    remainders: Array
    worst_direction: Array
    partial_derivatives_exist: bool
    message: str

    def __str__(self) -> str:
        return self.message


def differentiability(
    system: System,
    x: ArrayLike | Mapping[str, Any],
    p: ArrayLike | Mapping[str, Any] | None = None,
    directions: int = 64,
    value: ArrayLike | None = None,
    between: Between = uninterrupted,
) -> Differentiability:
    """Test whether f is differentiable at a point.

    Parameters
    ----------
    system : System
        Which f; m and n may differ.
    x : array of shape (n,), or mapping of names to values
        Where.
    p : array, or mapping of names to values, optional
        The parameters.
    directions : int
        Directions to try besides the axes, with their opposites; always the same ones.
    value : array of shape (m,), optional
        f(x), for equations whose formula has no value there, such as x*y/(x**2 + y**2) at 0.
    between : callable, optional
        Called now and then; what it raises ends the work.

    Raises
    ------
    InputError
        When the arguments do not fit, or the value is not that of a formula that has one.
    LimitError
        For a system that is too large to be written out.
    """
    if directions < 1:
        raise InputError("directions", f"expected at least 1, found {directions}")
    at, given = system.point(x, p)
    kernels = system.kernels
    f, rounding = (found[0] for found in rounding_errors(kernels.graph, kernels.equations, at[None], given))
    if value is not None:
        f, rounding = _with_value(system, f, rounding, vector(value, system.m, "value", "a number an equation"))
    bad = np.flatnonzero(~np.isfinite(f))
    if bad.size:
        return _without_value(system, int(bad[0]), float(f[bad[0]]))
    rows, columns = dependencies(kernels)
    near = Neighbourhood(kernels, at, given, f, np.nan_to_num(rounding, posinf=0.0), rows, columns, between)
    found = Verdict(system, near, exact_slopes(kernels, rows, columns, at, given), directions)
    return Differentiability(
        found.differentiable,
        found.affine,
        found.order,
        STEPS.copy(),
        found.remainders,
        found.worst_direction,
        found.partial_derivatives_exist,
        found.message,
    )


def _with_value(system: System, f: Array, rounding: Array, value: Array) -> tuple[Array, Array]:
    """Return f(x) and its error with the values given where the formulas have none."""
    check_finite(value, "value")
    known = np.isfinite(f)
    with np.errstate(all="ignore"):
        other = np.flatnonzero(known & (np.abs(value - f) > _SAME * np.abs(f) + rounding / _EPSILON * _SAME))
    if other.size:
        row = int(other[0])
        raise InputError(
            "value",
            f"number {row} is {value[row]}; expected {f[row]}, the value that {system.equation_names[row]} has there",
        )
    return np.where(known, f, value), np.where(known, rounding, _EPSILON * np.abs(value))


def _without_value(system: System, row: int, found: float) -> Differentiability:
    message = (
        f"f is not differentiable there: {system.equation_names[row]} is {found}; if f is to have a value there that "
        "its formula does not give, pass it as `value`"
    )
    nothing = np.empty(0)
    return Differentiability(False, False, np.nan, nothing, nothing, np.zeros(system.n), False, message)
