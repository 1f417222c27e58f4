"""Names what went wrong: which equations, which variables, which operation, in sentences.

It takes plain data, a graph, names and a point, and knows nothing of how they were come by.
"""

from raphson_solver.explanation.dependence import Dependence, Pair, Relation, dependence
from raphson_solver.explanation.elements import ElementNames, element_names
from raphson_solver.explanation.explanation import AtBound, Explanation, WorstEquation, explain
from raphson_solver.explanation.family_faults import FamilyFaults
from raphson_solver.explanation.large import explain_large
from raphson_solver.explanation.not_finite import NotFinite
from raphson_solver.explanation.structural import Group, Structure, explain_structure
from raphson_solver.explanation.writing import write

__all__ = [
    "AtBound",
    "Dependence",
    "ElementNames",
    "Explanation",
    "FamilyFaults",
    "Group",
    "NotFinite",
    "Pair",
    "Relation",
    "Structure",
    "WorstEquation",
    "dependence",
    "element_names",
    "explain",
    "explain_large",
    "explain_structure",
    "write",
]
