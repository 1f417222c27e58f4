"""Pieces of any length as chunks of one length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from raphson_server.jobs.extra import extra

with extra("jobs"):
    import pyarrow as pa


def in_chunks(batches: Iterable[Any], schema: pa.Schema, chunk_rows: int, skip: int) -> Iterator[pa.RecordBatch]:
    """Cut a stream of rows into chunks.

    Parameters
    ----------
    batches : iterable of RecordBatch
    schema : Schema
        What the chunks have: the columns' names and types, dictionaries decoded.
    chunk_rows : int
        Rows of each chunk; the last may have fewer, and a table without rows is no chunk.
    skip : int
        Rows to leave out at first.

    Yields
    ------
    RecordBatch
    """
    waiting: list[Any] = []
    count = 0
    for each in batches:
        batch = each
        if skip:
            left_out = min(skip, batch.num_rows)
            skip -= left_out
            batch = batch.slice(left_out)
        while batch.num_rows:
            piece = batch.slice(0, chunk_rows - count)
            batch = batch.slice(piece.num_rows)
            waiting.append(piece)
            count += piece.num_rows
            if count == chunk_rows:
                yield _together(waiting, schema)
                waiting, count = [], 0
    if waiting:
        yield _together(waiting, schema)


def _together(batches: list[Any], schema: pa.Schema) -> pa.RecordBatch:
    """Return one batch; a slice of a larger one is copied, so that it keeps nothing else in memory."""
    columns = []
    for place, field in enumerate(schema):
        pieces = [_decoded(batch.column(place), field.type) for batch in batches]
        columns.append(pieces[0] if len(pieces) == 1 else pa.concat_arrays(pieces))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _decoded(values: Any, kind: pa.DataType) -> Any:
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    return values if values.type == kind else values.cast(kind)
