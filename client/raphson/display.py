"""How a solution prints: aligned lines, long things abbreviated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from raphson.arrays import Array
    from raphson.solution import Solution

MOST_VARIABLES = 12
MOST_ELEMENTS = 6
EDGE_ELEMENTS = 3


def describe(solution: Solution) -> str:
    """Write a solution as several aligned lines."""
    status = solution.status.name.lower().replace("_", " ")
    method = solution.method.name.lower().replace("_", " ")
    head = [("status", f"{status} (method {method})")]
    values = [(name, show_value(solution[name])) for name in solution]
    if len(values) > MOST_VARIABLES:
        hidden = len(values) - MOST_VARIABLES
        values = [*values[: MOST_VARIABLES - 1], ("…", f"({hidden} more variables)"), values[-1]]
    if solution.active_bounds:
        values.append(("bounds", show_names([str(bound) for bound in solution.active_bounds])))
    counts = f"{solution.evaluations} evaluations of f, {solution.jacobian_evaluations} of J"
    worst = float(np.max(solution.scaled_residual, initial=0.0))
    tail = [
        ("residual", f"{solution.residual_norm:.3g} at most, scaled {worst:.3g}"),
        ("iterations", f"{solution.iterations} ({counts})"),
        ("time", show_seconds(solution.elapsed_seconds)),
    ]
    if solution.how == "callback":
        first_line = solution.why_called_back.partition("\n")[0]
        tail.append(("how", f"by callbacks: {first_line}"))
    if solution.regularized_steps:
        tail.insert(2, ("", f"J was singular at {solution.regularized_steps} of them"))
    if solution.certificate is not None:
        tail.insert(0, ("certificate", str(solution.certificate)))
    if solution.evidence_note:
        tail.append(("note", solution.evidence_note))
    if not solution.converged:
        tail.append(("message", solution.message))
        if solution.remedy:
            tail.append(("remedy", solution.remedy))
    if solution.explanation is not None:
        said = enumerate(solution.explanation.lines)
        tail += [("why" if place == 0 else "", line) for place, line in said]
    width = max(len(name) for name, _ in head + values + tail)
    lines = [f"  {name:<{width}}  {text}" for name, text in head + values + tail]
    return "\n".join(["Solution", *lines])


def show_names(names: list[str]) -> str:
    """Write names in a row, a few of many."""
    hidden = len(names) - MOST_ELEMENTS
    return ", ".join(names) if hidden <= 0 else f"{', '.join(names[:MOST_ELEMENTS])} and {hidden} more"


def show_value(value: float | Array) -> str:
    """Write a number, or an array of which only the edges are shown when it is long."""
    if isinstance(value, (int, float)):
        return f"{value:.12g}"
    flat = value.ravel()
    if flat.size <= MOST_ELEMENTS:
        inside = ", ".join(f"{number:.8g}" for number in flat)
    else:
        first = ", ".join(f"{number:.8g}" for number in flat[:EDGE_ELEMENTS])
        inside = f"{first}, …, {flat[-1]:.8g}"
    shape = "" if value.ndim == 1 and value.size <= MOST_ELEMENTS else f" shape {value.shape}"
    return f"[{inside}]{shape}"


def show_seconds(seconds: float) -> str:
    """Write a duration in the unit that suits it."""
    if seconds < 1e-3:
        return f"{seconds * 1e6:.3g} µs"
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"
