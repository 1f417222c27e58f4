"""A chunk solved: the same bytes each time, in any process, and what the solver itself gives."""

from __future__ import annotations

import hashlib
import io
import math
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import raphson_solver as rs
from raphson.v1.system_pb2 import Parameter, System, Variable
from raphson_server.jobs import solve_chunk as room
from raphson_server.jobs.description import JobDescription
from raphson_server.jobs.errors import JobError, JobErrorCode
from raphson_server.jobs.pivots import PILOTS
from raphson_server.jobs.solve_chunk import solve_chunk, write_plan, write_rows
from raphson_server.jobs.system import read_options, read_system

from tests.server.jobs.working import CIRCLE, ROOT, START, describe, directly, radii, squares

# Which pivots are good depends on the sign of p.
TURNING = System(
    equations=["p*x + y = 1", "x + p*y**3 = 2 + z", "z + y*p = x"],
    variables=[Variable(name=name) for name in "xyz"],
    parameters=[Parameter(name="p")],
)
TURNING_START = {"x": 1.0, "y": 1.0, "z": 1.0}


def batch(table: pa.Table) -> pa.RecordBatch:
    return table.combine_chunks().to_batches()[0]


def plan_of(description: JobDescription, table: pa.Table, *, in_lanes: bool = True) -> bytes:
    return write_plan(description, batch(table.slice(0, PILOTS)), in_lanes=in_lanes)


def solved(description: JobDescription, table: pa.Table, first_row: int = 0) -> tuple[pa.Table, Any]:
    result = solve_chunk(plan_of(description, table), write_rows(batch(table), first_row))
    return pa.ipc.open_file(io.BytesIO(result.part)).read_all(), result


def test_a_chunk_gives_what_the_solver_gives(tmp_path: Path) -> None:
    table = squares(500)
    found, result = solved(describe(tmp_path), table)
    direct = directly(ROOT, START, table)
    np.testing.assert_allclose(found["x"].to_numpy(), direct["x"], rtol=1e-14)
    u = found["u"].combine_chunks()
    np.testing.assert_allclose(u.values.to_numpy().reshape(-1, 3), direct["u"], rtol=1e-14, atol=1e-14)
    assert found["status"].to_pylist() == ["converged"] * 500
    assert found["iterations"].to_pylist() == direct.iterations.tolist()
    assert (result.rows, result.status_counts) == (500, {"converged": 500})
    assert found.schema.field("u").type == pa.list_(pa.field("element", pa.float64(), nullable=False), 3)


def test_what_has_no_numbers_is_a_row_with_a_status(tmp_path: Path) -> None:
    table = pa.table(
        {
            "p": pa.array([4.0, None, math.nan, math.inf, 4.0, 9.0] * 50),
            "q": [1.0] * 300,
            "x": pa.array([1.0, 1.0, 1.0, 1.0, None, 2.0] * 50),
        }
    )
    found, result = solved(describe(tmp_path), table)
    assert found["status"].to_pylist() == (["converged"] + ["domain_error"] * 4 + ["converged"]) * 50
    assert result.status_counts == {"converged": 100, "domain_error": 200}
    x = found["x"].to_numpy().reshape(-1, 6)
    np.testing.assert_allclose(x[:, [0, 5]], [[2.0, 3.0]] * 50)
    np.testing.assert_array_equal(x[:, 1:5], [[1.0, 1.0, 1.0, math.nan]] * 50)
    norms = found["residual_norm"].to_numpy().reshape(-1, 6)
    assert np.isnan(norms[:, 1:5]).all()


def test_one_members_nan_leaves_its_neighbours_as_they_are(tmp_path: Path) -> None:
    table = squares(300)
    sound, _ = solved(describe(tmp_path), table)
    holes = np.where(np.arange(300) % 7 == 3, math.nan, table["p"].to_numpy())
    plan = plan_of(describe(tmp_path), table)
    result = solve_chunk(plan, write_rows(batch(table.set_column(0, "p", pa.array(holes))), 0))
    found = pa.ipc.open_file(io.BytesIO(result.part)).read_all()
    is_sound = np.isfinite(holes)
    np.testing.assert_array_equal(found["x"].to_numpy()[is_sound], sound["x"].to_numpy()[is_sound])


def test_a_chunk_without_sound_rows_or_without_rows_is_solved(tmp_path: Path) -> None:
    table = pa.table({"p": [math.nan] * 70, "q": [math.nan] * 70})
    _, result = solved(describe(tmp_path), table)
    assert result.status_counts == {"domain_error": 70}
    empty = solve_chunk(
        plan_of(describe(tmp_path), squares(70)), write_rows(pa.RecordBatch.from_pylist([], table.schema), 0)
    )
    found = pa.ipc.open_file(io.BytesIO(empty.part)).read_all()
    assert (found.num_rows, found.column_names) == (0, ["x", "u", "status", "residual_norm", "iterations"])


def test_rows_begin_where_their_columns_say(tmp_path: Path) -> None:
    signs = np.where(np.arange(200) % 2, 1.0, -1.0)
    table = squares(200).append_column("x", pa.array(signs))
    found, _ = solved(describe(tmp_path), table)
    np.testing.assert_allclose(found["x"].to_numpy(), signs * np.sqrt(table["p"].to_numpy()), rtol=1e-12)


