"""From a model file and arguments to what a job is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import raphson
from raphson.problem import to_problem

from raphson_server.jobs.description import JobDescription, TableFormat, fitting_chunk_rows
from raphson_server.jobs.errors import JobError, JobErrorCode

if TYPE_CHECKING:
    from raphson_server.cli.problem import Problem

_OPTIONS = ("method", "tolerance", "absolute_tolerance", "max_iterations")
# Stands for a parameter that only columns give: no whole number, and so no index.
_ANY = 0.5


def describe_job(problem: Problem, model: str, table: str, output: str, choices: Mapping[str, Any]) -> JobDescription:
    """Write what a job is to do.

    Parameters
    ----------
    problem : Problem
        Names that its equations use and that it gives no value are parameters, one number each, that columns give.
    model : str
        What errors call the file that it came from.
    table, output : str
        Paths or URLs.
    choices : mapping
        What the command line chose beside that, None where it did not.

    Raises
    ------
    JobError
        INVALID_DEFINITION.
    click.UsageError
        For what a model may have, but not a job.
    """
    _refuse(problem, model)
    chosen = {name: problem.options[name] for name in _OPTIONS if name in problem.options}
    chosen |= {name: choices[name] for name in _OPTIONS if choices.get(name) is not None}
    free = dict.fromkeys(_free_names(problem), _ANY)
    try:
        read = to_problem(problem.equations, problem.point, {**problem.parameters, **free}, "exact")
    except raphson.InvalidRequestError as error:
        raise JobError(JobErrorCode.INVALID_DEFINITION, f"{model}: {error}") from None
    definition = read.definition.to_message()
    return JobDescription(
        definition=definition.SerializeToString(deterministic=True),
        input_url=absolute(table),
        output_url=absolute(output),
        start={name: np.asarray(value).tolist() for name, value in problem.point.items()},
        parameters={name: np.asarray(value).tolist() for name, value in problem.parameters.items()},
        input_format=_format(choices["input_format"]),
        output_format=_format(choices["output_format"]),
        chunk_rows=choices["chunk_rows"] or fitting_chunk_rows(definition),
        carry=tuple(choices["carry"]),
        overwrite=choices["overwrite"],
        warm_start=choices["warm_start"],
        **chosen,
    )


def absolute(url: str) -> str:
    """Return a path from the root, so that it holds from any folder; a URL as it is."""
    return url if "://" in url else str(Path(url).expanduser().absolute())


def _refuse(problem: Problem, model: str) -> None:
    for name in ("bounds", "nominal"):
        if getattr(problem, name):
            raise click.UsageError(f"{model}: [{name}] is not for batches; expected a model without")
    for name, value in problem.options.items():
        if name not in _OPTIONS and not (name == "jacobian" and value == "exact"):
            raise click.UsageError(
                f"{model}: options.{name} = {value!r} is not for batches; expected {', '.join(_OPTIONS)}"
            )


def _free_names(problem: Problem) -> list[str]:
    """Return the names that the equations use and the problem does not know."""
    import raphson_solver as rs  # noqa: PLC0415 - takes a second
    from raphson_solver.solution.compile import define  # noqa: PLC0415

    known: dict[str, Any] = {**problem.point, **problem.parameters}
    try:
        return [name for name, _ in define(problem.equations, None, known, None).variables]
    except rs.RaphsonError as error:
        raise JobError(JobErrorCode.INVALID_DEFINITION, str(error)) from None


def _format(name: str | None) -> TableFormat | None:
    return None if name is None else TableFormat(name)
