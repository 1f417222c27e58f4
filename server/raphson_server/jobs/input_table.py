"""The table that members come from: Parquet, Arrow IPC or CSV, read as a stream."""

from __future__ import annotations

import re
from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import IO, TYPE_CHECKING, Any, Protocol

from raphson_server.jobs.columns import value_type
from raphson_server.jobs.description import TableFormat
from raphson_server.jobs.errors import JobError, JobErrorCode
from raphson_server.jobs.extra import extra
from raphson_server.jobs.table_format import find_format

with extra("jobs"):
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pyarrow import csv

if TYPE_CHECKING:
    from raphson_server.jobs.files import Files

Batches = Generator[pa.RecordBatch, None, None]

_ARROW_MAGIC = b"ARROW1"
_BUFFER_BYTES = 1 << 20
_CSV_BLOCK_BYTES = 1 << 22
_MOST_BATCH_ROWS = 65_536
_CSV_COLUMN = re.compile(r"CSV column #(\d+)")


class InputTable(Protocol):
    """A table that is open.

    Attributes
    ----------
    schema : Schema
        All its columns.
    rows : int or None
        How many; None where only reading tells.
    """

    schema: pa.Schema
    rows: int | None

    def batches(self, columns: Sequence[str], numeric: Collection[str], first_row: int) -> Batches:
        """Read columns, in pieces of any length.

        Parameters
        ----------
        columns : sequence of str
            In the table's order.
        numeric : collection of str
            Those of them that are to be numbers where the format does not say what they are.
        first_row : int
            Rows before this may be left out.

        Yields
        ------
        RecordBatch
            The first begins at a row that is at most `first_row`; see `begin`.
        """
        ...

    def begin(self, first_row: int) -> int:
        """Return the row that `batches` begins with."""
        ...


@contextmanager
def open_table(files: Files, path: str, url: str, chosen: TableFormat | None) -> Iterator[InputTable]:
    """Open a table, whose faults are told by its name.

    Raises
    ------
    JobError
        INPUT_UNREADABLE or INPUT_MALFORMED, here or where rows are read.
    """
    kind = find_format(url, chosen)
    with reading_from(url, kind):
        if files.is_folder(path):
            raise JobError(JobErrorCode.INPUT_UNREADABLE, f"{url} is a folder; expected a file")
        file = files.open(path)
    with file:
        with reading_from(url, kind):
            table = _open(kind, file)
        yield _Told(table, url, kind)


@contextmanager
def reading_from(url: str, kind: TableFormat) -> Iterator[None]:
    """Tell a file that is not there from one that is not what it should be."""
    try:
        yield
    except FileNotFoundError:
        raise JobError(JobErrorCode.INPUT_UNREADABLE, f"{url}: there is no such file") from None
    except PermissionError:
        raise JobError(JobErrorCode.INPUT_UNREADABLE, f"{url} may not be read") from None
    except (pa.ArrowException, OSError, EOFError) as error:
        # Arrow says of a damaged file that it is an OSError, without a number.
        if isinstance(error, OSError) and error.errno is not None and not isinstance(error, pa.ArrowException):
            raise JobError(JobErrorCode.INPUT_UNREADABLE, f"{url} cannot be read: {error.strerror}") from error
        message = f"{url} is not a sound {_TITLES[kind]} file: {_first_line(error)}"
        raise JobError(JobErrorCode.INPUT_MALFORMED, message) from error


_TITLES = {TableFormat.PARQUET: "Parquet", TableFormat.ARROW: "Arrow IPC", TableFormat.CSV: "CSV"}


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


def _open(kind: TableFormat, file: IO[bytes]) -> InputTable:
    match kind:
        case TableFormat.PARQUET:
            return _Parquet(file)
        case TableFormat.ARROW:
            magic = file.read(len(_ARROW_MAGIC))
            file.seek(0)
            return _ArrowFile(file) if magic == _ARROW_MAGIC else _ArrowStream(file)
        case TableFormat.CSV:
            return _Csv(file)


class _Told:
    """A table whose faults are told by its name."""

    def __init__(self, table: InputTable, url: str, kind: TableFormat) -> None:
        self._table = table
        self._url = url
        self._kind = kind
        self.schema = table.schema
        self.rows = table.rows

    def batches(self, columns: Sequence[str], numeric: Collection[str], first_row: int) -> Batches:
        # Closed with this one, and not when memory is tidied up.
        with closing(self._table.batches(columns, numeric, first_row)) as found:
            while True:
                with reading_from(self._url, self._kind):
                    batch = next(found, None)
                if batch is None:
                    return
                yield batch

    def begin(self, first_row: int) -> int:
        return self._table.begin(first_row)


