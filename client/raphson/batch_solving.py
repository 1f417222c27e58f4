"""What a client offers to solve one system many times: a stream of chunks there, and one back."""

from __future__ import annotations

import time
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from raphson.arrays import WIRE, to_bytes, write_named
from raphson.batch_result import BatchResult
from raphson.compiled import CompiledSystem
from raphson.errors import (
    DeadlineExceededError,
    IncompatibleServerError,
    InvalidRequestError,
    RaphsonError,
    ServerUnavailableError,
    SystemNotFoundError,
)
from raphson.members import Members, to_compile, to_members
from raphson.offering import offered
from raphson.options import write_options
from raphson.progress import progress_bar
from raphson.registered import Registry
from raphson.registered import given as check_given
from raphson.v1.solver_pb2 import SolveBatchRequest
from raphson.v1.system_pb2 import CompileRequest, SystemRef
from raphson.vocabulary import (
    JacobianMode,
    Method,
    MethodName,
    WarmStart,
    WarmStartName,
    to_method,
    to_warm_start,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from raphson.members import Shapes
    from raphson.problem import Equations, Parameters, Point
    from raphson.v1.solver_pb2 import SolveBatchResponse

# Of a chunk, or of its results: large enough that calls cost nothing, small enough that several wait in no memory.
CHUNK_BYTES = 1 << 20
# A small batch is cut nevertheless, so that every worker of a server has some, but not below this.
CHUNKS = 8
FEWEST_MEMBERS = 2048
# Chunks that are sent before the results of the first of them have come.
MOST_IN_FLIGHT = 8
# What a member takes of the results beside its n numbers: the residual's norm, iterations and a status.
RESULT_BYTES = 8 + 4 + 1
ATTEMPTS = 4
LIMIT = "max_message_bytes"
ITERATIONS = np.dtype("<i4")


class BatchSolving(Registry):
    """Solves one system for many starts and parameters."""

    @offered
    async def solve_batch(
        self,
        equations: Equations | None = None,
        start: Point | None = None,
        parameters: Parameters | None = None,
        *,
        system: str | None = None,
        shapes: Shapes | None = None,
        method: MethodName | Method = "auto",
        tolerance: float | None = None,
        absolute_tolerance: float | None = None,
        max_iterations: int | None = None,
        warm_start: WarmStartName | WarmStart | None = None,
        timeout_seconds: float | None = None,
        progress: bool | None = None,
    ) -> BatchResult:
        """Solve many members of one system, each with its own start and parameters, a million as well as ten.

        An array has the shape that one member has, and holds for all, or one dimension before that, the B members. In
        text and functions every name is a number of its own unless `shapes` says otherwise; a compiled system knows
        its shapes. So ``parameters={"r": numbers}`` has a member for each of the numbers.

        Parameters
        ----------
        equations : str, sequence of str, callable or CompiledSystem
            The system, the same for all members.
        start : mapping of str to array-like, or array-like
            Where to begin, finite: arrays of shape (*shape) or (B, *shape). A plain array goes to a function's first
            argument, or is all n unknowns of a compiled system in order, shape (n,) or (B, n).
        parameters : mapping of str to array-like, optional
            What is given, in shapes likewise. Where it is not finite its member ends with `Status.DOMAIN_ERROR`.
        system : str, optional
            The name of a registered function, in place of equations; see `systems`.
        shapes : mapping of str to tuple of int, optional
            Shapes, for one member, of the names that stand for arrays in text or in a function: ``{"u": (50,)}``.
        method, tolerance, absolute_tolerance, max_iterations
            Of each member, as in `solve`.
        warm_start : {"previous", "nearest"}, optional
            Begin most members at the roots of others, solved before them: of the last one before, or of the one with
            the nearest parameters, within a chunk. One that this leads to no root is solved from its own start; which
            of several roots is found may depend on the others. Default: each begins at its own start.
        timeout_seconds : float, optional
            Deadline of the whole call. Default: the client's.
        progress : bool, optional
            Whether to show a bar with the members solved and their rate, by tqdm. Default: if that is installed and
            standard error is a terminal.

        Returns
        -------
        BatchResult
            A row a member, in the order given, converged or not; `BatchResult.status` says which.

        Raises
        ------
        InvalidRequestError
            If the request makes no sense; `fields` say where.
        RaphsonError
            If no answer came; what was solved until then is lost.

        Notes
        -----
        The call goes in chunks of about 1 MiB, a few of which are under way at a time, whatever B is. Ctrl-C cancels
        it on the server. Where a worker or a server is lost, or a server stops, the call goes on behind the chunks that
        have come, on whichever server answers.
        """
        asked = SolveBatchRequest(warm_start=to_warm_start(warm_start) or 0)  # type: ignore[arg-type]
        write_options(
            asked.options,
            to_method(method),
            JacobianMode.EXACT,
            tolerance=tolerance,
            absolute_tolerance=absolute_tolerance,
            max_iterations=max_iterations,
        )
        end = time.monotonic() + self._deadline(timeout_seconds)
        given = {} if parameters is None else parameters
        equations = await self._named(equations, system)
        check_given(start, "start")
        assert start is not None
        compiled = equations if isinstance(equations, CompiledSystem) else None
        if compiled is None:
            try:
                compiled = await self._compile(to_compile(equations, start, given, shapes), _remaining(end))
            except InvalidRequestError as error:
                if shapes is None:
                    error.add_note(
                        "in a batch every name of text is a number of its own, whose first dimension counts members, "
                        "unless `shapes` says otherwise: shapes={'u': (50,)}"
                    )
                raise
        elif shapes is not None:
            raise InvalidRequestError.at("shapes", "a compiled system knows its shapes; expected none")
        members = to_members(compiled, start, given)
        result = _empty(members.count, compiled)
        with progress_bar(members.count, "members", wanted=progress) as advance:
            await self._solve_members(compiled, members, asked, result, end, advance)
        return result

    async def _solve_members(
        self,
        system: CompiledSystem,
        members: Members,
        asked: SolveBatchRequest,
        result: BatchResult,
        end: float,
        advance: Callable[[int], object],
    ) -> None:
        """Fill in the results; where a stream ends before that, go on from there if that may help."""
        size = _chunk_size(members, system.n)
        place, failures = 0, 0
        while place < members.count:
            reference = SystemRef(registered=system.registered)
            if not system.registered:
                reference.system_id = self._known.find(system.id) or system.id
            chunks = _chunks(members, reference, asked, place, size)
            try:
                with closing(self._transport.converse(self._transport.solve_batch, _remaining(end))) as conversation:
                    for chunk in islice(chunks, MOST_IN_FLIGHT):
                        conversation.write(chunk)
                    while (reply := await conversation.read()) is not None:
                        conversation.write(next(chunks, None))
                        count = _fill(result, place, min(size, members.count - place), reply)
                        place, failures = place + count, 0
                        advance(count)
                if place < members.count:
                    raise IncompatibleServerError(f"the server ended a batch after {place} of {members.count} members")
            except RaphsonError as error:
                failures += 1
                if failures == ATTEMPTS:
                    raise
                size = await self._mended(error, system, size, end)

    async def _mended(self, error: RaphsonError, system: CompiledSystem, size: int, end: float) -> int:
        """Do what lets a batch go on after an error, or raise that; return the size of chunks from now on."""
        match error:
            case SystemNotFoundError() if not system.registered:
                request = CompileRequest(definition=system.definition.to_message())
                reply = await self._transport.ask(self._transport.compile, request, _remaining(end))
                self._known.remember(system.id, reply.system_id)
                return size
            case ServerUnavailableError():
                # A worker or a server is lost, or stops; another goes on. gRPC waits between attempts.
                return size
            case InvalidRequestError() if size > 1 and error.metadata.get("limit") == LIMIT:
                fitting = size * int(error.metadata["maximum"]) / int(error.metadata["value"])
                # Names and shapes take a part that does not shrink along.
                return max(1, min(size // 2, int(0.9 * fitting)))
            case _:
                raise error


def _chunks(
    members: Members, reference: SystemRef, asked: SolveBatchRequest, first: int, size: int
) -> Iterator[SolveBatchRequest]:
    """Write the requests of a batch, each when it is asked for."""
    for place in range(first, members.count, size):
        last = min(place + size, members.count)
        request = SolveBatchRequest(members=last - place, options=asked.options, warm_start=asked.warm_start)
        request.system.CopyFrom(reference)
        write_named(members.part("start", place, last), request.start, "start")
        write_named(members.part("parameters", place, last), request.parameters, "parameters")
        yield request


def _chunk_size(members: Members, n: int) -> int:
    """Return how many members go together."""
    bytes_each = max(members.bytes_each, 8 * n + RESULT_BYTES)
    fair = max(FEWEST_MEMBERS, -(-members.count // CHUNKS))
    return max(1, min(CHUNK_BYTES // bytes_each, fair))


def _empty(count: int, system: CompiledSystem) -> BatchResult:
    return BatchResult(
        x=np.empty((count, system.n)),
        status=np.zeros(count, np.int8),
        residual_norm=np.empty(count),
        iterations=np.empty(count, np.int32),
        variables=system.variables,
    )


def _fill(result: BatchResult, first: int, count: int, reply: SolveBatchResponse) -> int:
    """Write the results of a chunk into their rows; return how many they are."""
    n = result.x.shape[1]
    x, norms = to_bytes(reply.x), to_bytes(reply.residual_norms)
    found = (len(x), len(reply.statuses), len(norms), len(reply.iterations))
    if found != (8 * n * count, count, 8 * count, ITERATIONS.itemsize * count):
        raise IncompatibleServerError(f"the server's results of {count} members take {found} bytes")
    rows = slice(first, first + count)
    result.x[rows] = np.frombuffer(x, WIRE).reshape(count, n)
    result.status[rows] = np.frombuffer(reply.statuses, np.int8)
    result.residual_norm[rows] = np.frombuffer(norms, WIRE)
    result.iterations[rows] = np.frombuffer(reply.iterations, ITERATIONS)
    return count


def _remaining(end: float) -> float:
    seconds = end - time.monotonic()
    if seconds <= 0:
        raise DeadlineExceededError("no time was left before all members were solved")
    return seconds
