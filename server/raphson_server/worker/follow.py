"""SolverService.Follow: the points of a branch, each sent when it is known."""

import math

from raphson.v1.solver_pb2 import BranchEnd, BranchPoint, FollowRequest, FollowResponse
from raphson_solver import continuation as room

from raphson_server.failures import invalid_input
from raphson_server.worker.call import Answer, Call, find_system, parsed, within_deadline
from raphson_server.worker.conversion import to_arrays, to_options
from raphson_server.worker.kept_system import KeptSystem
from raphson_server.worker.memory import check_solving_fits

_POINTS = 1000
_FEWEST_POINTS = 2
_KINDS = {
    room.PointKind.START: BranchPoint.KIND_START,
    room.PointKind.REGULAR: BranchPoint.KIND_REGULAR,
    room.PointKind.TURNING_POINT: BranchPoint.KIND_TURNING_POINT,
    room.PointKind.CROSSING: BranchPoint.KIND_CROSSING,
    room.PointKind.END: BranchPoint.KIND_END,
}


def follow(body: bytes, call: Call) -> Answer:
    """Answer a FollowRequest."""
    request = parsed(FollowRequest, body)
    options = within_deadline(to_options(request.options), call)
    chosen = _branch_options(request)
    kept, learnt = find_system(
        request.system,
        call,
        lambda: to_arrays(request.start, "start"),
        lambda: to_arrays(request.parameters, "parameters"),
    )
    check_solving_fits(kept.system, call)
    x, p = kept.point(request.start, "start"), kept.parameters(request.parameters)
    branch = room.follow(
        kept.system,
        x,
        request.parameter,
        p,
        lower=request.lower,
        upper=request.upper,
        options=chosen,
        solve_options=options,
        should_stop=call.is_to_stop,
    )
    points = turning_points = 0
    for point in branch:
        call.items.send(FollowResponse(point=_from_point(point, kept)))
        points += 1
        turning_points += point.kind is room.PointKind.TURNING_POINT
    end = BranchEnd(reason=_reason(branch), points=points, turning_points=turning_points, system_id=kept.system.id)
    return Answer(FollowResponse(end=end), learnt)


def _branch_options(request: FollowRequest) -> room.BranchOptions:
    """Read how far to go.

    Raises
    ------
    CallError
        If a limit is not a number, or there are too few points.
    """
    for side in ("lower", "upper"):
        if not math.isfinite(getattr(request, side)):
            raise invalid_input(side, f"{getattr(request, side)}; expected a finite number")
    points = request.max_points if request.HasField("max_points") else _POINTS
    if points < _FEWEST_POINTS:
        raise invalid_input("max_points", f"{points}; expected at least {_FEWEST_POINTS}")
    return room.BranchOptions(direction=-1 if request.downwards else 1, max_points=points)


def _from_point(point: room.BranchPoint, kept: KeptSystem) -> BranchPoint:
    return BranchPoint(
        kind=_KINDS[point.kind],
        parameter=point.parameter,
        solution=kept.from_point(point.x),
        arclength=point.arclength,
    )


def _reason(branch: room.Branch) -> str:
    """Say why a branch ended, and why it did not begin."""
    assert branch.reason is not None
    if branch.reason is not room.End.START:
        return branch.reason.message
    return f"{branch.reason.message}: {branch.start.message}; {branch.start.remedy}"
