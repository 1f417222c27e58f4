"""Whole jobs, in this process: every row once, wherever they were left; and what keeps them from it."""

from __future__ import annotations

import itertools
import json
import os
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fsspec.core import url_to_fs
from raphson_server.jobs import files
from raphson_server.jobs import run as room
from raphson_server.jobs.check import check
from raphson_server.jobs.description import JobDescription
from raphson_server.jobs.errors import JobError, JobErrorCode, LeaseLostError
from raphson_server.jobs.executor import Chunk
from raphson_server.jobs.record import JobRecord, JobState
from raphson_server.jobs.run import JobProgress, run
from raphson_server.jobs.store import Store
from raphson_server.jobs.work_directory import remove_work

from tests.server.jobs.working import (
    CIRCLE,
    CIRCLE_START,
    OWNER,
    InProcess,
    describe,
    directly,
    left_in,
    radii,
    read_table,
    run_job,
    write_table,
)

ROWS = 225


class KilledError(Exception):
    """Stands for a process that ends: nothing after it happens."""


def job(folder: Path, *, table: pa.Table | None = None, suffix: str = ".parquet", **more: Any) -> JobDescription:
    """Write an input and describe a job on it: `CIRCLE`, `id` carried along."""
    path = folder / f"in{suffix}"
    if not path.exists():
        write_table(radii(ROWS) if table is None else table, path)
    # Fewer rows than lanes are worth: making code for each job would take longer than all the rest.
    given = {"carry": ("id",), "input_url": str(path), "chunk_rows": 50}
    return describe(folder, CIRCLE, **{**given, **more})


def assert_whole(path: Path, table: pa.Table) -> None:
    """Check every row of an output against the solver's own answer."""
    found = read_table(path)
    direct = directly(CIRCLE, CIRCLE_START, table)
    assert found["id"].to_pylist() == table["id"].to_pylist()
    np.testing.assert_allclose(found["x"].to_numpy(), direct["x"], rtol=1e-13)
    np.testing.assert_allclose(found["y"].to_numpy(), direct["y"], rtol=1e-13)
    assert found["status"].to_pylist() == ["converged"] * len(table)


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".arrows", ".csv"])
@pytest.mark.parametrize("output", ["out.parquet", "out.arrow", "out.csv"])
def test_a_table_becomes_a_table_of_any_format(tmp_path: Path, store: Store, suffix: str, output: str) -> None:
    ended = run_job(job(tmp_path, suffix=suffix, output_url=str(tmp_path / output)), store)
    assert (ended.state, ended.error_message) == (JobState.SUCCEEDED, "")
    assert (ended.rows_total, ended.rows_done, ended.status_counts) == (ROWS, ROWS, {"converged": ROWS})
    assert_whole(tmp_path / output, radii(ROWS))
    assert left_in(tmp_path) == sorted([f"in{suffix}", output])


@pytest.mark.parametrize("rows", [0, 1, 49, 50, 51, 100])
@pytest.mark.parametrize("output", ["out.parquet", "out.arrow", "out.csv"])
def test_any_number_of_rows_is_a_table(tmp_path: Path, store: Store, rows: int, output: str) -> None:
    ended = run_job(job(tmp_path, table=radii(rows), output_url=str(tmp_path / output)), store)
    assert (ended.state, ended.rows_done) == (JobState.SUCCEEDED, rows)
    found = read_table(tmp_path / output)
    assert found.column_names == ["id", "x", "y", "status", "residual_norm", "iterations"]
    if rows:
        assert_whole(tmp_path / output, radii(rows))
    assert len(found) == rows


def test_arrays_are_lists_and_in_csv_columns(tmp_path: Path, store: Store) -> None:
    write_table(pa.table({"p": [4.0, 9.0], "q": [0.5, 0.0]}), tmp_path / "in.parquet")
    for output in ("out.parquet", "out.csv"):
        run_job(describe(tmp_path, output_url=str(tmp_path / output)), store)
    u = read_table(tmp_path / "out.parquet")["u"].to_pylist()
    np.testing.assert_allclose(u, [[2.0, 2.5, 3.0], [3.0] * 3], rtol=1e-12)
    assert read_table(tmp_path / "out.csv").column_names == [
        *("x", "u[0]", "u[1]", "u[2]", "status", "residual_norm", "iterations")
    ]
    assert read_table(tmp_path / "out.csv")["u[2]"].to_pylist() == [row[2] for row in u]


