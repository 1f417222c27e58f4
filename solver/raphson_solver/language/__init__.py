"""Text to expressions: tokens, syntax tree, names, and the written-out graph. Nothing is ever evaluated."""

from raphson_solver.language.definition import Definition, Shape, size
from raphson_solver.language.instantiate import Instance, check_length, instantiate

__all__ = ["Definition", "Instance", "Shape", "check_length", "instantiate", "size"]
