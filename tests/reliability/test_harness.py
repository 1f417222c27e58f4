"""The programs that fuzz, soak and break the server run, find nothing, and would say so if they did."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def ran(*words: str, seconds: float = 240) -> subprocess.CompletedProcess[str]:
    """Run one of the programs."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    return subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=seconds,
        check=False,
    )  # fmt: skip


@pytest.mark.parametrize(("target", "count"), [("text", 600), ("graph", 300), ("wire", 400), ("calls", 200)])
def test_a_little_fuzzing_finds_nothing(target: str, count: int, tmp_path: Path) -> None:
    done = ran("benchmarks.fuzz", "--count", str(count), "--only", target, "--findings", str(tmp_path / "found"))
    assert done.returncode == 0, done.stdout + done.stderr
    row = next(line for line in done.stdout.splitlines() if line.startswith(f"{target} "))
    assert int(row.split()[1].replace(",", "")) >= count // 2
    assert row.split()[-5:] == ["0"] * 5


def test_what_is_found_ends_the_run_with_one_and_can_be_run_again(tmp_path: Path) -> None:
    """An input that is no request of any kind is refused, and a target that is not there is an error."""
    bad = tmp_path / "text-0"
    bad.write_bytes(b"x**2 +")
    done = ran("benchmarks.fuzz", "--only", "text", "--replay", str(bad))
    assert done.returncode == 0, done.stdout + done.stderr
    assert ran("benchmarks.fuzz", "--only", "nothing").returncode == 2


@pytest.mark.alone
def test_a_short_soak_is_clean() -> None:
    done = ran("benchmarks.soak", "--seconds", "8")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "wrong" in done.stdout


@pytest.mark.alone
def test_a_killed_client_costs_nobody_anything() -> None:
    done = ran("benchmarks.faults", "client")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing" in done.stdout
