"""From a Python function of NumPy code to equations text.

`trace_function` runs the function once on stand-ins (`TracedScalar`, `TracedArray`) that note in a `Graph` what is
computed from them. Then it regroups: `Nodes` are the graph's nodes as columns, `Chains` its sums of many terms,
`Shapes` says which nodes are alike, `find_blocks` which residuals make a family; a `Generalizer` takes likes apart
into what they have in common, a template; `settle` chooses its loops, `Compact` writes it. What is like nothing else
is written one by one. No server takes part.
"""

from raphson.trace.array import TracedArray
from raphson.trace.function import TracedEquations, first_argument, trace_function
from raphson.trace.graph import Graph
from raphson.trace.scalar import TracedScalar

__all__ = ["Graph", "TracedArray", "TracedEquations", "TracedScalar", "first_argument", "trace_function"]
