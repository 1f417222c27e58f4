"""Pieces of any length become chunks of one length."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from raphson_server.jobs.chunking import in_chunks

SCHEMA = pa.schema([("i", pa.int64()), ("name", pa.string())])


def pieces_of(lengths: list[int]) -> list[pa.RecordBatch]:
    pieces, first = [], 0
    for length in lengths:
        numbers = list(range(first, first + length))
        names = pa.array([f"row {number}" for number in numbers], pa.string()).dictionary_encode()
        pieces.append(pa.RecordBatch.from_arrays([pa.array(numbers, pa.int64()), names], ["i", "name"]))
        first += length
    return pieces


@given(
    lengths=st.lists(st.integers(0, 30), max_size=12),
    rows=st.integers(1, 40),
    skip=st.integers(0, 60),
)
def test_every_row_comes_once_in_order(lengths: list[int], rows: int, skip: int) -> None:
    total = sum(lengths)
    chunks = list(in_chunks(pieces_of(lengths), SCHEMA, rows, skip))
    assert all(chunk.schema == SCHEMA for chunk in chunks)
    assert [number for chunk in chunks for number in chunk["i"].to_pylist()] == list(range(skip, total))
    assert all(chunk["name"].to_pylist() == [f"row {i}" for i in chunk["i"].to_pylist()] for chunk in chunks)
    assert all(chunk.num_rows == rows for chunk in chunks[:-1])
    assert all(0 < chunk.num_rows <= rows for chunk in chunks)
