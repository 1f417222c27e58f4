"""The iteration: jitted once, for every system; it calls kernels by address and returns a status."""

from raphson_solver.engine.cancel import CancelFlag
from raphson_solver.engine.ready import warm_up
from raphson_solver.engine.status import JacobianMode, LinearSolver, Method, Status

__all__ = ["CancelFlag", "JacobianMode", "LinearSolver", "Method", "Status", "warm_up"]
