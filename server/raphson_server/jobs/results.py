"""The rows of a finished output, as messages: typed columns, some rows at a time."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import numpy as np
from google.rpc import code_pb2
from raphson.v1.array_pb2 import DoubleArray
from raphson.v1.job_pb2 import Column, ReadResultsResponse, Texts

from raphson_server.failures import CallError, Reason, invalid_input
from raphson_server.jobs.columns import is_list, is_number
from raphson_server.jobs.errors import JobError, JobErrorCode
from raphson_server.jobs.extra import extra
from raphson_server.jobs.files import find_files
from raphson_server.jobs.input_table import open_table
from raphson_server.jobs.wire import STATUSES

with extra("jobs"):
    import pyarrow as pa
    import pyarrow.compute

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from raphson_server.jobs.description import JobDescription

_compute: Any = pyarrow.compute
_STATUS = "status"
_STATUS_NAMES = pa.array(list(STATUSES), pa.string())
_STATUS_NUMBERS = np.array([*STATUSES.values(), 0], np.int8)
# A text, or anything else, is taken for so many bytes.
_TEXT_BYTES = 32
_MOST_TIMES_LARGER = 2


def read_results(
    description: JobDescription, columns: Sequence[str], message_bytes: int
) -> Iterator[ReadResultsResponse]:
    """Read the output of a job.

    Parameters
    ----------
    description : JobDescription
        Of a job that has succeeded.
    columns : sequence of str
        Which columns, in which order; none: all of them.
    message_bytes : int
        About how large a message is to be.

    Yields
    ------
    ReadResultsResponse

    Raises
    ------
    CallError
        For a column that is not there, and an output that is there no more, or is not what it was.
    """
    url = description.output_url
    try:
        files, path = find_files(url)
        with open_table(files, path, url, description.output_format) as table:
            names = _chosen(columns, table.schema.names)
            fields = [table.schema.field(name) for name in names]
            rows = max(1, message_bytes // max(1, sum(_bytes_each(field.type) for field in fields)))
            is_empty = True
            # Readers want the table's order.
            in_order = sorted(names, key=table.schema.names.index)
            numeric = {field.name for field in fields if pa.types.is_floating(field.type)}
            for batch in table.batches(in_order, numeric, 0):
                for first in range(0, batch.num_rows, rows):
                    is_empty = False
                    yield from _messages(batch.slice(first, rows), names, message_bytes)
            if is_empty:
                yield _message(pa.RecordBatch.from_pylist([], schema=pa.schema(fields)), names)
    except JobError as error:
        if error.code not in {JobErrorCode.INPUT_UNREADABLE, JobErrorCode.INPUT_MALFORMED}:
            raise
        message = f"the output is no longer what the job wrote: {error.message}"
        raise CallError(code_pb2.NOT_FOUND, Reason.OUTPUT_GONE, message) from None


def _chosen(columns: Sequence[str], known: Sequence[str]) -> list[str]:
    for place, name in enumerate(columns):
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise invalid_input(f"columns[{place}]", f"{name!r} is no column of the output{hint}")
        if name in columns[:place]:
            raise invalid_input(f"columns[{place}]", f"{name!r} is given twice; expected each name once")
    return list(columns or known)


def _messages(batch: pa.RecordBatch, names: Sequence[str], message_bytes: int) -> Iterator[ReadResultsResponse]:
    """Write rows in one message, or, where their texts are long, in several."""
    message = _message(batch, names)
    if message.ByteSize() <= _MOST_TIMES_LARGER * message_bytes or batch.num_rows == 1:
        yield message
        return
    half = batch.num_rows // 2
    yield from _messages(batch.slice(0, half), names, message_bytes)
    yield from _messages(batch.slice(half), names, message_bytes)


def _message(batch: pa.RecordBatch, names: Sequence[str]) -> ReadResultsResponse:
    columns = [_column(name, batch.column(name)) for name in names]
    return ReadResultsResponse(rows=batch.num_rows, columns=columns)


def _column(name: str, values: Any) -> Column:
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if name == _STATUS:
        # Arrow makes its functions when it is imported, so that no checker sees them.
        places = _compute.fill_null(_compute.index_in(values.cast(pa.string()), _STATUS_NAMES), len(_STATUS_NAMES))
        return Column(name=name, statuses=_STATUS_NUMBERS[places.to_numpy()].tobytes())
    shape, inner = _shape(values.type)
    if shape is not None and is_number(inner) and not values.null_count:
        for _ in shape:
            values = values.flatten()
        return Column(name=name, numbers=_numbers(values, (-1, *shape)))
    if (pa.types.is_integer(values.type) or pa.types.is_boolean(values.type)) and not values.null_count:
        try:
            integers = values.cast(pa.int64()).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid:
            # An unsigned number past 2⁶³.
            return Column(name=name, numbers=_numbers(values, (-1,)))
        return Column(name=name, integers=integers.astype("<i8", copy=False).tobytes())
    if is_number(values.type):
        return Column(name=name, numbers=_numbers(values, (-1,)))
    missing = np.flatnonzero(values.is_null().to_numpy(zero_copy_only=False)).tolist()
    texts = ["" if value is None else str(value) for value in values.to_pylist()]
    return Column(name=name, texts=Texts(values=texts, missing=missing))


def _numbers(values: Any, shape: tuple[int, ...]) -> DoubleArray:
    numbers = values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False).reshape(shape)
    return DoubleArray(shape=numbers.shape, data=numbers.astype("<f8", copy=False).tobytes())


def _shape(kind: pa.DataType) -> tuple[tuple[int, ...] | None, pa.DataType]:
    """Return the shape of a column of lists of fixed sizes, None for any other, and what is innermost."""
    shape: list[int] = []
    while pa.types.is_fixed_size_list(kind):
        shape.append(kind.list_size)
        kind = kind.value_type
    return tuple(shape) if shape and 0 not in shape else None, kind


def _bytes_each(kind: pa.DataType) -> int:
    shape, inner = _shape(kind)
    if is_number(inner):
        return 8 * int(np.prod(shape or (1,)))
    return 8 * _TEXT_BYTES if is_list(kind) else _TEXT_BYTES
