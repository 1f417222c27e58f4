"""The reply to a solve: built once for many solves of a system, filled in anew for each solution."""

import math
from typing import cast

import raphson_solver as rs
from raphson.v1.array_pb2 import DoubleArray, NamedArray
from raphson.v1.solver_pb2 import Method as WireMethod
from raphson.v1.solver_pb2 import SolveResponse
from raphson.v1.solver_pb2 import Status as WireStatus

from raphson_server.worker.conversion import WIRE, Array, from_array, to_bytes

# A message frees nothing that is written over while it lives: so much goes into one before another takes its place.
_MOST_BYTES = 128 * 1024
# More than what a status has to say.
_WORDS_BYTES = 512


class SolveReply:
    """A SolveResponse that keeps names, shapes and id; a worker answers one request at a time.

    Parameters
    ----------
    system : System
    """

    def __init__(self, system: rs.System) -> None:
        self._system = system
        self._parts = []
        first = 0
        for _, shape in system.variables:
            last = first + WIRE.itemsize * math.prod(shape)
            self._parts.append(slice(first, last))
            first = last
        self._bytes = first + 2 * WIRE.itemsize * system.m + _WORDS_BYTES
        self._blank = _Blank(system)
        self._left = _MOST_BYTES

    def fill(self, solution: rs.Solution, jacobian: Array | None) -> SolveResponse:
        """Write a solution; the message is valid until the next call. Enums have the same numbers on the wire."""
        blank = self._blank_for(self._bytes if jacobian is None else self._bytes + jacobian.nbytes)
        message = blank.message
        message.status = cast("WireStatus", solution.status)
        message.message = solution.message
        message.remedy = solution.remedy
        data = to_bytes(solution.x)
        for array, part in zip(blank.variables, self._parts, strict=True):
            array.data = data[part]
        blank.residual.data = to_bytes(solution.residual)
        blank.scaled_residual.data = to_bytes(solution.scaled_residual)
        message.residual_norm = solution.residual_norm
        message.iterations = solution.iterations
        message.evaluations = solution.evaluations
        message.jacobian_evaluations = solution.jacobian_evaluations
        message.regularized_steps = solution.regularized_steps
        message.elapsed_seconds = solution.elapsed_seconds
        message.method = cast("WireMethod", solution.method)
        message.linear_solver = solution.linear_solver
        if jacobian is not None:
            message.jacobian.CopyFrom(from_array(jacobian))
        else:
            message.ClearField("jacobian")
        return message

    def _blank_for(self, size: int) -> "_Blank":
        """Return a reply that has room for so many bytes; what is large has one of its own, which is not kept."""
        if size > _MOST_BYTES:
            return _Blank(self._system)
        if size > self._left:
            self._blank = _Blank(self._system)
            self._left = _MOST_BYTES
        self._left -= size
        return self._blank


class _Blank:
    """A reply with all that its system's replies have in common, and its arrays at hand."""

    def __init__(self, system: rs.System) -> None:
        self.message = SolveResponse(
            solution=[NamedArray(name=name, array=DoubleArray(shape=shape)) for name, shape in system.variables],
            residual=DoubleArray(shape=[system.m]),
            scaled_residual=DoubleArray(shape=[system.m]),
            system_id=system.id,
        )
        self.variables = [named.array for named in self.message.solution]
        self.residual = self.message.residual
        self.scaled_residual = self.message.scaled_residual
