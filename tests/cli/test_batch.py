"""`raphson batch`: what it says, what it leaves, and how it goes on."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result
from pyarrow import parquet
from raphson_server.cli import batch as command
from raphson_server.cli import main
from raphson_server.cli.asked_to_stop import asked_to_stop
from raphson_server.cli.row_progress import RowProgress, progress_line
from raphson_server.jobs.database import Database
from raphson_server.jobs.executor import Chunk

from tests.server.jobs.working import InProcess, left_in, radii, read_table, write_table

MODEL = """
equations = ["x**2 + y**2 = r**2", "exp(x) + y = 1"]
[start]
x = 1.0
y = -1.7
"""
ROWS = 230
Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def without_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Solve in this process; the one test of the whole starts processes of its own."""
    monkeypatch.setattr(command, "_executor", lambda *_: InProcess())


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `raphson batch model.toml …` in a folder with a model and a table."""
    monkeypatch.chdir(tmp_path)
    Path("model.toml").write_text(MODEL)
    write_table(radii(ROWS), Path("in.parquet"))

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["batch", "model.toml", *arguments, "--chunk-rows", "50"])

    return run


def interrupted(after: int) -> InProcess:
    """Return what is interrupted at a chunk."""

    def before(chunk: Chunk) -> None:
        if chunk.number == after:
            raise KeyboardInterrupt

    return InProcess(before)


def test_help_teaches_by_examples() -> None:
    shown = CliRunner().invoke(main, ["batch", "--help"]).output
    assert "raphson batch model.toml params.parquet -o roots.parquet" in shown
    assert "the same command goes on from there" in " ".join(shown.split())
    assert "batch model.toml rows.parquet" in CliRunner().invoke(main, ["--help"]).output


def test_a_table_is_solved_and_summarized(run: Run, tmp_path: Path) -> None:
    result = run("in.parquet", "-o", "out.parquet", "--carry", "id")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0].startswith(f"out.parquet: {ROWS} rows in 0:0")
    assert lines[0].endswith(" rows/s")
    assert lines[1].split() == ["converged", str(ROWS), "100.00", "%"]
    found = read_table(Path("out.parquet"))
    assert found.column_names == ["id", "x", "y", "status", "residual_norm", "iterations"]
    np.testing.assert_allclose(
        found["x"].to_numpy() ** 2 + found["y"].to_numpy() ** 2, radii(ROWS)["r"].to_numpy() ** 2, rtol=1e-11
    )
    assert left_in(tmp_path) == ["in.parquet", "model.toml", "out.parquet"]


def test_a_summary_is_json_too(run: Run) -> None:
    table = radii(ROWS).set_column(1, "r", pa.array([float("nan")] * 30 + [2.0] * 200))
    write_table(table, Path("in.parquet"))
    result = run("in.parquet", "-o", "out.csv", "--carry", "*", "--json")
    assert result.exit_code == 0
    said = json.loads(result.stdout)
    assert said.pop("elapsed_seconds") > 0
    assert said == {
        "output": "out.csv",
        "state": "SUCCEEDED",
        "rows": ROWS,
        "rows_now": ROWS,
        "status_counts": {"converged": 200, "domain_error": 30},
    }


def test_what_is_said_on_the_command_line_goes_before_the_model(run: Run) -> None:
    Path("model.toml").write_text(MODEL + "[parameters]\nr = 2.0\n[options]\nmax_iterations = 1\n")
    write_table(pa.table({"x": [1.0, 0.9, 1.1]}), Path("in.parquet"))
    assert run("in.parquet", "-o", "a.csv").exit_code == 0
    assert read_table(Path("a.csv"))["status"].to_pylist() == ["iteration_limit"] * 3
    given = ("-p", "r=3", "--start", "y=-2", "--max-iterations", "50", "--method", "line-search")
    assert run("in.parquet", "-o", "b.csv", *given).exit_code == 0
    found = read_table(Path("b.csv"))
    assert found["status"].to_pylist() == ["converged"] * 3
    np.testing.assert_allclose(np.hypot(found["x"].to_numpy(), found["y"].to_numpy()), 3.0)


def test_ctrl_c_keeps_what_is_done_and_the_same_command_goes_on(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("in.parquet", "-o", "out.parquet", "--carry", "id")
    with monkeypatch.context() as patch:
        patch.setattr(command, "_executor", lambda *_: interrupted(4))
        stopped = run(*arguments)
    assert stopped.exit_code == 130
    assert "stopped; 150 of 230 rows are done and kept: the same command goes on" in stopped.stderr
    assert left_in(tmp_path) == ["in.parquet", "model.toml", "out.parquet.raphson-job"]
    executor = InProcess()
    monkeypatch.setattr(command, "_executor", lambda *_: executor)
    # From another folder, too.
    monkeypatch.chdir("/")
    again = CliRunner().invoke(
        main,
        [
            *("batch", f"{tmp_path}/model.toml", f"{tmp_path}/in.parquet", "-o", f"{tmp_path}/out.parquet"),
            *("--carry", "id", "--chunk-rows", "50"),
        ],
    )
    assert again.exit_code == 0, again.output
    assert executor.numbers == [3, 4]
    assert "230 rows (150 of them before) in" in again.stdout
    assert read_table(tmp_path / "out.parquet")["id"].to_pylist() == list(range(ROWS))
    assert left_in(tmp_path) == ["in.parquet", "model.toml", "out.parquet"]


def test_another_command_does_not_mix_with_what_is_left(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(command, "_executor", lambda *_: interrupted(4))
        run("in.parquet", "-o", "out.parquet", "--carry", "id")
    other = run("in.parquet", "-o", "out.parquet", "--carry", "id", "--tolerance", "1e-9")
    assert other.exit_code == 2
    assert "out.parquet.raphson-job has 150 rows of another job" in other.stderr
    write_table(radii(ROWS, 1), Path("in.parquet"))
    changed = run("in.parquet", "-o", "out.parquet", "--carry", "id")
    assert changed.exit_code == 2
    assert "in.parquet has changed since the job began" in changed.stderr
    assert "begin anew: remove" in changed.stderr


def test_a_finished_output_is_replaced_only_if_told(run: Run) -> None:
    arguments = ("in.parquet", "-o", "out.parquet", "--carry", "id")
    for more in ((), ("--store", "jobs.sqlite")):
        Path("out.parquet").unlink(missing_ok=True)
        assert run(*arguments, *more).exit_code == 0
        before = Path("out.parquet").stat().st_ino
        refused = run(*arguments, *more)
        assert (refused.exit_code, Path("out.parquet").stat().st_ino) == (2, before)
        assert "out.parquet is there already; expected a new name, or to overwrite it" in refused.stderr
        assert run(*arguments, *more, "--overwrite").exit_code == 0
        assert Path("out.parquet").stat().st_ino != before
        Path("out.parquet").unlink()
        assert run(*arguments, *more).exit_code == 0


def test_a_command_that_was_killed_before_it_tidied_up_is_done(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise SystemExit(137)

    arguments = ("in.parquet", "-o", "out.parquet", "--carry", "id")
    with monkeypatch.context() as patch:
        patch.setattr("raphson_server.cli.embedded_job._forget", killed)
        assert run(*arguments).exit_code == 137
    before = Path("out.parquet").stat().st_ino
    again = run(*arguments)
    assert again.exit_code == 0
    assert "230 rows (230 of them before)" in again.stdout
    assert Path("out.parquet").stat().st_ino == before
    assert left_in(tmp_path) == ["in.parquet", "model.toml", "out.parquet"]


def test_what_two_processes_do_at_once_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("in.parquet", "-o", "out.parquet", "--carry", "id")
    met: list[Result] = []

    def meet(chunk: Chunk) -> None:
        if chunk.number == 2:
            met.append(run(*arguments))

    monkeypatch.setattr(command, "_executor", lambda *_: InProcess(meet))
    assert run(*arguments).exit_code == 0
    assert "another process works on this job" in met[0].stderr


@pytest.mark.parametrize(
    ("model", "arguments", "code", "words"),
    [
        (MODEL, ("in.parquet",), 2, "Missing option '--output'"),
        (MODEL, ("none.parquet", "-o", "out.csv"), 2, "none.parquet: there is no such file"),
        (MODEL, ("in.parquet", "-o", "no/out.csv", "--carry", "*"), 2, "out.csv cannot be written: there is no folder"),
        (MODEL, ("in.parquet", "-o", "out.csv"), 2, "column 'id' is no parameter, no variable, and not carried"),
        (MODEL, ("in.parquet", "-o", "in.parquet", "--overwrite"), 2, "is the input; expected another name"),
        (MODEL, ("in.parquet", "-o", "out.txt", "--carry", "*"), 2, "the extension '.txt' is not known"),
        (MODEL, ("in.parquet", "-o", "out.csv", "--store", "mysql://x"), 3, "begins with 'mysql'; expected a path"),
        (MODEL, ("in.parquet", "-o", "memory://out.csv", "--carry", "*"), 2, "expected --store"),
        (
            MODEL.replace("r**2", "R**2"),
            ("in.parquet", "-o", "out.csv"),
            2,
            "no column for the parameter 'R'.*is it 'r'?",
        ),
        (MODEL.replace("exp(", "exq("), ("in.parquet", "-o", "out.csv"), 2, "exq"),
        (MODEL + "[bounds]\nx = [0, 1]\n", ("in.parquet", "-o", "out.csv"), 2, r"\[bounds\] is not for batches"),
        (MODEL + "[options]\nwhole = true\n", ("in.parquet", "-o", "out.csv"), 2, "options.whole = True is not for"),
        (MODEL, ("in.parquet", "-o", "out.csv", "--tolerance", "2", "--carry", "*"), 2, "options.tolerance: expected"),
    ],
)
def test_what_cannot_be_is_said_in_words_and_leaves_nothing(
    run: Run, tmp_path: Path, model: str, arguments: tuple[str, ...], code: int, words: str
) -> None:
    Path("model.toml").write_text(model)
    result = run(*arguments)
    assert result.exit_code == code, result.output
    assert re.search(words, result.stderr), result.stderr
    assert "Traceback" not in result.output
    assert left_in(tmp_path) == ["in.parquet", "model.toml"]


def test_an_error_is_json_too(run: Run) -> None:
    result = run("none.parquet", "-o", "out.csv", "--json")
    error = json.loads(result.stdout)["error"]
    assert error["code"] == "INPUT_UNREADABLE"
    assert error["message"].endswith("none.parquet: there is no such file")


def test_a_missing_extra_is_told_with_what_installs_it(run: Run) -> None:
    program = """
