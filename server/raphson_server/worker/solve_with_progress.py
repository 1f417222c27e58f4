"""SolverService.SolveWithProgress: as Solve, and word of how far it has come on the way."""

import math
from typing import cast

import raphson_solver as rs
from raphson.v1.solver_pb2 import Method as WireMethod
from raphson.v1.solver_pb2 import SolveProgress, SolveResponse, SolveWithProgressResponse

from raphson_server.worker.call import Answer, Call
from raphson_server.worker.solve import solve


def solve_with_progress(body: bytes, call: Call) -> Answer:
    """Answer a SolveRequest; progress that nobody takes in time is left out."""
    answer = solve(body, call, lambda progress: call.items.offer(_from_progress(progress)))
    call.items.flush()
    return Answer(SolveWithProgressResponse(result=cast("SolveResponse", answer.message)), answer.learnt)


def _from_progress(progress: rs.Progress) -> SolveWithProgressResponse:
    message = SolveProgress(
        iteration=progress.iteration,
        residual_norm=progress.residual_norm,
        scaled_residual=progress.scaled_residual,
        elapsed_seconds=progress.seconds,
        method=cast("WireMethod", progress.method),
        linear_solver=progress.linear_solver,
    )
    if not math.isnan(progress.linear_seconds):
        message.linear_seconds = progress.linear_seconds
    return SolveWithProgressResponse(progress=message)
