"""A search whose questions are answered by a function of this process."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raphson_solver.callback.problem import CallbackProblem
from raphson_solver.callback.result import CallbackSolution
from raphson_solver.callback.search import Search
from raphson_solver.engine.status import Status
from raphson_solver.errors import InputError
from raphson_solver.solution.options import SolveOptions
from raphson_solver.solution.packing import as_numbers, check_finite
from raphson_solver.solution.region import pack_bounds

Array = NDArray[np.float64]

_DEFAULT = SolveOptions()


def solve_callback(
    function: Callable[[Array], Any],
    start: ArrayLike,
    options: SolveOptions = _DEFAULT,
    *,
    jacobian: Callable[[Array], Any] | None = None,
    bounds: tuple[ArrayLike, ArrayLike] | None = None,
) -> CallbackSolution:
    """Find x with f(x) = 0 for a function that can only be called.

    Parameters
    ----------
    function : callable
        From x, shape (n,), to f, shape (m,). What it raises ends the search and comes out as it is.
    start : array of shape (n,)
        Where to begin.
    options : SolveOptions
        As `CallbackProblem` reads them.
    jacobian : callable, optional
        From x to J, shape (m, n).
    bounds : two arrays of shape (n,), optional
        The function is never called outside.

    Returns
    -------
    CallbackSolution
        Whether or not it converged; its status says which.

    Raises
    ------
    InputError
        When the start, the bounds, the options or an answer do not fit.
    """
    x = np.atleast_1d(as_numbers(start, "start"))
    if x.ndim != 1 or not x.size:
        raise InputError("start", f"shape {x.shape}; expected (n,), a number a variable")
    check_finite(x, "start")
    region = None if bounds is None else pack_bounds(bounds, (("x", x.shape),), x.size)
    search = Search(CallbackProblem(start=x, options=options, bounds=region, has_jacobian=jacobian is not None))
    deadline = np.inf if options.timeout_seconds is None else time.monotonic() + options.timeout_seconds
    while (question := search.question) is not None:
        if time.monotonic() > deadline:
            search.stop(Status.TIME_LIMIT)
        elif question.wants_jacobian:
            assert jacobian is not None
            search.answer(as_numbers(jacobian(question.points[0]), "jacobian"))
        else:
            rows = [np.atleast_1d(as_numbers(function(point), "function")) for point in question.points]
            search.answer(np.array(rows))
    return search.result
