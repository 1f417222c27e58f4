"""`examples/run.py` runs as `make run` runs it, and says no when an answer differs."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from types import ModuleType

SCRIPT = Path(__file__).parent.parent.parent / "examples" / "run.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("examples_run", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_it_solves_all_three_over_grpc() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "3 of 3 systems agree with their published answers" in done.stdout
    assert done.stdout.count("agrees with the published answer") == 3
    assert "181×181" in done.stdout


def test_a_wrong_answer_is_noticed(script: ModuleType) -> None:
    example = script.Example.load("power_flow_118")
    right = {name: np.array(value) for name, value in example.published.items()}
    assert example.error(right) == 0.0
    right["theta"][7] += 2e-8
    assert example.error(right) == pytest.approx(2.0, rel=1e-6)
