"""Expressions as a graph, and what can be read off it: values, and the size of what cancels in a sum."""

from raphson_solver.expression.evaluate import evaluate
from raphson_solver.expression.graph import Graph
from raphson_solver.expression.magnitude import magnitudes

__all__ = ["Graph", "evaluate", "magnitudes"]
