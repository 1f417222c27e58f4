"""Linear systems whose matrices are sparse: by factors along a pattern, or by Krylov's iteration.

The engine iterates; where its Jacobian is sparse it asks this room for its steps (`SparseSteps`), by one function whose
address it calls.
"""

from raphson_solver.sparse.choice import choose
from raphson_solver.sparse.direct import Analysis, Direct
from raphson_solver.sparse.matrix import Pattern
from raphson_solver.sparse.steps import Analyses, SparseSteps
from raphson_solver.sparse.stop import Stop, StoppedError

__all__ = ["Analyses", "Analysis", "Direct", "Pattern", "SparseSteps", "Stop", "StoppedError", "choose"]
