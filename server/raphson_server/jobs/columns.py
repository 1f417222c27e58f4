"""Which column is what: parameters, starts, and what is carried along."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from raphson_server.jobs.description import EVERY_COLUMN, JobDescription
from raphson_server.jobs.errors import JobError, JobErrorCode
from raphson_server.jobs.extra import extra

with extra("jobs"):
    import pyarrow as pa

if TYPE_CHECKING:
    from raphson_solver import System

Shape = tuple[int, ...]
Array = NDArray[np.float64]

RESULT_COLUMNS = ("status", "residual_norm", "iterations")
"""What comes after the variables in every output."""

_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Source:
    """Where the numbers of a parameter or a variable come from.

    Attributes
    ----------
    name : str
    shape : tuple of int
    columns : tuple of str
        One column; or one an element, in C order; or none.
    constant : ndarray, shape (size,), optional
        What every row has where there are no columns.
    """

    name: str
    shape: Shape
    columns: tuple[str, ...]
    constant: Array | None

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class Layout:
    """Which columns of a table are what.

    Attributes
    ----------
    parameters, starts : tuple of Source
        In the order of p, those that are a part of the system left out, and of x.
    carried : tuple of str
        Columns that are copied to the output.
    """

    parameters: tuple[Source, ...]
    starts: tuple[Source, ...]
    carried: tuple[str, ...]

    @property
    def has_starts(self) -> bool:
        """Whether any row begins elsewhere than another."""
        return any(source.columns for source in self.starts)

    def columns(self, schema: pa.Schema) -> list[str]:
        """Return the columns that are needed, in the order of the table."""
        needed = {column for source in (*self.parameters, *self.starts) for column in source.columns}
        needed.update(self.carried)
        return [name for name in schema.names if name in needed]


def read_layout(system: System, description: JobDescription, schema: pa.Schema, url: str) -> Layout:
    """Find out which columns of a table are what.

    Parameters
    ----------
    system : System
    description : JobDescription
    schema : Schema
        Of the table.
    url : str
        What errors call the table.

    Raises
    ------
    JobError
        INVALID_COLUMNS for columns that are missing, unknown, twice there, or hold no numbers, and for names that the
        output would have twice.
    """
    columns = _Columns(schema, url)
    columns.refuse_structural(system.structural)
    parameters = columns.sources(system.free_parameters, description.parameters, "parameter")
    starts = columns.sources(system.variables, description.start, "start")
    used = {column for source in (*parameters, *starts) for column in source.columns}
    carried = columns.carried(description.carry, used)
    known = [name for name, _ in (*system.free_parameters, *system.variables)]
    columns.refuse_unknown(used | set(carried), known)
    if not used:
        columns.refuse(f"no column is a parameter or a start; expected some of {_listed(known)}")
    columns.refuse_clashes(carried, [name for name, _ in system.variables])
    return Layout(parameters, starts, carried)


def element_columns(name: str, shape: Shape) -> tuple[str, ...]:
    """Return ``h[0]``, ``h[1]``, …, or ``W[0,1]``, …: the columns of an array that has one for each element."""
    return tuple(f"{name}[{','.join(map(str, place))}]" for place in product(*map(range, shape)))


def list_type(shape: Shape) -> pa.DataType:
    """Return float64, within as many lists of fixed size as the shape has dimensions."""
    kind = pa.float64()
    for extent in reversed(shape):
        kind = pa.list_(pa.field("element", kind, nullable=False), extent)
    return kind


class _Columns:
    """The columns of one table, and what may be wrong with them."""

    def __init__(self, schema: pa.Schema, url: str) -> None:
        self._schema = schema
        self._url = url
        self._names = set(schema.names)
        if len(self._names) < len(schema.names):
            twice = next(name for name in schema.names if schema.names.count(name) > 1)
            self.refuse(f"column {twice!r} is there twice; expected each name once")

    def refuse(self, message: str) -> NoReturn:
        """Raise."""
        raise JobError(JobErrorCode.INVALID_COLUMNS, f"{self._url}: {message}")

    def refuse_structural(self, structural: Mapping[str, Any]) -> None:
        """Refuse columns of parameters that decide how many equations there are."""
        for name in structural:
            if name in self._names or any(column.startswith(f"{name}[") for column in self._names):
                self.refuse(
                    f"column {name!r} is a parameter that the equations use in a range or as an index, which makes "
                    "its value a part of the system; expected it in the model alone, and a job for each of its values"
                )

    def sources(self, declared: Sequence[tuple[str, Shape]], given: Mapping[str, Any], what: str) -> tuple[Source, ...]:
        """Find the columns of each name, or its constant."""
        return tuple(self._source(name, shape, given, what) for name, shape in declared)

    def _source(self, name: str, shape: Shape, given: Mapping[str, Any], what: str) -> Source:
        elements: tuple[str, ...] = element_columns(name, shape) if shape else ()
        found = [column for column in elements if column in self._names]
        if name in self._names:
            if found:
                self.refuse(f"{what} {name!r} has a column of its own and {_listed(found)}; expected one or the other")
            self._check_type(name, shape, what)
            return Source(name, shape, (name,), None)
        if found:
            missing = [column for column in elements if column not in self._names]
            if missing:
                self.refuse(f"{what} {name!r} has columns {_listed(found)}, but not {_listed(missing)}; expected all")
            for column in elements:
                self._check_type(column, (), what)
            return Source(name, shape, elements, None)
        if name in given:
            constant = np.asarray(given[name], np.float64)
            if constant.shape != shape:
                raise JobError(
                    JobErrorCode.INVALID_DEFINITION,
                    f"the model's {what} {name!r} has shape {constant.shape}; expected {shape}",
                )
            return Source(name, shape, (), constant.reshape(-1))
        hint = self._close_to(name)
        lists = f" of lists of {math.prod(shape)} numbers, or columns {_listed(elements)}" if shape else ""
        found_none = f"no column for the {what} {name!r}, and the model gives it no value"
        self.refuse(f"{found_none}; expected a column {name!r}{lists}{hint}")

    def _close_to(self, name: str) -> str:
        close = difflib.get_close_matches(name, sorted(self._names), n=1)
        if not close:
            close = [column for column in sorted(self._names) if column.lower() == name.lower()][:1]
        return f"; is it {close[0]!r}?" if close else ""

    def _check_type(self, column: str, shape: Shape, what: str) -> None:
        """Refuse a column that cannot hold numbers of the shape."""
        kind = self._schema.field(column).type
        wanted = "numbers" if not shape else f"lists of {math.prod(shape)} numbers"
        depth, inner = 0, value_type(kind)
        sizes: list[int | None] = []
        while is_list(inner):
            sizes.append(inner.list_size if pa.types.is_fixed_size_list(inner) else None)
            depth, inner = depth + 1, value_type(inner.value_type)
        if depth not in {len(shape), min(1, len(shape))} or not is_number(inner):
            self.refuse(f"column {column!r} is {kind}; expected {wanted}, since it is a {what}")
        extents = shape if depth == len(shape) else (math.prod(shape),)
        for found, extent in zip(sizes, extents, strict=True):
            if found not in {None, extent}:
                self.refuse(f"column {column!r} has lists of {found}; expected {extent}, the {what}'s shape {shape}")

    def carried(self, wanted: Sequence[str], used: set[str]) -> tuple[str, ...]:
        """Return the columns to copy, in the order of the table."""
        chosen = {name for name in wanted if name != EVERY_COLUMN}
        for name in sorted(chosen - self._names):
            self.refuse(f"there is no column {name!r} to carry; expected some of {_listed(self._schema.names)}")
        if EVERY_COLUMN in wanted:
            chosen |= self._names - used
        return tuple(name for name in self._schema.names if name in chosen)

    def refuse_unknown(self, known: set[str], names: Sequence[str]) -> None:
        """Refuse columns that nobody asked for: a parameter may be misspelt, and would be a constant then."""
        for column in self._schema.names:
            if column not in known:
                close = difflib.get_close_matches(column, names, n=1)
                hint = f"; did you mean {close[0]!r}?" if close else ""
                self.refuse(
                    f"column {column!r} is no parameter, no variable, and not carried; expected some of "
                    f"{_listed(names)}, or that it is carried to the output{hint}"
                )

    def refuse_clashes(self, carried: Sequence[str], variables: Sequence[str]) -> None:
        """Refuse carried columns that have the name of a result."""
        for name in carried:
            if name in variables or name in RESULT_COLUMNS:
                self.refuse(f"column {name!r} cannot be carried: the output has a column of that name; rename it")


def is_number(kind: pa.DataType) -> bool:
    """Return whether values of this type are numbers."""
    types = pa.types
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind) or types.is_null(kind))


def is_list(kind: pa.DataType) -> bool:
    """Return whether values of this type are lists, long or short."""
    types = pa.types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def value_type(kind: pa.DataType) -> pa.DataType:
    """Return what a dictionary holds; another type as it is."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _listed(names: Sequence[str]) -> str:
    """Write the first few names."""
    shown = [repr(name) for name in names[:_MOST_NAMED]]
    return ", ".join([*shown, "…"] if len(names) > _MOST_NAMED else shown)
