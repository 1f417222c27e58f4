"""What a client offers to find many roots: all in a box, or all along a branch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from raphson.arrays import write_named
from raphson.branch import AwaitedBranch, Branch
from raphson.calls import Calls
from raphson.compiled import CompiledSystem
from raphson.errors import InvalidRequestError
from raphson.offering import streamed
from raphson.options import to_count, to_number, write_options
from raphson.problem import Equations, Parameters, Point, Problem, to_problem
from raphson.region import Bounds, by_name, middle, pair_of, write_bounds
from raphson.roots import AwaitedRootSearch, RootSearch
from raphson.v1.solver_pb2 import FindAllRequest, FollowRequest
from raphson.vocabulary import Method, MethodName, to_method

if TYPE_CHECKING:
    from raphson.jacobian_argument import JacobianArgument
    from raphson.stream import Opening


class Searching(Calls):
    """Finds all roots in a box, and follows roots while a parameter changes."""

    @streamed(RootSearch, AwaitedRootSearch)
    def find_all(
        self,
        equations: Equations,
        bounds: Bounds,
        parameters: Parameters | None = None,
        *,
        prove: bool = False,
        max_starts: int | None = None,
        max_roots: int | None = None,
        max_boxes: int | None = None,
        method: MethodName | Method = "auto",
        jacobian: JacobianArgument = "exact",
        tolerance: float | None = None,
        absolute_tolerance: float | None = None,
        max_iterations: int | None = None,
        max_evaluations: int | None = None,
        whole: bool = False,
        timeout_seconds: float | None = None,
    ) -> Opening:
        """Look for every root in a box.

        Parameters
        ----------
        equations : str, sequence of str, callable or CompiledSystem
            As many equations as unknowns.
        bounds : mapping of str to (lower, upper), or such a pair of arrays
            The box, both sides of every unknown finite. It tells the names and shapes of the unknowns: for an array
            give arrays. A plain pair goes to a function's first argument, or is for all n unknowns of a compiled
            system.
        parameters : mapping of str to array-like, optional
            What is given.
        prove : bool
            Whether to prove, by an interval search, that no root is missing; needs n ≤ 4.
        max_starts : int, optional
            Starts to try at most. The server's default is 200.
        max_roots : int, optional
            Roots to find at most. Default: no limit.
        max_boxes : int, optional
            Boxes that the proof may examine. The server's default is 50 000.
        method, jacobian, tolerance, absolute_tolerance, max_iterations, max_evaluations, whole
            Of each solve, as in `solve`; but the server's default of `max_iterations` is 200 here.
        timeout_seconds : float, optional
            Deadline of the whole call. Default: the client's.

        Returns
        -------
        RootSearch
            Goes through the roots as they are found; `RootSearch.all` waits for all of them, and
            `RootSearch.summary` says at the end whether they are proven to be all.

        Raises
        ------
        InvalidRequestError
            If the request makes no sense; what only the server can see is told with the first root.
        RaphsonError
            From the iteration: if no answer came.
        """
        problem = _in_box(equations, bounds, parameters, jacobian)
        request = FindAllRequest(prove=bool(prove))
        write_bounds(bounds, problem.definition.variables, request.bounds)
        write_named(problem.parameters, request.parameters, "parameters")
        write_options(
            request.options,
            to_method(method),
            problem.mode,
            tolerance=tolerance,
            absolute_tolerance=absolute_tolerance,
            max_iterations=max_iterations,
            max_evaluations=max_evaluations,
            whole=whole,
        )
        if max_starts is not None:
            request.max_starts = to_count(max_starts, "max_starts")
        if max_roots is not None:
            request.max_roots = to_count(max_roots, "max_roots")
        if max_boxes is not None:
            request.max_boxes = to_count(max_boxes, "max_boxes")
        return self._stream(self._transport.find_all, request, problem, self._deadline(timeout_seconds))

    @streamed(Branch, AwaitedBranch)
    def follow(
        self,
        equations: Equations,
        start: Point,
        parameters: Parameters | None = None,
        *,
        parameter: str,
        lower: float,
        upper: float,
        downwards: bool = False,
        max_points: int | None = None,
        method: MethodName | Method = "auto",
        jacobian: JacobianArgument = "exact",
        tolerance: float | None = None,
        absolute_tolerance: float | None = None,
        max_iterations: int | None = None,
        max_evaluations: int | None = None,
        whole: bool = False,
        timeout_seconds: float | None = None,
    ) -> Opening:
        """Follow a root while one parameter changes, round folds.

        Parameters
        ----------
        equations : str, sequence of str, callable or CompiledSystem
            As many equations as unknowns.
        start : mapping of str to array-like, or array-like
            Near a root at the parameters' given values; as in `solve`.
        parameters : mapping of str to array-like
            What is given; of the parameter that changes, where it begins.
        parameter : str
            The one that changes: ``"r"``, or an element, ``"W[1,2]"``.
        lower, upper : float
            How far it may go, both finite.
        downwards : bool
            Whether it falls at first; else it grows.
        max_points : int, optional
            Points at most. The server's default is 1000.
        method, jacobian, tolerance, absolute_tolerance, max_iterations, max_evaluations, whole
            Of each solve, as in `solve`.
        timeout_seconds : float, optional
            Deadline of the whole call. Default: the client's.

        Returns
        -------
        Branch
            Goes through the points as they come; `Branch.all` waits for all of them, and `Branch.end` says why it
            ended.

        Raises
        ------
        InvalidRequestError
            If the request makes no sense; what only the server can see is told with the first point.
        RaphsonError
            From the iteration: if no answer came.
        """
        problem = to_problem(equations, start, parameters, jacobian)
        if not isinstance(parameter, str):
            raise InvalidRequestError.at("parameter", f"{parameter!r} is not a name; expected e.g. 'r' or 'W[1,2]'")
        request = FollowRequest(
            parameter=parameter.replace(" ", ""),
            lower=to_number(lower, "lower"),
            upper=to_number(upper, "upper"),
            downwards=bool(downwards),
        )
        write_named(problem.point, request.start, "start")
        write_named(problem.parameters, request.parameters, "parameters")
        write_options(
            request.options,
            to_method(method),
            problem.mode,
            tolerance=tolerance,
            absolute_tolerance=absolute_tolerance,
            max_iterations=max_iterations,
            max_evaluations=max_evaluations,
            whole=whole,
        )
        if max_points is not None:
            request.max_points = to_count(max_points, "max_points")
        return self._stream(self._transport.follow, request, problem, self._deadline(timeout_seconds))


def _in_box(equations: Equations, bounds: Bounds, parameters: Parameters | None, jacobian: JacobianArgument) -> Problem:
    """Read a problem whose unknowns the bounds tell."""
    if isinstance(equations, CompiledSystem):
        return to_problem(equations, {}, parameters, jacobian)
    if not isinstance(bounds, Mapping):
        pair = pair_of(bounds)
        if not callable(equations):
            description = "a plain pair; expected name → (lower, upper) for each unknown of equations in text"
            raise InvalidRequestError.at("bounds", description)
        return to_problem(equations, middle({"all": pair})["all"], parameters, jacobian, point_field="bounds")
    return to_problem(equations, middle(by_name(bounds, ())), parameters, jacobian, point_field="bounds")
