"""What a worker does: rows of the input in, results in the output's format out."""

from __future__ import annotations

import hashlib
import json
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import raphson_solver as rs

from raphson_server.bounded_cache import BoundedCache
from raphson_server.jobs.columns import read_layout
from raphson_server.jobs.description import JobDescription
from raphson_server.jobs.executor import ChunkResult
from raphson_server.jobs.extra import extra
from raphson_server.jobs.members import solve_members
from raphson_server.jobs.numbers_of_columns import to_rows
from raphson_server.jobs.output_part import encode, output_schema
from raphson_server.jobs.pivots import settle
from raphson_server.jobs.system import NO_LIMITS, read_options, read_system
from raphson_server.jobs.table_format import find_format

with extra("jobs"):
    import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raphson_server.jobs.columns import Shape

_DESCRIPTION, _LIMITS = b"raphson.job", b"raphson.limits"
_IN_LANES, _FIRST_ROW = b"raphson.in_lanes", b"raphson.first_row"
# A process that serves several jobs in turn compiles each system once.
_KEPT_JOBS = 4
_STATUS_NAMES = pa.array([status.name.lower() for status in rs.Status], pa.string())

_jobs = BoundedCache[bytes, "_Job"](_KEPT_JOBS)


def write_plan(
    description: JobDescription, pilot: pa.RecordBatch, *, in_lanes: bool, limits: Mapping[str, int] = NO_LIMITS
) -> bytes:
    """Return what all chunks of a job have in common, for `solve_chunk`.

    Parameters
    ----------
    description : JobDescription
    pilot : RecordBatch
        Some rows, of the columns that chunks have. They decide the order of pivots, the same in every process.
    in_lanes : bool
        Whether there are enough rows to pay for code of their own.
    limits : mapping of str to int
        Those of a system, by the solver's names; what is not in it has the solver's default.
    """
    metadata = {
        _DESCRIPTION: description.to_json().encode(),
        _IN_LANES: b"yes" if in_lanes else b"no",
        _LIMITS: json.dumps(dict(limits)).encode(),
    }
    return _write(pilot, metadata)


def write_rows(rows: pa.RecordBatch, first_row: int) -> bytes:
    """Return a chunk's rows for `solve_chunk`; `first_row` is the number of the first in the input."""
    return _write(rows, {_FIRST_ROW: str(first_row).encode()})


def solve_chunk(plan: bytes, rows: bytes) -> ChunkResult:
    """Solve the members of a chunk.

    It depends on nothing but its arguments, and changes nothing but what this process keeps compiled: a chunk that is
    solved twice gives the same bytes, on processors of the same width of vector registers.

    Parameters
    ----------
    plan, rows : bytes
        From `write_plan` and `write_rows`.

    Raises
    ------
    JobError
        INVALID_COLUMNS for lists of a wrong length, by column and row.
    """
    began = time.perf_counter()
    key = hashlib.sha256(plan).digest()
    job = _jobs.get(key)
    if job is None:
        job = _Job(plan)
        _jobs.put(key, job)
    batch = _read(rows)
    status, part = job.solve(batch, int(batch.schema.metadata[_FIRST_ROW]))
    counts = np.bincount(status, minlength=len(rs.Status) + 1)
    return ChunkResult(
        rows=batch.num_rows,
        status_counts={status.name.lower(): int(counts[status]) for status in rs.Status if counts[status]},
        seconds=time.perf_counter() - began,
        part=part,
    )


class _Job:
    """A job as a worker keeps it: the system compiled, and which column is what."""

    def __init__(self, plan: bytes) -> None:
        pilot = _read(plan)
        self._description = JobDescription.from_json(pilot.schema.metadata[_DESCRIPTION].decode())
        self._url = self._description.input_url
        self._options = read_options(self._description)
        limits = json.loads(pilot.schema.metadata[_LIMITS])
        self._system = system = read_system(self._description, limits)
        self._layout = read_layout(system, self._description, pilot.schema, self._url)
        fields = [pilot.schema.field(name) for name in self._layout.carried]
        self._variables: tuple[tuple[str, Shape], ...] = system.variables
        self._schema = output_schema(fields, self._variables)
        self._format = find_format(self._description.output_url, self._description.output_format)
        settle(system, *self._points(pilot, 0), in_lanes=pilot.schema.metadata[_IN_LANES] == b"yes")

    def solve(self, batch: pa.RecordBatch, first_row: int) -> tuple[Any, bytes]:
        """Return the statuses of a chunk's members, and its part."""
        start, given = self._points(batch, first_row)
        warm = self._description.warm_start and not self._layout.has_starts
        found = solve_members(self._system, start, given, batch.num_rows, self._options, warm=warm)
        columns = [batch.column(name) for name in self._layout.carried]
        place = 0
        for _, shape in self._variables:
            count = int(np.prod(shape, dtype=np.int64))
            columns.append(_nested(found.x[:, place : place + count], shape))
            place += count
        columns += [
            pa.DictionaryArray.from_arrays(pa.array(found.status - np.int8(1)), _STATUS_NAMES),
            pa.array(found.residual_norm),
            pa.array(found.iterations.astype(np.int32, copy=False)),
        ]
        return found.status, encode(pa.RecordBatch.from_arrays(columns, schema=self._schema), self._format)

    def _points(self, batch: pa.RecordBatch, first_row: int) -> tuple[Any, Any]:
        return (
            to_rows(self._layout.starts, batch, first_row, self._url),
            to_rows(self._layout.parameters, batch, first_row, self._url),
        )


def _nested(numbers: Any, shape: Shape) -> Any:
    """Return the numbers of a variable, shape (rows, size), as a column."""
    values = pa.array(np.ascontiguousarray(numbers).reshape(-1))
    for place in reversed(range(len(shape))):
        kind = pa.list_(pa.field("element", values.type, nullable=False), shape[place])
        values = pa.FixedSizeListArray.from_arrays(values, type=kind)
    return values


def _write(batch: pa.RecordBatch, metadata: dict[bytes, bytes]) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema.with_metadata(metadata)) as writer:
        writer.write_batch(batch)
    written: bytes = sink.getvalue().to_pybytes()
    return written


def _read(data: bytes) -> pa.RecordBatch:
    with pa.ipc.open_stream(pa.py_buffer(data)) as reader:
        batch = reader.read_next_batch()
        return batch.replace_schema_metadata(reader.schema.metadata)
