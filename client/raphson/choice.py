"""Whether a function goes to the server as equations, or is called here when the server asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from raphson.arrays import Shape
from raphson.black_box import BlackBox, is_awaited
from raphson.errors import InvalidRequestError, TraceError
from raphson.jacobian_argument import JacobianArgument, to_mode_and_rows
from raphson.problem import Problem, by_name, mapping, refuse_shared, to_problem
from raphson.vocabulary import JacobianMode

if TYPE_CHECKING:
    from raphson.problem import Equations, Parameters, Point


@dataclass(frozen=True, slots=True)
class CalledBack:
    """A function that is called here.

    Attributes
    ----------
    box : BlackBox
    mode : JacobianMode
        Where derivatives come from; exact stands for the function's own, or differences.
    why : str
        Why it is not traced.
    """

    box: BlackBox
    mode: JacobianMode
    why: str

    @property
    def variables(self) -> tuple[tuple[str, Shape], ...]:
        """Names and shapes of the unknowns, in order."""
        return self.box.variables

    def refuse(self, evidence: Mapping[str, Any]) -> None:
        """Refuse what needs equations.

        Raises
        ------
        InvalidRequestError
            If any of it is asked for.
        """
        for name, wanted in evidence.items():
            if wanted is not None and wanted is not False:
                raise InvalidRequestError.at(name, f"needs equations, and the function is called back: {self.why}")


def choose(
    equations: Equations,
    start: Point,
    parameters: Parameters | None,
    jacobian: JacobianArgument | Callable[..., Any],
    callback: bool | None,
    vectorized: bool,
    *,
    with_coefficients: bool,
) -> Problem | CalledBack:
    """Read a caller's arguments, a function's by tracing it where that can be.

    Raises
    ------
    InvalidRequestError
        If they cannot be what was meant.
    TraceError
        If a function cannot be traced, and is not to be called.
    """
    if not callable(equations):
        _only_for_functions(jacobian, callback, vectorized)
        assert not callable(jacobian)
        return to_problem(equations, start, parameters, jacobian, with_coefficients=with_coefficients)
    why = _why_called(equations, jacobian, callback, vectorized)
    if not why:
        assert not callable(jacobian)
        try:
            return to_problem(equations, start, parameters, jacobian, with_coefficients=with_coefficients)
        except TraceError as error:
            if callback is False:
                raise
            why = f"it cannot be traced: {error.message}"
        except InvalidRequestError:
            raise
        except Exception as error:
            # If it is wrong, it says so again when it is called.
            if callback is False:
                raise
            why = f"it cannot be traced: it raised {type(error).__name__}: {error}"
    if callback is False:
        raise InvalidRequestError.at("callback", f"False, but the function can only be called: {why}")
    return _called_back(equations, start, parameters, jacobian, vectorized, why)


def _called_back(
    function: Callable[..., Any],
    start: Point,
    parameters: Parameters | None,
    jacobian: JacobianArgument | Callable[..., Any],
    vectorized: bool,
    why: str,
) -> CalledBack:
    point = by_name(function, start, "start")
    given = {} if parameters is None else mapping(parameters, "parameters")
    refuse_shared(point, given)
    if callable(jacobian):
        return CalledBack(BlackBox(function, point, given, jacobian, vectorized), JacobianMode.ANALYTIC, why)
    mode, rows = to_mode_and_rows(jacobian, tuple((name, value.shape) for name, value in point.items()), 0, "jacobian")
    if rows is not None:
        message = f"expressions, but the function is called back ({why}); expected a function that returns J"
        raise InvalidRequestError.at("jacobian", message)
    return CalledBack(BlackBox(function, point, given, None, vectorized), mode, why)


def _why_called(
    function: Callable[..., Any],
    jacobian: JacobianArgument | Callable[..., Any],
    callback: bool | None,
    vectorized: bool,
) -> str:
    """Return why a function is not to be traced; empty if it is."""
    if callback:
        return "callback=True"
    if callable(jacobian):
        return "its Jacobian is a function too"
    if vectorized:
        return "it takes many points at once (vectorized=True)"
    if is_awaited(function):
        return "it is a coroutine function"
    return ""


def _only_for_functions(
    jacobian: JacobianArgument | Callable[..., Any], callback: bool | None, vectorized: bool
) -> None:
    given = {"jacobian": callable(jacobian), "callback": bool(callback), "vectorized": vectorized}
    for name, is_given in given.items():
        if is_given:
            raise InvalidRequestError.at(name, "is for functions; the equations are text")