def test_urls_of_fsspec_are_read_and_written(tmp_path: Path, store: Store) -> None:
    write_table(radii(ROWS), tmp_path / "in.parquet")
    memory, place = url_to_fs(f"memory://{tmp_path.name}/in.parquet")
    memory.pipe_file(place, (tmp_path / "in.parquet").read_bytes())
    folder = f"memory://{tmp_path.name}"
    description = job(tmp_path, input_url=f"{folder}/in.parquet", output_url=f"{folder}/out.parquet")
    ended = run_job(description, store)
    assert ended.state is JobState.SUCCEEDED, ended.error_message
    (tmp_path / "copy.parquet").write_bytes(memory.cat_file(f"/{tmp_path.name}/out.parquet"))
    assert_whole(tmp_path / "copy.parquet", radii(ROWS))
    assert [name.rpartition("/")[2] for name in memory.ls(f"/{tmp_path.name}", detail=False)] == [
        "in.parquet",
        "out.parquet",
    ]
    again = run_job(description, store)
    assert again.error_code == JobErrorCode.OUTPUT_EXISTS


# --- left and gone on with -----------------------------------------------------------------------------------------


def killed_at(number: int) -> InProcess:
    def before(chunk: Chunk) -> None:
        if chunk.number == number:
            raise KilledError

    return InProcess(before)


def claim(store: Store) -> JobRecord:
    claimed = store.claim(OWNER, 30.0)
    assert claimed is not None
    return claimed


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_what_is_done_is_not_done_again(tmp_path: Path, store: Store, suffix: str) -> None:
    description = job(tmp_path, suffix=suffix)
    store.create(description)
    stop = threading.Event()
    first = InProcess(lambda chunk: stop.set() if chunk.number == 3 else None)
    with first:
        given_back = run(claim(store), store, OWNER, first, stop=stop)
    assert given_back.state is JobState.QUEUED
    done = set(store.chunks_done(given_back.name))
    assert 0 < len(done) < 5
    second = InProcess()
    with second:
        ended = run(claim(store), store, OWNER, second)
    assert (ended.state, ended.rows_total, ended.rows_done) == (JobState.SUCCEEDED, ROWS, ROWS)
    assert set(second.numbers) == set(range(5)) - done
    assert_whole(tmp_path / "out.parquet", radii(ROWS))


def test_ctrl_c_gives_the_job_back(tmp_path: Path, store: Store) -> None:
    store.create(job(tmp_path))

    def interrupt(progress: JobProgress) -> None:
        if progress.rows_done == 100:
            raise KeyboardInterrupt

    with InProcess() as executor, pytest.raises(KeyboardInterrupt):
        run(claim(store), store, OWNER, executor, interrupt)
    records, _ = store.list()
    assert (records[0].state, records[0].rows_done) == (JobState.QUEUED, 100)
    with InProcess() as executor:
        run(claim(store), store, OWNER, executor)
    assert_whole(tmp_path / "out.parquet", radii(ROWS))


