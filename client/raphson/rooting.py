"""`root`: a client's answer to ``scipy.optimize.root``, with its arguments."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from raphson.arrays import to_array
from raphson.choice import CalledBack, choose
from raphson.errors import InvalidRequestError
from raphson.offering import offered
from raphson.root_result import RootResult
from raphson.solving import Solving
from raphson.trace.function import name_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

# SciPy's names, as far as there is something like them here.
METHODS = {"hybr": "auto", "lm": "levenberg_marquardt", "broyden1": "broyden", "broyden2": "broyden"}
OF_SCIPY_ALONE = ("anderson", "linearmixing", "diagbroyden", "excitingmixing", "krylov", "df-sane")
OPTIONS = {
    "maxfev": "max_evaluations",
    "maxiter": "max_iterations",
    "xtol": "tolerance",
    "ftol": "tolerance",
    "fatol": "absolute_tolerance",
}
OWN_OPTIONS = (
    "bounds",
    "nominal",
    "nominal_residual",
    "tolerance",
    "absolute_tolerance",
    "max_iterations",
    "max_evaluations",
    "timeout_seconds",
    "vectorized",
)


class Rooting(Solving):
    """Solves with the arguments that SciPy has."""

    @offered
    async def root(
        self,
        fun: Callable[..., Any],
        x0: ArrayLike,
        args: Any = (),
        method: str = "hybr",
        jac: Callable[..., Any] | bool | None = None,
        tol: float | None = None,
        callback: Callable[[Any, Any], Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> RootResult:
        """Find x with fun(x) = 0, for code that is written for ``scipy.optimize.root``.

        Parameters
        ----------
        fun : callable
            ``fun(x, *args)``, x of shape (n,), returns m residuals. It is traced where that can be, which gives exact
            derivatives, and called where not; see `solve`.
        x0 : array-like of shape (n,)
            Where to begin; flattened.
        args : tuple
            Further arguments of `fun` and `jac`.
        method : str
            "hybr" is "auto", "lm" is "levenberg_marquardt", "broyden1" and "broyden2" are "broyden"; or a method of
            `solve`. A function that is called has only "auto", in place of those, "trust_region" and "newton".
        jac : callable or bool, optional
            ``jac(x, *args)`` returns J, shape (m, n); True: `fun` returns f and J. Either way both are called.
        tol : float, optional
            `tolerance` of `solve`, of the residual. It is no tolerance of x, as some of SciPy's are.
        callback : callable, optional
            Called as ``callback(x, f)`` for every evaluation of f; `fun` is then called, not traced.
        options : mapping, optional
            `maxfev`, `maxiter`, `xtol` or `ftol` (as `tol`), `fatol`, `col_deriv`, and those of `solve`: `bounds`,
            `nominal`, `nominal_residual`, `timeout_seconds`, `vectorized`, …

        Returns
        -------
        RootResult
            With x, success, status, message, fun, nfev, njev and nit. Success means that the residual passes.

        Raises
        ------
        InvalidRequestError
            If the arguments make no sense; what `fun` raises comes out as it is.
        RaphsonError
            If no answer came.
        """
        given = _options(options, tol)
        transposed = given.pop("col_deriv", False)
        function, jacobian = _functions(fun, jac, args if isinstance(args, tuple) else (args,), transposed=transposed)
        start = to_array(x0, "x0").reshape(-1)
        if callback is not None:
            function = _told(function, callback)
        name = METHODS.get(method, method)
        if name in OF_SCIPY_ALONE:
            known = ", ".join(METHODS)
            raise InvalidRequestError.at(
                "method", f"{method!r} is SciPy's alone; expected one of {known}, or of solve's"
            )
        given |= {"jacobian": "exact" if jacobian is None else jacobian, "callback": callback is not None or None}
        if method in METHODS and name != "auto" and _is_called(function, start, given):
            name = "auto"
        # In either client: the one that blocks has the result at once.
        found = cast("Any", self).solve(function, start, method=name, **given)
        return RootResult.of(await found if inspect.isawaitable(found) else found)


def _options(options: Mapping[str, Any] | None, tol: float | None) -> dict[str, Any]:
    """Return SciPy's options as `solve` has them."""
    given: dict[str, Any] = {}
    for name, value in (options or {}).items():
        ours = OPTIONS.get(name, name)
        if ours not in (*OWN_OPTIONS, "col_deriv"):
            known = ", ".join([*OPTIONS, "col_deriv", *OWN_OPTIONS])
            raise InvalidRequestError.at(f"options[{name}]", f"has no meaning here; expected one of {known}")
        # SciPy's 0 and None choose by themselves.
        if value is not None and not (name == "maxfev" and value == 0):
            given[ours] = value
    if tol is not None:
        given.setdefault("tolerance", tol)
    return given


def _functions(
    fun: Callable[..., Any], jac: Callable[..., Any] | bool | None, args: tuple[Any, ...], *, transposed: bool
) -> tuple[Callable[..., Any], Callable[..., Any] | None]:
    """Return f and J as functions of x alone."""
    if not callable(fun):
        raise InvalidRequestError.at("fun", f"{fun!r} is not a function; `solve` takes equations")
    if not jac:
        return _of_x(fun, lambda x: fun(x, *args)), None
    if jac is True:
        return (
            _of_x(fun, lambda x: fun(x, *args)[0]),
            _of_x(fun, lambda x: _turned(fun(x, *args)[1], transposed=transposed)),
        )
    if not callable(jac):
        raise InvalidRequestError.at("jac", f"{jac!r} is no function; expected one, True or None")
    return _of_x(fun, lambda x: fun(x, *args)), _of_x(jac, lambda x: _turned(jac(x, *args), transposed=transposed))


def _of_x(function: Callable[..., Any], bound: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Let messages call a bound function by its own name."""
    bound.__qualname__ = name_of(function).removesuffix("()")
    return bound


def _turned(jacobian: Any, *, transposed: bool) -> Any:
    return np.transpose(jacobian) if transposed else jacobian


def _told(function: Callable[[Any], Any], callback: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    """Have the caller told of every point."""

    def told(x: Any) -> Any:
        f = function(x)
        callback(x, f)
        return f

    return _of_x(function, told)


def _is_called(function: Callable[..., Any], start: Any, given: Mapping[str, Any]) -> bool:
    choice = choose(
        function,
        start,
        None,
        given["jacobian"],
        given["callback"],
        given.get("vectorized", False),
        with_coefficients=True,
    )
    return isinstance(choice, CalledBack)
