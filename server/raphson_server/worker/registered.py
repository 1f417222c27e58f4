"""SystemService.ListRegistered, and what registered functions do not have."""

from raphson.v1.solver_pb2 import EvidenceRequest
from raphson.v1.system_pb2 import ListRegisteredRequest, ListRegisteredResponse, RegisteredSystem

from raphson_server.failures import invalid_input
from raphson_server.worker.call import Answer, Call, parsed
from raphson_server.worker.conversion import from_parameters, from_variables
from raphson_server.worker.kept_system import KeptSystem

_OF_EQUATIONS = ("explanation", "certificate", "sensitivity", "adjoint", "parameter_covariance")


def list_registered(body: bytes, call: Call) -> Answer:
    """Answer a ListRegisteredRequest."""
    parsed(ListRegisteredRequest, body)
    systems = [
        RegisteredSystem(
            name=name,
            variables=from_variables(system),
            parameters=from_parameters(system),
            equation_count=system.m,
            has_jacobian=system.has_analytic,
            documentation=system.registration.documentation,
        )
        for name, system in sorted(call.systems.registered.items())
    ]
    return Answer(ListRegisteredResponse(systems=systems))


def check_evidence(message: EvidenceRequest, kept: KeptSystem) -> None:
    """Refuse evidence that needs equations where there are none.

    Raises
    ------
    CallError
        INVALID_ARGUMENT, naming what is asked for.
    """
    if kept.system.has_equations:
        return
    for descriptor, _ in message.ListFields():
        if descriptor.name in _OF_EQUATIONS:
            raise invalid_input(
                f"evidence.{descriptor.name}",
                "needs equations, and the system is a registered function; send it as text",
            )
