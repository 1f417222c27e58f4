"""What callers may rely on: a name that comes or goes is a decision, not an accident."""

from __future__ import annotations

import dataclasses
import inspect

import raphson_solver as rs


def test_the_package_offers_these_names() -> None:
    assert sorted(rs.__all__) == [
        "CancelFlag",
        "Definition",
        "DefinitionError",
        "InputError",
        "JacobianMode",
        "LimitError",
        "Limits",
        "LinearSolver",
        "Method",
        "Progress",
        "RaphsonError",
        "Solution",
        "SolveOptions",
        "Status",
        "System",
        "WarmStart",
        "compile",
        "compile_definition",
        "warm_up",
    ]
    assert all(hasattr(rs, name) for name in rs.__all__)


def test_a_system_offers_these_names() -> None:
    system = rs.compile("x**2 = 2")
    assert {name for name in dir(system) if not name.startswith("_")} == {
        "can_be_written_out",
        "certify",
        "check_structural",
        "compile",
        "definition",
        "derivative_mode",
        "determinant",
        "equation_names",
        "explain",
        "family_codes",
        "find_all",
        "follow",
        "free_parameters",
        "has_analytic",
        "has_equations",
        "id",
        "jacobian",
        "jvp",
        "kernels",
        "limits",
        "m",
        "n",
        "pack_parameters",
        "pack_start",
        "parameter_count",
        "parameters",
        "point",
        "prepare",
        "residual",
        "sensitivity",
        "settle_batches",
        "solve",
        "solve_batch",
        "solves_densely",
        "source",
        "sparsity",
        "structural",
        "unpack",
        "variables",
        "vjp",
    }


def test_a_solution_offers_these_names() -> None:
    solution = rs.compile("x**2 = 2").solve([1.0])
    assert {name for name in dir(solution) if not name.startswith("_")} == {
        "COUNTS",
        "active_bounds",
        "certify",
        "converged",
        "elapsed_seconds",
        "evaluations",
        "explain",
        "iterations",
        "jacobian_evaluations",
        "linear_solver",
        "message",
        "method",
        "numbers",
        "p",
        "regularized_steps",
        "remedy",
        "residual",
        "residual_norm",
        "scaled_residual",
        "status",
        "trace",
        "x",
    }


def test_the_dataclasses_have_these_fields() -> None:
    fields = {kind: [field.name for field in dataclasses.fields(kind)] for kind in (rs.Definition, rs.SolveOptions)}
    assert fields == {
        rs.Definition: ["equations", "variables", "parameters", "values", "jacobian"],
        rs.SolveOptions: [
            "method",
            "jacobian",
            "tolerance",
            "absolute_tolerance",
            "max_iterations",
            "max_evaluations",
            "whole",
            "linear_solver",
            "timeout_seconds",
        ],
    }
    assert {field.name for field in dataclasses.fields(rs.Limits)} == {
        "text_length",
        "depth",
        "variables",
        "parameters",
        "equations",
        "nodes",
        "dense_entries",
        "entries",
        "families",
        "members",
    }


def test_the_numbers_of_the_enums_are_those_of_the_wire() -> None:
    assert {status.name: int(status) for status in rs.Status} == {
        "CONVERGED": 1,
        "STALLED": 2,
        "LOCAL_MINIMUM": 3,
        "SINGULAR": 4,
        "DOMAIN_ERROR": 5,
        "ITERATION_LIMIT": 6,
        "TIME_LIMIT": 7,
        "CANCELLED": 8,
        "LEAST_SQUARES": 9,
        "EVALUATION_LIMIT": 10,
    }
    assert {method.name: int(method) for method in rs.Method} == {
        "AUTO": 1,
        "NEWTON": 2,
        "LINE_SEARCH": 3,
        "LEVENBERG_MARQUARDT": 4,
        "CUBIC_LINE_SEARCH": 5,
        "TRUST_REGION": 6,
        "PSEUDO_TRANSIENT": 7,
        "BROYDEN": 8,
        "BRACKETING": 9,
    }
    assert {mode.name: int(mode) for mode in rs.JacobianMode} == {
        "EXACT": 1,
        "FORWARD": 2,
        "CENTRAL": 3,
        "ANALYTIC": 4,
        "COMPLEX_STEP": 5,
    }


def test_every_status_but_success_and_cancelling_has_a_remedy() -> None:
    assert all(status.message for status in rs.Status)
    assert {status for status in rs.Status if not status.remedy} == {rs.Status.CONVERGED, rs.Status.CANCELLED}


def test_the_errors_form_one_tree() -> None:
    assert all(issubclass(kind, rs.RaphsonError) for kind in (rs.DefinitionError, rs.LimitError, rs.InputError))
    assert rs.RaphsonError.__bases__ == (Exception,)


def test_compile_takes_these_arguments() -> None:
    assert list(inspect.signature(rs.compile).parameters) == ["equations", "start", "parameters", "jacobian", "limits"]
    assert list(inspect.signature(rs.System.solve).parameters) == [
        "self",
        "x",
        "p",
        "options",
        "cancel",
        "bounds",
        "nominal",
        "nominal_residual",
        "trace",
        "on_progress",
    ]
