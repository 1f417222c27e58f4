"""What a client needs of gRPC: requests sent, streams opened, and errors that name what went wrong."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NoReturn, Self, TypeVar

import grpc
from google.protobuf.message import Message

from raphson.access import Metadata
from raphson.call_span import begin_span
from raphson.errors import ClientStateError
from raphson.failures import error_from_rpc
from raphson.v1.jacobian_pb2_grpc import JacobianServiceStub
from raphson.v1.job_pb2_grpc import JobServiceStub
from raphson.v1.solver_pb2_grpc import SolverServiceStub
from raphson.v1.system_pb2_grpc import SystemServiceStub

if TYPE_CHECKING:
    import asyncio
    from queue import SimpleQueue

    from google.protobuf.empty_pb2 import Empty

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
    from raphson.v1.job_pb2 import (
        CancelJobRequest,
        CreateJobRequest,
        DeleteJobRequest,
        GetJobRequest,
        Job,
        ListJobsRequest,
        ListJobsResponse,
        ReadResultsRequest,
        ReadResultsResponse,
        ResumeJobRequest,
        WatchJobRequest,
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
        SolveCallbackRequest,
        SolveCallbackResponse,
        SolveRequest,
        SolveResponse,
        SolveWithProgressResponse,
    )
    from raphson.v1.system_pb2 import (
        CompileRequest,
        CompileResponse,
        ListRegisteredRequest,
        ListRegisteredResponse,
    )

Request = TypeVar("Request", bound=Message)
Reply = TypeVar("Reply", bound=Message)


@dataclass(frozen=True, slots=True)
class Unary(Generic[Request, Reply]):
    """A method of one request and one reply."""

    begin: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Streaming(Generic[Request, Reply]):
    """A method of one request and a stream of replies."""

    begin: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Conversing(Generic[Request, Reply]):
    """A method of a stream of requests and a stream of replies."""

    begin: Callable[..., Any]


class Replies(ABC, Generic[Reply]):
    """The replies of one call.

    Parameters
    ----------
    transport : Transport
        Names errors.
    call : grpc.Call or grpc.aio.Call
        The call.
    timeout_seconds : float
        Its deadline.
    """

    def __init__(self, transport: Transport, call: Any, timeout_seconds: float) -> None:
        self._transport = transport
        self._call = call
        self._timeout_seconds = timeout_seconds

    @abstractmethod
    def read(self) -> Awaitable[Reply | None]:
        """Return the next reply; None at the end.

        Raises
        ------
        RaphsonError
            Whatever went wrong, by its name.
        """

    def close(self) -> None:
        """Cancel the call, on the server too. If it has ended, do nothing."""
        self._call.cancel()


class Conversation(Generic[Request, Reply]):
    """One call with a stream of requests and a stream of replies.

    Parameters
    ----------
    replies : Replies
        What comes.
    requests : queue
        What goes; gRPC takes from it.
    """

    def __init__(
        self, replies: Replies[Reply], requests: SimpleQueue[Request | None] | asyncio.Queue[Request | None]
    ) -> None:
        self._requests = requests
        self._replies = replies
        self.read = replies.read

    def write(self, request: Request | None) -> None:
        """Have a request sent as soon as the server takes it; None says that there will be no more."""
        self._requests.put_nowait(request)

    def close(self) -> None:
        """Cancel the call, on the server too. If it has ended, do nothing."""
        self._replies.close()
        # Whoever takes from the queue waits for a request, whatever became of the call.
        self._requests.put_nowait(None)


@dataclass(slots=True)
class Life:
    """Whether a connection is closed, known to all that share it."""

    is_closed: bool = False


class Transport(ABC):
    """The stubs on one channel, of one process. What its methods return is awaited, by whichever client.

    Parameters
    ----------
    channel : grpc.Channel or grpc.aio.Channel
        Owned from now on.
    address : str
        Whom it leads to, for messages.
    metadata : tuple of (str, str or bytes)
        What is sent with every call.
    """

    lets_await: ClassVar[bool]
    """Whether functions of the caller's may be coroutine functions."""

    def __init__(self, channel: grpc.Channel | grpc.aio.Channel, address: str, metadata: Metadata = ()) -> None:
        self.address = address
        # None costs a call less than an empty tuple.
        self.metadata = metadata or None
        self._life = Life()
        self._process = os.getpid()
        solver = SolverServiceStub(channel)  # type: ignore[no-untyped-call]
        self.solve: Unary[SolveRequest, SolveResponse] = Unary(solver.Solve)
        self.solve_with_progress: Streaming[SolveRequest, SolveWithProgressResponse] = Streaming(
            solver.SolveWithProgress
        )
        self.explain: Unary[ExplainRequest, Explanation] = Unary(solver.Explain)
        self.find_all: Streaming[FindAllRequest, FindAllResponse] = Streaming(solver.FindAll)
        self.follow: Streaming[FollowRequest, FollowResponse] = Streaming(solver.Follow)
        self.solve_batch: Conversing[SolveBatchRequest, SolveBatchResponse] = Conversing(solver.SolveBatch)
        self.solve_callback: Conversing[SolveCallbackRequest, SolveCallbackResponse] = Conversing(solver.SolveCallback)
        jacobian = JacobianServiceStub(channel)  # type: ignore[no-untyped-call]
        self.evaluate: Unary[EvaluateRequest, EvaluateResponse] = Unary(jacobian.Evaluate)
        self.evaluate_chain: Unary[EvaluateChainRequest, EvaluateChainResponse] = Unary(jacobian.EvaluateChain)
        self.check_jacobian: Unary[CheckJacobianRequest, CheckJacobianResponse] = Unary(jacobian.CheckJacobian)
        self.test_differentiability: Unary[TestDifferentiabilityRequest, TestDifferentiabilityResponse] = Unary(
            jacobian.TestDifferentiability
        )
        system = SystemServiceStub(channel)  # type: ignore[no-untyped-call]
        self.compile: Unary[CompileRequest, CompileResponse] = Unary(system.Compile)
        self.list_registered: Unary[ListRegisteredRequest, ListRegisteredResponse] = Unary(system.ListRegistered)
        job = JobServiceStub(channel)  # type: ignore[no-untyped-call]
        self.create_job: Unary[CreateJobRequest, Job] = Unary(job.CreateJob)
        self.get_job: Unary[GetJobRequest, Job] = Unary(job.GetJob)
        self.list_jobs: Unary[ListJobsRequest, ListJobsResponse] = Unary(job.ListJobs)
        self.watch_job: Streaming[WatchJobRequest, Job] = Streaming(job.WatchJob)
        self.cancel_job: Unary[CancelJobRequest, Job] = Unary(job.CancelJob)
        self.resume_job: Unary[ResumeJobRequest, Job] = Unary(job.ResumeJob)
        self.delete_job: Unary[DeleteJobRequest, Empty] = Unary(job.DeleteJob)
        self.read_results: Streaming[ReadResultsRequest, ReadResultsResponse] = Streaming(job.ReadResults)

    @abstractmethod
    def ask(self, method: Unary[Request, Reply], request: Request, timeout_seconds: float) -> Awaitable[Reply]:
        """Call one method. Ctrl-C during the call, or cancelling the task that awaits it, cancels it on the server too.

        Raises
        ------
        RaphsonError
            Whatever went wrong, by its name.
        """

    @abstractmethod
    def open(self, method: Streaming[Request, Reply], request: Request, timeout_seconds: float) -> Replies[Reply]:
        """Call one method that streams.

        Raises
        ------
        ClientStateError
            If this is closed, or a copy in a child process.
        """

    @abstractmethod
    def converse(self, method: Conversing[Request, Reply], timeout_seconds: float) -> Conversation[Request, Reply]:
        """Call one method whose requests are a stream too.

        Raises
        ------
        ClientStateError
            If this is closed, or a copy in a child process.
        """

    @abstractmethod
    def call(self, function: Callable[[dict[str, Any]], Any], calls: list[dict[str, Any]]) -> Awaitable[list[Any]]:
        """Call a function of the caller's with each of some arguments; what it raises comes out as it is."""

    @abstractmethod
    def close(self) -> Awaitable[None]:
        """Cancel the calls that are under way and drop the connection."""

    def begin(
        self, method: Streaming[Request, Reply] | Conversing[Request, Reply], argument: Any, timeout_seconds: float
    ) -> Any:
        """Begin a call whose replies are a stream, as a part of the caller's trace if there is one."""
        span = begin_span(method.begin, self.metadata)
        if span is None:
            return method.begin(argument, timeout=timeout_seconds, metadata=self.metadata)
        call = method.begin(argument, timeout=timeout_seconds, metadata=span.metadata)
        span.end_with(call)
        return call

    def with_metadata(self, more: Metadata) -> Self:
        """Return this with more that is sent with every call, on the same connection: both are closed together.

        Parameters
        ----------
        more : tuple of (str, str or bytes)
            Takes the place of what was sent under the same keys.
        """
        keys = {key for key, _ in more}
        other = object.__new__(type(self))
        vars(other).update(vars(self))
        other.metadata = (*(part for part in self.metadata or () if part[0] not in keys), *more) or None
        return other

    def __reduce__(self) -> NoReturn:
        raise ClientStateError(
            f"this client of {self.address} cannot be pickled: its connection belongs to this process; "
            "connect again where it is needed"
        )

    @property
    def is_closed(self) -> bool:
        """Whether the connection is closed."""
        return self._life.is_closed

    @is_closed.setter
    def is_closed(self, is_closed: bool) -> None:
        self._life.is_closed = is_closed

    @property
    def is_forked(self) -> bool:
        """Whether this is a copy in a child process."""
        return os.getpid() != self._process

    @contextmanager
    def naming_errors(self, timeout_seconds: float) -> Iterator[None]:
        """Let what goes wrong in a call be raised by its name.

        Parameters
        ----------
        timeout_seconds : float
            The call's deadline.
        """
        self.check_usable()
        try:
            yield
        except grpc.RpcError as error:
            raise error_from_rpc(error, address=self.address, timeout_seconds=timeout_seconds) from error
        except (ValueError, grpc.aio.UsageError) as error:
            if not self.is_closed:
                raise
            raise ClientStateError(f"this client of {self.address} was closed during the call") from error

    def check_usable(self) -> None:
        """Refuse what cannot work.

        Raises
        ------
        ClientStateError
            If this is closed, or a copy in a child process.
        """
        if self.is_closed:
            raise ClientStateError(f"this client of {self.address} is closed; connect again")
        if self.is_forked:
            raise ClientStateError(
                f"this client of {self.address} was opened in process {self._process}, before a fork: gRPC "
                "channels do not survive one; connect again in the child process"
            )
