"""Whether a job can be done: looked at before any work, and again when it begins."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from raphson_server.jobs.columns import Layout, read_layout
from raphson_server.jobs.extra import extra
from raphson_server.jobs.files import find_files
from raphson_server.jobs.input_table import InputTable, open_table, read_schema, reading_from
from raphson_server.jobs.output_part import check_output_types, output_schema
from raphson_server.jobs.system import NO_LIMITS, read_options, read_system
from raphson_server.jobs.table_format import find_format
from raphson_server.jobs.work_directory import check_output

with extra("jobs"):
    import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import raphson_solver as rs

    from raphson_server.jobs.description import JobDescription, TableFormat


@dataclass(frozen=True, slots=True)
class Opened:
    """A job's input, and what follows from it.

    Attributes
    ----------
    table : InputTable
    columns : list of str
        What is read of it.
    numeric : set of str
        Those of them that are parameters or starts.
    chunk_schema : Schema
        Of the chunks that are read.
    output_schema : Schema
    output_format : TableFormat
    facts : dict
        What shows that the input has changed.
    limits : mapping of str to int
        Those of a system, by the solver's names; what is not in it has the solver's default.
    """

    table: InputTable
    columns: list[str]
    numeric: set[str]
    chunk_schema: pa.Schema
    output_schema: pa.Schema
    output_format: TableFormat
    facts: dict[str, Any]
    limits: Mapping[str, int]


def check(description: JobDescription, limits: Mapping[str, int] = NO_LIMITS) -> None:
    """Find out whether a job can be done, and its output written; `limits` are as of `read_system`.

    Raises
    ------
    JobError
        Says what is wrong: with the system, the input's columns, or the output.
    """
    check_output(description)
    with opened(description, limits):
        pass


@contextmanager
def opened(description: JobDescription, limits: Mapping[str, int] = NO_LIMITS) -> Iterator[Opened]:
    """Open a job's input; `limits` are as of `read_system`.

    Raises
    ------
    JobError
        Says what is wrong with the system or the columns, or, while rows are read, with the table.
    """
    read_options(description)
    system = read_system(description, limits)
    url = description.input_url
    kind = find_format(url, description.input_format)
    output_kind = find_format(description.output_url, description.output_format)
    files, path = find_files(url)
    with open_table(files, path, url, kind) as table:
        layout = read_layout(system, description, table.schema, url)
        columns = layout.columns(table.schema)
        numeric = _numeric(layout)
        schema = read_schema(table, kind, columns, numeric)
        result = _result_schema(system, layout, schema)
        check_output_types(result, output_kind, description.output_url)
        with reading_from(url, kind):
            facts = files.facts(path) | {"columns": _fingerprint(table.schema)}
        yield Opened(table, columns, numeric, schema, result, output_kind, facts, limits)


def _numeric(layout: Layout) -> set[str]:
    return {column for source in (*layout.parameters, *layout.starts) for column in source.columns}


def _result_schema(system: rs.System, layout: Layout, schema: pa.Schema) -> pa.Schema:
    return output_schema([schema.field(name) for name in layout.carried], system.variables)


def _fingerprint(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} {field.type}" for field in schema)
