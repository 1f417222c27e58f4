"""Systems for tests, from friendly arguments and interpreted, so that making one costs a millisecond."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import raphson_solver as rs
from raphson_solver.solution import define

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


METHODS = tuple(method for method in rs.Method if method is not rs.Method.BRACKETING)
"""Those for systems of any size."""


def build(
    equations: str | Sequence[str],
    start: Any = None,
    parameters: Any = None,
    jacobian: Sequence[Sequence[str]] | None = None,
    limits: rs.Limits | None = None,
) -> rs.System:
    """Return a system, without compiling it."""
    return rs.compile_definition(define(equations, start, parameters, jacobian), limits)


def values(
    equations: str | Sequence[str], start: Mapping[str, Any], parameters: Mapping[str, Any] | None = None
) -> Any:
    """Return f at a point, shape (m,)."""
    return build(equations, start, parameters).residual(start, parameters)


def value(text: str, parameters: Mapping[str, Any] | None = None, **variables: Any) -> float:
    """Return what one expression is worth; without variables, in a system of some variable that it does not use."""
    return float(values([text], variables or {"unused": 0.0}, parameters)[0])


def ulps(got: Any, wanted: Any) -> Any:
    """Return how many doubles lie between two arrays: 0 where both are NaN or equal, inf where only one is finite."""
    got, wanted = np.asarray(got, dtype=np.float64), np.asarray(wanted, dtype=np.float64)
    same = (got == wanted) | (np.isnan(got) & np.isnan(wanted))
    with np.errstate(all="ignore"):
        distance = np.abs(got - wanted) / np.spacing(np.maximum(np.abs(wanted), np.finfo(np.float64).tiny))
    return np.where(same, 0.0, np.where(np.isfinite(distance), distance, np.inf))
