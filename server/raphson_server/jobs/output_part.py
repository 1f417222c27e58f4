"""Results of a chunk in the output's format, and all of them together as the one output."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from raphson_server.jobs.columns import element_columns, is_list, list_type
from raphson_server.jobs.description import TableFormat
from raphson_server.jobs.errors import JobError, JobErrorCode
from raphson_server.jobs.extra import extra
from raphson_server.jobs.files import copy_into

with extra("jobs"):
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pyarrow import csv

if TYPE_CHECKING:
    from raphson_server.jobs.columns import Shape
    from raphson_server.jobs.files import Files

STATUS_TYPE = pa.dictionary(pa.int8(), pa.string())
_STATUS = "status"
# Numbers are all different, and a dictionary of them would only cost.
_REPEATED = (_STATUS, "iterations")
_CSV_OPTIONS = {"include_header": False, "quoting_style": "needed"}


def output_schema(carried: Sequence[pa.Field], variables: Sequence[tuple[str, Shape]]) -> pa.Schema:
    """Return the columns of every output: what is carried, the variables, and how each iteration ended.

    What is computed is never null, which saves Parquet a third of the work.
    """
    return pa.schema(
        [
            *carried,
            *(pa.field(name, list_type(shape), nullable=False) for name, shape in variables),
            pa.field(_STATUS, STATUS_TYPE, nullable=False),
            pa.field("residual_norm", pa.float64(), nullable=False),
            pa.field("iterations", pa.int32(), nullable=False),
        ]
    )


def check_output_types(schema: pa.Schema, kind: TableFormat, url: str) -> None:
    """Refuse what the format cannot hold; raises `JobError` INVALID_COLUMNS."""
    if kind is not TableFormat.CSV:
        return
    for field in schema:
        is_array = is_list(field.type) and not field.nullable
        if pa.types.is_nested(field.type) and not is_array:
            what = f"column {field.name!r} is {field.type}, which CSV cannot hold"
            message = f"{url}: {what}; expected that it is not carried, or an output of another format"
            raise JobError(JobErrorCode.INVALID_COLUMNS, message)


def encode(batch: pa.RecordBatch, kind: TableFormat) -> bytes:
    """Write a chunk's results; the same bytes each time. What becomes Parquet is Arrow until it is joined."""
    sink = pa.BufferOutputStream()
    if kind is TableFormat.CSV:
        csv.write_csv(_flat(batch), sink, csv.WriteOptions(**_CSV_OPTIONS))
    else:
        with pa.ipc.new_file(sink, batch.schema) as writer:
            writer.write_batch(batch)
    encoded: bytes = sink.getvalue().to_pybytes()
    return encoded


def join(files: Files, parts: Iterable[str], schema: pa.Schema, kind: TableFormat, target: IO[bytes]) -> None:
    """Write parts one behind another into the one output.

    Parameters
    ----------
    files : Files
    parts : iterable of str
        Their paths, in order; at least one.
    schema : Schema
        Of the output.
    kind : TableFormat
    target : binary file

    Raises
    ------
    JobError
        PARTS_LOST for a part that is not there, or is not what was written.
    """
    match kind:
        case TableFormat.PARQUET:
            options: dict[str, Any] = {"use_dictionary": _repeated(schema)}
            with pq.ParquetWriter(target, schema, **options) as writer:
                for batch in _batches(files, parts):
                    # A row group a batch: what is written is not held back for more.
                    writer.write_batch(batch, row_group_size=max(1, batch.num_rows))
        case TableFormat.ARROW:
            with pa.ipc.new_file(target, schema) as writer:
                for batch in _batches(files, parts):
                    writer.write_batch(batch)
        case TableFormat.CSV:
            empty = _flat(pa.RecordBatch.from_pylist([], schema=schema)).schema.empty_table()
            header = io.BytesIO()
            csv.write_csv(empty, header, csv.WriteOptions(quoting_style="needed"))
            target.write(header.getvalue())
            for path in parts:
                with _part(files, path) as file:
                    copy_into(file, 0, _size(file), target)


def _repeated(schema: pa.Schema) -> list[str]:
    """Return the columns whose values come again and again; of others Parquet's dictionary would only cost."""
    return [field.name for field in schema if field.name in _REPEATED or _is_text(field.type)]


def _batches(files: Files, parts: Iterable[str]) -> Iterator[pa.RecordBatch]:
    """Read parts that are Arrow."""
    for path in parts:
        with _part(files, path) as file:
            reader = pa.ipc.open_file(file)
            for number in range(reader.num_record_batches):
                yield reader.get_batch(number)


@contextmanager
def _part(files: Files, path: str) -> Iterator[IO[bytes]]:
    try:
        file = files.open(path)
    except FileNotFoundError:
        raise JobError(JobErrorCode.PARTS_LOST, f"{path} was committed and is not there; resume the job") from None
    with file:
        try:
            yield file
        except pa.ArrowInvalid as error:
            message = f"{path} was committed and is not what it was ({error}); remove it, and resume the job"
            raise JobError(JobErrorCode.PARTS_LOST, message) from error


def _size(file: IO[bytes]) -> int:
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    return size


def _is_text(kind: Any) -> bool:
    types = pa.types
    return any(test(kind) for test in (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary))


def _flat(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch with a column for each element of an array, and statuses as text."""
    names: list[str] = []
    columns: list[Any] = []
    for field, column in zip(batch.schema, batch.columns, strict=True):
        shape: list[int] = []
        values = column
        while pa.types.is_fixed_size_list(values.type):
            shape.append(values.type.list_size)
            values = values.flatten()
        if shape:
            elements = element_columns(field.name, tuple(shape))
            numbers = values.to_numpy(zero_copy_only=False).reshape(-1, len(elements))
            names += elements
            columns += [pa.array(numbers[:, place].copy()) for place in range(len(elements))]
        else:
            names.append(field.name)
            columns.append(values.cast(pa.string()) if pa.types.is_dictionary(values.type) else values)
    return pa.RecordBatch.from_arrays(columns, names)
