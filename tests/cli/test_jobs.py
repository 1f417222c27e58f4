"""`raphson jobs`, and `raphson batch --address`."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import raphson
from click.testing import CliRunner, Result
from raphson_server.cli import main

from tests.server.jobs.job_calls import JobServer, check_circle, job_server, slow, write_input

ROWS = 600
MODEL = """
equations = ["x**2 + y**2 = r**2", "exp(x) + y = 1"]
[start]
x = 1.0
y = -1.7
"""
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobServer]:
    """A server with jobs, a model and a table."""
    with job_server(tmp_path_factory.mktemp("jobs"), stderr=subprocess.DEVNULL) as started:
        write_input(started.folder / "in.parquet", ROWS)
        (started.folder / "model.toml").write_text(MODEL)
        yield started


@pytest.fixture
def run(jobs: JobServer) -> Run:
    """Run `raphson jobs …` against the server."""
    return lambda *arguments: CliRunner().invoke(main, ["jobs", *arguments, "--address", jobs.server.address])


@pytest.fixture
def batch(jobs: JobServer) -> Run:
    """Run `raphson batch` against the server, to an output of that name."""

    def run(output: str, *arguments: str) -> Result:
        files = [str(jobs.folder / name) for name in ("model.toml", "in.parquet")]
        own = ["-o", str(jobs.folder / output), "--carry", "row", "--address", jobs.server.address]
        return CliRunner().invoke(main, ["batch", *files, *own, *arguments])

    return run


def test_a_batch_on_a_server(jobs: JobServer, run: Run, batch: Run) -> None:
    result = batch("roots.parquet", "--chunk-rows", "100")
    assert result.exit_code == 0, result.output
    assert f"{ROWS} rows" in result.output
    assert "converged" in result.output
    check_circle(jobs.folder / "roots.parquet", np.linspace(1, 3, ROWS))
    again = batch("roots.parquet", "--chunk-rows", "100")
    assert again.exit_code == 2
    assert "roots.parquet is there already" in again.output
    replaced = batch("roots.parquet", "--overwrite", "--json")
    assert replaced.exit_code == 0
    assert json.loads(replaced.stdout)["status_counts"] == {"converged": ROWS}
    listed = run("list", "--limit", "1")
    assert listed.exit_code == 0
    heading, row = listed.output.splitlines()
    assert heading.split() == ["job", "state", "progress", "output"]
    assert row.split()[1:5] == ["succeeded", str(ROWS), "of", str(ROWS)]


def test_a_batch_that_is_interrupted_goes_on_there(
    jobs: JobServer, batch: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: raphson.Job) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(raphson.Job, "watch", interrupted)
        result = batch("later.parquet")
    assert result.exit_code == 130
    assert "goes on there: raphson jobs watch jobs/" in result.output
    name = next(word for word in result.output.split() if word.startswith("jobs/"))
    jobs.finish(name)
    check_circle(jobs.folder / "later.parquet", np.linspace(1, 3, ROWS))


def test_a_job_through_its_life(jobs: JobServer, run: Run) -> None:
    target = jobs.folder / "slow.parquet"
    name = jobs.create(slow(jobs.folder / "in.parquet", target, iterations=25_000)).name
    jobs.wait_for(name, lambda job: job.progress.rows_done > 0)
    shown = run("show", name)
    assert shown.exit_code == 0
    assert shown.output.startswith(f"{name}: running\n")
    assert f"/in.parquet → {target}" in shown.output
    refused = run("delete", name)
    assert refused.exit_code == 2
    assert "cancel it" in refused.output
    assert run("cancel", name).exit_code == 0
    watched = run("watch", name, "--json")
    assert watched.exit_code == 1
    last = json.loads(watched.stdout.splitlines()[-1])
    assert (last["state"], last["rows_total"]) == ("CANCELLED", ROWS)
    assert 0 < last["rows_done"] < ROWS
    assert run("resume", name).output.startswith(f"{name}: ")
    assert run("watch", name.removeprefix("jobs/")).exit_code == 0
    assert pq.read_table(target).num_rows == ROWS
    deleted = run("delete", name, "--json")
    assert json.loads(deleted.stdout) == {"deleted": name}
    gone = run("show", name, "--json")
    assert gone.exit_code == 3
    assert json.loads(gone.stdout)["error"]["reason"] == "JOB_NOT_FOUND"


def test_a_job_that_is_refused(jobs: JobServer, batch: Run) -> None:
    source = str(jobs.folder / "in.parquet")
    outside = batch("../outside.parquet")
    assert outside.exit_code == 2
    assert "lets jobs read and write" in outside.output or "'..'" in outside.output
    misspelt = batch("misspelt.parquet", "--carry", "rwo")
    assert misspelt.exit_code == 2
    assert "'rwo'" in misspelt.output
    assert source in misspelt.output


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--store", "kept.sqlite"], "--store is the server's choice"),
        (["--workers", "3"], "--workers is the server's choice"),
        (["--on", "dask://127.0.0.1:1"], "--on is the server's choice"),
        (["--on", "ray://127.0.0.1:1"], "expected dask://host:port"),
    ],
)
def test_what_contradicts_itself(batch: Run, flags: list[str], words: str) -> None:
    result = batch("x.parquet", *flags)
    assert result.exit_code == 2
    assert words in result.output


def test_an_address_is_needed_and_may_be_in_the_environment(jobs: JobServer) -> None:
    without = CliRunner().invoke(main, ["jobs", "list"], env={"RAPHSON_ADDRESS": ""})
    assert without.exit_code == 2
    assert "--address" in without.output
    given = CliRunner().invoke(main, ["jobs", "list", "--json"], env={"RAPHSON_ADDRESS": jobs.server.address})
    assert given.exit_code == 0
    assert isinstance(json.loads(given.stdout)["jobs"], list)


def test_a_server_without_jobs(address: str) -> None:
    result = CliRunner().invoke(main, ["jobs", "list", "--address", address])
    assert result.exit_code == 2
    assert "raphson serve --jobs" in result.output


def test_what_the_document_shows(jobs: JobServer, capsys: pytest.CaptureFixture[str]) -> None:
    """Its Python runs, at this server and in this folder."""
    document = (Path(__file__).parents[2] / "docs" / "jobs.md").read_text()
    (code,) = re.findall(r"```python\n(import raphson\n.*?)```", document, re.DOTALL)
    table = pa.table({"r": np.linspace(1.5, 4.0, 1_000), "id": np.arange(1_000)})
    pq.write_table(table, jobs.folder / "shown-params.parquet")
    here = code.replace("HOST:PORT", jobs.server.address).replace("/data/", f"{jobs.folder}/shown-")
    exec(compile(here, "docs/jobs.md", "exec"), {})
    shown = capsys.readouterr().out
    assert "succeeded" in shown
    assert "1,000 of 1,000 rows" in shown
    assert shown.splitlines()[-1] == "SUCCEEDED 1,000 of 1,000 rows None"
