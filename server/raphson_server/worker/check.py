"""JacobianService.CheckJacobian: the caller's Jacobian beside the exact one and differences."""

from raphson.v1.jacobian_pb2 import CheckedEntry, CheckJacobianRequest, CheckJacobianResponse
from raphson_solver.differential.check import check_jacobian

from raphson_server.failures import invalid_input
from raphson_server.worker.call import Answer, Call, find_system, parsed
from raphson_server.worker.conversion import to_arrays

_DEFAULT_ENTRIES = 10
# Some hundred bytes each: a reply holds so many.
_MOST_ENTRIES = 10_000


def check(body: bytes, call: Call) -> Answer:
    """Answer a CheckJacobianRequest."""
    request = parsed(CheckJacobianRequest, body)
    most = request.max_entries if request.HasField("max_entries") else _DEFAULT_ENTRIES
    if not 1 <= most <= _MOST_ENTRIES:
        raise invalid_input("max_entries", f"{most}; expected 1 to {_MOST_ENTRIES:,}")
    kept, learnt = find_system(
        request.system,
        call,
        lambda: to_arrays(request.at, "at"),
        lambda: to_arrays(request.parameters, "parameters"),
    )
    x, p = kept.point(request.at, "at"), kept.parameters(request.parameters)
    found = check_jacobian(kept.system, x, p, most, call.is_to_stop)
    response = CheckJacobianResponse(
        agrees=found.agrees,
        worst=[
            CheckedEntry(
                equation=entry.equation,
                variable=entry.variable,
                row=entry.row,
                column=entry.column,
                given=entry.given,
                exact=entry.exact,
                central=entry.central,
                central_error=entry.central_error,
            )
            for entry in found.worst
        ],
        disagreeing=found.disagreeing,
        largest_error=found.largest_error,
        system_id=kept.system.id,
    )
    return Answer(response, learnt)
