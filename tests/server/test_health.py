"""Health and reflection against a real server."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any
from unittest.mock import Mock

import grpc
import pytest
from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from raphson_server.front_end.health import Health
from raphson_server.front_end.registration import Methods

from benchmarks.processes import open_channel
from tests.server.calling import by_text, problem
from tests.server.own_service import own_service
from tests.server.running import Server

SERVICES = ("raphson.v1.SolverService", "raphson.v1.JacobianService", "raphson.v1.SystemService")


@pytest.mark.parametrize("service", ["", *SERVICES])
def test_health_is_serving_for_each_service(server: Server, service: str) -> None:
    reply = server.health.Check(health_pb2.HealthCheckRequest(service=service), timeout=5)
    assert reply.status == health_pb2.HealthCheckResponse.SERVING


def test_health_of_an_unknown_service(server: Server) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        server.health.Check(health_pb2.HealthCheckRequest(service="raphson.v1.Nobody"), timeout=5)
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("method", ["Check", "Watch"])
@pytest.mark.parametrize("service", ["x" * 600, "\N{GRINNING FACE}" * 200_000])
def test_a_name_that_is_too_long_is_refused(server: Server, method: str, service: str) -> None:
    request = health_pb2.HealthCheckRequest(service=service)
    with pytest.raises(grpc.RpcError) as caught:
        next(getattr(server.health, method)(request, timeout=5))
    refused = problem(caught.value)
    assert (refused.code, refused.field) == (grpc.StatusCode.INVALID_ARGUMENT, "service")
    message = f"service: the request has {request.ByteSize():,} bytes; expected at most 512: the name of a service"
    assert refused.message == message


@pytest.mark.parametrize("method", ["unary_unary", "unary_stream"])
def test_bytes_that_are_no_request_are_refused(server: Server, method: str) -> None:
    name = {"unary_unary": "Check", "unary_stream": "Watch"}[method]
    with pytest.raises(grpc.RpcError) as caught:
        next(getattr(server.channel, method)(f"/grpc.health.v1.Health/{name}")(b"\x0a\x02\xff\xff", timeout=5))
    refused = problem(caught.value)
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_MESSAGE")


def test_watch_tells_the_present_state_and_ends_with_the_caller(server: Server) -> None:
    watch = server.health.Watch(health_pb2.HealthCheckRequest(), timeout=5)
    assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
    watch.cancel()
    assert server.serving()


def test_watches_that_come_and_go_side_by_side_hold_up_nobody(server: Server) -> None:
    """One that began while another ended once stopped the whole server: after three of these."""

    def come_and_go(channel: grpc.Channel) -> int:
        stub = health_pb2_grpc.HealthStub(channel)
        for _ in range(100):
            watch = stub.Watch(health_pb2.HealthCheckRequest(), timeout=10)
            assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
            watch.cancel()
        return 100

    with ExitStack() as stack, ThreadPoolExecutor(4) as threads:
        channels = [stack.enter_context(open_channel(server.address)) for _ in range(4)]
        assert [*threads.map(come_and_go, channels)] == [100] * 4
    assert server.serving()


def test_who_watches_and_takes_nothing_is_told_the_newest_and_holds_up_nobody() -> None:
    response = health_pb2.HealthCheckResponse
    sent: list[int] = []
    all_sent = asyncio.Event()

    async def watch() -> None:
        health, go_on, started = Health(SERVICES), asyncio.Event(), asyncio.Event()

        async def write(message: health_pb2.HealthCheckResponse) -> None:
            started.set()
            await go_on.wait()
            sent.append(message.status)
            if len(sent) == 2:
                all_sent.set()

        methods = Methods()
        health.register(methods)
        watches: Any = methods.service(Mock(method="/grpc.health.v1.Health/Watch"))
        watching = asyncio.create_task(watches.unary_stream(b"", Mock(write=write)))
        await started.wait()
        for serving in (True, False, False, True):
            health.tell(serving=serving)
        go_on.set()
        await all_sent.wait()
        health.tell(serving=True)
        await asyncio.sleep(0.01)
        watching.cancel()

    asyncio.run(asyncio.wait_for(watch(), 10))
    assert sent == [response.NOT_SERVING, response.SERVING]


def test_a_change_is_told_to_who_watches() -> None:
    with own_service() as started:
        stub = health_pb2_grpc.HealthStub(grpc.insecure_channel(started.address))
        watch = stub.Watch(health_pb2.HealthCheckRequest(), timeout=20)
        absent = stub.Watch(health_pb2.HealthCheckRequest(service="raphson.v1.JobService"), timeout=20)
        unknown = stub.Watch(health_pb2.HealthCheckRequest(service="nobody"), timeout=20)
        response = health_pb2.HealthCheckResponse
        assert [next(each).status for each in (watch, absent, unknown)] == [
            response.SERVING, response.NOT_SERVING, response.SERVICE_UNKNOWN,
        ]  # fmt: skip
        started.service._loop.post(lambda: started.service._health.tell(serving=False))
        assert next(watch).status == response.NOT_SERVING


def test_who_watches_holds_up_no_end() -> None:
    with own_service(drain_seconds=60) as mortal, open_channel(mortal.address) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=60)
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        stopping = threading.Thread(target=mortal.service.stop)
        stopping.start()
        assert [told.status for told in watch] == [health_pb2.HealthCheckResponse.NOT_SERVING]
        stopping.join(20)
        assert not stopping.is_alive()


def test_a_connection_has_so_many_calls_at_a_time() -> None:
    request, own_connection = health_pb2.HealthCheckRequest(), (("grpc.use_local_subchannel_pool", 1),)
    with (
        own_service(max_in_flight=4) as mortal,
        grpc.insecure_channel(mortal.address, own_connection) as channel,
        grpc.insecure_channel(mortal.address, own_connection) as other,
    ):
        stub = health_pb2_grpc.HealthStub(channel)
        watches = [stub.Watch(request, timeout=60) for _ in range(64)]
        assert {next(watch).status for watch in watches} == {health_pb2.HealthCheckResponse.SERVING}
        one_more = stub.Check.future(request, timeout=60)
        assert health_pb2_grpc.HealthStub(other).Check(request, timeout=20).status
        assert not one_more.done()
        watches[0].cancel()
        assert one_more.result().status == health_pb2.HealthCheckResponse.SERVING


def test_reflection_is_enough_to_solve(server: Server) -> None:
    """What grpcurl does: learn the messages from the server, and send JSON."""
    database = ProtoReflectionDescriptorDatabase(server.channel)
    assert {*SERVICES, "grpc.health.v1.Health"} <= set(database.get_services())
    method = DescriptorPool(database).FindServiceByName(SERVICES[0]).methods_by_name["Solve"]
    request_class, reply_class = GetMessageClass(method.input_type), GetMessageClass(method.output_type)
    text = {
        "system": {"definition": {"equations": ["x**2 + y**2 = r**2", "y = x"]}},
        "start": [
            {"name": "x", "array": {"list": {"values": [1]}}},
            {"name": "y", "array": {"list": {"values": [1]}}},
        ],
        "parameters": [{"name": "r", "array": {"list": {"values": [2]}}}],
    }
    call = server.channel.unary_unary(
        f"/{SERVICES[0]}/Solve",
        request_serializer=request_class.SerializeToString,
        response_deserializer=reply_class.FromString,
    )
    reply = call(json_format.ParseDict(text, request_class()), timeout=20)
    answer = json.loads(json_format.MessageToJson(reply))
    assert answer["status"] == "STATUS_CONVERGED"
    assert [variable["name"] for variable in answer["solution"]] == ["x", "y"]


def test_open_reflection_streams_hold_neither_health_nor_solves(server: Server) -> None:
    """A hundred that never say a word."""
    silent = threading.Event()

    def nothing() -> Iterator[bytes]:
        silent.wait(20)
        yield from ()

    open_stream = server.channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
    streams = [open_stream(nothing(), timeout=20) for _ in range(100)]
    try:
        assert server.serving()
        assert server.solve(by_text("x**2 = 2", start={"x": 1.0})).iterations > 0
    finally:
        silent.set()
        for stream in streams:
            stream.cancel()
