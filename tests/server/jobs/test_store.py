"""The store of jobs, in SQLite and in PostgreSQL: what is claimed, committed and remembered."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from raphson_server.jobs.description import JobDescription
from raphson_server.jobs.errors import (
    JobErrorCode,
    JobNotFoundError,
    JobStateError,
    LeaseLostError,
    StoreError,
)
from raphson_server.jobs.record import JobState
from raphson_server.jobs.store import Store

ME, YOU = "me", "you"
LONG = 60.0
DESCRIPTION = JobDescription(definition=b"a system", input_url="/in.parquet", output_url="/out.parquet")


@pytest.fixture
def opened(store_url: str) -> Iterator[Store]:
    with Store(store_url) as store:
        yield store


def test_a_new_job_is_queued_and_found_again(opened: Store, store_url: str) -> None:
    made = opened.create(DESCRIPTION)
    assert made.state is JobState.QUEUED
    assert made.description == DESCRIPTION
    assert made.name == f"jobs/{made.id}"
    assert len(made.id) == 26
    assert abs(made.created.timestamp() - time.time()) < 5.0
    with Store(store_url) as another:
        assert another.get(made.name) == made


def test_jobs_are_counted_by_state(opened: Store) -> None:
    assert opened.counts() == {}
    for _ in range(3):
        opened.create(DESCRIPTION)
    opened.claim(ME, LONG)
    assert opened.counts() == {"QUEUED": 2, "RUNNING": 1}


def test_a_request_that_comes_twice_makes_one_job(opened: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: opened.create(DESCRIPTION, "once"), range(16)))
    assert len({record.name for record in made}) == 1
    assert opened.find_request("once") == made[0]
    assert opened.find_request("never") is None
    assert opened.create(DESCRIPTION, "twice").name != made[0].name


def test_the_oldest_is_claimed_first_and_by_one_alone(opened: Store) -> None:
    names = []
    for _ in range(12):
        names.append(opened.create(DESCRIPTION).name)
        time.sleep(0.002)
    with ThreadPoolExecutor(6) as pool:
        claimed = list(pool.map(lambda number: opened.claim(f"owner {number}", LONG), range(15)))
    taken = [record for record in claimed if record is not None]
    assert sorted(record.name for record in taken) == names
    assert all(record.state is JobState.RUNNING and record.started is not None for record in taken)
    assert len({record.owner for record in taken}) == 12
    assert opened.claim(ME, LONG) is None


def test_a_lease_that_ran_out_is_anothers_to_take(opened: Store) -> None:
    name = opened.create(DESCRIPTION).name
    assert opened.claim(ME, 0.05) is not None
    time.sleep(0.1)
    # As long as nobody took it, it can be renewed.
    assert opened.renew(name, ME, LONG).state is JobState.RUNNING
    assert opened.claim(YOU, LONG) is None
    opened.renew(name, ME, 0.05)
    time.sleep(0.1)
    taken = opened.claim(YOU, LONG)
    assert taken is not None
    assert (taken.name, taken.owner) == (name, YOU)
    for act in (
        lambda: opened.renew(name, ME, LONG),
        lambda: opened.chunk_done(name, ME, 0, 1, {"converged": 1}, 0.1),
        lambda: opened.finish(name, ME, JobState.SUCCEEDED),
        lambda: opened.release(name, ME),
        lambda: opened.set_rows_total(name, ME, 5),
    ):
        with pytest.raises(LeaseLostError, match="lost its lease"):
            act()
    assert opened.chunks_done(name) == {}
    assert opened.get(name).state is JobState.RUNNING


def test_a_job_is_claimed_by_name_and_taken_over_from_one_that_is_gone(opened: Store) -> None:
    first, second = opened.create(DESCRIPTION).name, opened.create(DESCRIPTION).name
    claimed = opened.claim(ME, LONG, name=second)
    assert claimed is not None
    assert claimed.name == second
    assert opened.claim(YOU, LONG, name=second) is None
    taken = opened.claim(YOU, LONG, name=second, take_over=True)
    assert taken is not None
    assert (taken.name, taken.owner, taken.started) == (second, YOU, claimed.started)
    assert opened.get(first).state is JobState.QUEUED


def test_a_chunk_counts_once_however_often_it_is_committed(opened: Store) -> None:
    name = opened.create(DESCRIPTION).name
    opened.claim(ME, LONG)
    counts = [{"converged": number, "stalled": 1} for number in range(10)]

    def commit(number: int) -> None:
        opened.chunk_done(name, ME, number, number + 1, counts[number], 0.25)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(commit, [*range(10), *range(10), 3]))
    record = opened.get(name)
    assert record.rows_done == sum(range(1, 11))
    assert Counter(record.status_counts) == sum(map(Counter, counts), Counter())
    done = opened.chunks_done(name)
    assert list(done) == list(range(10))
    assert (done[4].rows, done[4].status_counts, done[4].seconds) == (5, counts[4], 0.25)


def test_an_end_is_told_with_its_error_and_resumed_behind_what_is_done(opened: Store) -> None:
    name = opened.create(DESCRIPTION).name
    opened.claim(ME, LONG)
    opened.set_rows_total(name, ME, 20)
    opened.chunk_done(name, ME, 0, 10, {"converged": 10}, 0.1)
    failed = opened.finish(name, ME, JobState.FAILED, (JobErrorCode.DISK_FULL, "no room"))
    assert (failed.state, failed.error_code, failed.error_message) == (JobState.FAILED, "DISK_FULL", "no room")
    assert failed.ended is not None
    assert opened.claim(YOU, LONG) is None
    resumed = opened.resume(name)
    assert (resumed.state, resumed.error_code, resumed.ended) == (JobState.QUEUED, "", None)
    assert (resumed.rows_total, resumed.rows_done) == (20, 10)
    assert opened.resume(name) == resumed
    opened.claim(YOU, LONG)
    assert list(opened.chunks_done(name)) == [0]
    opened.finish(name, YOU, JobState.SUCCEEDED)
    with pytest.raises(JobStateError, match="is done; expected a job that failed or was cancelled"):
        opened.resume(name)


def test_a_job_that_waits_is_cancelled_at_once_and_one_that_runs_is_told(opened: Store) -> None:
    waiting, running = opened.create(DESCRIPTION).name, opened.create(DESCRIPTION).name
    assert opened.request_cancel(waiting).state is JobState.CANCELLED
    opened.claim(ME, LONG)
    told = opened.request_cancel(running)
    assert (told.state, told.cancel_requested) == (JobState.RUNNING, True)
    assert opened.renew(running, ME, LONG).cancel_requested
    with pytest.raises(JobStateError, match="being cancelled"):
        opened.resume(running)
    ended = opened.finish(running, ME, JobState.CANCELLED)
    assert opened.request_cancel(running) == ended
    resumed = opened.resume(running)
    assert (resumed.state, resumed.cancel_requested) == (JobState.QUEUED, False)


def test_a_job_that_is_given_back_waits_again(opened: Store) -> None:
    name = opened.create(DESCRIPTION).name
    opened.claim(ME, LONG)
    assert opened.release(name, ME).state is JobState.QUEUED
    taken = opened.claim(YOU, LONG)
    assert taken is not None
    assert taken.name == name


def test_a_deleted_job_is_gone_with_its_chunks(opened: Store) -> None:
    name = opened.create(DESCRIPTION, "once").name
    opened.claim(ME, LONG)
    opened.chunk_done(name, ME, 0, 1, {"converged": 1}, 0.1)
    with pytest.raises(JobStateError, match="is running; cancel it"):
        opened.delete(name)
    opened.finish(name, ME, JobState.CANCELLED)
    opened.delete(name)
    assert opened.chunks_done(name) == {}
    for act in (opened.get, opened.delete, opened.request_cancel, opened.resume):
        with pytest.raises(JobNotFoundError, match="is no job of this store"):
            act(name)
    assert opened.create(DESCRIPTION, "once").name != name


def test_a_list_comes_in_pages_the_newest_first(opened: Store) -> None:
    names = []
    for _ in range(7):
        names.append(opened.create(DESCRIPTION).name)
        time.sleep(0.002)
    seen, token, pages = [], "", 0
    while True:
        records, token = opened.list(3, token)
        seen += [record.name for record in records]
        pages += 1
        if not token:
            break
    assert seen == names[::-1]
    assert pages == 3
    assert opened.list(7) == (opened.list()[0], "")


def test_two_processes_may_open_a_new_store_at_once(store_url: str) -> None:
    together = threading.Barrier(4)

    def use(number: int) -> str:
        together.wait()
        with Store(store_url) as store:
            return store.create(DESCRIPTION, f"request {number % 2}").name

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(use, range(4)))) == 2


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://user:secret@host/db", "begins with 'mysql'"),
        ("/no/such/folder/jobs.sqlite", "/no/such/folder is no folder"),
        ("postgresql://user:secret@127.0.0.1:1/db", "cannot be opened"),
        ("nonsense://", "begins with 'nonsense'"),
    ],
)
def test_a_store_that_cannot_be_opened_says_so_and_no_password(url: str, words: str) -> None:
    with pytest.raises(StoreError, match=words) as raised:
        Store(url)
    assert "secret" not in raised.value.message


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.sqlite"
    path.write_text("no database at all, " * 100)
    with pytest.raises(StoreError, match=r"text.sqlite cannot be opened: file is not a database"):
        Store(str(path))


def test_tables_of_the_version_before_are_taken_along(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    with Store(str(path)) as store:
        made = store.create(DESCRIPTION)
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE raphson_jobs DROP COLUMN caller")
        connection.execute("UPDATE raphson_store SET version = 1")
    connection.close()
    with Store(str(path)) as store:
        assert store.get(made.name).caller == ""
        own = store.create(DESCRIPTION, "one", "alice")
        assert [record.name for record in store.list(caller="alice")[0]] == [own.name]


def test_tables_of_another_version_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    Store(str(path)).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE raphson_store SET version = 99")
    connection.close()
    with pytest.raises(StoreError, match="tables of version 99; this program expects 2"):
        Store(str(path))
