"""Two servers to talk to: one that says what a test scripts, and the real one, embedded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
import raphson
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status
from raphson.v1 import jacobian_pb2_grpc, solver_pb2_grpc, system_pb2_grpc
from raphson.v1.array_pb2 import DoubleArray, NamedArray
from raphson.v1.jacobian_pb2 import EvaluateResponse
from raphson.v1.solver_pb2 import SolveResponse
from raphson.v1.system_pb2 import CompileResponse

SYSTEM_ID = "ab" * 32
Action = Callable[[Any, grpc.ServicerContext], Message]


def packed(*details: Message) -> bytes:
    """Write google.rpc details as servers send them."""
    status = Status()
    for detail in details:
        wrapped = AnyMessage()
        wrapped.Pack(detail)
        status.details.append(wrapped)
    return status.SerializeToString()


@dataclass
class ScriptedServer:
    """Answers with the next action of its script, or else with a plain reply; keeps what it was asked."""

    script: list[Action] = field(default_factory=list)
    requests: list[Any] = field(default_factory=list)
    deadlines: list[float] = field(default_factory=list)
    address: str = ""

    def fail(self, code: grpc.StatusCode, message: str, *details: Message) -> None:
        """Let the next call fail."""

        def action(_: Any, context: grpc.ServicerContext) -> Message:
            if details:
                context.set_trailing_metadata((("grpc-status-details-bin", packed(*details)),))
            context.abort(code, message)
            raise AssertionError("abort returned")

        self.script.append(action)

    def reply(self, message: Message) -> None:
        """Let the next call be answered by this message."""
        self.script.append(lambda request, context: message)

    def handle(self, request: Any, context: grpc.ServicerContext) -> Message:
        self.requests.append(request)
        self.deadlines.append(context.time_remaining())
        if self.script:
            return self.script.pop(0)(request, context)
        match request.DESCRIPTOR.name:
            case "SolveRequest":
                return root_like(request.start)
            case "EvaluateRequest":
                return EvaluateResponse(system_id=SYSTEM_ID, matrix=DoubleArray(shape=[1, 1], data=bytes(8)))
            case _:
                return CompileResponse(
                    system_id=SYSTEM_ID,
                    variable_count=1,
                    equation_count=1,
                    variables=request.definition.variables,
                    parameters=request.definition.parameters,
                    equation_names=["equations[0]"],
                    sparsity_rows=[0],
                    sparsity_columns=[0],
                )

    # The three services in one.
    Solve = Evaluate = Compile = handle


def root_like(start: Any) -> SolveResponse:
    """A converged reply at the start itself."""
    return SolveResponse(
        status="STATUS_CONVERGED",
        method="METHOD_NEWTON",
        message="the scaled residual passes",
        solution=start,
        residual=DoubleArray(shape=[1], data=bytes(8)),
        scaled_residual=DoubleArray(shape=[1], data=bytes(8)),
        iterations=3,
        evaluations=4,
        jacobian_evaluations=3,
        elapsed_seconds=2e-6,
        system_id=SYSTEM_ID,
    )


@pytest.fixture
def scripted() -> Iterator[ScriptedServer]:
    with ThreadPoolExecutor(4) as threads:
        server = grpc.server(threads)
        service = ScriptedServer()
        solver_pb2_grpc.add_SolverServiceServicer_to_server(service, server)
        jacobian_pb2_grpc.add_JacobianServiceServicer_to_server(service, server)
        system_pb2_grpc.add_SystemServiceServicer_to_server(service, server)
        service.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        server.start()
        yield service
        server.stop(None).wait()


@pytest.fixture
def talking(scripted: ScriptedServer) -> Iterator[raphson.Client]:
    """A client of the scripted server."""
    with raphson.connect(scripted.address) as client:
        yield client


@pytest.fixture
def named() -> Callable[..., NamedArray]:
    return lambda name, data, shape=(): NamedArray(name=name, array=DoubleArray(shape=shape, data=data))


@pytest.fixture(scope="session")
def client() -> Iterator[raphson.Client]:
    """A client of a real server, embedded."""
    with raphson.connect() as client:
        yield client
