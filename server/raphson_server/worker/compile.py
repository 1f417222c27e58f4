"""SystemService.Compile: a text in, an id and what is known of the system out."""

from raphson.v1.system_pb2 import CompileRequest, CompileResponse

from raphson_server.failures import invalid_input
from raphson_server.worker.call import Answer, Call, parsed
from raphson_server.worker.conversion import from_parameters, from_variables


def compile_system(body: bytes, call: Call) -> Answer:
    """Answer a CompileRequest."""
    request = parsed(CompileRequest, body)
    if not request.HasField("definition"):
        raise invalid_input("definition", "missing; expected the equations and variables of a system")
    message = request.definition
    if not message.variables:
        raise invalid_input(
            "definition.variables", "empty; expected the unknowns, since there is no start to take them from"
        )
    kept = call.systems.by_text(message, "definition", {}, {})
    system = kept.system
    # Of a system that stays families, names and pattern would be most of what a message can hold.
    is_large = system.family_codes is not None
    rows, columns = ((), ()) if is_large else (each.tolist() for each in system.sparsity)
    response = CompileResponse(
        system_id=system.id,
        variable_count=system.n,
        equation_count=system.m,
        variables=from_variables(system),
        parameters=from_parameters(system),
        equation_names=() if is_large else system.equation_names,
        sparsity_rows=rows,
        sparsity_columns=columns,
    )
    return Answer(response, (kept,))
