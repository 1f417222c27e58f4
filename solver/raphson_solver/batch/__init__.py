"""Many members of one system at once: Newton in the lanes of vector registers, and the engine for the rest."""

from raphson_solver.batch.batch import BatchSolution, solve_batch

__all__ = ["BatchSolution", "solve_batch"]
