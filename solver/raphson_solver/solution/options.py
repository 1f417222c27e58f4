"""What a caller may choose of a solve."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from numbers import Integral, Real
from typing import TypeVar

from raphson_solver.engine.status import JacobianMode, Method
from raphson_solver.errors import InputError

Member = TypeVar("Member", bound=IntEnum)


@dataclass(frozen=True, kw_only=True, slots=True)
class SolveOptions:
    """Options of one solve.

    Attributes
    ----------
    method : Method
        How to iterate.
    jacobian : JacobianMode
        Where derivatives come from.
    tolerance : float
        An equation is solved when |f| is at most this times the size of the terms that cancel in it;
        dimensionless, above 0 and below 1.
    absolute_tolerance : float
        … or when |f| is at most this, in the equation's unit; at least 0.
    max_iterations : int
        Newton steps over all attempts; at least 1.
    timeout_seconds : float, optional
        Seconds after which the best point so far is returned; above 0. None: no limit.
    """

    method: Method = Method.AUTO
    jacobian: JacobianMode = JacobianMode.EXACT
    tolerance: float = 1e-12
    absolute_tolerance: float = 1e-30
    max_iterations: int = 1000
    timeout_seconds: float | None = None

    def __post_init__(self) -> None:
        as_member(Method, self.method, "options.method")
        as_member(JacobianMode, self.jacobian, "options.jacobian")
        for name in ("tolerance", "absolute_tolerance", "max_iterations", "timeout_seconds"):
            self._check_number(name)
        if not 0.0 < self.tolerance < 1.0:
            raise InputError("options.tolerance", f"expected a number above 0 and below 1, found {self.tolerance!r}")
        if not 0.0 <= self.absolute_tolerance < math.inf:
            raise InputError(
                "options.absolute_tolerance",
                f"expected a number of at least 0, found {self.absolute_tolerance!r}",
            )
        if not 1 <= self.max_iterations < 2**62:
            raise InputError(
                "options.max_iterations",
                f"expected a whole number of at least 1, found {self.max_iterations!r}",
            )
        if self.timeout_seconds is not None and not self.timeout_seconds > 0.0:
            raise InputError(
                "options.timeout_seconds",
                f"expected seconds above 0, or None, found {self.timeout_seconds!r}",
            )

    def _check_number(self, name: str) -> None:
        value = getattr(self, name)
        if name == "timeout_seconds" and value is None:
            return
        whole = name == "max_iterations"
        if not isinstance(value, Integral if whole else Real) or isinstance(value, bool):
            expected = {
                "tolerance": "a number above 0 and below 1",
                "absolute_tolerance": "a number of at least 0",
                "max_iterations": "a whole number of at least 1",
                "timeout_seconds": "seconds above 0, or None",
            }[name]
            raise InputError(f"options.{name}", f"expected {expected}, found {value!r}")


def as_member(kind: type[Member], value: object, field: str) -> Member:
    """Return the value if it is a member of the enum; else raise `InputError` that lists them."""
    if not isinstance(value, kind):
        members = ", ".join(f"{kind.__name__}.{member.name}" for member in kind)
        raise InputError(field, f"expected one of {members}, found {value!r}")
    return value
