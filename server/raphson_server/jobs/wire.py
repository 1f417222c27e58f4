"""Jobs as callers read and write them: the messages of ``raphson.v1.JobService``, and back."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from google.rpc import code_pb2
from raphson.arrays import from_message
from raphson.v1 import job_pb2
from raphson.v1.array_pb2 import DoubleArray, NamedArray
from raphson.v1.solver_pb2 import JACOBIAN_MODE_EXACT, JACOBIAN_MODE_UNSPECIFIED, SolveOptions
from raphson.v1.system_pb2 import System
from raphson.vocabulary import Method, Status

from raphson_server.failures import CallError, Reason, invalid_input
from raphson_server.jobs.description import JobDescription, TableFormat, fitting_chunk_rows
from raphson_server.jobs.errors import JobError, JobErrorCode, JobNotFoundError
from raphson_server.jobs.record import JobRecord, JobState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_FORMATS: Mapping[int, TableFormat | None] = {
    job_pb2.TABLE_FORMAT_UNSPECIFIED: None,
    job_pb2.TABLE_FORMAT_PARQUET: TableFormat.PARQUET,
    job_pb2.TABLE_FORMAT_ARROW: TableFormat.ARROW,
    job_pb2.TABLE_FORMAT_CSV: TableFormat.CSV,
}
_FORMATS_BACK: Mapping[TableFormat | None, Any] = {each: number for number, each in _FORMATS.items()}
_STATES: Mapping[JobState, Any] = {state: job_pb2.Job.State.Value(f"STATE_{state}") for state in JobState}
_METHODS: Mapping[str, Any] = {method.name.lower(): int(method) for method in Method}
STATUSES: Mapping[str, Any] = {status.name.lower(): int(status) for status in Status}
"""Numbers of statuses by their names in tables."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_UNUSED_OPTIONS = ("timeout_seconds", "max_evaluations", "return_jacobian", "whole")
# Code, and field of the request that is to blame.
_CODES: Mapping[JobErrorCode, tuple[int, str | None]] = {
    JobErrorCode.INVALID_DEFINITION: (code_pb2.INVALID_ARGUMENT, "description"),
    JobErrorCode.INVALID_COLUMNS: (code_pb2.INVALID_ARGUMENT, "description.input"),
    JobErrorCode.INPUT_UNREADABLE: (code_pb2.INVALID_ARGUMENT, "description.input.url"),
    JobErrorCode.INPUT_MALFORMED: (code_pb2.INVALID_ARGUMENT, "description.input.url"),
    JobErrorCode.INPUT_CHANGED: (code_pb2.FAILED_PRECONDITION, "description.input.url"),
    JobErrorCode.OUTPUT_EXISTS: (code_pb2.ALREADY_EXISTS, "description.output.url"),
    JobErrorCode.OUTPUT_UNWRITABLE: (code_pb2.INVALID_ARGUMENT, "description.output.url"),
    JobErrorCode.PATH_NOT_ALLOWED: (code_pb2.PERMISSION_DENIED, None),
    JobErrorCode.DISK_FULL: (code_pb2.RESOURCE_EXHAUSTED, None),
    JobErrorCode.PARTS_LOST: (code_pb2.DATA_LOSS, None),
    JobErrorCode.WORKER_LOST: (code_pb2.ABORTED, None),
    JobErrorCode.EXECUTOR_LOST: (code_pb2.UNAVAILABLE, None),
    JobErrorCode.STORE: (code_pb2.UNAVAILABLE, None),
    JobErrorCode.JOB_NOT_FOUND: (code_pb2.NOT_FOUND, "name"),
    JobErrorCode.JOB_STATE: (code_pb2.FAILED_PRECONDITION, "name"),
    JobErrorCode.LEASE_LOST: (code_pb2.ABORTED, None),
    JobErrorCode.PACKAGE_MISSING: (code_pb2.FAILED_PRECONDITION, None),
    JobErrorCode.INTERNAL: (code_pb2.INTERNAL, None),
}


def to_call_error(error: JobError) -> CallError:
    """Say to a caller what is wrong with a job."""
    code, field = _CODES[error.code]
    if isinstance(error, JobNotFoundError):
        return CallError(code, Reason.JOB_NOT_FOUND, error.message, field=field)
    return CallError(code, Reason(error.code.value), error.message, field=field)


def to_request_id(text: str) -> str | None:
    """Read a caller's id of its request; None without one."""
    if not text:
        return None
    if _REQUEST_ID.fullmatch(text) is None:
        raise invalid_input("request_id", f"{text[:80]!r}; expected at most 64 letters, digits and hyphens")
    return text


