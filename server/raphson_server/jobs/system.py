"""The system of a job, compiled, and how to solve it."""

from collections.abc import Mapping
from types import MappingProxyType

import raphson_solver as rs
from google.protobuf.message import DecodeError
from raphson.v1.system_pb2 import System

from raphson_server.failures import CallError
from raphson_server.jobs.description import JobDescription
from raphson_server.jobs.errors import JobError, JobErrorCode
from raphson_server.worker.conversion import to_definition

NO_LIMITS: Mapping[str, int] = MappingProxyType({})
"""Leaves a system those of the solver."""


def read_system(description: JobDescription, limits: Mapping[str, int] = NO_LIMITS) -> rs.System:
    """Compile a job's system, anew: one that has solved before keeps what it chose then.

    Parameters
    ----------
    description : JobDescription
    limits : mapping of str to int
        Those of a system, by the solver's names; what is not in it has the solver's default.

    Raises
    ------
    JobError
        INVALID_DEFINITION, with the equation and the column.
    """
    try:
        message = System.FromString(description.definition)
        return rs.System(to_definition(message, "definition", {}, {}), rs.Limits(**limits), compile_now=False)
    except (DecodeError, CallError, rs.RaphsonError) as error:
        raise JobError(JobErrorCode.INVALID_DEFINITION, str(error)) from None
    except RecursionError:
        raise JobError(JobErrorCode.INVALID_DEFINITION, "equations: nested too deeply") from None


def read_options(description: JobDescription) -> rs.SolveOptions:
    """Return the options of every member.

    Raises
    ------
    JobError
        INVALID_DEFINITION for a method that is not known, or a number out of its range.
    """
    names = {method.name.lower(): method for method in rs.Method}
    method = names.get(description.method.replace("-", "_"))
    if method is None:
        message = f"options.method: {description.method!r} is not known; expected one of {', '.join(names)}"
        raise JobError(JobErrorCode.INVALID_DEFINITION, message)
    given = {
        name: getattr(description, name)
        for name in ("tolerance", "absolute_tolerance", "max_iterations")
        if getattr(description, name) is not None
    }
    try:
        return rs.SolveOptions(method=method, **given)
    except rs.InputError as error:
        raise JobError(JobErrorCode.INVALID_DEFINITION, str(error)) from None
