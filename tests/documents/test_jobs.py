"""What docs/jobs.md shows, done: its Python, and its command."""

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from pyarrow import parquet
from raphson_server.cli import main
from raphson_server.jobs.errors import JobErrorCode
from raphson_server.jobs.table_format import EXTENSIONS

from tests.server.running import START_SECONDS, running_server, wait_until

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "jobs.md").read_text()
(TABLE,) = re.findall(r"```python\n(import numpy.*?)```", DOCUMENT, re.DOTALL)
(ON_SERVER,) = re.findall(r"```python\n(import raphson\n.*?)```", DOCUMENT, re.DOTALL)
(COMMAND,) = re.findall(r"^\$ (raphson batch examples.*)$", DOCUMENT, re.MULTILINE)
SERVE, BATCH, LIST = re.findall(r"^\$ (raphson [^#\n]*)", DOCUMENT.split("## On a server")[1], re.MULTILINE)[:3]
DASK = re.findall(r"^\$ (.*)$", DOCUMENT.split("## Past one machine")[1], re.MULTILINE)
DONE = [TABLE, ON_SERVER, COMMAND, SERVE, BATCH, LIST, *DASK]


def test_its_command_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    exec(compile(TABLE, "docs/jobs.md", "exec"), {})
    _, *arguments = shlex.split(COMMAND)
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    shown = DOCUMENT.split(COMMAND)[1].split("```")[0].split("\n")
    assert [line.split(" in ")[0] for line in result.stdout.splitlines()] == [
        line.split(" in ")[0] for line in shown if line
    ]
    assert parquet.read_table("roots.parquet").num_rows == 10_000


def test_its_job_on_a_server_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it says of /data holds of any folder that the operator names."""
    data = tmp_path / "data"
    data.mkdir()
    monkeypatch.chdir(data)
    exec(compile(TABLE, "docs/jobs.md", "exec"), {})
    assert shlex.split(SERVE)[2:4] == ["--jobs", "/var/lib/raphson"]
    assert "--job-files /data" in SERVE
    (data / "model.toml").write_text((ROOT / "examples" / "two_equations.toml").read_text())
    flags = ["--jobs", str(tmp_path / "kept"), "--job-files", str(data), "--job-processes", "1"]
    with running_server(*flags, others=2) as server:

        def here(text: str) -> str:
            return text.replace("/data", str(data)).replace("HOST:PORT", server.address)

        exec(compile(here(ON_SERVER), "docs/jobs.md", "exec"), {})
        assert "SUCCEEDED" in capsys.readouterr().out
        (data / "roots.parquet").unlink()
        for command in (BATCH, LIST):
            result = CliRunner().invoke(
                main, [*shlex.split(here(command))[1:], *["--carry", "id"] * (command is BATCH)]
            )
            assert result.exit_code == 0, result.output
    assert parquet.read_table("roots.parquet").num_rows == 10_000


def test_its_cluster_solves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its commands, with two workers of this machine, first from the command line, then for a server."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.toml").write_text((ROOT / "examples" / "two_equations.toml").read_text())
    (tmp_path / "data").mkdir()
    for file in ("params.parquet", "data/params.parquet"):
        parquet.write_table(pa.table({"r": np.linspace(1.5, 4.0, 100)}), file)
    scheduler, worker, batch, serve = (shlex.split(command, comments=True) for command in DASK)
    assert scheduler == ["dask", "scheduler", "&"]
    assert worker[3:] == ["--nthreads", "1", "--nworkers", "8"]
    with contextlib.ExitStack() as stack:

        def start(*command: str) -> None:
            process = subprocess.Popen([sys.executable, "-m", *command, "--no-dashboard"], start_new_session=True)
            stack.callback(process.wait, 30)
            stack.callback(os.killpg, process.pid, signal.SIGTERM)

        start(*scheduler[:2], "--host", "127.0.0.1", "--port", "0", "--scheduler-file", "scheduler.json")
        wait_until(lambda: _address("scheduler.json") != "", START_SECONDS)
        address = _address("scheduler.json")

        def here(words: list[str]) -> list[str]:
            places = {"tcp://HOST:8786": address, "dask://HOST:8786": address.replace("tcp:", "dask:")}
            return [places.get(word, {"8": "2", "/data": str(tmp_path / "data")}.get(word, word)) for word in words]

        start(*here(worker), "--local-directory", str(tmp_path / "workers"))
        result = CliRunner().invoke(main, here(batch)[1:])
        assert result.exit_code == 0, result.output
        assert serve[2:4] == ["--jobs", "/var/lib/raphson"]
        with running_server("--jobs", str(tmp_path / "kept"), *here(serve)[4:], others=2) as server:
            tables = [str(tmp_path / "data" / "params.parquet"), "-o", str(tmp_path / "data" / "roots.parquet")]
            result = CliRunner().invoke(main, ["batch", "model.toml", *tables, "--address", server.address])
            assert result.exit_code == 0, result.output
        for file in ("roots.parquet", "data/roots.parquet"):
            assert parquet.read_table(file)["status"].to_pylist() == 100 * ["converged"]


def _address(file: str) -> str:
    """Return where a scheduler listens; empty until it has said so."""
    try:
        return str(json.loads(Path(file).read_text())["address"])
    except (FileNotFoundError, json.JSONDecodeError):
        return ""


def test_its_options_are_those_of_the_command() -> None:
    known = {option for each in main.get_command(None, "batch").params for option in [*each.opts, *each.secondary_opts]}  # type: ignore[arg-type, union-attr]
    shown = set(re.findall(r"`(--?[a-z-]+)", DOCUMENT.split("## Which column")[0]))
    assert shown <= known
    assert {"--carry", "--overwrite", "--store", "--workers"} <= shown


def test_its_codes_and_extensions_are_those_there_are() -> None:
    codes = set(re.findall(r"`([A-Z]+_[A-Z_]+)`", DOCUMENT.split("## What stops a job")[1].split("## ")[0]))
    assert codes <= {str(code) for code in JobErrorCode}
    table = DOCUMENT.split("## Tables")[1].split("\n\n")[1]
    assert set(re.findall(r"`(\.[a-z]+)`", table)) == set(EXTENSIONS)
