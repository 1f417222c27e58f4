"""What `import raphson` offers; a change here is a change of the contract."""

from __future__ import annotations

import importlib.util
import inspect
from pathlib import Path

import pytest
import raphson
from raphson import errors, trace

# What the views of many points take besides.
MANY = "batch batched_parameters bounds timeout_seconds"


def test_the_names_of_the_package() -> None:
    assert raphson.__all__ == [
        "AccessDeniedError",
        "ActiveBound",
        "BatchResult",
        "Branch",
        "BranchEnd",
        "BranchPoint",
        "BranchPointKind",
        "CancelledError",
        "Certificate",
        "ChainEvaluation",
        "CheckedEntry",
        "Client",
        "ClientStateError",
        "CompiledSystem",
        "DeadlineExceededError",
        "Determinant",
        "Differentiability",
        "EmbeddedServerError",
        "Explanation",
        "FieldViolation",
        "FindAllSummary",
        "FoundRoot",
        "IncompatibleServerError",
        "InternalServerError",
        "InvalidRequestError",
        "JacobianCheck",
        "JacobianEstimate",
        "JacobianMode",
        "Job",
        "JobFailure",
        "JobNotFoundError",
        "JobProgress",
        "JobResults",
        "JobState",
        "LinearSolver",
        "Link",
        "Method",
        "Propagated",
        "RaphsonError",
        "RegisteredSystem",
        "RootResult",
        "RootSearch",
        "ServerBusyError",
        "ServerUnavailableError",
        "Solution",
        "SolveProgress",
        "SparseJacobian",
        "Spectrum",
        "Status",
        "SystemNotFoundError",
        "TraceError",
        "TraceStep",
        "WarmStart",
        "aio",
        "connect",
        "plot",
        "root",
    ]
    assert all(hasattr(raphson, name) for name in raphson.__all__)


def test_the_names_of_the_tracer() -> None:
    assert trace.__all__ == [
        "Graph",
        "TracedArray",
        "TracedEquations",
        "TracedScalar",
        "first_argument",
        "trace_function",
    ]


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        (
            "solve",
            (
                "equations start parameters system bounds nominal nominal_residual method jacobian tolerance "
                "absolute_tolerance max_iterations max_evaluations timeout_seconds callback vectorized whole "
                "linear_solver return_jacobian trace explain "
                "certify sensitivity adjoint parameter_covariance progress"
            ),
        ),
        (
            "solve_batch",
            (
                "equations start parameters system shapes method tolerance absolute_tolerance max_iterations "
                "warm_start timeout_seconds progress"
            ),
        ),
        (
            "create_job",
            (
                "equations input_url output_url start parameters shapes carry input_format output_format overwrite "
                "chunk_rows warm_start method tolerance absolute_tolerance max_iterations request_id timeout_seconds"
            ),
        ),
        ("queue_job", "description request_id timeout_seconds"),
        ("job", "name"),
        ("jobs", ""),
        ("explain", "equations at parameters variables bounds timeout_seconds"),
        (
            "find_all",
            (
                "equations bounds parameters prove max_starts max_roots max_boxes method jacobian tolerance "
                "absolute_tolerance max_iterations max_evaluations whole timeout_seconds"
            ),
        ),
        (
            "follow",
            (
                "equations start parameters parameter lower upper downwards max_points method jacobian tolerance "
                "absolute_tolerance max_iterations max_evaluations whole timeout_seconds"
            ),
        ),
        ("compile", "equations start parameters variables jacobian timeout_seconds"),
        ("value", "equations at parameters batch batched_parameters timeout_seconds"),
        ("jacobian", f"equations at parameters method system sparse {MANY}"),
        ("jacobian_with_error", f"equations at parameters method {MANY}"),
        ("jvp", f"equations at parameters method v {MANY}"),
        ("vjp", f"equations at parameters method v {MANY}"),
        ("gradient", f"equations at parameters method {MANY}"),
        ("value_and_gradient", f"equations at parameters method {MANY}"),
        ("hessian_vector_product", "equations at parameters v batch batched_parameters timeout_seconds"),
        ("determinant", f"equations at parameters method {MANY}"),
        ("change_of_variables_logdensity", f"equations at parameters method log_density {MANY}"),
        ("spectrum", f"equations at parameters method {MANY}"),
        ("propagate_covariance", f"equations at parameters method covariance {MANY}"),
        ("chain", "links at method order jacobian v w timeout_seconds"),
        ("check_jacobian", "equations at parameters jacobian max_entries timeout_seconds"),
        ("differentiability", "equations at parameters value directions timeout_seconds"),
        ("systems", "timeout_seconds"),
        ("root", "fun x0 args method jac tol callback options"),
        ("with_metadata", "metadata"),
        ("close", ""),
    ],
)
def test_the_methods_of_the_client(method: str, arguments: str) -> None:
    signature = inspect.signature(getattr(raphson.Client, method))
    assert list(signature.parameters)[1:] == arguments.split()


def test_the_error_tree_is_the_one_in_its_docstring() -> None:
    public = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert errors.__doc__ is not None
    for kind in public:
        assert kind.__name__ in errors.__doc__
        assert issubclass(kind, raphson.RaphsonError)
        assert getattr(raphson, kind.__name__) is kind


def test_the_package_says_that_it_is_typed() -> None:
    spec = importlib.util.find_spec("raphson")
    assert spec is not None
    assert spec.origin is not None
    assert (Path(spec.origin).parent / "py.typed").exists()
