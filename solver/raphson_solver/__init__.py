"""Solves systems of nonlinear equations and differentiates them, in this process, with no service between.

One way through the rooms: language → expression → derivative → compiler → engine → solution.
"""

from raphson_solver.engine import CancelFlag, JacobianMode, LinearSolver, Method, Status, warm_up
from raphson_solver.errors import DefinitionError, InputError, LimitError, RaphsonError
from raphson_solver.language import Definition
from raphson_solver.limits import Limits
from raphson_solver.solution import (
    Progress,
    Solution,
    SolveOptions,
    System,
    WarmStart,
    compile,  # noqa: A004
    compile_definition,
)

__all__ = [
    "CancelFlag",
    "Definition",
    "DefinitionError",
    "InputError",
    "JacobianMode",
    "LimitError",
    "Limits",
    "LinearSolver",
    "Method",
    "Progress",
    "RaphsonError",
    "Solution",
    "SolveOptions",
    "Status",
    "System",
    "WarmStart",
    "compile",
    "compile_definition",
    "warm_up",
]
