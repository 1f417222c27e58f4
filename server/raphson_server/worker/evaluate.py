"""JacobianService.Evaluate: f and the views of its differential, at one point or at many."""

from raphson.v1.jacobian_pb2 import EvaluateResponse

from raphson_server.worker.call import Answer, Call
from raphson_server.worker.conversion import to_bytes
from raphson_server.worker.evaluate_question import EvaluateQuestion
from raphson_server.worker.read_evaluation import read_evaluation
from raphson_server.worker.repeated_request import answer_repeated
from raphson_server.worker.views import compute


def evaluate(body: bytes, call: Call) -> Answer:
    """Answer an EvaluateRequest."""
    return answer_repeated(body, call, call.evaluations, read_evaluation, _reply)


def _reply(question: EvaluateQuestion, call: Call) -> EvaluateResponse:
    differential, system = question.differential, question.kept.system
    before = differential.evaluations
    response = EvaluateResponse(system_id=system.id)
    for output, array in compute(question, call):
        # Filling a message in place spares a copy.
        message = output.place(response)
        message.shape.extend(output.shape)
        message.data = to_bytes(array)
    response.evaluations = differential.evaluations - before
    if "sparse" in question.views:
        rows, columns = differential.pattern
        response.sparse.rows, response.sparse.columns = (part.astype("<i8").tobytes() for part in (rows, columns))
        response.sparse.equation_count, response.sparse.variable_count = system.m, system.n
    if "covariance" in question.views:
        response.equation_names.extend(system.equation_names)
    return response
