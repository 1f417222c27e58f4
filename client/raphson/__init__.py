"""raphson: solve systems of nonlinear equations and differentiate them, on a server.

This package is the client. `connect` returns a `Client`: of a server of your own on this machine, or of the
one at an address. NumPy goes in, NumPy comes out.

>>> import raphson
>>> with raphson.connect() as client:
...     root = client.solve(["x**2 + y**2 = r**2", "exp(x) + y = 1"],
...                         start={"x": 1.0, "y": -1.7}, parameters={"r": 2.0})
>>> root.converged, root["x"]
(True, 1.004168738…)

Not converging is a result: `Solution.status` and `Solution.remedy` say why and what to try. Everything else
that can go wrong is an error of the tree in `raphson.errors`. `Client.explain` says what is wrong with a system,
`Client.find_all` looks for every root in a box, and `Client.follow` follows one while a parameter changes.
`Client.solve_batch` solves one system for a million starts and parameters; `Client.create_job` has a server do so from
a table to a table, durably.
`Client.jacobian` and its like differentiate, at one point or at a million. In `raphson.aio` all but jobs is
awaited. `root` has the arguments of ``scipy.optimize.root``, and needs no client.
"""

from raphson import aio, plot
from raphson.active_bound import ActiveBound
from raphson.batch_result import BatchResult
from raphson.branch import Branch, BranchEnd, BranchPoint, BranchPointKind
from raphson.certificate import Certificate
from raphson.chain import ChainEvaluation, Link
from raphson.client import Client
from raphson.compiled import CompiledSystem
from raphson.connection import connect
from raphson.default_client import root
from raphson.determinant import Determinant
from raphson.differentiability import Differentiability
from raphson.errors import (
    AccessDeniedError,
    CancelledError,
    ClientStateError,
    DeadlineExceededError,
    EmbeddedServerError,
    FieldViolation,
    IncompatibleServerError,
    InternalServerError,
    InvalidRequestError,
    JobNotFoundError,
    RaphsonError,
    ServerBusyError,
    ServerUnavailableError,
    SystemNotFoundError,
    TraceError,
)
from raphson.explanation import Explanation
from raphson.jacobian_check import CheckedEntry, JacobianCheck
from raphson.jacobian_estimate import JacobianEstimate
from raphson.job import Job
from raphson.job_progress import JobFailure, JobProgress, JobState
from raphson.job_results import JobResults
from raphson.propagated import Propagated
from raphson.registered import RegisteredSystem
from raphson.root_result import RootResult
from raphson.roots import FindAllSummary, FoundRoot, RootSearch
from raphson.solution import Solution
from raphson.solve_progress import SolveProgress
from raphson.sparse_jacobian import SparseJacobian
from raphson.spectrum import Spectrum
from raphson.trace_step import TraceStep
from raphson.vocabulary import JacobianMode, LinearSolver, Method, Status, WarmStart

__all__ = [
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
