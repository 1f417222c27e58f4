"""SolverService.SolveBatch, one chunk of it: members in, a row of results for each out."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np
import raphson_solver as rs
from numpy.typing import NDArray
from raphson.v1 import solver_pb2 as wire
from raphson.v1.array_pb2 import NamedArray
from raphson.v1.solver_pb2 import SolveBatchRequest, SolveBatchResponse
from raphson.v1.system_pb2 import SystemRef

from raphson_server.account import STATUSES
from raphson_server.failures import invalid_input, over_quota
from raphson_server.worker.call import Answer, Call, find_system, parsed, too_large
from raphson_server.worker.conversion import Arrays, Shape, to_arrays, to_bytes
from raphson_server.worker.kept_system import KeptSystem
from raphson_server.worker.memory import check_solving_fits
from raphson_server.worker.solve import options_within, timeout_seconds

T = TypeVar("T", bound=np.generic)

# Of a member's results: a number a variable and the residual's norm; then status and iterations.
_NUMBER_BYTES = 8
_COUNT = np.dtype("<i4")


def solve_batch(body: bytes, call: Call) -> Answer:
    """Answer a SolveBatchRequest."""
    request = parsed(SolveBatchRequest, body)
    members = request.members
    if members < 1:
        raise invalid_input("members", f"{members}; expected at least 1")
    most = call.largest_members
    if most and members > most:
        whose = "that a batch of this token may still have"
        raise over_quota("members", "largest_members", members, most, "so far", whose)
    if request.options.return_jacobian:
        raise invalid_input("options.return_jacobian", "a batch returns none; expected false")
    options = options_within(request.options.SerializeToString(), timeout_seconds(call.deadline))
    kept, learnt = _system(request.system, call)
    system = kept.system
    _check_reply_fits(members, system.n, call)
    check_solving_fits(system, call)
    began = time.monotonic()
    found = system.solve_batch(
        _of_members(request.start, "start", system.variables, members),
        _of_members(request.parameters, "parameters", system.parameters, members),
        options,
        # The pool's workers are the threads.
        threads=1,
        between=call.is_to_stop,
        cancel=call.cancel,
        warm_start=_warm_start(request.warm_start),
    )
    # One that was solved may stand for all members.
    alike = members // len(found.status)
    counts = alike * np.bincount(found.status, minlength=STATUSES)
    call.account.solve_members(began, counts.tolist(), system.n, alike * int(found.iterations.sum()))
    # Filled in place: what is given to a message's constructor is copied once more.
    response = SolveBatchResponse(system_id=system.id)
    response.x.shape.extend((members, system.n))
    response.x.data = to_bytes(_for_all(found.x, members))
    response.statuses = _for_all(found.status, members).tobytes()
    response.residual_norms.shape.append(members)
    response.residual_norms.data = to_bytes(_for_all(found.residual_norm, members))
    response.iterations = _for_all(found.iterations.astype(_COUNT, copy=False), members).tobytes()
    return Answer(response, learnt)


def _warm_start(asked: int) -> rs.WarmStart | None:
    """Return at whose roots members begin; None: each at its own start."""
    if asked == wire.WARM_START_UNSPECIFIED:
        return None
    try:
        return rs.WarmStart(asked)
    except ValueError:
        names = ", ".join(wire.WarmStart.keys())
        raise invalid_input("warm_start", f"{asked}; expected the number of one of {names}") from None


def _system(ref: SystemRef, call: Call) -> tuple[KeptSystem, Sequence[KeptSystem]]:
    """Return the system; shapes of arrays do not declare variables here, since a dimension may count members."""
    if ref.WhichOneof("ref") == "definition" and not ref.definition.variables:
        raise invalid_input(
            "system.definition.variables", "empty; expected the unknowns, since arrays may have a dimension of members"
        )
    return find_system(ref, call, dict, dict, by_name=True)


def _check_reply_fits(members: int, n: int, call: Call) -> None:
    """Refuse a chunk whose results no reply could carry, before anything is solved."""
    size = members * (_NUMBER_BYTES * (n + 1) + 1 + _COUNT.itemsize)
    if size > call.max_message_bytes:
        what = f"the results of {members:,} members with {n} variables take {size:,} bytes"
        raise too_large(size, what, "send smaller chunks", call.max_message_bytes, "members")


def _of_members(
    messages: Iterable[NamedArray], field: str, declared: Sequence[tuple[str, Shape]], members: int
) -> Arrays:
    """Read arrays; each has the shape that its name is declared with, or the members before it.

    Raises
    ------
    CallError
        INVALID_ARGUMENT if one has neither. What else may be wrong with names and numbers is left to the solver.
    """
    arrays = to_arrays(messages, field)
    for name, shape in declared:
        if name in arrays and arrays[name].shape not in (shape, (members, *shape)):
            raise invalid_input(
                f"{field}[{name}].array.shape",
                f"{arrays[name].shape}; expected {(members, *shape)}, a row a member, or {shape} for all of them",
            )
    return arrays


def _for_all(rows: NDArray[T], members: int) -> NDArray[T]:
    """Return a row a member, where one that was solved stands for all of them."""
    return np.broadcast_to(rows, (members, *rows.shape[1:]))
