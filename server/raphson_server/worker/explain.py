"""SolverService.Explain: what is wrong with a system, by its pattern alone or at a point."""

from raphson.v1.solver_pb2 import ExplainRequest

from raphson_server.failures import invalid_input
from raphson_server.worker.call import Answer, Call, find_system, parsed
from raphson_server.worker.conversion import to_arrays
from raphson_server.worker.explanation import from_explanation
from raphson_server.worker.region import to_bounds


def explain(body: bytes, call: Call) -> Answer:
    """Answer an ExplainRequest."""
    request = parsed(ExplainRequest, body)
    definition = request.system.definition
    if request.system.WhichOneof("ref") == "definition" and not (definition.variables or request.at):
        raise invalid_input(
            "system.definition.variables", "empty; expected the unknowns, since there is no point to take them from"
        )
    kept, learnt = find_system(
        request.system,
        call,
        lambda: to_arrays(request.at, "at"),
        lambda: to_arrays(request.parameters, "parameters"),
    )
    bounds = to_bounds(request.bounds, kept)
    if not request.at:
        return Answer(from_explanation(kept.system.explain(), kept), learnt)
    x, p = kept.point(request.at, "at"), kept.parameters(request.parameters)
    region = None if bounds is None else (bounds.lower, bounds.upper)
    return Answer(from_explanation(kept.system.explain(x, p, bounds=region), kept), learnt)
