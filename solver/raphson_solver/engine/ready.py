"""Getting the engine ready: loaded from Numba's cache on disk, or compiled once."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from raphson_solver.compiler import Kernel
from raphson_solver.engine import layout
from raphson_solver.engine.cancel import CancelFlag
from raphson_solver.engine.entrance import enter, entrance, iterate
from raphson_solver.engine.status import JacobianMode, Method
from raphson_solver.expression.graph import Graph


def warm_up() -> bool:
    """Make the engine ready; return whether it had to be compiled (some seconds, once a machine and version)."""
    graph = Graph()
    kernel = Kernel(graph, [graph.variable(0), graph.one, graph.one], 1)
    pattern = layout.Pattern(np.zeros(1, np.int64), np.zeros(1, np.int64), 1, 1).packed()
    flag = CancelFlag()
    plan = np.zeros(layout.PLAN_SIZE, dtype=np.int64)
    plan[layout.RESIDUAL_ADDRESS] = plan[layout.EVALUATE_ADDRESS] = kernel.address
    plan[layout.RESIDUAL_PROGRAM] = plan[layout.EVALUATE_PROGRAM] = kernel.program
    plan[layout.EFFECT_ADDRESS], plan[layout.EFFECT_PROGRAM] = kernel.address, kernel.program
    plan[layout.CANCEL_ADDRESS] = flag.address
    order = np.zeros(1, np.int64)
    plan[layout.PATTERN], plan[layout.ORDER] = pattern.ctypes.data, order.ctypes.data
    for place in (layout.M, layout.N, layout.ENTRIES, layout.SLICE_LIMIT, layout.ITERATION_LIMIT):
        plan[place] = 1
    plan[layout.EVALUATION_LIMIT] = 100
    plan[layout.METHOD] = Method.AUTO
    plan[layout.MODE] = JacobianMode.EXACT
    memory = layout.Memory(plan, kernel.work_size)
    iterate(memory.address)
    entrance()(memory.address, np.ones(1), np.ones(0))
    return any(sum(cast("Any", function).stats.cache_misses.values()) for function in (iterate, enter))
