"""`examples/change_of_variables.py` agrees with the textbooks, and says no where it does not."""

from __future__ import annotations

import dataclasses
import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from mpmath import mp

if TYPE_CHECKING:
    from types import ModuleType

SCRIPT = Path(__file__).parent.parent.parent / "examples" / "change_of_variables.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("examples_change_of_variables", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_it_runs() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert done.stdout.count("textbook ") == 9
    assert done.stdout.count("Rayleigh · uniform") == 4
    assert "all agree" in done.stdout


@pytest.mark.parametrize("name", ["POLAR", "CYLINDRICAL", "SPHERICAL"])
def test_the_factors_are_the_closed_forms_everywhere(script: ModuleType, name: str) -> None:
    rng = np.random.default_rng(8)
    n = len(getattr(script, name).variables)
    points = np.column_stack([rng.uniform(0.01, 9.0, 500), rng.uniform(0.01, 3.13, 500), rng.uniform(-3, 3, 500)])[
        :, :n
    ]
    coordinates = dataclasses.replace(getattr(script, name), points=points)
    found = script.factors(coordinates)
    wanted = [points[:, 0], points[:, 0], points[:, 0] ** 2 * np.sin(points[:, 1])]
    expected = wanted[["POLAR", "CYLINDRICAL", "SPHERICAL"].index(name)]
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    np.testing.assert_allclose(coordinates.factor(points), expected, rtol=1e-15)


def test_on_the_axis_the_factor_is_zero(script: ModuleType) -> None:
    assert script.factors(dataclasses.replace(script.POLAR, points=[[0.0, 1.0]])) == [0.0]
    assert script.factors(dataclasses.replace(script.SPHERICAL, points=[[2.0, 0.0, 1.0]])) == [0.0]


def test_the_density_in_polar_coordinates_agrees_with_fifty_digits(script: ModuleType) -> None:
    at = np.random.default_rng(1).uniform([0.01, -3.1], [8.0, 3.1], (5, 20, 2))
    found = script.normal_in_polar(at)
    assert found.shape == (5, 20)
    with mp.workdps(50):
        wanted = [
            [float(mp.log(r) - mp.mpf(r) ** 2 / 2 - mp.log(2 * mp.pi)) for r in row] for row in at[..., 0].tolist()
        ]
    np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-14)


def test_the_density_integrates_to_one(script: ModuleType) -> None:
    assert script.total_probability() == pytest.approx(1.0, abs=1e-13)


def test_a_wrong_textbook_is_noticed(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = dataclasses.replace(script.SPHERICAL, factor=lambda at: at[..., 0] ** 2 * np.cos(at[..., 1]))
    monkeypatch.setattr(script, "SPHERICAL", wrong)
    assert script.main() == 1
    assert "they do not agree" in capsys.readouterr().out
