"""Pictures of an iteration and of a branch. They need matplotlib: ``pip install 'raphson[plot]'``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from raphson.branch import BranchPoint
    from raphson.trace_step import TraceStep
    from raphson.vocabulary import Method

MOST_CURVES = 10
RESOLUTION = 150
# Points; half of it where there are more steps than this.
MARKER = 3.5
CROWD = 60
# Where an exact zero is drawn: below everything that rounding leaves.
LOG_OF_ZERO = -18.0
# One colour a method, told apart by readers who see few colours too (Okabe and Ito, 2008).
COLOURS = {
    "newton": "#0072B2",
    "line_search": "#E69F00",
    "cubic_line_search": "#F0E442",
    "levenberg_marquardt": "#009E73",
    "trust_region": "#CC79A7",
    "pseudo_transient": "#D55E00",
    "broyden": "#56B4E9",
    "bracketing": "#999999",
}
Place = tuple[int, "TraceStep"]


def convergence(trace: Iterable[TraceStep], path: str | Path | None = None) -> Figure:
    """Draw an iteration: the scaled residual above, the steps and their damping below.

    Parameters
    ----------
    trace : iterable of TraceStep
        Of `Solution.trace`.
    path : str or Path, optional
        Where to write the picture, in the format that its ending says.

    Returns
    -------
    matplotlib.figure.Figure
        To be shown by a notebook, or changed.

    Raises
    ------
    ValueError
        If there is nothing to draw.
    ModuleNotFoundError
        If matplotlib is not installed.
    """
    attempts = _attempts(trace)
    if not attempts:
        raise ValueError("there are no steps to draw; ask for them with trace=True")
    figure = _figure(6.4)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    named: set[Method] = set()
    size = MARKER if attempts[-1][-1][0] <= CROWD else MARKER / 2
    for attempt in attempts:
        _draw_residuals(above, attempt, size, labelled=attempt[0][1].method not in named)
        _draw_steps(below, attempt, size)
        named.add(attempt[0][1].method)
    above.set_ylabel("log₁₀ of the scaled residual\n(dimensionless)")
    above.plot([], [], "o", color="0.3", fillstyle="none", markersize=8, label="an attempt begins")
    figure.legend(loc="outside upper center", ncols=4, frameon=False)
    above.yaxis.get_major_locator().set_params(integer=True)
    below.set_ylabel("log₁₀ of steps and damping\n(dimensionless)")
    below.set_xlabel("iteration (steps since the start)")
    below.xaxis.get_major_locator().set_params(integer=True)
    for marker, what in (("o", "Newton's step, relative to x"), ("x", "damping: share, μ, radius or pseudo-time")):
        below.plot([], [], marker, color="0.3", label=what)
    below.legend(loc="upper center", bbox_to_anchor=(0.5, -0.28), ncols=2, frameon=False, fontsize="small")
    return _written(figure, path)


def branch(points: Iterable[BranchPoint], path: str | Path | None = None, *, parameter: str = "parameter") -> Figure:
    """Draw a branch: each unknown over the parameter, turning points marked.

    Parameters
    ----------
    points : iterable of BranchPoint
        Of `Client.follow`.
    path : str or Path, optional
        Where to write the picture, in the format that its ending says.
    parameter : str
        What to call the parameter, with its unit, e.g. ``"T [K]"``.

    Returns
    -------
    matplotlib.figure.Figure
        With the first ten numbers of x, if there are more.

    Raises
    ------
    ValueError
        If there is nothing to draw.
    ModuleNotFoundError
        If matplotlib is not installed.
    """
    points = list(points)
    if not points:
        raise ValueError("there are no points to draw")
    figure = _figure(4.8)
    axes = figure.subplots()
    at = [point.parameter for point in points]
    x = np.array([point.x for point in points])
    folds = [place for place, point in enumerate(points) if point.is_turning_point]
    names = points[0].unknown_names[:MOST_CURVES]
    for column, name in enumerate(names):
        axes.plot(at, x[:, column], "-", label=name)
        axes.plot(at[0], x[0, column], "s", color="black", markersize=4)
        axes.plot([at[place] for place in folds], x[folds, column], "o", color="black", fillstyle="none")
    axes.set_xlabel(parameter)
    axes.set_ylabel(names[0] if len(names) == 1 else "unknowns, each in its own unit")
    axes.plot([], [], "s", color="black", markersize=4, label="start")
    if folds:
        axes.plot([], [], "o", color="black", fillstyle="none", label="turning point")
    axes.legend(frameon=False)
    return _written(figure, path)


def _attempts(trace: Iterable[TraceStep]) -> list[list[Place]]:
    """Cut a trace into attempts; each step gets its number, a start that of the step before it."""
    attempts: list[list[Place]] = []
    number = 0
    for place, step in enumerate(trace):
        begins = step.is_start or not attempts or attempts[-1][-1][1].method is not step.method
        number += 0 if step.is_start or place == 0 else 1
        if begins:
            attempts.append([])
        attempts[-1].append((number, step))
    return attempts


def _draw_residuals(axes: Axes, attempt: Sequence[Place], size: float, *, labelled: bool) -> None:
    method = attempt[0][1].method
    numbers = [number for number, _ in attempt]
    heights = [_log(step.scaled_residual) for _, step in attempt]
    label = method.name.lower().replace("_", " ") if labelled else None
    axes.plot(numbers, heights, "o-", color=_colour(method), markersize=size, label=label)
    if attempt[0][1].is_start:
        axes.plot(numbers[0], heights[0], "o", color=_colour(method), fillstyle="none", markersize=8)
    zeros = [number for number, step in attempt if step.scaled_residual == 0]
    for number in zeros:
        axes.annotate("0", (number, LOG_OF_ZERO), textcoords="offset points", xytext=(6, 4), fontsize="small")


def _draw_steps(axes: Axes, attempt: Sequence[Place], size: float) -> None:
    colour = _colour(attempt[0][1].method)
    numbers = [number for number, _ in attempt]
    lengths = [_log(step.step) for _, step in attempt]
    damping = [_log(step.damping or math.nan) for _, step in attempt]
    axes.plot(numbers, lengths, "o-", color=colour, markersize=size, linewidth=0.8)
    axes.plot(numbers, damping, "x:", color=colour, markersize=1.5 * size, linewidth=0.8)


def _log(value: float) -> float:
    """Return log₁₀, a floor for zero, NaN for what is not finite."""
    if value == 0:
        return LOG_OF_ZERO
    return math.log10(value) if 0 < value < math.inf else math.nan


def _colour(method: Method) -> str:
    return COLOURS.get(method.name.lower(), "black")


def _figure(height: float) -> Figure:
    """Return an empty figure that belongs to no window."""
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - an extra, loaded when something is drawn
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "pictures need matplotlib, which is not installed here: pip install 'raphson[plot]'", name=error.name
        ) from error
    return Figure(figsize=(7.2, height), layout="constrained")


def _written(figure: Figure, path: str | Path | None) -> Figure:
    for axes in figure.axes:
        axes.grid(visible=True, color="0.9")
        axes.set_axisbelow(True)
    if path is not None:
        figure.savefig(path, dpi=RESOLUTION)
    return figure
