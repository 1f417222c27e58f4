"""Systems too large for dense matrices: Newton with sparse factors, from families."""

from raphson_solver.sparse.solve import solve

__all__ = ["solve"]