import sys
from importlib.abc import MetaPathFinder
class Missing(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in {"pyarrow", "sqlalchemy", "fsspec"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
from raphson_server.cli import main
main()
"""
    del run
    command_line = [sys.executable, "-c", program]
    done = subprocess.run(
        [*command_line, "batch", "model.toml", "in.parquet", "-o", "out.csv"], capture_output=True, check=False
    )
    assert done.returncode == 2
    assert "is not installed: pip install 'raphson[jobs]'" in done.stderr.decode()
    # Nobody else pays for them, or misses them.
    assert subprocess.run([*command_line, "solve", "--help"], capture_output=True, check=False).returncode == 0


# --- progress --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ((1200, 9000, 600, 1.0), "1,200 of 9,000 rows (13 %), 600 rows/s, 0:13 left"),
        ((5_000_000, 10**7, 5_000_000, 4.0), "5,000,000 of 10,000,000 rows (50 %), 1.25 M rows/s, 0:04 left"),
        ((10, None, 10, 0.001), "10 rows, 10 k rows/s"),
        ((100, 10**6, 10, 1.0), "100 of 1,000,000 rows (0 %), 10 rows/s, 27:46:30 left"),
        ((0, 0, 0, 1.0), "0 of 0 rows, 0 rows/s"),
        ((0, 10, 0, 0.0), "0 of 10 rows (0 %), 0 rows/s"),
    ],
)
def test_a_line_says_what_is_done_and_left(given: tuple[Any, ...], line: str) -> None:
    assert progress_line(*given) == line


def test_lines_come_every_few_seconds_and_only_if_wanted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter(range(0, 1000, 2))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    for wanted, count in ((None, 0), (False, 0), (True, 3)):
        with RowProgress(wanted=wanted) as progress:
            for done in range(1, 11):
                progress.update(done, 10, done)
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == count
        assert all(" of 10 rows (" in line for line in lines)


# --- the whole, with processes ---------------------------------------------------------------------------------


def test_ctrl_c_amid_a_transaction_waits_for_its_end(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception there leaves the transaction open, and giving the job back waited half a minute for it."""
    interrupted_at: list[float] = []

    class Writing:
        """Is interrupted between the transaction's begin and the block that would end it."""

        def __init__(self, database: Database) -> None:
            self._writing = writing(database)

        def __enter__(self) -> sa.Connection:
            connection = self._writing.__enter__()
            if not interrupted_at and list(Path("out.parquet.raphson-job").glob("*/*.part")):
                interrupted_at.append(time.monotonic())
                signal.raise_signal(signal.SIGINT)
            return connection

        def __exit__(self, *error: object) -> bool | None:
            return self._writing.__exit__(*error)

    def write(database: Database) -> Writing:
        return Writing(database)

    writing = Database.writing
    monkeypatch.setattr(Database, "writing", write)
    result = run("in.parquet", "-o", "out.parquet", "--carry", "id")
    assert time.monotonic() - interrupted_at[0] < 5
    assert (result.exit_code, result.stdout) == (130, "")
    said = re.fullmatch(
        r"raphson: stopped; (\d+) of 230 rows are done and kept: the same command goes on\n", result.stderr
    )
    assert said is not None
    assert int(said[1]) >= 50
    ended = run("in.parquet", "-o", "out.parquet", "--carry", "id")
    assert ended.stdout.startswith(f"out.parquet: {ROWS} rows ({said[1]} of them before)")


def test_where_ctrl_c_is_ignored_it_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with asked_to_stop() as stop:
            signal.raise_signal(signal.SIGINT)
        assert not stop.is_set()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.alone
def test_ctrl_c_stops_all_processes_within_a_second(tmp_path: Path) -> None:
    """A real command with real workers, stopped while they compute, and finished by the same command."""
    (tmp_path / "model.toml").write_text('equations = ["x**2 + 1 = a*0", "y + x = a"]\n[start]\nx = 1.0\ny = 0.0\n')
    parquet.write_table(pa.table({"a": np.linspace(0, 1, 12_000)}), tmp_path / "in.parquet")
    arguments = ["batch", "model.toml", "in.parquet", "-o", "out.parquet", "--progress", "--chunk-rows", "200"]
    program = "from raphson_server.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments], cwd=tmp_path, stderr=subprocess.PIPE, start_new_session=True
    )
    parts = tmp_path / "out.parquet.raphson-job"
    end = time.monotonic() + 60
    while not list(parts.glob("*/*.part")):
        assert time.monotonic() < end
        assert process.poll() is None
        time.sleep(0.02)
    began = time.monotonic()
    # As a terminal does it: to the whole group.
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=10)
    assert time.monotonic() - began < 1.0
    assert process.returncode == 130
    assert "rows are done and kept: the same command goes on" in said.decode()
    assert "Traceback" not in said.decode()
    # Not at once: a worker that was still importing may have left a helper of a library's, such as ldconfig.
    while alive := running_in_group(process.pid):
        assert time.monotonic() - began < 5.0, alive
        time.sleep(0.01)


def running_in_group(group: int) -> list[str]:
    """Return what the kernel says of a group's processes that have not ended."""
    stats = [text for text in map(read_stat, Path("/proc").iterdir()) if text]
    fields = {text: text.rpartition(")")[2].split() for text in stats}
    return [text for text, (state, _, of, *_) in fields.items() if int(of) == group and state not in "ZX"]


def read_stat(process: Path) -> str:
    try:
        return (process / "stat").read_text(errors="replace") if process.name.isdigit() else ""
    except (FileNotFoundError, ProcessLookupError):
        return ""
