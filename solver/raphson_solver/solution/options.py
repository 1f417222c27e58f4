"""What a caller may choose of a solve."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from numbers import Integral, Real
from typing import Any, TypeVar

from raphson_solver.engine.status import JacobianMode, LinearSolver, Method
from raphson_solver.errors import InputError

Member = TypeVar("Member", bound=IntEnum)


class WarmStart(IntEnum):
    """At which other member's root a member of a batch begins."""

    PREVIOUS = 1
    """The last one before it that is solved already: for parameters that change little from member to member."""

    NEAREST = 2
    """The one whose parameters are nearest, each in units of its spread: for parameters in any order."""


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
    max_evaluations : int, optional
        Evaluations of f, those for differences included; at least 1. Looked at before every step and trial: the
        last Jacobian by differences may exceed it. None: no limit.
    whole : bool
        Whether the system is solved as a whole. Else `auto` first solves the blocks of its triangular form, one after
        another, where the pattern has several.
    linear_solver : LinearSolver
        How linear systems with J are solved.
    timeout_seconds : float, optional
        Seconds after which the best point so far is returned; above 0. None: no limit.
    """

    method: Method = Method.AUTO
    jacobian: JacobianMode = JacobianMode.EXACT
    tolerance: float = 1e-12
    absolute_tolerance: float = 1e-30
    max_iterations: int = 2000
    max_evaluations: int | None = None
    whole: bool = False
    linear_solver: LinearSolver = LinearSolver.AUTO
    timeout_seconds: float | None = None

    def __post_init__(self) -> None:
        as_member(Method, self.method, "options.method")
        as_member(JacobianMode, self.jacobian, "options.jacobian")
        as_member(LinearSolver, self.linear_solver, "options.linear_solver")
        self._check("tolerance", Real, lambda value: 0.0 < value < 1.0, "a number above 0 and below 1")
        self._check("absolute_tolerance", Real, lambda value: 0.0 <= value < math.inf, "a number of at least 0")
        self._check("max_iterations", Integral, lambda value: 1 <= value < 2**62, "a whole number of at least 1")
        if self.max_evaluations is not None:
            wanted = "a whole number of at least 1, or None"
            self._check("max_evaluations", Integral, lambda value: 1 <= value < 2**62, wanted)
        self._check("whole", bool, lambda _: True, "True or False")
        if self.timeout_seconds is not None:
            self._check("timeout_seconds", Real, lambda value: value > 0.0, "seconds above 0, or None")

    def _check(self, name: str, kind: type, fits: Callable[[Any], bool], expected: str) -> None:
        value = getattr(self, name)
        if not isinstance(value, kind) or isinstance(value, bool) is not (kind is bool) or not fits(value):
            raise InputError(f"options.{name}", f"expected {expected}, found {value!r}")


def as_member(kind: type[Member], value: object, field: str) -> Member:
    """Return the value if it is a member of the enum; else raise `InputError` that lists them."""
    if not isinstance(value, kind):
        members = ", ".join(f"{kind.__name__}.{member.name}" for member in kind)
        raise InputError(field, f"expected one of {members}, found {value!r}")
    return value
