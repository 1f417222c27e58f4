"""How an iteration can end, what that means, and what to try next."""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    """The outcome of a solve. The numbers are those of `raphson.v1.Status`.

    Attributes
    ----------
    message : str
        What happened.
    remedy : str
        What to try next; empty for success.
    """

    message: str
    remedy: str

    def __new__(cls, number: int, message: str, remedy: str) -> Status:  # noqa: D102, PYI034
        member = int.__new__(cls, number)
        member._value_ = number
        member.message = message
        member.remedy = remedy
        return member

    CONVERGED = 1, "the scaled residual passes at the returned point", ""
    STALLED = (
        2,
        "steps became too small to change x before the residual passed",
        "try another start; check the equations for noise, kinks or jumps near the returned point",
    )
    LOCAL_MINIMUM = (
        3,
        "the returned point is a minimum of the residual's norm, not a root",
        "try another start, or method 'newton', which can leave such a minimum; there may be no root nearby",
    )
    SINGULAR = (
        4,
        "the Jacobian is singular at the returned point and gives no direction",
        "try another start; check for equations that repeat each other or a variable that none contains",
    )
    DOMAIN_ERROR = (
        5,
        "f or its Jacobian is not finite at the start, or however short the step",
        "start where every logarithm, root, power and quotient is defined",
    )
    ITERATION_LIMIT = (
        6,
        "the iteration limit was reached",
        "raise max_iterations, or start nearer to the root",
    )
    TIME_LIMIT = (
        7,
        "the time limit was reached",
        "raise timeout_seconds, or start nearer to the root",
    )
    CANCELLED = 8, "the caller cancelled", ""
    LEAST_SQUARES = (
        9,
        "the sum of squares is at a minimum that is not zero: a least-squares point, no root",
        "expected of more equations than variables; for a root, drop or correct equations that contradict the others",
    )
    EVALUATION_LIMIT = (
        10,
        "the evaluation limit was reached",
        "raise max_evaluations, or start nearer to the root",
    )


class Method(IntEnum):
    """How to iterate. The numbers are those of `raphson.v1.Method`."""

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
    """Where derivatives come from. The numbers are those of `raphson.v1.JacobianMode`."""

    EXACT = 1
    """Differentiated from the equations, exact to rounding."""
    FORWARD = 2
    """Forward differences: n evaluations of f besides the one at x, about 8 digits."""
    CENTRAL = 3
    """Central differences: 2n evaluations of f, about 10 digits."""
    ANALYTIC = 4
    """The caller's own expressions."""
    COMPLEX_STEP = 5
    """Imaginary parts of f at x + ih: exact to rounding, for analytic f; at points, not while solving."""


class LinearSolver(IntEnum):
    """How linear systems with the Jacobian are solved. The numbers are those of `raphson.v1.LinearSolver`."""

    AUTO = 1
    """As its size, its pattern, and what factors would take, suggest."""
    DENSE = 2
    """By dense factors."""
    DIRECT = 3
    """By sparse factors."""
    KRYLOV = 4
    """By GMRES, preconditioned by algebraic multigrid where J suits it, else by incomplete factors."""
