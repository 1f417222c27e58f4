"""What a method needs besides the message, and what it gives back."""

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import raphson_solver as rs
from google.protobuf.message import DecodeError, Message
from google.rpc import code_pb2
from raphson.v1.system_pb2 import SystemRef

from raphson_server.account import Account
from raphson_server.failures import CallError, Reason, invalid_input, over_quota, raised_by
from raphson_server.frames import Definitions
from raphson_server.worker.conversion import WIRE, Arrays
from raphson_server.worker.evaluate_question import EvaluateQuestion
from raphson_server.worker.items import Items, call_ended
from raphson_server.worker.kept_system import KeptSystem
from raphson_server.worker.request_form import RequestForms
from raphson_server.worker.solve_question import SolveQuestion
from raphson_server.worker.systems import Systems

M = TypeVar("M", bound=Message)

# The reply must still reach the caller: a tenth of what is left, at most 20 ms.
LONGEST_MARGIN_SECONDS = 0.02
MARGIN_FRACTION = 0.1


@dataclass(slots=True)
class Call:
    """A request's surroundings; one object for all, since a worker has one request at a time.

    Attributes
    ----------
    systems : Systems
        The compiled systems that this worker keeps.
    solves, evaluations : RequestForms
        The forms of recent requests of either method.
    cancel : CancelFlag
        Set by the front end when the call has ended.
    max_message_bytes : int
        Largest reply.
    memory_bytes : int
        Address space that this process may take; 0 sets no limit.
    max_callback_bytes : int
        What a search of a callback may keep between its turns.
    items : Items
        Where the items of a stream go.
    definitions : mapping of bytes to bytes
        Complete definitions, by id, of systems that the request names by id, where the front end sent them along.
    largest_variables, largest_members : int
        How many the caller may have, of members in this request; 0 is as many as anybody.
    deadline : float
        On the clock of ``time.monotonic``; infinite without one.
    account : Account
        Of the work for this request, told to the front end with the reply; the same that `systems` has.
    """

    systems: Systems
    solves: RequestForms[SolveQuestion]
    evaluations: RequestForms[EvaluateQuestion]
    cancel: rs.CancelFlag
    max_message_bytes: int
    memory_bytes: int
    max_callback_bytes: int
    items: Items
    definitions: Definitions = field(default_factory=dict)
    largest_variables: int = 0
    largest_members: int = 0
    deadline: float = math.inf
    account: Account = field(default_factory=Account)

    def has_ended(self) -> bool:
        """Return whether nobody waits for the answer any more, or it would come too late."""
        return self.cancel.is_set() or allowed_seconds(self.deadline) <= 0

    def is_to_stop(self) -> bool:
        """Return False while somebody waits for the answer: what the solver asks of long searches.

        Raises
        ------
        CallError
            CANCELLED or DEADLINE_EXCEEDED, if nobody does.
        """
        if self.cancel.is_set():
            raise call_ended()
        if allowed_seconds(self.deadline) <= 0:
            raise CallError(
                code_pb2.DEADLINE_EXCEEDED,
                Reason.DEADLINE_EXCEEDED,
                "the deadline passed before the end; what was sent until then is right",
            )
        return False


@dataclass(slots=True)
class Answer:
    """A reply message, or its bytes, and the systems that the request has by text, for the front end to remember.

    In a conversation there is a `state` besides, for the front end to send along with the next turn; empty at the end.
    """

    message: Message | bytes
    learnt: Sequence[KeptSystem] = ()
    state: bytes | None = None


def allowed_seconds(deadline: float) -> float:
    """Return how long to work so that the answer still arrives before the deadline; infinite without one."""
    if deadline == math.inf:
        return math.inf
    remaining = deadline - time.monotonic()
    return remaining - min(LONGEST_MARGIN_SECONDS, MARGIN_FRACTION * remaining)


