"""What a method needs besides the message, and what it gives back."""

import math
from dataclasses import dataclass
from typing import TypeVar

import raphson_solver as rs
from google.protobuf.message import DecodeError, Message
from google.rpc import code_pb2
from raphson.v1.jacobian_pb2 import EvaluateRequest
from raphson.v1.solver_pb2 import SolveRequest

from raphson_server.failures import CallError, Reason, invalid_input
from raphson_server.worker.conversion import WIRE, to_arrays
from raphson_server.worker.kept_system import KeptSystem
from raphson_server.worker.request_form import RequestForms
from raphson_server.worker.systems import Systems

M = TypeVar("M", bound=Message)


@dataclass(slots=True)
class Call:
    """A request's surroundings; one object for all, since a worker has one request at a time.

    Attributes
    ----------
    systems : Systems
        The compiled systems that this worker keeps.
    forms : RequestForms
        The forms of recent solve requests.
    cancel : CancelFlag
        Set by the front end when the call has ended.
    max_message_bytes : int
        Largest reply.
    definition : bytes
        The complete definition of the system that the request names by id, if the front end sent it along.
    deadline : float
        On the clock of ``time.monotonic``; infinite without one.
    """

    systems: Systems
    forms: RequestForms
    cancel: rs.CancelFlag
    max_message_bytes: int
    definition: bytes = b""
    deadline: float = math.inf


@dataclass(slots=True)
class Answer:
    """A reply message, and the system of a request by text, for the front end to remember."""

    message: Message
    learnt: KeptSystem | None = None


def parsed(message: type[M], body: bytes) -> M:
    """Read a request's message.

    Raises
    ------
    CallError
        INVALID_ARGUMENT, with reason MALFORMED_MESSAGE.
    """
    try:
        return message.FromString(body)
    except DecodeError:
        raise CallError(
            code_pb2.INVALID_ARGUMENT,
            Reason.MALFORMED_MESSAGE,
            f"the request's {len(body)} bytes are not a {message.DESCRIPTOR.full_name}; expected its protobuf encoding",
        ) from None


def check_matrix_fits(system: rs.System, call: Call, field: str) -> None:
    """Refuse a Jacobian that no reply could carry, before it is computed.

    Raises
    ------
    CallError
        INVALID_ARGUMENT, with reason LIMIT_EXCEEDED.
    """
    size = WIRE.itemsize * system.m * system.n
    if size <= call.max_message_bytes:
        return
    raise CallError(
        code_pb2.INVALID_ARGUMENT,
        Reason.LIMIT_EXCEEDED,
        f"{field}: a Jacobian of {system.m}×{system.n} numbers takes {size:,} bytes, more than the "
        f"{call.max_message_bytes:,} of a message; ask for J·v or wᵀ·J instead",
        field=field,
        metadata={"limit": "max_message_bytes", "value": str(size), "maximum": str(call.max_message_bytes)},
    )


def find_system(request: SolveRequest | EvaluateRequest, call: Call) -> tuple[KeptSystem, KeptSystem | None]:
    """Return the system that a request means, and again if it came by text.

    Raises
    ------
    DefinitionNeededError
        If the request names a system that is not here.
    CallError, RaphsonError
        If the definition is missing or malformed.
    """
    named_by = request.system.WhichOneof("ref")
    if named_by is None:
        raise invalid_input("system", "missing; expected a definition or the system_id of a compiled one")
    if named_by == "system_id":
        return call.systems.by_id(request.system, call.definition), None
    point = to_arrays(request.start, "start") if isinstance(request, SolveRequest) else to_arrays(request.at, "at")
    parameters = to_arrays(request.parameters, "parameters")
    kept = call.systems.by_text(request.system.definition, "system.definition", point, parameters)
    return kept, kept
