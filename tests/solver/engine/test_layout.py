"""A pattern as the engine reads it, against what its parts say they are."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from raphson_solver.engine.layout import Pattern


@given(st.integers(1, 9), st.integers(1, 9), st.data())
def test_entries_by_column_and_where_columns_and_rows_start(m: int, n: int, data: st.DataObject) -> None:
    cells = st.tuples(st.integers(0, m - 1), st.integers(0, n - 1))
    entries = sorted(data.draw(st.sets(cells)))
    rows, columns = (np.array([cell[axis] for cell in entries], np.int64) for axis in range(2))
    by_column = sorted(range(len(entries)), key=lambda place: entries[place][::-1])
    column_starts = [sum(column < j for _, column in entries) for j in range(n + 1)]
    row_starts = [sum(row < i for row, _ in entries) for i in range(m + 1)]
    packed = Pattern(rows, columns, m, n).packed()
    assert packed.dtype == np.int64
    assert packed.tolist() == [*rows, *columns, *by_column, *column_starts, *row_starts]
