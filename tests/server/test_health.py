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
from tests.server.calling import by_text
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
        watching = asyncio.create_task(watches.unary_stream(health_pb2.HealthCheckRequest(), Mock(write=write)))
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
