"""What a job is: a system, the table its members come from, the table its roots go to."""

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any, Self

from raphson.v1.system_pb2 import System

from raphson_server.jobs.errors import JobError, JobErrorCode

EVERY_COLUMN = "*"
"""In `JobDescription.carry`: all columns that are neither parameters nor starts."""

LARGEST_CHUNK_ROWS = 2**24

_VERSION = 1
# About 4 MiB of numbers go and come together; a lane's worth of members at least.
_CHUNK_NUMBERS = 2**19
_FEWEST_ROWS, _MOST_ROWS = 64, 65_536


class TableFormat(StrEnum):
    """How a table is kept."""

    PARQUET = "parquet"
    ARROW = "arrow"
    """Arrow IPC; files are written, streams are read too."""
    CSV = "csv"


@dataclass(frozen=True, kw_only=True)
class JobDescription:
    """Everything that decides a job's output; it never changes once the job is made.

    Attributes
    ----------
    definition : bytes
        A serialized ``raphson.v1.System`` with its variables and parameters.
    input_url, output_url : str
        Local paths, or URLs that fsspec knows.
    start, parameters : mapping of str to number or nested lists
        What holds for every row that has no column of its own.
    method : str
        As the command line and the client write it: ``auto``, ``newton``, …
    tolerance, absolute_tolerance, max_iterations : optional
        Of each member; None: the solver's own.
    warm_start : bool
        Whether a member begins at the root of one before it rather than at the model's start, where no column says.
    input_format, output_format : TableFormat, optional
        None: by the extension.
    chunk_rows : int
        Rows that are solved and committed together.
    carry : tuple of str
        Columns that are copied from the input to the output; `EVERY_COLUMN` stands for all others.
    overwrite : bool
        Whether an output that is there is replaced, once all is done.

    Raises
    ------
    JobError
        INVALID_DEFINITION for a number of rows or a format that cannot be.
    """

    definition: bytes
    input_url: str
    output_url: str
    start: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    method: str = "auto"
    tolerance: float | None = None
    absolute_tolerance: float | None = None
    max_iterations: int | None = None
    warm_start: bool = False
    input_format: TableFormat | None = None
    output_format: TableFormat | None = None
    chunk_rows: int = 65_536
    carry: tuple[str, ...] = ()
    overwrite: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.chunk_rows <= LARGEST_CHUNK_ROWS:
            expected = f"expected a whole number from 1 to {LARGEST_CHUNK_ROWS:,}"
            raise JobError(JobErrorCode.INVALID_DEFINITION, f"chunk_rows is {self.chunk_rows}; {expected}")
        for name in ("input_url", "output_url"):
            if not getattr(self, name):
                raise JobError(JobErrorCode.INVALID_DEFINITION, f"{name} is empty; expected a path or a URL")

    def to_json(self) -> str:
        """Write it as JSON, the same for equal descriptions."""
        content = asdict(self) | {
            "version": _VERSION,
            "definition": base64.b64encode(self.definition).decode(),
            "carry": list(self.carry),
        }
        return json.dumps(content, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote.

        Raises
        ------
        JobError
            INVALID_DEFINITION if another version wrote it.
        """
        content: dict[str, Any] = json.loads(text)
        version = content.pop("version", None)
        known = {each.name for each in fields(cls)}
        if version != _VERSION or not content.keys() <= known:
            message = f"a job of version {version} with {sorted(content)}; expected version {_VERSION}: {sorted(known)}"
            raise JobError(JobErrorCode.INVALID_DEFINITION, message)
        for name in ("input_format", "output_format"):
            if content.get(name) is not None:
                content[name] = TableFormat(content[name])
        content["definition"] = base64.b64decode(content["definition"])
        content["carry"] = tuple(content.get("carry", ()))
        return cls(**content)


def fitting_chunk_rows(definition: System) -> int:
    """Return how many rows to solve together, by how many numbers each has."""
    shapes = [each.shape for each in definition.variables] + [each.shape for each in definition.parameters]
    numbers = sum(math.prod(shape) for shape in shapes)
    rows = max(1, _CHUNK_NUMBERS // max(1, numbers))
    # A power of two, so that a model changed a little keeps the number.
    power = 1 << (rows.bit_length() - 1)
    return min(max(power, _FEWEST_ROWS), _MOST_ROWS)
