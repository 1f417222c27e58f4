"""f and f′ at points: every view of the Jacobian, for one point or a million."""

from raphson_solver.differential.chain import Chain
from raphson_solver.differential.density import change_of_variables_logdensity, volume_factor
from raphson_solver.differential.determinant import Determinant, determinant
from raphson_solver.differential.differential import Differential
from raphson_solver.differential.orders import ChainOrder, Plan, plan_product
from raphson_solver.differential.spectrum import Spectrum, spectrum
from raphson_solver.differential.uncertainty import Propagated, propagate

__all__ = [
    "Chain",
    "ChainOrder",
    "Determinant",
    "Differential",
    "Plan",
    "Propagated",
    "Spectrum",
    "change_of_variables_logdensity",
    "determinant",
    "plan_product",
    "propagate",
    "spectrum",
    "volume_factor",
]
