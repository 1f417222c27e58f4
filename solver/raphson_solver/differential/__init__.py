"""f and f′ at points: every view of the Jacobian, for one point or a million."""

from raphson_solver.differential.differential import Differential

__all__ = ["Differential"]
