"""f that only the caller can evaluate, solved by asking for it: reverse communication.

A `Search` asks one `Question` after another, each a block of points; whoever has f answers with its values. Between two
questions it is plain data, to be kept, pickled or thrown away: it waits for nobody. `solve_callback` asks a function of
this process.
"""

from raphson_solver.callback.problem import CallbackProblem
from raphson_solver.callback.question import Question
from raphson_solver.callback.result import CallbackSolution
from raphson_solver.callback.search import Search
from raphson_solver.callback.solve import solve_callback

__all__ = ["CallbackProblem", "CallbackSolution", "Question", "Search", "solve_callback"]
