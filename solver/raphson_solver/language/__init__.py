"""Text to expressions: tokens, tree, names, and a graph, written out or by families. Nothing is ever evaluated."""

from raphson_solver.language.definition import Definition, Shape, Table, size
from raphson_solver.language.families import FamilyInstance
from raphson_solver.language.from_text import from_text, written_out
from raphson_solver.language.instantiate import Instance
from raphson_solver.language.parsed import check_length

__all__ = [
    "Definition", "FamilyInstance", "Instance", "Shape", "Table", "check_length", "from_text", "size", "written_out",
]  # fmt: skip
