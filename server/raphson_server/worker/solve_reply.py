"""The reply to a solve: built once a system, filled in anew for each solution."""

import math
from typing import cast

import raphson_solver as rs
from raphson.v1.array_pb2 import DoubleArray, NamedArray
from raphson.v1.solver_pb2 import Method as WireMethod
from raphson.v1.solver_pb2 import SolveResponse
from raphson.v1.solver_pb2 import Status as WireStatus

from raphson_server.worker.conversion import WIRE, Array, from_array, to_bytes


class SolveReply:
    """One SolveResponse that keeps names, shapes and id; a worker answers one request at a time.

    Parameters
    ----------
    system : System
    """

    def __init__(self, system: rs.System) -> None:
        self._message = SolveResponse(
            solution=[NamedArray(name=name, array=DoubleArray(shape=shape)) for name, shape in system.variables],
            residual=DoubleArray(shape=[system.m]),
            scaled_residual=DoubleArray(shape=[system.m]),
            system_id=system.id,
        )
        self._variables = []
        first = 0
        for named, (_, shape) in zip(self._message.solution, system.variables, strict=True):
            last = first + WIRE.itemsize * math.prod(shape)
            self._variables.append((named.array, slice(first, last)))
            first = last
        self._residual = self._message.residual
        self._scaled_residual = self._message.scaled_residual

    def fill(self, solution: rs.Solution, jacobian: Array | None) -> SolveResponse:
        """Write a solution; the message is valid until the next call. Enums have the same numbers on the wire."""
        message = self._message
        message.status = cast("WireStatus", solution.status)
        message.message = solution.message
        message.remedy = solution.remedy
        data = to_bytes(solution.x)
        for array, part in self._variables:
            array.data = data[part]
        self._residual.data = to_bytes(solution.residual)
        self._scaled_residual.data = to_bytes(solution.scaled_residual)
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
