"""Derivatives of a graph as more of the graph: rows of the Jacobian, J·v forward, vᵀ·J in reverse."""

from raphson_solver.derivative.forward import pushforward
from raphson_solver.derivative.reverse import jacobian_rows, pullback, sweep

__all__ = ["jacobian_rows", "pullback", "pushforward", "sweep"]
