"""JacobianService.Evaluate: f and the views of its differential at one point."""

from raphson.v1.jacobian_pb2 import Determinant, EvaluateRequest, EvaluateResponse

from raphson_server.failures import invalid_input
from raphson_server.worker.call import Answer, Call, check_jacobian_fits, find_system, parsed
from raphson_server.worker.conversion import from_array, to_arrays, to_mode, to_vector


def evaluate(body: bytes, call: Call) -> Answer:
    """Answer an EvaluateRequest."""
    request = parsed(EvaluateRequest, body)
    mode = to_mode(request.mode, "mode")
    _check_asks_for_something(request)
    kept, learnt = find_system(request.system, call, lambda: to_arrays(request.at, "at"), request.parameters)
    system = kept.system
    x = kept.point(request.at, "at")
    p = kept.parameters(request.parameters)
    response = EvaluateResponse(system_id=system.id)
    derivatives = 0
    if request.matrix:
        check_jacobian_fits(system, call, "matrix")
        response.matrix.CopyFrom(from_array(system.jacobian(x, p, mode)))
        derivatives += 1
    if request.value:
        response.value.CopyFrom(from_array(system.residual(x, p)))
    if request.HasField("jvp"):
        v = to_vector(request.jvp, "jvp")
        response.jvp.CopyFrom(from_array(system.jvp(x, v, p, mode)))
        derivatives += 1
    if request.HasField("vjp"):
        w = to_vector(request.vjp, "vjp")
        response.vjp.CopyFrom(from_array(system.vjp(x, w, p, mode)))
        derivatives += 1
    if request.determinant:
        sign, log_abs = system.determinant(x, p, mode)
        response.determinant.CopyFrom(Determinant(sign=sign, log_abs=log_abs))
        derivatives += 1
    response.evaluations = derivatives * system.finite_difference_evaluations(mode)
    return Answer(response, learnt)


def _check_asks_for_something(request: EvaluateRequest) -> None:
    asks = request.value or request.matrix or request.determinant
    if not (asks or request.HasField("jvp") or request.HasField("vjp")):
        raise invalid_input(
            "value", "no view is asked for; expected at least one of value, matrix, jvp, vjp, determinant"
        )
