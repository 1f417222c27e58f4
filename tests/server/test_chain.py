"""JacobianService.EvaluateChain against a real server."""

from __future__ import annotations

import math

import grpc
import numpy as np
import pytest
from raphson.v1 import solver_pb2 as wire
from raphson.v1.array_pb2 import DoubleArray
from raphson.v1.jacobian_pb2 import (
    CHAIN_ORDER_AUTO,
    CHAIN_ORDER_FORWARD,
    CHAIN_ORDER_REVERSE,
    ChainLink,
    EvaluateChainRequest,
)
from raphson.v1.system_pb2 import SystemRef

from tests.server.calling import array, link, named, numbers, to_chain, to_compile, to_evaluate
from tests.server.running import Server

INNER = ("x*cos(y)", "x*sin(y)", "a*x*y")
OUTER = ("p*q + r", "exp(r) - p**2")
COMPOSED = ("(x*cos(y))*(x*sin(y)) + a*x*y", "exp(a*x*y) - (x*cos(y))**2")
AT = {"x": 0.7, "y": 0.4}
A = {"a": 0.5}


def links() -> list[ChainLink]:
    return [link(*INNER, parameters=A), link(*OUTER, p=(), q=(), r=())]


@pytest.mark.parametrize("order", [0, CHAIN_ORDER_AUTO, CHAIN_ORDER_FORWARD, CHAIN_ORDER_REVERSE])
def test_it_is_the_composed_text(server: Server, order: int) -> None:
    v, w = np.array([1.0, -2.0]), np.array([0.5, 3.0])
    reply = server.evaluate_chain(to_chain(*links(), at=AT, order=order, matrix=True, jvp=array(v), vjp=array(w)))
    whole = server.evaluate(to_evaluate(*COMPOSED, at=AT, parameters=A, value=True, matrix=True))
    matrix = numbers(whole.matrix)
    np.testing.assert_allclose(numbers(reply.value), numbers(whole.value), rtol=1e-14)
    np.testing.assert_allclose(numbers(reply.matrix), matrix, rtol=1e-13)
    np.testing.assert_allclose(numbers(reply.jvp), matrix @ v, rtol=1e-13)
    np.testing.assert_allclose(numbers(reply.vjp), w @ matrix, rtol=1e-13)
    assert reply.brackets == "J2·J1"
    assert reply.forward_operations == reply.reverse_operations == reply.cheapest_operations == 2 * 3 * 2
    assert len(set(reply.system_ids)) == 2


def layer(m: int, n: int) -> ChainLink:
    weights = np.sin(np.arange(m * n)).reshape(m, n) / n
    text = f"tanh(sum(W[i,j]*u[j] for j in range({n}))) for i in range({m})"
    return link(text, parameters={"W": weights}, u=(n,))


def test_a_network_with_a_scalar_loss_goes_in_reverse_and_a_curve_forward(server: Server) -> None:
    loss = link("sum(u[i]**2 for i in range(10))", u=(10,))
    network = [layer(30, 40), layer(20, 30), layer(10, 20), loss]
    reply = server.evaluate_chain(to_chain(*network, at={"u": np.ones(40)}, matrix=True))
    assert (reply.order, reply.brackets) == (CHAIN_ORDER_REVERSE, "((J4·J3)·J2)·J1")
    assert reply.reverse_operations == 1 * 10 * 20 + 1 * 20 * 30 + 1 * 30 * 40 == reply.cheapest_operations
    assert reply.forward_operations == 20 * 30 * 40 + 10 * 20 * 40 + 1 * 10 * 40
    curve = [link("sin(t*i) for i in range(40)"), *network[:-1]]
    reply = server.evaluate_chain(to_chain(*curve, at={"t": 0.3}, matrix=True))
    assert (reply.order, reply.brackets) == (CHAIN_ORDER_FORWARD, "J4·(J3·(J2·J1))")
    assert numbers(reply.matrix).shape == (10, 1)


def test_an_order_that_is_neither(server: Server) -> None:
    """Wide, narrow, wide: 20×30 · 30×2 · 2×25 · 25×30."""
    chain = [layer(25, 30), layer(2, 25), layer(30, 2), layer(20, 30)]
    reply = server.evaluate_chain(to_chain(*chain, at={"u": np.ones(30)}, matrix=True))
    assert (reply.order, reply.brackets) == (CHAIN_ORDER_AUTO, "(J4·J3)·(J2·J1)")
    assert reply.cheapest_operations < min(reply.forward_operations, reply.reverse_operations)
    forward = server.evaluate_chain(to_chain(*chain, at={"u": np.ones(30)}, matrix=True, order=CHAIN_ORDER_FORWARD))
    assert forward.order == CHAIN_ORDER_FORWARD
    np.testing.assert_allclose(numbers(reply.matrix), numbers(forward.matrix), rtol=1e-12, atol=1e-15)


def test_links_by_id_are_found_by_any_worker(server: Server) -> None:
    """Compiled one by one, by whichever worker was free; a single one then needs them all."""
    ids = [server.compile(to_compile(f"u[i]*{k} for i in range(3)", u=(3,))).system_id for k in (2, 3, 5, 7, 11)]
    chain = EvaluateChainRequest(
        links=[ChainLink(system=SystemRef(system_id=name)) for name in ids], at=named({"u": np.ones(3)}), matrix=True
    )
    for _ in range(4):
        reply = server.evaluate_chain(chain)
        np.testing.assert_array_equal(numbers(reply.matrix), 2310 * np.eye(3))
    assert list(reply.system_ids) == ids


