"""Systems and solutions: what callers hold. Everything before this room is machinery."""

from raphson_solver.solution.compile import compile, compile_definition, define  # noqa: A004
from raphson_solver.solution.options import SolveOptions, WarmStart
from raphson_solver.solution.progress import Progress
from raphson_solver.solution.solution import Solution
from raphson_solver.solution.system import System

__all__ = ["Progress", "Solution", "SolveOptions", "System", "WarmStart", "compile", "compile_definition", "define"]
