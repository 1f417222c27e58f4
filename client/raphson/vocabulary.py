"""The wire's enumerations, with numbers equal to the proto's, and the friendly strings for them."""

from __future__ import annotations

from difflib import get_close_matches
from enum import IntEnum
from typing import Literal, TypeVar

from raphson.errors import InvalidRequestError

LinearSolverName = Literal["auto", "dense", "direct", "krylov"]
MethodName = Literal[
    "auto",
    "newton",
    "line_search",
    "levenberg_marquardt",
    "cubic_line_search",
    "trust_region",
    "pseudo_transient",
    "broyden",
    "bracketing",
]
JacobianName = Literal["exact", "forward", "central", "analytic", "complex_step"]
WarmStartName = Literal["previous", "nearest"]
Chosen = TypeVar("Chosen", bound=IntEnum)


class Status(IntEnum):
    """How an iteration ended."""

    CONVERGED = 1
    """The scaled residual passes at the returned point."""
    STALLED = 2
    """Steps became too small to change x before the residual passed."""
    LOCAL_MINIMUM = 3
    """A minimum of the residual's norm that is not a root."""
    SINGULAR = 4
    """The Jacobian is singular at the returned point and gives no direction."""
    DOMAIN_ERROR = 5
    """f or its Jacobian is not finite at the start, or at every shorter step."""
    ITERATION_LIMIT = 6
    """``max_iterations`` was reached."""
    TIME_LIMIT = 7
    """``timeout_seconds`` or the call's deadline was reached."""
    CANCELLED = 8
    """The caller cancelled."""
    LEAST_SQUARES = 9
    """More equations than variables, and the sum of squares is at a minimum that is not zero."""
    EVALUATION_LIMIT = 10
    """``max_evaluations`` was reached."""


class Method(IntEnum):
    """How to iterate."""

    AUTO = 1
    """A cascade: undamped Newton, line search, Levenberg–Marquardt and others, until one converges."""
    NEWTON = 2
    """Undamped Newton–Raphson; a trial point where f is not finite shortens the step."""
    LINE_SEARCH = 3
    """Newton's direction, backtracking by parabolas until the scaled residual falls."""
    LEVENBERG_MARQUARDT = 4
    """Newton's step damped towards the gradient until the sum of squares falls as predicted."""
    CUBIC_LINE_SEARCH = 5
    """Newton's direction, backtracking by cubics."""
    TRUST_REGION = 6
    """Powell's dogleg: between steepest descent and Newton's step, no further than the linear model is trusted."""
    PSEUDO_TRANSIENT = 7
    """Implicit Euler steps through a pseudo-time that grow into Newton's as the residual falls; square systems."""
    BROYDEN = 8
    """Newton's step from a Jacobian updated by secants, evaluated anew when that fails; square systems."""
    BRACKETING = 9
    """For one equation in one variable: a sign change is looked for, and Newton's steps are kept inside it."""


class JacobianMode(IntEnum):
    """Where derivatives come from."""

    EXACT = 1
    """Differentiated from the equations, exact to rounding."""
    FORWARD = 2
    """Forward differences, about 8 digits."""
    CENTRAL = 3
    """Central differences, about 10 digits."""
    ANALYTIC = 4
    """The caller's own expressions."""
    COMPLEX_STEP = 5
    """Imaginary parts of f at x + ih: exact to rounding for analytic f; at points, not while solving."""


class LinearSolver(IntEnum):
    """How linear systems with the Jacobian are solved."""

    AUTO = 1
    """As its size, its pattern, and what factors would take, suggest."""
    DENSE = 2
    """By dense factors."""
    DIRECT = 3
    """By sparse factors."""
    KRYLOV = 4
    """By GMRES, preconditioned by algebraic multigrid where J suits it, else by incomplete factors."""


class WarmStart(IntEnum):
    """At which other member's root a member of a batch begins."""

    PREVIOUS = 1
    """The last one before it that is solved already: for parameters that change little from member to member."""
    NEAREST = 2
    """The one whose parameters are nearest, each in units of its spread: for parameters in any order."""


# By name; looked up at every call.
METHODS = {member.name.lower(): member for member in Method}
MODES = {member.name.lower(): member for member in JacobianMode}


def to_method(value: object, field: str = "method") -> Method:
    """Read ``"auto"``, ``"newton"``, ``"line_search"`` or any other of `MethodName`."""
    return METHODS[value] if type(value) is str and value in METHODS else _choose(Method, value, field)


def to_jacobian_mode(value: object, field: str = "jacobian") -> JacobianMode:
    """Read ``"exact"``, ``"forward"``, ``"central"``, ``"analytic"`` or ``"complex_step"``."""
    return MODES[value] if type(value) is str and value in MODES else _choose(JacobianMode, value, field)


def to_linear_solver(value: object, field: str = "linear_solver") -> LinearSolver:
    """Read ``"auto"``, ``"dense"``, ``"direct"`` or ``"krylov"``."""
    return _choose(LinearSolver, value, field)


def to_warm_start(value: object, field: str = "warm_start") -> WarmStart | None:
    """Read ``"previous"`` or ``"nearest"``; None: each member begins at its own start."""
    return None if value is None else _choose(WarmStart, value, field)


def _choose(enum: type[Chosen], value: object, field: str) -> Chosen:
    if isinstance(value, enum):
        return value
    names = {member.name.lower(): member for member in enum}
    if isinstance(value, str):
        name = value.strip().lower().replace("-", "_").replace(" ", "_")
        if name in names:
            return names[name]
        close = get_close_matches(name, names, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
    else:
        hint = ""
    expected = ", ".join(map(repr, names))
    raise InvalidRequestError.at(field, f"{value!r} is not known; expected one of {expected}{hint}")