def test_links_by_text_are_known_by_id_afterwards(server: Server) -> None:
    reply = server.evaluate_chain(to_chain(*links(), at=AT))
    by_id = EvaluateChainRequest(
        links=[
            ChainLink(system=SystemRef(system_id=reply.system_ids[0]), parameters=named(A)),
            ChainLink(system=SystemRef(system_id=reply.system_ids[1])),
        ],
        at=named(AT),
    )
    np.testing.assert_array_equal(numbers(server.evaluate_chain(by_id).value), numbers(reply.value))


def test_more_links_than_a_worker_keeps_systems(own_server: object) -> None:
    with own_server("--worker-systems", "1") as small:  # type: ignore[operator]
        reply = small.evaluate_chain(to_chain(*links(), at=AT, matrix=True))
        again = EvaluateChainRequest(
            links=[
                ChainLink(system=SystemRef(system_id=reply.system_ids[0]), parameters=named(A)),
                ChainLink(system=SystemRef(system_id=reply.system_ids[1])),
            ],
            at=named(AT),
            matrix=True,
        )
        np.testing.assert_array_equal(numbers(small.evaluate_chain(again).matrix), numbers(reply.matrix))


def test_differences_in_every_link(server: Server) -> None:
    exact = server.evaluate_chain(to_chain(*links(), at=AT, matrix=True))
    reply = server.evaluate_chain(to_chain(*links(), at=AT, matrix=True, mode=wire.JACOBIAN_MODE_CENTRAL))
    np.testing.assert_allclose(numbers(reply.matrix), numbers(exact.matrix), rtol=1e-8)
    assert (exact.evaluations, reply.evaluations > 0) == (0, True)


# --- what does not fit
NO_ID = ChainLink(system=SystemRef(system_id="0" * 64))


@pytest.mark.parametrize(
    ("request_", "field", "words"),
    [
        (to_chain(at=AT), "links", ["0", "1 to 256"]),
        (to_chain(link("x + y"), link("p*q", p=(), q=()), at=AT), "links[1]", ["1×2", "2 numbers", "gives 1"]),
        (to_chain(link("x + y"), link("p**2"), at=AT), "links[1].system.definition.variables", ["empty"]),
        (to_chain(link("x + y"), link("p +", p=()), at=AT), "links[1].system.definition.equations[0]", []),
        (to_chain(link("x*y"), link("p", parameters={"b": math.nan}, p=()), at=AT), "links[1].parameters[b]", ["nan"]),
        (to_chain(link("x + y", parameters={"b": DoubleArray()}), at=AT), "links[0].parameters[b].array", ["neither"]),
        (to_chain(*links(), at={"x": 1.0}), "links[0].system.definition.equations[0]", ["'y'"]),
        (to_chain(*links(), at={"x": 1.0, "y": math.inf}), "at[y]", ["inf"]),
        (to_chain(*links(), at=AT, jvp=array([1.0])), "jvp", ["(1,)", "(2,)"]),
        (to_chain(*links(), at=AT, vjp=array([1.0, 2.0, 3.0])), "vjp", ["(3,)", "(2,)"]),
        (to_chain(*links(), at=AT, vjp=array([1.0, math.nan])), "vjp", ["nan"]),
        (to_chain(*links(), at=AT, order=9), "order", ["9", "CHAIN_ORDER_REVERSE (3)"]),
        (to_chain(*links(), at=AT, mode=9), "mode", ["9"]),
        (to_chain(link("x + y"), link("abs(p)", p=()), at=AT, matrix=True, mode=5), "mode", ["links[1]", "abs"]),
        (to_chain(link("x + y"), link("p", p=()), at=AT, matrix=True, mode=4), "mode", ["no Jacobian"]),
        (to_chain(link("log(x)"), link("p**2", p=()), at={"x": 0.0}, matrix=True), "links[0]", ["inf"]),
        (to_chain(ChainLink(), at=AT), "links[0].system", ["missing"]),
    ],
)  # fmt: skip
def test_compositions_that_do_not_fit(
    server: Server, request_: EvaluateChainRequest, field: str, words: list[str]
) -> None:
    refused = server.refusal(request_)
    assert (refused.code, refused.field) == (grpc.StatusCode.INVALID_ARGUMENT, field)
    for word in words:
        assert word in refused.message


def test_a_link_that_nobody_knows(server: Server) -> None:
    refused = server.refusal(to_chain(*links(), NO_ID, at=AT))
    assert (refused.code, refused.reason) == (grpc.StatusCode.NOT_FOUND, "SYSTEM_NOT_CACHED")
    assert (refused.field, "0" * 64 in refused.message) == ("links", True)


def test_a_jacobian_over_the_cap(server: Server) -> None:
    family = link("u[i]**2 for i in range(1500)", u=(1500,))
    refused = server.refusal(to_chain(family, family, at={"u": np.ones(1500)}, matrix=True))
    assert (refused.reason, refused.field) == ("LIMIT_EXCEEDED", "matrix")
    assert "1500×1500" in refused.message
