"""What the kernel says of a disk that is full, and of a file that may not grow: told, and gone on from."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from raphson_server.jobs.errors import JobErrorCode
from raphson_server.jobs.record import JobState
from raphson_server.jobs.run import run
from raphson_server.jobs.store import Store

from tests.server.jobs.working import CIRCLE, OWNER, InProcess, describe, radii, read_table, run_job, write_table

ROWS = 3000
LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
from pathlib import Path
from raphson_server.jobs.files import LocalFiles, write_whole, writing_to
from raphson_server.jobs.errors import JobError
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = sys.argv[1]
with writing_to(path):
    write_whole(LocalFiles(), path, bytes(65536))
try:
    with writing_to(path):
        write_whole(LocalFiles(), path, bytes(65537))
except JobError as error:
    print(error.code, Path(path).stat().st_size, error.message)
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a disk of 300 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None:
        pytest.skip("only root may mount a small disk")
    done = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=300k", "none", str(folder)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run([str(shutil.which("umount")), str(folder)], check=True)


def test_a_job_on_a_full_disk_stops_and_goes_on_when_there_is_room(
    tmp_path: Path, small_disk: Path, store: Store
) -> None:
    write_table(radii(ROWS), tmp_path / "in.parquet")
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(260_000))
    description = describe(tmp_path, CIRCLE, carry=("id",), output_url=str(small_disk / "out.parquet"), chunk_rows=500)
    ended = run_job(description, store)
    assert (ended.state, ended.error_code) == (JobState.FAILED, JobErrorCode.DISK_FULL)
    assert "cannot be written: there is no room (No space left on device)" in ended.error_message
    assert 0 < ended.rows_done < ROWS
    assert not (small_disk / "out.parquet").exists()
    ballast.unlink()
    store.resume(ended.name)
    claimed = store.claim(OWNER, 30.0)
    assert claimed is not None
    with InProcess() as executor:
        again = run(claimed, store, OWNER, executor)
    assert (again.state, again.rows_done) == (JobState.SUCCEEDED, ROWS)
    assert len(executor.numbers) < 6
    assert read_table(small_disk / "out.parquet")["id"].to_pylist() == list(range(ROWS))


def test_a_file_that_may_not_grow_is_told_and_the_one_before_stays(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LIMITED, str(tmp_path / "part")]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout.decode().startswith("DISK_FULL 65536 ")
    assert "files may not grow so large (File too large)" in done.stdout.decode()
