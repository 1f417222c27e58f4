"""How a root moves with the parameters: exact derivatives by the implicit function theorem, J·dx/dp = −∂f/∂p."""

from raphson_solver.sensitivity.factorization import Factorization
from raphson_solver.sensitivity.selection import Selection, select
from raphson_solver.sensitivity.sensitivity import Sensitivity, SingularRootError

__all__ = ["Factorization", "Selection", "Sensitivity", "SingularRootError", "select"]
