"""Columns of a table as rows of numbers: starts and parameters of members."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from raphson_server.jobs.columns import is_list
from raphson_server.jobs.errors import JobError, JobErrorCode
from raphson_server.jobs.extra import extra

with extra("jobs"):
    import pyarrow as pa
    import pyarrow.compute as pc

if TYPE_CHECKING:
    from raphson_server.jobs.columns import Array, Shape, Source


def to_rows(sources: Sequence[Source], batch: pa.RecordBatch, first_row: int, url: str) -> Array:
    """Return the numbers of all sources, one after another, shape (rows, count), or (count,) where all are constant.

    Parameters
    ----------
    sources : sequence of Source
    batch : RecordBatch
    first_row : int
        Number of its first row in the table, for errors.
    url : str
        What errors call the table.

    Raises
    ------
    JobError
        INVALID_COLUMNS where a list has another length than the shape says.
    """
    is_constant = not any(source.columns for source in sources)
    rows = np.empty((1 if is_constant else batch.num_rows, sum(source.size for source in sources)))
    place = 0
    for source in sources:
        part = rows[:, place : place + source.size]
        if source.constant is not None:
            part[:] = source.constant
        elif len(source.columns) == 1:
            reader = _Reader(source.columns[0], first_row, url)
            part[:] = reader.numbers(batch.column(source.columns[0]), source.shape).reshape(part.shape)
        else:
            for position, column in enumerate(source.columns):
                part[:, position] = _Reader(column, first_row, url).numbers(batch.column(column), ())
        place += source.size
    return rows[0] if is_constant else rows


class _Reader:
    """Reads one column; what is null is NaN."""

    def __init__(self, column: str, first_row: int, url: str) -> None:
        self._column = column
        self._first_row = first_row
        self._url = url

    def numbers(self, values: Any, shape: Shape) -> Array:
        """Return the numbers of an array, shape (rows, size)."""
        if pa.types.is_dictionary(values.type):
            values = values.dictionary_decode()
        if not is_list(values.type):
            return _plain(values)
        extents = shape if is_list(values.type.value_type) or len(shape) == 1 else (math.prod(shape),)
        return self._lists(values, extents, 1)

    def _lists(self, values: Any, shape: Shape, rows_each: int) -> Array:
        """Read lists of `shape[0]` of what has the rest of the shape; `rows_each` of them make a row."""
        if not shape:
            return _plain(values)
        extent, rest = shape[0], shape[1:]
        is_there = values.is_valid().to_numpy(zero_copy_only=False)
        if pa.types.is_fixed_size_list(values.type):
            inner = values.values.slice(values.offset * extent, len(values) * extent)
            found = self._lists(inner, rest, rows_each * extent).reshape(len(values), extent * math.prod(rest))
            return found if is_there.all() else np.where(is_there[:, None], found, np.nan)
        lengths = pc.call_function("list_value_length", [values]).fill_null(extent).to_numpy(zero_copy_only=False)
        wrong = np.flatnonzero(lengths != extent)
        if wrong.size:
            self._refuse(int(wrong[0]) // rows_each, int(lengths[wrong[0]]), extent)
        inside = self._lists(values.flatten(), rest, rows_each * extent).reshape(-1, extent * math.prod(rest))
        if is_there.all():
            return inside
        found = np.full((len(values), inside.shape[1]), np.nan)
        found[is_there] = inside
        return found

    def _refuse(self, row: int, length: int, extent: int) -> NoReturn:
        raise JobError(
            JobErrorCode.INVALID_COLUMNS,
            f"{self._url}: column {self._column!r} is ragged: row {self._first_row + row:,} (the first is row 0) has "
            f"a list of {length}; expected {extent} in every row",
        )


def _plain(values: Any) -> Array:
    """Return the numbers of an array without lists."""
    numbers = values.cast(pa.float64(), safe=False)
    if numbers.null_count:
        numbers = numbers.fill_null(np.nan)
    plain: Array = numbers.to_numpy(zero_copy_only=False)
    return plain
