"""Getting the engine ready: loaded from Numba's cache on disk, or compiled once."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numba import types

from raphson_solver.compiler import Kernel
from raphson_solver.engine import family_rows, layout, multigrid, sparse_graph, sparse_lu
from raphson_solver.engine.cancel import CancelFlag
from raphson_solver.engine.eights_newton import newton_eights
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
    made = (iterate, enter, *_sparse(), *_families())
    return any(sum(cast("Any", function).stats.cache_misses.values()) for function in made)


def _sparse() -> tuple[object, ...]:
    """Make ready what sparse systems need beside the iteration, on a matrix of one entry; return its functions."""
    starts, columns, level = np.array([0, 1], np.int32), np.zeros(1, np.int32), np.zeros(1, np.int32)
    one, single = np.ones(1), np.ones(1, np.float32)
    sparse_graph.transposed(starts, columns, 1)
    sparse_graph.mirrored(starts, columns)
    sparse_graph.widest_level(starts, columns, starts, columns, 0, level)
    sparse_lu.symbolic(starts, columns, 1, 1.0)
    sparse_lu.remainder(starts, columns, one, one, one, one.copy())
    # These two would need a whole table.
    cast("Any", sparse_lu.factor_along).compile((types.int64, types.int64, types.int64, types.float64))
    cast("Any", sparse_lu.substitute_along).compile((types.int64, types.int64, types.int64))
    results = tuple(types.Array(kind, dimensions, "C") for kind, dimensions in (
        (types.float64, 2), (types.float64, 1), (types.int32, 1), (types.int8, 1)
    ))  # fmt: skip
    cast("Any", newton_eights).compile((types.int64, *(types.float64,) * 3, *results))
    matrix = (starts, columns, single)
    ordered = (starts, starts[:1], columns, single)
    multigrid.smooth_from_zero(*ordered, single, single, single.copy())
    multigrid.smooth_backwards(*matrix, single, single, single.copy())
    multigrid.left_over(*ordered, single, single.copy())
    multigrid.multiply(*matrix, single, single.copy(), False)
    return (
        sparse_graph.transposed, sparse_graph.mirrored, sparse_graph.widest_level, sparse_lu.symbolic,
        sparse_lu.remainder, sparse_lu.factor_along, sparse_lu.substitute_along, multigrid.smooth_from_zero,
        multigrid.smooth_backwards, multigrid.left_over, multigrid.multiply, newton_eights,
    )  # fmt: skip


def _families() -> tuple[object, ...]:
    """Make ready what lays out J of a system in families, on one entry; return its functions."""
    place, rows, columns = (np.zeros(3, np.int64) for _ in range(3))
    starts = np.zeros(2, np.int32)
    at, out = place.ctypes.data, (starts.ctypes.data, rows.ctypes.data, columns.ctypes.data)
    family_rows.note_widths(1, at, 1, starts.ctypes.data)
    family_rows.add_up(1, starts.ctypes.data)
    family_rows.place_in_order(0, 1, at, 1, at, *out, 0)
    places = np.zeros(1, np.int32)
    family_rows.place_sorted(0, 1, at, 1, at, *out, 1, places.ctypes.data)
    return family_rows.note_widths, family_rows.add_up, family_rows.place_in_order, family_rows.place_sorted
