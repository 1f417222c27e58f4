"""What is known beside the root, as JSON and as text."""

from typing import Any

import raphson

from raphson_server.cli.table import aligned


def solution_as_json(solution: raphson.Solution) -> dict[str, Any]:
    """Write a solution with stable keys."""
    return {
        "converged": solution.converged,
        "status": solution.status.name.lower(),
        "message": solution.message,
        "remedy": solution.remedy,
        "solution": {name: solution[name] for name in solution},
        "residual": solution.residual,
        "scaled_residual": solution.scaled_residual,
        "residual_norm": solution.residual_norm,
        "iterations": solution.iterations,
        "evaluations": solution.evaluations,
        "jacobian_evaluations": solution.jacobian_evaluations,
        "elapsed_seconds": solution.elapsed_seconds,
        "method": solution.method.name.lower(),
        "jacobian": solution.jacobian,
        "system_id": solution.system_id,
        "active_bounds": solution.active_bounds,
        "regularized_steps": solution.regularized_steps,
        "trace": [step_as_json(step) for step in solution.trace],
        "explanation": explanation_as_json(solution.explanation) if solution.explanation is not None else None,
        "certificate": certificate_as_json(solution.certificate) if solution.certificate is not None else None,
        "sensitivity": solution.sensitivity,
        "parameter_elements": solution.parameter_elements,
        "evidence_note": solution.evidence_note,
    }


def step_as_json(step: raphson.TraceStep) -> dict[str, Any]:
    """Write a step with stable keys."""
    return {
        "method": step.method.name.lower(),
        "x": step.x,
        "residual_norm": step.residual_norm,
        "scaled_residual": step.scaled_residual,
        "step": step.step,
        "damping": step.damping,
    }


def certificate_as_json(certificate: raphson.Certificate) -> dict[str, Any]:
    """Write a certificate with stable keys."""
    return {
        "proven": certificate.proven,
        "lower": certificate.lower,
        "upper": certificate.upper,
        "radius": certificate.radius,
        "unique_radius": certificate.unique_radius,
        "reason": certificate.reason,
    }


def explanation_as_json(explanation: raphson.Explanation) -> dict[str, Any]:
    """Write an explanation with stable keys."""
    return {
        "lines": explanation.lines,
        "structural_rank": explanation.structural_rank,
        "overdetermined": explanation.overdetermined,
        "underdetermined": explanation.underdetermined,
        "not_finite": explanation.not_finite,
        "worst_equations": explanation.worst_equations,
        "active_bounds": explanation.active_bounds,
        "parallel_equations": explanation.parallel_equations,
        "parallel_variables": explanation.parallel_variables,
        "condition": explanation.condition,
        "rank": explanation.rank,
        "system_id": explanation.system_id,
    }


def sensitivity_lines(solution: raphson.Solution) -> list[str]:
    """Write dx/dp with the names of its rows and columns."""
    if solution.sensitivity is None:
        return []
    rows = [["d/d", *solution.parameter_elements]]
    rows += [
        [name, *(f"{slope:.8g}" for slope in slopes)]
        for name, slopes in zip(solution.unknown_names, solution.sensitivity.tolist(), strict=True)
    ]
    return aligned(rows)


def trace_lines(trace: list[raphson.TraceStep]) -> list[str]:
    """Write every step of an iteration in a row."""
    rows = [["method", "step", "|f|", "scaled |f|", "relative step", "damping"]]
    number = -1
    for step in trace:
        number += number < 0 or not step.is_start
        figures = (step.residual_norm, step.scaled_residual, step.step, step.damping)
        shown = ["–" if figure != figure else f"{figure:.3g}" for figure in figures]  # noqa: PLR0124 - NaN alone
        rows.append([step.method.name.lower().replace("_", " "), str(number), *shown])
    return aligned(rows)
