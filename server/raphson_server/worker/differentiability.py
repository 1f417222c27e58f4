"""JacobianService.TestDifferentiability: whether the remainder goes to zero faster than the step."""

from raphson.v1.jacobian_pb2 import TestDifferentiabilityRequest, TestDifferentiabilityResponse

from raphson_server.failures import invalid_input
from raphson_server.worker.call import Answer, Call, find_system, parsed
from raphson_server.worker.conversion import from_array, to_arrays, to_vector

_DEFAULT_DIRECTIONS = 64
_MOST_DIRECTIONS = 100_000


def test_differentiability(body: bytes, call: Call) -> Answer:
    """Answer a TestDifferentiabilityRequest."""
    request = parsed(TestDifferentiabilityRequest, body)
    directions = request.directions if request.HasField("directions") else _DEFAULT_DIRECTIONS
    if not 1 <= directions <= _MOST_DIRECTIONS:
        raise invalid_input("directions", f"{directions}; expected 1 to {_MOST_DIRECTIONS:,}")
    kept, learnt = find_system(
        request.system,
        call,
        lambda: to_arrays(request.at, "at"),
        lambda: to_arrays(request.parameters, "parameters"),
    )
    x, p = kept.point(request.at, "at"), kept.parameters(request.parameters)
    value = to_vector(request.value, "value") if request.HasField("value") else None
    from raphson_solver.differential.differentiability import differentiability  # noqa: PLC0415 (loads scipy.sparse)

    found = differentiability(kept.system, x, p, directions, value, call.is_to_stop)
    response = TestDifferentiabilityResponse(
        differentiable=found.differentiable,
        affine=found.affine,
        order=found.order,
        steps=found.steps,
        remainders=found.remainders,
        worst_direction=from_array(found.worst_direction),
        partial_derivatives_exist=found.partial_derivatives_exist,
        message=found.message,
        system_id=kept.system.id,
    )
    return Answer(response, learnt)
