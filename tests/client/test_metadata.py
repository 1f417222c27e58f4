"""What a caller has sent with its calls, by both clients."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import raphson
from raphson import aio

if TYPE_CHECKING:
    from tests.client.conftest import ScriptedServer

EQUATION = "x**2 = 4"
START = {"x": 2.0}


def test_it_goes_with_every_call_of_the_client_that_it_is_given_to(
    scripted: ScriptedServer, talking: raphson.Client
) -> None:
    tagged = talking.with_metadata({"x-request-id": "monday-1", "tenant-bin": b"\x00\xff"})
    tagged.solve(EQUATION, START)
    tagged.jacobian(EQUATION, START)
    tagged.solve_batch(EQUATION, START, {}, progress=False)
    talking.solve(EQUATION, START)
    assert scripted.metadata[-1] == {}
    assert scripted.metadata[:-1] == [{"x-request-id": "monday-1", "tenant-bin": b"\x00\xff"}] * (
        len(scripted.metadata) - 1
    )
    assert len(scripted.metadata) >= 4


def test_more_is_added_and_what_is_given_again_is_replaced(scripted: ScriptedServer, talking: raphson.Client) -> None:
    first = talking.with_metadata({"a": "1", "b": "2"})
    second = first.with_metadata({"b": "3", "c": ""})
    for client in (second, first):
        client.solve(EQUATION, START)
    assert scripted.metadata == [{"a": "1", "b": "3", "c": ""}, {"a": "1", "b": "2"}]


def test_the_token_goes_too(scripted: ScriptedServer) -> None:
    with raphson.connect(scripted.address, token="secret") as client:
        client.with_metadata({"a": "1"}).solve(EQUATION, START)
    assert scripted.metadata == [{"authorization": "Bearer secret", "a": "1"}]


def test_awaited_it_is_the_same(scripted: ScriptedServer) -> None:
    async def calls() -> None:
        async with aio.connect(scripted.address) as client:
            tagged = client.with_metadata({"x-request-id": "monday-1"})
            assert isinstance(tagged, aio.Client)
            await asyncio.gather(tagged.solve(EQUATION, START), tagged.jacobian(EQUATION, START))
            await client.solve(EQUATION, START)

    asyncio.run(calls())
    assert scripted.metadata == [{"x-request-id": "monday-1"}] * 2 + [{}]


def test_it_is_one_connection(scripted: ScriptedServer, talking: raphson.Client) -> None:
    tagged = talking.with_metadata({"a": "1"})
    talking.solve(EQUATION, START)
    tagged.solve(EQUATION, START)
    assert [request.system.WhichOneof("ref") for request in scripted.requests] == ["definition", "system_id"]
    assert tagged.address == talking.address
    tagged.close()
    for client in (tagged, talking):
        with pytest.raises(raphson.ClientStateError, match="is closed; connect again"):
            client.solve(EQUATION, START)


def test_a_call_is_found_by_its_id_on_a_real_server(client: raphson.Client) -> None:
    with pytest.raises(raphson.InvalidRequestError) as caught:
        client.with_metadata({"x-request-id": "monday-2"}).solve("siin(x)", {"x": 1.0})
    assert caught.value.request_id == "monday-2"


@pytest.mark.parametrize(
    ("metadata", "field", "said"),
    [
        ("x", "metadata", "'x' is not a mapping"),
        ({"X-Request-Id": "1"}, "metadata", "'X-Request-Id' is no key; expected lower-case letters"),
        ({"": "1"}, "metadata", "'' is no key"),
        ({1: "1"}, "metadata", "1 is no key"),
        ({"a b": "1"}, "metadata", "'a b' is no key"),
        ({"grpc-timeout": "1"}, "metadata[grpc-timeout]", "is gRPC's own"),
        ({"user-agent": "me"}, "metadata[user-agent]", "is gRPC's own"),
        ({"authorization": "Bearer x"}, "metadata[authorization]", "expected it as `connect(…, token=…)`"),
        ({"a": "é"}, "metadata[a]", "'é'; expected printable ASCII"),
        ({"a": "1\n2"}, "metadata[a]", "expected printable ASCII"),
        ({"a": 1}, "metadata[a]", "1; expected printable ASCII"),
        ({"a": b"1"}, "metadata[a]", "bytes under a key that ends in -bin"),
        ({"a-bin": "1"}, "metadata[a-bin]", "a str; expected bytes"),
    ],
)
def test_what_grpc_cannot_send_is_refused_at_once(
    talking: raphson.Client, metadata: Any, field: str, said: str
) -> None:
    with pytest.raises(raphson.InvalidRequestError) as caught:
        talking.with_metadata(metadata)
    assert caught.value.fields[0].field == field
    assert said in str(caught.value)
