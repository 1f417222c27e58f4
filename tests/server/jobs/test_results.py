"""Columns of any type as messages."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from raphson.v1.job_pb2 import Column
from raphson.v1.solver_pb2 import STATUS_CONVERGED, STATUS_DOMAIN_ERROR, STATUS_UNSPECIFIED
from raphson_server.failures import CallError
from raphson_server.jobs.description import JobDescription
from raphson_server.jobs.results import read_results

MESSAGE_BYTES = 1 << 14


def written(folder: Path, table: pa.Table) -> JobDescription:
    pq.write_table(table, folder / "out.parquet")
    return JobDescription(definition=b"", input_url="/in.csv", output_url=str(folder / "out.parquet"))


def only(folder: Path, values: Any, name: str = "a") -> Column:
    """Return a column as it is sent."""
    (message,) = read_results(written(folder, pa.table({name: values})), (), MESSAGE_BYTES)
    (column,) = message.columns
    assert (column.name, message.rows) == (name, len(values))
    return column


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([1.5, None, float("inf")]), [1.5, np.nan, np.inf]),
        (pa.array([1.5, 2.5], pa.float32()), [1.5, 2.5]),
        (pa.array([1, None, 3]), [1.0, np.nan, 3.0]),
        (pa.array([2**63, 1], pa.uint64()), [2.0**63, 1.0]),
        (pa.array([Decimal("1.25"), None]), [1.25, np.nan]),
        (pa.array([[1.0, 2.0], [3.0, 4.0]], pa.list_(pa.float64(), 2)), [[1.0, 2.0], [3.0, 4.0]]),
    ],
)
def test_numbers(tmp_path: Path, values: pa.Array, expected: Any) -> None:
    message = only(tmp_path, values).numbers
    assert np.array_equal(np.frombuffer(message.data).reshape(tuple(message.shape)), expected, equal_nan=True)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([1, -(2**62), 3]), [1, -(2**62), 3]),
        (pa.array([1, 200], pa.uint8()), [1, 200]),
        (pa.array([True, False]), [1, 0]),
        (pa.array([5, 5, 6]).dictionary_encode(), [5, 5, 6]),
    ],
)
def test_whole_numbers(tmp_path: Path, values: pa.Array, expected: list[int]) -> None:
    assert np.frombuffer(only(tmp_path, values).integers, "<i8").tolist() == expected


@pytest.mark.parametrize(
    ("values", "texts", "missing"),
    [
        (pa.array(["a", None, ""]), ["a", "", ""], [1]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"], []),
        (pa.array([dt.date(2026, 1, 2), None]), ["2026-01-02", ""], [1]),
        (pa.array([[1.0], [1.0, 2.0]]), ["[1.0]", "[1.0, 2.0]"], []),
        (pa.array([True, None]), ["True", ""], [1]),
    ],
)
def test_anything_else_is_text(tmp_path: Path, values: pa.Array, texts: list[str], missing: list[int]) -> None:
    column = only(tmp_path, values).texts
    assert (list(column.values), list(column.missing)) == (texts, missing)


def test_statuses_are_numbers(tmp_path: Path) -> None:
    column = only(tmp_path, pa.array(["converged", "domain_error", None, "of another version"]), "status")
    assert list(column.statuses) == [STATUS_CONVERGED, STATUS_DOMAIN_ERROR, STATUS_UNSPECIFIED, STATUS_UNSPECIFIED]


def test_long_texts_are_cut_into_messages(tmp_path: Path) -> None:
    texts = [f"{i} " + "x" * 1000 for i in range(500)]
    messages = list(read_results(written(tmp_path, pa.table({"a": texts})), (), MESSAGE_BYTES))
    assert max(message.ByteSize() for message in messages) <= 2 * MESSAGE_BYTES
    assert [text for message in messages for text in message.columns[0].texts.values] == texts


def test_an_output_without_rows_has_columns(tmp_path: Path) -> None:
    empty = pa.table({"x": pa.array([], pa.float64()), "id": pa.array([], pa.int64())})
    (message,) = read_results(written(tmp_path, empty), ("id", "x"), MESSAGE_BYTES)
    assert (message.rows, [column.name for column in message.columns]) == (0, ["id", "x"])


def test_columns_that_cannot_be_chosen(tmp_path: Path) -> None:
    description = written(tmp_path, pa.table({"x": [1.0], "height": [2.0]}))
    for columns, words in ((("x", "heigth"), "did you mean 'height'"), (("x", "x"), "given twice")):
        with pytest.raises(CallError, match=words) as caught:
            list(read_results(description, columns, MESSAGE_BYTES))
        assert caught.value.field == "columns[1]"
