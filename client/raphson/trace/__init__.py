"""From a Python function of NumPy code to equations text.

`trace_function` runs the function once on stand-ins (`TracedScalar`, `TracedArray`) that note in a `Graph`
what is computed from them, and writes the graph as text. No server takes part.
"""

from raphson.trace.array import TracedArray
from raphson.trace.function import TracedEquations, first_argument, trace_function
from raphson.trace.graph import Graph
from raphson.trace.scalar import TracedScalar

__all__ = ["Graph", "TracedArray", "TracedEquations", "TracedScalar", "first_argument", "trace_function"]
