"""Replies to solves: joined from bytes, they are protobuf's."""

from __future__ import annotations

import math
import os

import numpy as np
import pytest
import raphson_solver as rs
from hypothesis import given
from hypothesis import strategies as st
from raphson_server.worker.solve_reply import SolveReply
from raphson_solver.solution.solution import Solution

from benchmarks.processes import resident_bytes

PAIR = rs.compile(
    ["x + u[0] = a", "x*u[1] = 1", "u[0] + u[1] = 3"], start={"x": 1.0, "u": np.ones(2)}, parameters={"a": 2.0}
)


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from([*rs.Status]),
            st.integers(0, 300),
            st.lists(st.sampled_from([0.0, -0.0, 1.0, -2.5, math.nan, math.inf, 1e-300]), min_size=11, max_size=11),
            st.sampled_from(["dense LU", "sparse, direct"]),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_a_written_reply_is_the_message_of_the_solution(rows: list[tuple[rs.Status, int, list[float], str]]) -> None:
    reply = SolveReply(PAIR)
    for status, count, values, way in rows:
        counts = [count, 2 * count, count // 2, float(rs.Method.NEWTON), abs(values[0]), count % 3, abs(values[1])]
        answer = np.array([7.0, *counts, *values[2:]])  # p, then what the engine leaves
        solution = Solution(PAIR, answer, status, (None, None, way))
        assert reply.written(solution) == reply.message(solution).SerializeToString()


@pytest.mark.parametrize(("n", "replies"), [(500, 10_000), (50_000, 200)])
def test_replies_take_no_more_memory_the_more_there_are(n: int, replies: int) -> None:
    """Those of each system take a hundred megabytes and more together."""
    system = rs.compile(f"x[i] = i for i in range({n})", start={"x": np.zeros(n)})
    solution, reply = system.solve(np.zeros(n)), SolveReply(system)
    first = reply.written(solution)
    before = resident_bytes(os.getpid())
    for _ in range(replies):
        last = reply.written(solution)
    assert resident_bytes(os.getpid()) < before + 20e6
    assert last == first == reply.message(solution).SerializeToString()
