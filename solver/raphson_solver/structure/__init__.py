"""What the pattern of J alone decides: which equations can be matched to which variables, and in which order.

Nothing here knows a number: a statement holds for almost all values of the entries.
"""

from raphson_solver.structure.blocks import block_triangular
from raphson_solver.structure.components import components
from raphson_solver.structure.dulmage_mendelsohn import DulmageMendelsohn, dulmage_mendelsohn
from raphson_solver.structure.matching import matching
from raphson_solver.structure.pattern import Part

__all__ = ["DulmageMendelsohn", "Part", "block_triangular", "components", "dulmage_mendelsohn", "matching"]
