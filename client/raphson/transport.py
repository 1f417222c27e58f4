"""Sends one request and returns its reply, or raises the error that names what went wrong."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

import grpc
from google.protobuf.message import Message

from raphson.errors import ClientStateError
from raphson.failures import error_from_rpc
from raphson.v1.jacobian_pb2_grpc import JacobianServiceStub
from raphson.v1.solver_pb2_grpc import SolverServiceStub
from raphson.v1.system_pb2_grpc import SystemServiceStub

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from grpc import StreamStreamMultiCallable as ConversationCall
    from grpc import UnaryStreamMultiCallable as StreamCall
    from grpc import UnaryUnaryMultiCallable as Call

    from raphson.v1.jacobian_pb2 import (
        CheckJacobianRequest,
        CheckJacobianResponse,
        EvaluateChainRequest,
        EvaluateChainResponse,
        EvaluateRequest,
        EvaluateResponse,
        TestDifferentiabilityRequest,
        TestDifferentiabilityResponse,
    )
    from raphson.v1.solver_pb2 import (
        ExplainRequest,
        Explanation,
        FindAllRequest,
        FindAllResponse,
        FollowRequest,
        FollowResponse,
        SolveBatchRequest,
        SolveBatchResponse,
        SolveRequest,
        SolveResponse,
    )
    from raphson.v1.system_pb2 import CompileRequest, CompileResponse

Request = TypeVar("Request", bound=Message)
Reply = TypeVar("Reply", bound=Message)


class Transport:
    """The stubs on one channel, of one process.

    Parameters
    ----------
    channel : grpc.Channel
        Owned from now on.
    address : str
        Whom it leads to, for messages.
    """

    def __init__(self, channel: grpc.Channel, address: str) -> None:
        self.address = address
        self.is_closed = False
        self._process = os.getpid()
        self._channel = channel
        solver = SolverServiceStub(channel)  # type: ignore[no-untyped-call]
        self.solve: Call[SolveRequest, SolveResponse] = solver.Solve
        self.explain: Call[ExplainRequest, Explanation] = solver.Explain
        self.find_all: StreamCall[FindAllRequest, FindAllResponse] = solver.FindAll
        self.follow: StreamCall[FollowRequest, FollowResponse] = solver.Follow
        self.solve_batch: ConversationCall[SolveBatchRequest, SolveBatchResponse] = solver.SolveBatch
        jacobian = JacobianServiceStub(channel)  # type: ignore[no-untyped-call]
        self.evaluate: Call[EvaluateRequest, EvaluateResponse] = jacobian.Evaluate
        self.evaluate_chain: Call[EvaluateChainRequest, EvaluateChainResponse] = jacobian.EvaluateChain
        self.check_jacobian: Call[CheckJacobianRequest, CheckJacobianResponse] = jacobian.CheckJacobian
        self.test_differentiability: Call[TestDifferentiabilityRequest, TestDifferentiabilityResponse] = (
            jacobian.TestDifferentiability
        )
        self.compile: Call[CompileRequest, CompileResponse] = SystemServiceStub(channel).Compile  # type: ignore[no-untyped-call]

    @property
    def is_forked(self) -> bool:
        """Whether this is a copy in a child process."""
        return os.getpid() != self._process

    def send(self, method: Call[Request, Reply], request: Request, timeout_seconds: float) -> Reply:
        """Call one method. Ctrl-C during the call cancels it on the server too.

        Raises
        ------
        RaphsonError
            Whatever went wrong, by its name.
        """
        self._check_usable()
        try:
            return method(request, timeout=timeout_seconds)
        except grpc.RpcError as error:
            raise error_from_rpc(error, address=self.address, timeout_seconds=timeout_seconds) from error
        except ValueError as error:
            if not self.is_closed:
                raise
            raise ClientStateError(f"this client of {self.address} was closed during the call") from error

    def stream(
        self, method: StreamCall[Request, Reply], request: Request, timeout_seconds: float
    ) -> Generator[Reply, None, None]:
        """Call one method that streams, when the first reply is asked for. Closing the generator cancels the call.

        Raises
        ------
        RaphsonError
            Whatever went wrong, by its name.
        """
        yield from self._replies(lambda: method(request, timeout=timeout_seconds), timeout_seconds)

    def converse(
        self, method: ConversationCall[Request, Reply], requests: Iterator[Request], timeout_seconds: float
    ) -> Generator[Reply, None, None]:
        """Do as `stream` for a call whose requests are a stream too; they are asked for in a thread of gRPC's.

        Raises
        ------
        RaphsonError
            Whatever went wrong, by its name.
        """
        yield from self._replies(lambda: method(requests, timeout=timeout_seconds), timeout_seconds)

    def _replies(self, begin: Callable[[], Any], timeout_seconds: float) -> Generator[Reply, None, None]:
        self._check_usable()
        call = None
        try:
            call = begin()
            yield from call
        except grpc.RpcError as error:
            raise error_from_rpc(error, address=self.address, timeout_seconds=timeout_seconds) from error
        except ValueError as error:
            if not self.is_closed:
                raise
            raise ClientStateError(f"this client of {self.address} was closed during the call") from error
        finally:
            # Of a call that has ended this does nothing; of one that a loop, Ctrl-C or a fault left, it is the end.
            if call is not None:
                call.cancel()

    def _check_usable(self) -> None:
        if self.is_closed:
            raise ClientStateError(f"this client of {self.address} is closed; connect again")
        if self.is_forked:
            raise ClientStateError(
                f"this client of {self.address} was opened in process {self._process}, before a fork: gRPC "
                "channels do not survive one; connect again in the child process"
            )

    def close(self) -> None:
        """Cancel the calls that are under way and drop the connection."""
        self.is_closed = True
        if not self.is_forked:
            self._channel.close()
