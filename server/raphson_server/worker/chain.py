"""JacobianService.EvaluateChain: a composition and its differential, multiplied in the order that costs least."""

from collections.abc import Mapping, Sequence

import numpy as np
import raphson_solver as rs
from raphson.v1.array_pb2 import DoubleArray
from raphson.v1.jacobian_pb2 import ChainLink, EvaluateChainRequest, EvaluateChainResponse
from raphson.v1.jacobian_pb2 import ChainOrder as WireOrder
from raphson_solver.differential.chain import Chain
from raphson_solver.differential.orders import ChainOrder

from raphson_server.failures import invalid_input
from raphson_server.frames import Method
from raphson_server.worker.call import Answer, Call, check_fits, find_system, parsed
from raphson_server.worker.conversion import Array, from_array, to_arrays, to_mode, to_vector
from raphson_server.worker.kept_system import KeptSystem
from raphson_server.worker.solver_errors import to_failure
from raphson_server.worker.systems import DefinitionNeededError

_ORDERS: Mapping[WireOrder, ChainOrder] = {
    WireOrder.CHAIN_ORDER_UNSPECIFIED: ChainOrder.AUTO,
    WireOrder.CHAIN_ORDER_AUTO: ChainOrder.AUTO,
    WireOrder.CHAIN_ORDER_FORWARD: ChainOrder.FORWARD,
    WireOrder.CHAIN_ORDER_REVERSE: ChainOrder.REVERSE,
}
_WIRE_ORDERS = {order: number for number, order in _ORDERS.items()}
# The best order is found in a time that grows with the cube of this, which nothing interrupts.
_MOST_LINKS = 256
_LARGEST_INT64 = 2**63 - 1


def evaluate_chain(body: bytes, call: Call) -> Answer:
    """Answer an EvaluateChainRequest."""
    request = parsed(EvaluateChainRequest, body)
    mode = to_mode(request.mode, "mode")
    order = _order(request.order)
    links, learnt = _links(request, call, body)
    x = links[0].point(request.at, "at")
    parameters = [_parameters(kept, request, place, body) for place, kept in enumerate(links)]
    chain = Chain([kept.differential(mode, None, call.is_to_stop) for kept in links], parameters)
    taken = chain.plan.take(order)
    v = _vector(request.jvp, "jvp", chain.n, "variable of the first link") if request.HasField("jvp") else None
    w = _vector(request.vjp, "vjp", chain.m, "equation of the last link") if request.HasField("vjp") else None
    if request.matrix:
        check_fits((chain.m, chain.n), "a Jacobian", "ask for J·v or wᵀ·J instead", call, "matrix")
    response = EvaluateChainResponse(
        value=from_array(chain.value(x)),
        order=_WIRE_ORDERS[taken.name],
        brackets=taken.brackets,
        forward_operations=min(chain.plan.forward_operations, _LARGEST_INT64),
        reverse_operations=min(chain.plan.reverse_operations, _LARGEST_INT64),
        cheapest_operations=min(chain.plan.cheapest_operations, _LARGEST_INT64),
        system_ids=[kept.system.id for kept in links],
    )
    if request.matrix:
        response.matrix.CopyFrom(from_array(chain.matrix(x, order)))
    if v is not None:
        response.jvp.CopyFrom(from_array(chain.jvp(x, v)))
    if w is not None:
        response.vjp.CopyFrom(from_array(chain.vjp(x, w)))
    response.evaluations = chain.evaluations
    return Answer(response, learnt)


def _order(number: WireOrder) -> ChainOrder:
    if number not in _ORDERS:
        names = ", ".join(f"{WireOrder.Name(known)} ({known})" for known in _ORDERS if known)
        raise invalid_input("order", f"{number} is not known; expected one of {names}")
    return _ORDERS[number]


def _links(request: EvaluateChainRequest, call: Call, body: bytes) -> tuple[list[KeptSystem], list[KeptSystem]]:
    """Return the systems of the links, and those among them that came by text.

    Raises
    ------
    DefinitionNeededError
        Names all systems that are not here.
    CallError
        If a definition is missing or malformed, or there are too many links or none.
    """
    if not 1 <= len(request.links) <= _MOST_LINKS:
        raise invalid_input("links", f"{len(request.links)}; expected 1 to {_MOST_LINKS}, f_1 first")
    found: list[KeptSystem] = []
    learnt: list[KeptSystem] = []
    needed: list[str] = []
    for place, link in enumerate(request.links):
        try:
            kept, new = _find(request, link, place, call)
        except DefinitionNeededError as error:
            needed += error.system_ids
            continue
        except rs.RaphsonError as error:
            raise to_failure(error, Method.EVALUATE_CHAIN, body, place) from None
        found.append(kept)
        learnt += new
    if needed:
        raise DefinitionNeededError(*needed)
    return found, learnt


def _find(
    request: EvaluateChainRequest, link: ChainLink, place: int, call: Call
) -> tuple[KeptSystem, Sequence[KeptSystem]]:
    root = f"links[{place}].system"
    if place and link.system.WhichOneof("ref") == "definition" and not link.system.definition.variables:
        raise invalid_input(
            f"{root}.definition.variables", "empty; expected the unknowns, since `at` is for the first link alone"
        )
    return find_system(
        link.system,
        call,
        lambda: to_arrays(request.at, "at") if place == 0 else {},
        lambda: to_arrays(link.parameters, f"links[{place}].parameters"),
        root,
    )


def _parameters(kept: KeptSystem, request: EvaluateChainRequest, place: int, body: bytes) -> Array:
    try:
        return kept.parameters(request.links[place].parameters, f"links[{place}].parameters")
    except rs.RaphsonError as error:
        raise to_failure(error, Method.EVALUATE_CHAIN, body, place) from None


def _vector(message: DoubleArray, field: str, size: int, what: str) -> Array:
    vector = to_vector(message, field)
    if vector.shape != (size,):
        raise invalid_input(field, f"shape {vector.shape}; expected ({size},), a number for each {what}")
    for value in vector[~np.isfinite(vector)][:1]:
        raise invalid_input(field, f"{value}; expected finite numbers")
    return vector