def test_carried_columns_come_along(tmp_path: Path) -> None:
    table = radii(100).append_column("name", pa.array([f"row {i}" for i in range(100)]))
    found, _ = solved(describe(tmp_path, CIRCLE, carry=("*", "r")), table)
    assert found.column_names == ["id", "r", "name", "x", "y", "status", "residual_norm", "iterations"]
    assert found.select(table.column_names) == table


def test_warm_starts_find_the_same_roots_in_fewer_steps(tmp_path: Path) -> None:
    table = pa.table({"p": np.linspace(1.0, 400.0, 3000), "q": np.linspace(0.0, 1.0, 3000)})
    cold, _ = solved(describe(tmp_path), table)
    warm, result = solved(describe(tmp_path, warm_start=True), table)
    np.testing.assert_allclose(warm["x"].to_numpy(), cold["x"].to_numpy(), rtol=1e-12)
    assert result.status_counts == {"converged": 3000}
    assert sum(warm["iterations"].to_pylist()) < 0.7 * sum(cold["iterations"].to_pylist())


def test_a_ragged_column_is_told_by_its_row_in_the_table(tmp_path: Path) -> None:
    system = System(
        equations=["x = sum(h[i] for i in range(2))"],
        variables=[Variable(name="x")],
        parameters=[Parameter(name="h", shape=[2])],
    )
    description = describe(tmp_path, system, start={"x": 1.0})
    plan = plan_of(description, pa.table({"h": [[1.0, 2.0]] * 70}))
    with pytest.raises(JobError, match=r"in.parquet: column 'h' is ragged: row 5,003") as raised:
        solve_chunk(plan, write_rows(batch(pa.table({"h": [[1.0, 2.0]] * 3 + [[1.0]]})), 5000))
    assert raised.value.code is JobErrorCode.INVALID_COLUMNS


# --- the same bytes ---------------------------------------------------------------------------------------------


def turning(count: int, seed: int, sign: float) -> pa.Table:
    return pa.table({"p": sign * np.random.default_rng(seed).uniform(0.01, 5.0, count)})


def digests(plan: bytes, tables: list[pa.Table]) -> list[str]:
    return [hashlib.sha256(solve_chunk(plan, write_rows(batch(table), 0)).part).hexdigest() for table in tables]


PROGRAM = """
import sys, pickle
from tests.server.jobs.test_solve_chunk import digests
plan, tables = pickle.load(sys.stdin.buffer)
print(*digests(plan, tables))
"""


def in_another_process(plan: bytes, tables: list[pa.Table]) -> list[str]:
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, input=pickle.dumps((plan, tables)), capture_output=True, check=True)
    return done.stdout.decode().split()


@pytest.mark.parametrize(("has_pilots", "in_lanes"), [(True, True), (False, True), (True, False)])
def test_a_chunk_gives_the_same_bytes_whatever_was_solved_before(
    tmp_path: Path, has_pilots: bool, in_lanes: bool
) -> None:
    """Also where the first members decide nothing: J is not finite there."""
    description = describe(tmp_path, TURNING, start=TURNING_START)
    chunks = [turning(150, seed, 1.0 if seed % 2 else -1.0) for seed in range(4)]
    pilots = chunks[0] if has_pilots else pa.table({"p": [math.nan] * PILOTS})
    plan = plan_of(description, pilots, in_lanes=in_lanes)
    here = digests(plan, chunks)
    assert len(set(here)) == 4
    assert digests(plan, chunks) == here
    room._jobs.discard(hashlib.sha256(plan).digest())
    assert digests(plan, chunks[::-1]) == here[::-1]
    if has_pilots and in_lanes:
        assert in_another_process(plan, chunks[2:] + chunks[:2]) == here[2:] + here[:2]


# --- what a job cannot be ----------------------------------------------------------------------------------------


def test_equations_that_make_no_sense_are_told(tmp_path: Path) -> None:
    wrong = System(equations=["x**2 = = 2"], variables=[Variable(name="x")])
    with pytest.raises(JobError, match=r"equations\[0\]") as raised:
        read_system(describe(tmp_path, wrong, start={"x": 1.0}))
    assert raised.value.code is JobErrorCode.INVALID_DEFINITION
    with pytest.raises(JobError, match="Error parsing message"):
        read_system(describe(tmp_path, definition=b"\xff"))


def test_limits_go_with_the_plan(tmp_path: Path) -> None:
    table = squares(10)
    plan = write_plan(describe(tmp_path), batch(table), in_lanes=False, limits={"text_length": 3})
    with pytest.raises(JobError, match="more than the limit of 3"):
        solve_chunk(plan, write_rows(batch(table), 0))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "magic"}, "options.method: 'magic' is not known; expected one of auto, newton"),
        ({"tolerance": 2.0}, "options.tolerance: expected a number above 0 and below 1, found 2.0"),
        ({"max_iterations": 0}, "options.max_iterations: expected a whole number of at least 1, found 0"),
    ],
)
def test_options_that_cannot_be_are_told(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(JobError, match=words) as raised:
        read_options(describe(tmp_path, **options))
    assert raised.value.code is JobErrorCode.INVALID_DEFINITION


def test_methods_are_written_as_people_write_them(tmp_path: Path) -> None:
    for name in ("line-search", "line_search"):
        assert read_options(describe(tmp_path, method=name)).method is rs.Method.LINE_SEARCH
