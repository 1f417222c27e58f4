"""Pictures: that they are drawn of what is there, and what is said where they cannot be."""

from __future__ import annotations

import builtins
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import raphson
from raphson import BranchPoint, BranchPointKind, Method, TraceStep

if TYPE_CHECKING:
    from pathlib import Path

TURNING_POINT = BranchPointKind.TURNING_POINT


def step(method: Method, scaled: float, length: float = math.nan, damping: float = math.nan) -> TraceStep:
    return TraceStep(
        method=method, x=np.zeros(1), residual_norm=scaled, scaled_residual=scaled, step=length, damping=damping
    )


TRACE = [
    step(Method.NEWTON, 1.0),
    step(Method.NEWTON, 100.0, 3.0, 1.0),
    step(Method.NEWTON, math.inf, 3.0, 0.5),
    step(Method.LINE_SEARCH, 1.0),
    step(Method.LINE_SEARCH, 1e-8, 0.1, 1.0),
    step(Method.LINE_SEARCH, 0.0, 1e-9, 1.0),
]


def point(kind: BranchPointKind, parameter: float, x: float) -> BranchPoint:
    return BranchPoint(
        x=np.array([x, -x]), variables=(("x", ()), ("u", (1,))), kind=kind, parameter=parameter, arclength=0.0
    )


POINTS = [point(BranchPointKind.START, 1.0, -1.0), point(TURNING_POINT, 0.0, 0.0), point(BranchPointKind.END, 4.0, 2.0)]


def test_an_iteration_is_drawn(tmp_path: Path) -> None:
    figure = raphson.plot.convergence(TRACE, tmp_path / "steps.png")
    above, below = figure.axes
    newton, line_search = (line for line in above.lines if len(line.get_xdata()) == 3)
    assert list(newton.get_xdata()) == [0, 1, 2]
    assert list(line_search.get_xdata()) == [2, 3, 4]
    assert newton.get_color() != line_search.get_color()
    assert line_search.get_ydata()[1] == pytest.approx(-8.0)
    assert "log₁₀ of the scaled residual" in above.get_ylabel()
    assert "dimensionless" in above.get_ylabel()
    assert "dimensionless" in below.get_ylabel()
    assert below.get_xlabel().startswith("iteration")
    assert (tmp_path / "steps.png").read_bytes().startswith(b"\x89PNG")


def test_a_branch_is_drawn(tmp_path: Path) -> None:
    figure = raphson.plot.branch(iter(POINTS), tmp_path / "branch.svg", parameter="T [K]")
    (axes,) = figure.axes
    assert axes.get_xlabel() == "T [K]"
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["x", "u[0]", "start", "turning point"]
    assert "<svg" in (tmp_path / "branch.svg").read_text()


def test_nothing_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="ask for them with trace=True"):
        raphson.plot.convergence([])
    with pytest.raises(ValueError, match="no points"):
        raphson.plot.branch([])


def test_without_matplotlib_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'raphson\[plot\]'"):
        raphson.plot.convergence(TRACE)