@contextmanager
def dying(monkeypatch: pytest.MonkeyPatch, where: Any, name: str, at: int, *, after: bool) -> Iterator[None]:
    """Let the process die before or after the call of a method with that number."""
    calls = iter(range(10**6))
    real = getattr(where, name)

    def mortal(*arguments: Any, **more: Any) -> Any:
        if next(calls) != at:
            return real(*arguments, **more)
        if after:
            real(*arguments, **more)
        # BaseException: no handler of a process that is killed runs.
        raise SystemExit("killed")

    with monkeypatch.context() as patch:
        patch.setattr(where, name, mortal)
        patch.setattr(Store, "release", lambda *_: None)
        yield


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    ("where", "name", "at"),
    [
        (files.LocalFiles, "replace", 0),
        (files.LocalFiles, "replace", 3),
        (Store, "chunk_done", 2),
        (room.WorkDirectory, "whole", 0),
        (room, "join", 0),
        (room.WorkDirectory, "publish", 0),
        (files.LocalFiles, "publish", 0),
        (Store, "finish", 0),
    ],
)
def test_a_job_that_dies_at_any_step_loses_and_repeats_no_row(
    tmp_path: Path,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    where: Any,
    name: str,
    at: int,
    after: bool,
    overwrite: bool,
) -> None:
    if overwrite:
        (tmp_path / "out.parquet").write_text("what was there before")
    description = job(tmp_path, overwrite=overwrite)
    created = store.create(description)
    dies = not (overwrite and (where, name) == (files.LocalFiles, "publish"))
    with dying(monkeypatch, where, name, at, after=after), InProcess() as executor:
        record = store.claim(OWNER, 30.0)
        assert record is not None
        if dies:
            with pytest.raises(SystemExit, match="killed"):
                run(record, store, OWNER, executor)
        else:
            run(record, store, OWNER, executor)
    left = store.get(created.name)
    if left.state is JobState.RUNNING:
        again = store.claim("another", 30.0, name=created.name, take_over=True)
        assert again is not None
        with InProcess() as executor:
            left = run(again, store, "another", executor)
    assert (left.state, left.error_message) == (JobState.SUCCEEDED, "")
    assert (left.rows_done, left.status_counts) == (ROWS, {"converged": ROWS})
    assert_whole(tmp_path / "out.parquet", radii(ROWS))
    remove_work(left)
    assert left_in(tmp_path) == ["in.parquet", "out.parquet"]


def test_parts_that_somebody_removed_are_made_again(tmp_path: Path, store: Store) -> None:
    store.create(job(tmp_path))
    stop = threading.Event()
    with InProcess(lambda chunk: stop.set() if chunk.number == 4 else None) as first:
        given_back = run(claim(store), store, OWNER, first, stop=stop)
    (folder,) = (tmp_path / "out.parquet.raphson-job").iterdir()
    (folder / "00000001.part").unlink()
    with InProcess() as second:
        ended = run(claim(store), store, OWNER, second)
    assert 1 in second.numbers
    assert ended.rows_done == ROWS
    assert given_back.name == ended.name
    assert_whole(tmp_path / "out.parquet", radii(ROWS))


@pytest.mark.parametrize("change", ["rows", "columns", "touched"])
def test_an_input_that_has_changed_is_refused(tmp_path: Path, store: Store, change: str) -> None:
    description = job(tmp_path)
    created = store.create(description)
    stop = threading.Event()
    with InProcess(lambda _: stop.set()) as executor:
        run(claim(store), store, OWNER, executor, stop=stop)
    path = tmp_path / "in.parquet"
    match change:
        case "rows":
            write_table(radii(ROWS + 1), path)
        case "columns":
            write_table(radii(ROWS).set_column(0, "id", pa.array(np.arange(ROWS, dtype=np.int32))), path)
        case "touched":
            os.utime(path, ns=(1, 1))
    with InProcess() as executor:
        ended = run(claim(store), store, OWNER, executor)
    assert (ended.state, ended.error_code) == (JobState.FAILED, JobErrorCode.INPUT_CHANGED)
    assert "in.parquet has changed since the job began" in ended.error_message
    assert ("columns id int64" in ended.error_message) is (change == "columns")
    assert not (tmp_path / "out.parquet").exists()
    assert ended.name == created.name


# --- told to stop --------------------------------------------------------------------------------------------------