class _Parquet:
    """Row groups that are not needed are not read, and of those that are a page at a time."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = pq.ParquetFile(file, buffer_size=_BUFFER_BYTES, pre_buffer=False)
        self.schema = self._file.schema_arrow
        self.rows: int | None = self._file.metadata.num_rows

    def batches(self, columns: Sequence[str], numeric: Collection[str], first_row: int) -> Batches:  # noqa: ARG002 - what the protocol gives
        first, _ = self._group(first_row)
        groups = list(range(first, self._file.num_row_groups))
        yield from self._file.iter_batches(_MOST_BATCH_ROWS, groups, list(columns), use_threads=False)

    def begin(self, first_row: int) -> int:
        return self._group(first_row)[1]

    def _group(self, row: int) -> tuple[int, int]:
        """Return the row group of a row, and that group's first row."""
        first = 0
        for group in range(self._file.num_row_groups):
            count = self._file.metadata.row_group(group).num_rows
            if row < first + count:
                return group, first
            first += count
        return self._file.num_row_groups, first


class _ArrowFile:
    """Batches by number."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.schema = pa.ipc.open_file(file).schema
        self.rows: int | None = None

    def batches(self, columns: Sequence[str], numeric: Collection[str], first_row: int) -> Batches:  # noqa: ARG002 - what the protocol gives
        reader = pa.ipc.open_file(self._file, options=_only(self.schema, columns))
        for number in range(reader.num_record_batches):
            yield reader.get_batch(number)

    def begin(self, first_row: int) -> int:  # noqa: ARG002 - what the protocol gives
        return 0


class _ArrowStream:
    """Batches one after another."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.schema = pa.ipc.open_stream(file).schema
        self.rows: int | None = None

    def batches(self, columns: Sequence[str], numeric: Collection[str], first_row: int) -> Batches:  # noqa: ARG002 - what the protocol gives
        self._file.seek(0)
        yield from pa.ipc.open_stream(self._file, options=_only(self.schema, columns))

    def begin(self, first_row: int) -> int:  # noqa: ARG002 - what the protocol gives
        return 0


def _only(schema: pa.Schema, columns: Sequence[str]) -> pa.ipc.IpcReadOptions:
    return pa.ipc.IpcReadOptions(included_fields=[schema.get_field_index(name) for name in columns], use_threads=False)


class _Csv:
    """Lines under a line of names; what is carried is of the type that the first block looks like."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        # Readers are closed at once: one that reads ahead while the process ends takes it down.
        with self._reader(None) as reader:
            self.schema = reader.schema
        self.rows: int | None = None

    def batches(self, columns: Sequence[str], numeric: Collection[str], first_row: int) -> Batches:  # noqa: ARG002 - what the protocol gives
        self._file.seek(0)
        types = {name: pa.float64() for name in numeric}
        types |= {name: _carried_type(self.schema.field(name).type) for name in columns if name not in types}
        try:
            with self._reader(csv.ConvertOptions(include_columns=list(columns), column_types=types)) as reader:
                yield from reader
        except pa.ArrowInvalid as error:
            raise pa.ArrowInvalid(self._with_name(_first_line(error))) from None

    def begin(self, first_row: int) -> int:  # noqa: ARG002 - what the protocol gives
        return 0

    def _reader(self, convert: Any) -> Any:
        # Without threads errors say which row they are in.
        read = csv.ReadOptions(use_threads=False, block_size=_CSV_BLOCK_BYTES)
        return csv.open_csv(self._file, read, convert_options=convert)

    def _with_name(self, message: str) -> str:
        """Say which column it is that Arrow knows by its number."""
        names = self.schema.names
        return _CSV_COLUMN.sub(lambda found: f"column {names[int(found.group(1))]!r}", message)


def _carried_type(kind: pa.DataType) -> pa.DataType:
    """Return the type of a column, text where nothing is in it at first."""
    return pa.string() if pa.types.is_null(kind) else kind


def read_schema(table: InputTable, kind: TableFormat, columns: Sequence[str], numeric: Collection[str]) -> pa.Schema:
    """Return the schema of some columns as they are worked with: without dictionaries, CSV's numbers as float64."""
    fields = []
    for name in columns:
        field = table.schema.field(name)
        inner = value_type(field.type)
        if kind is TableFormat.CSV:
            inner = pa.float64() if name in numeric else _carried_type(inner)
        fields.append(pa.field(name, inner, field.nullable))
    return pa.schema(fields)
