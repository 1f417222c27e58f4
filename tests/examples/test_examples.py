"""The example files are solved in process, and their roots are the published ones."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import raphson_solver as rs

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.toml"))


def _read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _solve(model: dict[str, Any], **options: Any) -> rs.Solution:
    system = rs.compile(model["equations"], model["start"], model["parameters"])
    return system.solve(model["start"], model["parameters"], rs.SolveOptions(**options))


def test_there_are_three() -> None:
    assert NAMES == ["chemical_equilibrium", "power_flow_118", "two_equations"]
    assert sorted(path.stem for path in (EXAMPLES / "published").glob("*.toml")) == NAMES


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", [rs.Method.AUTO, rs.Method.NEWTON, rs.Method.LINE_SEARCH])
def test_the_root_is_the_published_one(name: str, method: rs.Method) -> None:
    root = _solve(_read(EXAMPLES / f"{name}.toml"), method=method)
    assert root.status is rs.Status.CONVERGED
    published = _read(EXAMPLES / "published" / f"{name}.toml")
    for variable, value in published["solution"].items():
        np.testing.assert_allclose(
            root[variable],
            value,
            rtol=published.get("relative_tolerance", 0.0),
            atol=published.get("absolute_tolerance", 0.0),
            err_msg=variable,
        )


@pytest.mark.parametrize("name", NAMES)
def test_published_answers_name_every_variable_in_its_shape(name: str) -> None:
    model, published = _read(EXAMPLES / f"{name}.toml"), _read(EXAMPLES / "published" / f"{name}.toml")
    shapes = {variable: np.shape(value) for variable, value in model["start"].items()}
    assert {variable: np.shape(value) for variable, value in published["solution"].items()} == shapes


def test_the_power_flow_has_as_many_unknowns_as_the_ieee_case() -> None:
    model = _read(EXAMPLES / "power_flow_118.toml")
    system = rs.compile(model["equations"], model["start"], model["parameters"])
    # 118 buses: one slack, 53 that hold their voltage, 64 loads with two unknowns each.
    assert (system.m, system.n) == (181, 181)
    assert sorted(system.structural) == ["loads", "row", "slack", "to"]


def test_atoms_are_conserved_in_the_chemical_equilibrium() -> None:
    root = _solve(_read(EXAMPLES / "chemical_equilibrium.toml"))
    carbon = root["CO2"] + root["CO"]
    hydrogen = 2 * root["H2O"] + 2 * root["H2"] + root["H"] + root["OH"]
    assert carbon == pytest.approx(3.0, rel=1e-14)
    assert hydrogen == pytest.approx(8.0, rel=1e-14)
    assert min(root.x) > 0.0


def test_another_radius_needs_no_other_system() -> None:
    model = _read(EXAMPLES / "two_equations.toml")
    system = rs.compile(model["equations"], model["start"], model["parameters"])
    for r in (2.0, 3.0, 5.0):
        root = system.solve(model["start"], {"r": r})
        assert root.status is rs.Status.CONVERGED
        assert root["x"] ** 2 + root["y"] ** 2 == pytest.approx(r**2, rel=1e-11)
        assert np.exp(root["x"]) + root["y"] == pytest.approx(1.0, abs=1e-11)
