"""A server to talk to that says what a test scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
import numpy as np
import pytest
import raphson
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status
from raphson.v1 import jacobian_pb2, jacobian_pb2_grpc, solver_pb2_grpc, system_pb2_grpc
from raphson.v1.array_pb2 import DoubleArray, NamedArray
from raphson.v1.jacobian_pb2 import CheckJacobianResponse, EvaluateChainResponse, EvaluateResponse
from raphson.v1.solver_pb2 import (
    BranchEnd,
    BranchPoint,
    Certificate,
    Explanation,
    FindAllResponse,
    FindAllSummary,
    FollowResponse,
    FoundRoot,
    SolveBatchRequest,
    SolveBatchResponse,
    SolveResponse,
)
from raphson.v1.system_pb2 import CompileResponse, ListRegisteredResponse

SYSTEM_ID = "ab" * 32
Action = Callable[[Any, grpc.ServicerContext], Any]


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
    metadata: list[dict[str, Any]] = field(default_factory=list)
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

    def stream(self, *messages: Message) -> None:
        """Let the next streaming call be answered by these messages."""
        self.script.append(lambda request, context: messages)

    def handle(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        self.keep_call(context)
        if self.script:
            return self.script.pop(0)(request, context)
        match request.DESCRIPTOR.name:
            case "SolveRequest":
                return root_like(request.start)
            case "EvaluateRequest":
                return EvaluateResponse(system_id=SYSTEM_ID, matrix=DoubleArray(shape=[1, 1], data=bytes(8)))
            case "EvaluateChainRequest":
                ids = [SYSTEM_ID[:-1] + str(place) for place in range(len(request.links))]
                return EvaluateChainResponse(system_ids=ids, value=vector(1.0), order="CHAIN_ORDER_REVERSE")
            case "CheckJacobianRequest":
                return CheckJacobianResponse(agrees=True, system_id=SYSTEM_ID)
            case "TestDifferentiabilityRequest":
                return jacobian_pb2.TestDifferentiabilityResponse(differentiable=True, system_id=SYSTEM_ID)
            case "ExplainRequest":
                return Explanation(lines=["nothing is wrong"], structural_rank=1, system_id=SYSTEM_ID)
            case "FindAllRequest":
                return roots_at(1.0, 2.0)
            case "ListRegisteredRequest":
                return ListRegisteredResponse()
            case "FollowRequest":
                return branch_through(0.0, 1.0)
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

    def handle_stream(self, request: Any, context: grpc.ServicerContext) -> Iterator[Message]:
        yield from self.handle(request, context)

    def handle_chunks(
        self, requests: Iterator[SolveBatchRequest], context: grpc.ServicerContext
    ) -> Iterator[SolveBatchResponse]:
        """Let an action have the whole conversation, or else give each chunk its starts for results."""
        self.keep_call(context)
        action = self.script.pop(0) if self.script else lambda chunks, _: map(solved_at_start, chunks)
        yield from action(map(self.kept, requests), context)

    def keep_call(self, context: grpc.ServicerContext) -> None:
        self.deadlines.append(context.time_remaining())
        self.metadata.append({key: value for key, value in context.invocation_metadata() if key != "user-agent"})

    def kept(self, request: Any) -> Any:
        self.requests.append(request)
        return request

    # The three services in one.
    Solve = Evaluate = Compile = Explain = ListRegistered = handle
    EvaluateChain = CheckJacobian = TestDifferentiability = handle
    FindAll = Follow = SolveWithProgress = handle_stream
    SolveBatch = SolveCallback = handle_chunks


def vector(*numbers: float) -> DoubleArray:
    return DoubleArray(shape=(len(numbers),), data=np.array(numbers, dtype=float).tobytes())


def scalar(name: str, number: float) -> NamedArray:
    return NamedArray(name=name, array=DoubleArray(data=np.float64(number).tobytes()))


def certificate(x: float) -> Certificate:
    """A proof that a root is within 3e-16 of x."""
    return Certificate(proven=True, lower=vector(x), upper=vector(x), radius=vector(2.9e-16), unique_radius=vector(0.5))


def found(x: float) -> FindAllResponse:
    root = FoundRoot(solution=[scalar("x", x)], residual=vector(0.0), certificate=certificate(x))
    return FindAllResponse(root=root)


def roots_at(*places: float) -> Iterable[FindAllResponse]:
    """A search that finds a root at each place."""
    summary = FindAllSummary(
        roots=len(places), starts=7, complete=True, reason="every box is decided", system_id=SYSTEM_ID
    )
    return [*map(found, places), FindAllResponse(summary=summary)]


def branch_through(*values: float) -> Iterable[FollowResponse]:
    """A branch with a point at each value of the parameter; the second is a turning point."""
    kinds = [BranchPoint.KIND_START, BranchPoint.KIND_TURNING_POINT, *[BranchPoint.KIND_REGULAR] * len(values)]
    points = [
        FollowResponse(
            point=BranchPoint(kind=kind, parameter=value, solution=[scalar("x", 10 * value)], arclength=abs(value))
        )
        for kind, value in zip(kinds, values, strict=False)
    ]
    end = BranchEnd(reason="the parameter reached its limit", points=len(points), turning_points=1, system_id=SYSTEM_ID)
    return [*points, FollowResponse(end=end)]


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


def solved_at_start(chunk: SolveBatchRequest) -> SolveBatchResponse:
    """Converged replies at the starts of a chunk; its variables are scalars."""
    parts = [np.frombuffer(part.array.data) for part in chunk.start]
    x = np.column_stack([np.broadcast_to(part, chunk.members) for part in parts])
    return SolveBatchResponse(
        x=DoubleArray(shape=x.shape, data=x.tobytes()),
        statuses=b"\1" * chunk.members,
        residual_norms=vector(*np.zeros(chunk.members)),
        iterations=np.full(chunk.members, 3, "<i4").tobytes(),
        system_id=SYSTEM_ID,
    )


@pytest.fixture
def scripted() -> Iterator[ScriptedServer]:
    with ThreadPoolExecutor(4) as threads:
        large = 32 << 20
        server = grpc.server(
            threads,
            options=(("grpc.max_receive_message_length", large), ("grpc.max_send_message_length", large)),
        )
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