def within_deadline(options: rs.SolveOptions, call: Call) -> rs.SolveOptions:
    """Return options whose time-out ends before the call's deadline.

    Raises
    ------
    CallError
        DEADLINE_EXCEEDED, if it has passed.
    """
    call.is_to_stop()
    allowed = min(allowed_seconds(call.deadline), options.timeout_seconds or math.inf)
    return options if allowed == math.inf else dataclasses.replace(options, timeout_seconds=allowed)


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


def check_fits(shape: tuple[int, ...], what: str, advice: str, call: Call, field: str) -> None:
    """Refuse an array that no reply could carry, before it is computed.

    Raises
    ------
    CallError
        INVALID_ARGUMENT, with reason LIMIT_EXCEEDED.
    """
    size = WIRE.itemsize * math.prod(shape)
    if size <= call.max_message_bytes:
        return
    numbers = "×".join(map(str, shape))
    raise too_large(size, f"{what} of {numbers} numbers takes {size:,} bytes", advice, call.max_message_bytes, field)


def check_jacobian_fits(system: rs.System, call: Call, field: str) -> None:
    """Refuse a Jacobian that no reply could carry, before it is computed; see `check_fits`."""
    check_fits((system.m, system.n), "a Jacobian", "ask JacobianService for it sparse, or for J·v or wᵀ·J", call, field)


def too_large(
    size: int,
    what: str,
    advice: str,
    maximum: int,
    field: str,
    *,
    limit: str = "max_message_bytes",
    what_limit: str = "a message",
) -> CallError:
    """Say that something that was asked for takes more than a message holds, or than another limit allows."""
    return CallError(
        code_pb2.INVALID_ARGUMENT,
        Reason.LIMIT_EXCEEDED,
        f"{field}: {what}, more than the {maximum:,} of {what_limit}; {advice} ({raised_by(limit)})",
        field=field,
        metadata={"limit": limit, "value": str(size), "maximum": str(maximum)},
    )


def find_system(
    ref: SystemRef,
    call: Call,
    point: Callable[[], Arrays],
    parameters: Callable[[], Arrays],
    root: str = "system",
    *,
    by_name: bool = False,
) -> tuple[KeptSystem, Sequence[KeptSystem]]:
    """Return the system that a request means, and again among those to remember if it came by text.

    Parameters
    ----------
    ref : SystemRef
    call : Call
    point : callable
        Reads what gives the variables their names and shapes where the definition does not declare them.
    parameters : callable
        Reads the request's parameters, for one point.
    root : str
        Path of ``ref`` within the request.
    by_name : bool
        Whether a registered function will do; else equations are needed.

    Raises
    ------
    DefinitionNeededError
        If the request names a system that is not here.
    CallError, RaphsonError
        If the definition is missing or malformed.
    """
    named_by = ref.WhichOneof("ref")
    if named_by is None:
        raise invalid_input(
            root, "missing; expected a definition, the system_id of a compiled one, or a registered name"
        )
    if named_by == "registered":
        if not by_name:
            raise invalid_input(f"{root}.registered", "a function; expected equations, which this call needs")
        kept = call.systems.by_name(ref.registered, f"{root}.registered")
        check_allowed(kept.system.n, call, root)
        return kept, ()
    if named_by == "system_id":
        kept = call.systems.by_id(ref, call.definitions)
        check_allowed(kept.system.n, call, root)
        return kept, ()
    given = parameters()
    kept = call.systems.by_text(ref.definition, f"{root}.definition", point(), given)
    check_allowed(kept.system.n, call, root)
    return kept, (kept,)


def check_allowed(n: int, call: Call, field: str = "system") -> None:
    """Refuse a system of more variables than its caller's may have.

    Raises
    ------
    CallError
        RESOURCE_EXHAUSTED, with reason LIMIT_EXCEEDED.
    """
    most = call.largest_variables
    if most and n > most:
        raise over_quota(field, "largest_variables", n, most, "variables", "that this token may have")
