"""SolverService.FindAll: the roots in a box, and how the search for them ended."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from raphson.v1.solver_pb2 import FindAllRequest, FindAllResponse, FindAllSummary, FoundRoot

from raphson_server.failures import invalid_input
from raphson_server.worker.call import Answer, Call, find_system, parsed, within_deadline
from raphson_server.worker.certificate import from_certificate
from raphson_server.worker.conversion import from_array, to_arrays, to_options
from raphson_server.worker.kept_system import KeptSystem
from raphson_server.worker.memory import check_solving_fits
from raphson_server.worker.region import to_box, to_shapes

if TYPE_CHECKING:
    from raphson_solver import roots as room

_STARTS = 200
_BOXES = 50_000
_NO_LIMIT = 2**62
# Of a solve that may well lead nowhere.
_ITERATIONS = 200


def find_roots(body: bytes, call: Call) -> Answer:
    """Answer a FindAllRequest."""
    from raphson_solver.roots import RootLimits, find_all  # noqa: PLC0415 - ball arithmetic is loaded for proofs alone

    request = parsed(FindAllRequest, body)
    options = within_deadline(to_options(request.options), call)
    if not request.options.HasField("max_iterations"):
        options = dataclasses.replace(options, max_iterations=_ITERATIONS)
    limits = _limits(request)
    kept, learnt = find_system(
        request.system,
        call,
        lambda: to_shapes(request.bounds),
        lambda: to_arrays(request.parameters, "parameters"),
    )
    check_solving_fits(kept.system, call)
    box, p = to_box(request.bounds, kept), kept.parameters(request.parameters)
    found = find_all(
        kept.system,
        box.lower,
        box.upper,
        p,
        options,
        limits=RootLimits(**limits),
        prove=request.prove,
        should_stop=call.is_to_stop,
        on_root=lambda root: call.items.send(FindAllResponse(root=_from_root(root, kept))),
    )
    return Answer(FindAllResponse(summary=_from_roots(found, kept)), learnt)


def _limits(request: FindAllRequest) -> dict[str, int]:
    """Read how far to look.

    Raises
    ------
    CallError
        If a limit is below 1.
    """
    limits = {"max_starts": _STARTS, "max_roots": _NO_LIMIT, "max_boxes": _BOXES}
    given = {name: getattr(request, name) for name in limits if request.HasField(name)}
    for name, value in given.items():
        if value < 1:
            raise invalid_input(name, f"{value}; expected at least 1")
    return limits | given


def _from_root(root: room.FoundRoot, kept: KeptSystem) -> FoundRoot:
    return FoundRoot(
        solution=kept.from_point(root.x),
        residual=from_array(root.solution.residual),
        certificate=None if root.certificate is None else from_certificate(root.certificate),
    )


def _from_roots(found: room.Roots, kept: KeptSystem) -> FindAllSummary:
    summary = FindAllSummary(
        roots=len(found.roots),
        starts=found.starts,
        complete=found.complete,
        reason=_reason(found),
        system_id=kept.system.id,
    )
    if found.undecided:
        lower, upper = (np.array(corners) for corners in zip(*found.undecided, strict=True))
        summary.undecided_lower.CopyFrom(from_array(lower))
        summary.undecided_upper.CopyFrom(from_array(upper))
    return summary


def _reason(found: room.Roots) -> str:
    if found.proof is None:
        return found.stopped
    if found.complete:
        return f"{found.stopped}; it is proven that the box holds no other root"
    return f"{found.stopped}; {len(found.undecided)} places of the box are undecided: {found.proof.stopped}"
