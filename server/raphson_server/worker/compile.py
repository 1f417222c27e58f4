"""SystemService.Compile: a text in, an id and what is known of the system out. So is a new job's text compiled."""

import raphson_solver as rs
from raphson.v1.job_pb2 import CreateJobRequest, JobDescription
from raphson.v1.system_pb2 import CompileRequest, CompileResponse

from raphson_server.failures import CallError, invalid_input
from raphson_server.frames import Method
from raphson_server.worker.call import Answer, Call, parsed
from raphson_server.worker.conversion import from_parameters, from_variables
from raphson_server.worker.kept_system import KeptSystem
from raphson_server.worker.solver_errors import to_failure


def compile_system(body: bytes, call: Call) -> Answer:
    """Answer a CompileRequest."""
    kept = _compiled(parsed(CompileRequest, body), "definition", call)
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


def compile_job(body: bytes, call: Call) -> Answer:
    """Compile what a CreateJobRequest defines, so that nothing is queued that cannot be solved; there is no message."""
    description = parsed(CreateJobRequest, body).description
    try:
        kept = _compiled(description, "description.definition", call)
    except rs.RaphsonError as error:
        to_compile = CompileRequest(definition=description.definition)
        raise _beneath("description.", to_failure(error, Method.COMPILE, to_compile.SerializeToString())) from None
    return Answer(b"", (kept,))


def _compiled(request: CompileRequest | JobDescription, root: str, call: Call) -> KeptSystem:
    """Return the system that a message defines, whose definition has a path."""
    if not request.HasField("definition"):
        raise invalid_input(root, "missing; expected the equations and variables of a system")
    definition = request.definition
    if not definition.variables:
        raise invalid_input(
            f"{root}.variables", "empty; expected the unknowns, since there is no start to take them from"
        )
    return call.systems.by_text(definition, root, {}, {})


def _beneath(prefix: str, error: CallError) -> CallError:
    """Return a refusal of a definition with its field's path in the message that held it."""
    assert error.field is not None
    path = prefix + error.field
    message = error.message.replace(error.field, path, 1)
    return CallError(
        error.code, error.reason, message, field=path, description=error.description, metadata=error.metadata
    )
