"""Many members of one system at once: Newton in the lanes of vector registers, and the engine for the rest."""

from raphson_solver.batch.batch import settle_batches, solve_batch
from raphson_solver.batch.solution import BatchSolution

__all__ = ["BatchSolution", "settle_batches", "solve_batch"]