def test_a_job_is_cancelled_while_it_runs(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raphson_server.jobs.lease._LOOK_SECONDS", 0.01)
    created = store.create(job(tmp_path, table=radii(60), chunk_rows=1))
    ended = None

    def cancel(progress: JobProgress) -> None:
        if progress.rows_done == 5:
            store.request_cancel(created.name)
            threading.Event().wait(0.1)

    with InProcess() as executor:
        ended = run(claim(store), store, OWNER, executor, cancel)
    assert ended.state is JobState.CANCELLED
    assert 5 <= ended.rows_done < 60
    store.resume(created.name)
    with InProcess() as executor:
        assert run(claim(store), store, OWNER, executor).state is JobState.SUCCEEDED
    assert_whole(tmp_path / "out.parquet", radii(60))


def test_a_lease_that_is_lost_ends_the_run_and_leaves_the_job(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("raphson_server.jobs.lease._LOOK_SECONDS", 0.01)
    created = store.create(job(tmp_path))

    def lose(progress: JobProgress) -> None:
        if progress.rows_done == 100:
            store.claim("another", 30.0, name=created.name, take_over=True)

    with InProcess() as executor, pytest.raises(LeaseLostError):
        run(claim(store), store, OWNER, executor, lose)
    record = store.get(created.name)
    assert (record.state, record.owner, record.rows_done) == (JobState.RUNNING, "another", 100)
    assert not (tmp_path / "out.parquet").exists()


def test_progress_is_told(tmp_path: Path, store: Store) -> None:
    told: list[JobProgress] = []
    run_job(job(tmp_path), store, on_progress=told.append)
    done = [each.rows_done for each in told]
    assert (len(done), done[0], done[-2:]) == (7, 0, [225, 225])
    # The last chunk is half as long as the others, and may be done before them.
    assert sorted(b - a for a, b in itertools.pairwise(done)) == [0, 25, 50, 50, 50, 50]
    assert all(each.rows_total == ROWS for each in told)
    assert [each.is_joining for each in told] == [False] * 6 + [True]
    assert told[-1].status_counts == {"converged": ROWS}


# --- what keeps a job from its work --------------------------------------------------------------------------------


def test_an_output_that_is_there_is_replaced_only_if_told(tmp_path: Path, store: Store) -> None:
    (tmp_path / "out.parquet").write_text("precious")
    with pytest.raises(JobError, match=r"out.parquet is there already; expected a new name, or to overwrite it"):
        check(job(tmp_path))
    ended = run_job(job(tmp_path), store)
    assert (ended.state, ended.error_code) == (JobState.FAILED, JobErrorCode.OUTPUT_EXISTS)
    assert (tmp_path / "out.parquet").read_text() == "precious"
    run_job(job(tmp_path, overwrite=True), store)
    assert_whole(tmp_path / "out.parquet", radii(ROWS))


def test_an_output_that_appears_meanwhile_is_left_alone(tmp_path: Path, store: Store) -> None:
    def appear(progress: JobProgress) -> None:
        if progress.is_joining:
            (tmp_path / "out.parquet").write_text("somebody else's")

    ended = run_job(job(tmp_path), store, on_progress=appear)
    assert (ended.state, ended.error_code) == (JobState.FAILED, JobErrorCode.OUTPUT_EXISTS)
    assert (tmp_path / "out.parquet").read_text() == "somebody else's"
    (tmp_path / "out.parquet").unlink()
    store.resume(ended.name)
    with InProcess() as executor:
        run(claim(store), store, OWNER, executor)
    assert executor.numbers == []
    assert_whole(tmp_path / "out.parquet", radii(ROWS))


@pytest.mark.parametrize(
    ("output", "code", "words"),
    [
        ("none/out.parquet", JobErrorCode.OUTPUT_UNWRITABLE, "cannot be written: there is no folder .*none"),
        (".", JobErrorCode.OUTPUT_UNWRITABLE, "is a folder; expected the name of a file"),
        ("in.parquet", JobErrorCode.OUTPUT_UNWRITABLE, "in.parquet is the input; expected another name"),
        ("out.xlsx", JobErrorCode.INPUT_UNREADABLE, "the extension '.xlsx' is not known"),
    ],
)
def test_an_output_that_cannot_be_written_is_told_before_any_work(
    tmp_path: Path, store: Store, output: str, code: JobErrorCode, words: str
) -> None:
    description = job(tmp_path, output_url=str(tmp_path / output), overwrite=True)
    with pytest.raises(JobError, match=words) as raised:
        check(description)
    assert raised.value.code is code
    executor = InProcess()
    assert run_job(description, store, executor).error_code == code
    assert executor.numbers == []
    assert left_in(tmp_path) == ["in.parquet"]


def test_a_folder_that_may_not_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Whoever runs this may be root, who may write anywhere.
    monkeypatch.setattr(os, "access", lambda path, _: str(path) != str(tmp_path / "closed"))
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    with pytest.raises(JobError, match="closed is not writable"):
        check(job(tmp_path, output_url=str(folder / "out.parquet")))


@pytest.mark.parametrize("error", [28, 122, 27, 5])
def test_a_disk_that_is_full_is_told_and_what_is_done_is_kept(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    """ENOSPC, EDQUOT and EFBIG; EIO is another matter. That a disk says so is tested in `test_full_disk`."""
    real = files._Whole.write
    left = [12_000]

    def write(self: Any, data: Any) -> int:
        left[0] -= len(data)
        if left[0] < 0:
            raise OSError(error, os.strerror(error))
        return real(self, data)

    created = store.create(job(tmp_path))
    with monkeypatch.context() as patch, InProcess() as executor:
        patch.setattr(files._Whole, "write", write)
        ended = run(claim(store), store, OWNER, executor)
    assert ended.state is JobState.FAILED
    assert ended.error_code == (JobErrorCode.OUTPUT_UNWRITABLE if error == 5 else JobErrorCode.DISK_FULL)
    assert os.strerror(error) in ended.error_message
    assert ended.rows_done > 0
    store.resume(created.name)
    with InProcess() as executor:
        assert run(claim(store), store, OWNER, executor).state is JobState.SUCCEEDED
    assert_whole(tmp_path / "out.parquet", radii(ROWS))


def test_a_ragged_column_fails_the_job_by_its_row(tmp_path: Path, store: Store) -> None:
    table = pa.table({"p": [[1.0]] * 250 + [[1.0, 2.0]] + [[1.0]] * 99, "q": [1.0] * 350})
    write_table(table, tmp_path / "in.parquet")
    system = type(CIRCLE)(
        equations=["x**2 = p[0] + q"],
        variables=[{"name": "x"}],
        parameters=[{"name": "p", "shape": [1]}, {"name": "q"}],
    )
    ended = run_job(describe(tmp_path, system, start={"x": 1.0}), store)
    assert (ended.state, ended.error_code) == (JobState.FAILED, JobErrorCode.INVALID_COLUMNS)
    assert "column 'p' is ragged: row 250" in ended.error_message


def test_a_fault_of_the_program_is_told_and_logged(
    tmp_path: Path, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    ended = run_job(job(tmp_path), store, killed_at(2))
    assert (ended.state, ended.error_code) == (JobState.FAILED, JobErrorCode.INTERNAL)
    # The caller is told where to look it up, and nothing of the machine.
    assert "KilledError" not in ended.error_message
    (number,) = re.findall("request id ([0-9a-f]{32})", ended.error_message)
    assert [(each.message, each.request_id) for each in caplog.records] == [("job failed", number)]  # type: ignore[attr-defined]
    assert "KilledError" in caplog.text


def test_lists_are_not_carried_to_csv(tmp_path: Path) -> None:
    table = radii(3).append_column("tags", pa.array([["a"], [], None]))
    description = job(tmp_path, table=table, carry=("*",), output_url=str(tmp_path / "out.csv"))
    with pytest.raises(JobError, match=r"column 'tags' is list<.*: string>, which CSV cannot hold"):
        check(description)


def test_a_part_that_is_damaged_is_told(tmp_path: Path, store: Store) -> None:
    created = store.create(job(tmp_path))

    def damage(progress: JobProgress) -> None:
        if progress.is_joining:
            (folder,) = (tmp_path / "out.parquet.raphson-job").iterdir()
            (folder / "00000002.part").write_bytes(b"PAR1 something else PAR1")

    with InProcess() as executor:
        ended = run(claim(store), store, OWNER, executor, damage)
    assert (ended.state, ended.error_code) == (JobState.FAILED, JobErrorCode.PARTS_LOST)
    assert "00000002.part was committed and is not what it was" in ended.error_message
    assert created.name == ended.name


def test_counts_add_up_to_what_the_table_says(tmp_path: Path, store: Store) -> None:
    r = radii(ROWS)["r"].to_numpy().copy()
    r[::7] = np.nan
    table = pa.table({"id": np.arange(ROWS), "r": r})
    ended = run_job(job(tmp_path, table=table), store)
    found = read_table(tmp_path / "out.parquet")
    assert Counter(found["status"].to_pylist()) == ended.status_counts
    assert set(ended.status_counts) == {"converged", "domain_error"}
    assert json.loads(json.dumps(ended.status_counts)) == ended.status_counts