def to_description(message: job_pb2.JobDescription) -> JobDescription:
    """Read what a job is to do.

    Raises
    ------
    CallError
        INVALID_ARGUMENT for what no job can be; what only the tables show is left to `check`.
    """
    for field in ("input", "output"):
        if not getattr(message, field).url:
            raise invalid_input(f"description.{field}.url", "empty; expected a path or a URL")
    options = message.options
    for name in _UNUSED_OPTIONS:
        if options.HasField(name) if options.DESCRIPTOR.fields_by_name[name].has_presence else getattr(options, name):
            raise invalid_input(f"description.options.{name}", "set; expected none: a job has no such option")
    if options.jacobian not in {JACOBIAN_MODE_UNSPECIFIED, JACOBIAN_MODE_EXACT}:
        raise invalid_input("description.options.jacobian", "set; expected none: a job differentiates exactly")
    methods = {number: name for name, number in _METHODS.items()} | {0: "auto"}
    if options.method not in methods:
        raise invalid_input("description.options.method", f"{options.method}; expected a number of Method")
    if message.chunk_rows < 0:
        raise invalid_input("description.chunk_rows", f"{message.chunk_rows}; expected at least 1")
    return JobDescription(
        definition=message.definition.SerializeToString(deterministic=True),
        input_url=message.input.url,
        output_url=message.output.url,
        start=_to_numbers(message.start, "description.start"),
        parameters=_to_numbers(message.parameters, "description.parameters"),
        method=methods[options.method],
        tolerance=options.tolerance if options.HasField("tolerance") else None,
        absolute_tolerance=options.absolute_tolerance if options.HasField("absolute_tolerance") else None,
        max_iterations=options.max_iterations if options.HasField("max_iterations") else None,
        warm_start=message.warm_start,
        input_format=_to_format(message.input.format, "description.input.format"),
        output_format=_to_format(message.output.format, "description.output.format"),
        carry=tuple(message.carry),
        overwrite=message.overwrite,
        chunk_rows=message.chunk_rows or fitting_chunk_rows(message.definition),
    )


def from_record(record: JobRecord, rows_per_second: float | None) -> job_pb2.Job:
    """Write a job as it is.

    Parameters
    ----------
    record : JobRecord
    rows_per_second : float or None
        How fast it is, lately; None if that is not known.
    """
    job = job_pb2.Job(
        name=record.name,
        state=_STATES[record.state],
        done=record.state.is_final,
        description=from_description(record.description),
        cancel_requested=record.cancel_requested and not record.state.is_final,
    )
    if record.error_code:
        error = JobError(JobErrorCode(record.error_code), record.error_message)
        job.error.CopyFrom(to_call_error(error).status())
    for field, time in (("create_time", record.created), ("start_time", record.started), ("end_time", record.ended)):
        if time is not None:
            _stamp(job, field, time)
    progress = job.progress
    progress.rows_done = record.rows_done
    for name, rows in record.status_counts.items():
        progress.counts.add(status=STATUSES[name], rows=rows)
    if record.rows_total is not None:
        progress.rows_total = record.rows_total
    if rows_per_second and record.state is JobState.RUNNING:
        progress.rows_per_second = rows_per_second
        if record.rows_total is not None:
            progress.seconds_left = (record.rows_total - record.rows_done) / rows_per_second
    return job


def _stamp(job: job_pb2.Job, field: str, time: datetime) -> None:
    getattr(job, field).FromDatetime(time)


def from_description(description: JobDescription) -> job_pb2.JobDescription:
    """Write what a job is to do."""
    options = SolveOptions(
        method=_METHODS[description.method],
        tolerance=description.tolerance,
        absolute_tolerance=description.absolute_tolerance,
        max_iterations=description.max_iterations,
    )
    return job_pb2.JobDescription(
        definition=System.FromString(description.definition),
        start=_from_numbers(description.start),
        parameters=_from_numbers(description.parameters),
        options=options,
        input=job_pb2.Table(url=description.input_url, format=_FORMATS_BACK[description.input_format]),
        output=job_pb2.Table(url=description.output_url, format=_FORMATS_BACK[description.output_format]),
        carry=description.carry,
        chunk_rows=description.chunk_rows,
        overwrite=description.overwrite,
        warm_start=description.warm_start,
    )


def _to_format(number: int, field: str) -> TableFormat | None:
    if number not in _FORMATS:
        raise invalid_input(field, f"{number}; expected a number of TableFormat")
    return _FORMATS[number]


def _to_numbers(messages: Iterable[NamedArray], field: str) -> dict[str, Any]:
    numbers: dict[str, Any] = {}
    for message in messages:
        where = f"{field}[{message.name}]"
        if message.name in numbers:
            raise invalid_input(where, "given twice; expected each name once")
        if message.array.WhichOneof("payload") is None:
            raise invalid_input(f"{where}.array", "neither data nor list is set; expected the array's numbers")
        try:
            numbers[message.name] = from_message(message.array).tolist()
        except ValueError:
            shape = tuple(message.array.shape)
            raise invalid_input(f"{where}.array", f"its numbers do not fill its shape {shape}") from None
    return numbers


def _from_numbers(numbers: Mapping[str, Any]) -> list[NamedArray]:
    messages = []
    for name, value in numbers.items():
        array = np.asarray(value, "<f8")
        messages.append(NamedArray(name=name, array=DoubleArray(shape=array.shape, data=array.tobytes())))
    return messages
