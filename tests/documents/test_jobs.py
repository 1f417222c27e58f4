"""What docs/jobs.md shows, done: its Python, and its command."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from pyarrow import parquet
from raphson_server.cli import main
from raphson_server.jobs.errors import JobErrorCode
from raphson_server.jobs.table_format import EXTENSIONS

from tests.server.running import running_server

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "jobs.md").read_text()
(TABLE,) = re.findall(r"```python\n(import numpy.*?)```", DOCUMENT, re.DOTALL)
(ON_SERVER,) = re.findall(r"```python\n(import raphson\n.*?)```", DOCUMENT, re.DOTALL)
(COMMAND,) = re.findall(r"^\$ (raphson batch examples.*)$", DOCUMENT, re.MULTILINE)


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
    serve, batch, listed = re.findall(r"^\$ (raphson [^#\n]*)", DOCUMENT.split("## On a server")[1], re.MULTILINE)[:3]
    assert shlex.split(serve)[2:4] == ["--jobs", "/var/lib/raphson"]
    assert "--job-files /data" in serve
    (data / "model.toml").write_text((ROOT / "examples" / "two_equations.toml").read_text())
    flags = ["--jobs", str(tmp_path / "kept"), "--job-files", str(data), "--job-processes", "1"]
    with running_server(*flags, others=2) as server:

        def here(text: str) -> str:
            return text.replace("/data", str(data)).replace("HOST:PORT", server.address)

        exec(compile(here(ON_SERVER), "docs/jobs.md", "exec"), {})
        assert "SUCCEEDED" in capsys.readouterr().out
        (data / "roots.parquet").unlink()
        for command in (batch, listed):
            result = CliRunner().invoke(
                main, [*shlex.split(here(command))[1:], *["--carry", "id"] * (command is batch)]
            )
            assert result.exit_code == 0, result.output
    assert parquet.read_table("roots.parquet").num_rows == 10_000


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
