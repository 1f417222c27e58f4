"""Columns as rows of numbers, against what plain Python makes of the same lists."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from raphson_server.jobs.columns import Source, element_columns
from raphson_server.jobs.errors import JobError
from raphson_server.jobs.numbers_of_columns import to_rows

FLOAT = pa.float64()
SHAPES = st.sampled_from([(), (1,), (3,), (2, 2), (2, 1, 3)])
NAN = math.nan


def rows_of(sources: list[Source], columns: dict[str, Any], first_row: int = 0) -> np.ndarray:
    batch = pa.RecordBatch.from_arrays([pa.array(each) for each in columns.values()], list(columns))
    return to_rows(sources, batch, first_row, "in.parquet")


def flattened(value: Any, size: int) -> list[float]:
    """Return the numbers of nested lists; what is missing, wherever, is NaN."""
    if value is None:
        return [NAN] * size
    if isinstance(value, list):
        return [number for each in value for number in flattened(each, size // len(value))]
    return [float(value)]


def nested(shape: tuple[int, ...], may_miss: bool) -> st.SearchStrategy[Any]:
    inner = nested(shape[1:], may_miss) if shape else st.floats(-9, 9)
    value = st.lists(inner, min_size=shape[0], max_size=shape[0]) if shape else inner
    return st.none() | value if may_miss else value


def list_kind(shape: tuple[int, ...], fixed: int) -> pa.DataType:
    """Return lists of lists; a bit of `fixed` decides of each dimension whether its size is a part of the type."""
    kind = FLOAT
    for place, extent in reversed(list(enumerate(shape))):
        kind = pa.list_(kind, extent) if fixed >> place & 1 else pa.list_(kind)
    return kind


@given(data=st.data(), shape=SHAPES, fixed=st.integers(0, 7), cut=st.integers(0, 3))
def test_lists_of_any_kind_give_their_numbers(
    data: st.DataObject, shape: tuple[int, ...], fixed: int, cut: int
) -> None:
    # A list of fixed size that is missing holds something nevertheless: variable lists within it may be empty.
    is_mixed = len(shape) > 1 and fixed & (2 ** len(shape) - 1) != 2 ** len(shape) - 1
    values = data.draw(st.lists(nested(shape, not is_mixed), max_size=8))
    column = pa.array(values, list_kind(shape, fixed)).slice(min(cut, len(values)))
    size = math.prod(shape)
    found = rows_of([Source("h", shape, ("h",), None)], {"h": column})
    expected = np.array([flattened(value, size) for value in values[cut:]]).reshape(-1, size)
    np.testing.assert_array_equal(found, expected)


def test_constants_columns_and_elements_stand_side_by_side() -> None:
    sources = [
        Source("q", (), (), np.array([7.0])),
        Source("W", (2, 2), element_columns("W", (2, 2)), None),
        Source("n", (), ("n",), None),
    ]
    columns = {name: [10.0 * place, 10.0 * place + 1] for place, name in enumerate(element_columns("W", (2, 2)))}
    columns["n"] = pa.array([None, 2**60 + 1], pa.int64())
    found = rows_of(sources, columns)
    np.testing.assert_array_equal(found, [[7, 0, 10, 20, 30, NAN], [7, 1, 11, 21, 31, 2.0**60]])


def test_constants_alone_are_one_row() -> None:
    sources = [Source("q", (), (), np.array([7.0])), Source("h", (2,), (), np.array([1.0, 2.0]))]
    np.testing.assert_array_equal(rows_of(sources, {"id": [1, 2, 3]}), [7, 1, 2])


@pytest.mark.parametrize("kind", [pa.int8(), pa.uint64(), pa.float32(), pa.decimal128(9, 2), pa.null()])
def test_numbers_of_any_type_are_read(kind: pa.DataType) -> None:
    values = [None, None] if kind == pa.null() else [3, None]
    found = rows_of([Source("q", (), ("q",), None)], {"q": pa.array(values, kind)})
    np.testing.assert_array_equal(found.ravel(), [NAN if values[0] is None else 3.0, NAN])


def test_a_dictionary_is_decoded() -> None:
    found = rows_of([Source("q", (), ("q",), None)], {"q": pa.array([2.5, None, 2.5]).dictionary_encode()})
    np.testing.assert_array_equal(found.ravel(), [2.5, NAN, 2.5])


@pytest.mark.parametrize("kind", [pa.list_(FLOAT), pa.large_list(FLOAT)])
def test_a_ragged_column_is_told_by_its_row(kind: pa.DataType) -> None:
    column = pa.array([[1.0, 2.0], None, [1.0, 2.0, 3.0], []], kind)
    with pytest.raises(JobError, match=r"column 'h' is ragged: row 1,002 .* has a list of 3; expected 2 in every row"):
        rows_of([Source("h", (2,), ("h",), None)], {"h": column}, first_row=1000)


def test_a_ragged_list_within_lists_is_told_by_its_row() -> None:
    column = pa.array([[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0]]])
    with pytest.raises(JobError, match=r"column 'W' is ragged: row 1 .* has a list of 1; expected 2"):
        rows_of([Source("W", (2, 2), ("W",), None)], {"W": column})
