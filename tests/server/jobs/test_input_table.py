"""Tables of every format, streamed; and files that are not what they should be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from fsspec.core import url_to_fs
from raphson_server.jobs.description import TableFormat
from raphson_server.jobs.errors import JobError, JobErrorCode
from raphson_server.jobs.files import LocalFiles, find_files
from raphson_server.jobs.input_table import open_table, read_schema
from raphson_server.jobs.table_format import find_format

from tests.server.jobs.working import write_table

TABLE = pa.table({"id": list(range(1000)), "name": [f"n{i}" for i in range(1000)], "r": [i / 8 for i in range(1000)]})
FORMATS = [".parquet", ".arrow", ".arrows", ".csv"]


def rows(path: Path, columns: list[str], first_row: int = 0, numeric: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """Read a table from a row on."""
    with open_table(LocalFiles(), str(path), str(path), None) as table:
        batches = list(table.batches(columns, numeric, first_row))
        begin = table.begin(first_row)
    found = [row for batch in batches for row in batch.to_pylist()]
    assert begin <= first_row
    return found[first_row - begin :]


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("first_row", [0, 1, 399, 400, 999, 1000])
def test_every_format_is_read_from_any_row_on(tmp_path: Path, suffix: str, first_row: int) -> None:
    path = tmp_path / f"in{suffix}"
    write_table(TABLE, path, **({"row_group_size": 200} if suffix == ".parquet" else {}))
    expected = TABLE.select(["id", "r"]).slice(first_row).to_pylist()
    assert rows(path, ["id", "r"], first_row, ("r",)) == expected


@pytest.mark.parametrize("suffix", FORMATS)
def test_what_a_format_knows_ahead_is_told(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"in{suffix}"
    write_table(TABLE, path)
    kind = find_format(str(path), None)
    with open_table(LocalFiles(), str(path), str(path), None) as table:
        assert table.schema.names == ["id", "name", "r"]
        assert table.rows == (1000 if suffix == ".parquet" else None)
        schema = read_schema(table, kind, ["id", "r"], {"id"})
    assert schema.field("id").type == (pa.float64() if suffix == ".csv" else pa.int64())


def test_row_groups_before_the_first_row_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    write_table(TABLE, path, row_group_size=100)
    with open_table(LocalFiles(), str(path), "in.parquet", None) as table:
        assert table.begin(750) == 700
        assert sum(batch.num_rows for batch in table.batches(["r"], (), 750)) == 300


def test_a_url_of_fsspec_is_read(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    write_table(TABLE, path)
    url = "memory://folder/in.parquet"
    memory, place = url_to_fs(url)
    memory.pipe_file(place, path.read_bytes())
    with open_table(*find_files(url), url, None) as table:
        found = [row for batch in table.batches(["r"], (), 0) for row in batch.to_pylist()]
    assert found == TABLE.select(["r"]).to_pylist()


def test_empty_fields_of_csv_are_nan_and_text_is_carried(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("r,note,none\n1,,\n,b,\nnan,c,\n")
    found = rows(path, ["r", "note", "none"], numeric=("r",))
    assert [row["note"] for row in found] == ["", "b", "c"]
    assert found[0]["r"] == 1.0
    assert all(row["r"] is None or row["r"] != row["r"] for row in found[1:])


@pytest.mark.parametrize(
    ("name", "content", "code", "words"),
    [
        ("in.parquet", b"", JobErrorCode.INPUT_MALFORMED, "is not a sound Parquet file"),
        ("in.parquet", b"PAR1 and no more of it", JobErrorCode.INPUT_MALFORMED, "is not a sound Parquet file"),
        ("in.arrow", b"ARROW1", JobErrorCode.INPUT_MALFORMED, "is not a sound Arrow IPC file"),
        ("in.arrow", b"", JobErrorCode.INPUT_MALFORMED, "is not a sound Arrow IPC file"),
        ("in.csv", b"", JobErrorCode.INPUT_MALFORMED, "is not a sound CSV file: Empty CSV file"),
        ("in.csv", b"r\n1\n2,3\n", JobErrorCode.INPUT_MALFORMED, "Expected 1 columns, got 2: 2,3"),
        ("in.csv", b"r\n1\nabc\n", JobErrorCode.INPUT_MALFORMED, "column 'r': Row #3: .* invalid value 'abc'"),
        ("in.csv", b"r\n\xff\xfe\n", JobErrorCode.INPUT_MALFORMED, "is not a sound CSV file: .*column 'r'"),
        ("in.txt", b"r\n1\n", JobErrorCode.INPUT_UNREADABLE, r"the extension '.txt' is not known; expected one of"),
        ("in", b"r\n1\n", JobErrorCode.INPUT_UNREADABLE, "there is no extension; expected one of"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_told(
    tmp_path: Path, name: str, content: bytes, code: JobErrorCode, words: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(JobError, match=words) as raised:
        rows(path, ["r"], numeric=("r",))
    assert raised.value.code is code
    assert str(path) in raised.value.message


def test_a_page_that_is_damaged_is_told_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    write_table(TABLE, path)
    content = bytearray(path.read_bytes())
    content[4:200] = bytes(196)
    path.write_bytes(content)
    with pytest.raises(JobError, match=r"in.parquet is not a sound Parquet file") as raised:
        rows(path, ["id"])
    assert raised.value.code is JobErrorCode.INPUT_MALFORMED


def test_what_is_not_there_or_no_file_is_told(tmp_path: Path) -> None:
    for path, words in ((tmp_path / "none.csv", "there is no such file"), (tmp_path, "is a folder; expected a file")):
        with (
            pytest.raises(JobError, match=words) as raised,
            open_table(LocalFiles(), str(path), str(path), TableFormat.CSV),
        ):
            pass
        assert raised.value.code is JobErrorCode.INPUT_UNREADABLE


def test_a_url_that_nobody_knows_is_told_without_what_is_in_it() -> None:
    with pytest.raises(JobError, match="nonsense://… is not reached") as raised:
        find_files("nonsense://user:secret@host/in.parquet")
    assert "secret" not in raised.value.message
