"""The rows of a finished job, as they are read: columns, chunk by chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from raphson.arrays import from_message
from raphson.errors import IncompatibleServerError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from types import TracebackType

    from raphson.v1.job_pb2 import Column, ReadResultsResponse

Columns = dict[str, NDArray[Any]]

_INTEGER = np.dtype("<i8")


class JobResults:
    """Gone through once: ``for columns in results`` gives some rows at a time; `all` waits for all of them.

    Columns are arrays by name, a row a member of the first axis: float64 of shape (rows, …shape), NaN where there is no
    number; int64; ``status`` as int8, the numbers of `Status`; texts as objects, None where there is none. Leaving the
    loop, `close` and the end of a ``with`` block end the call.

    Parameters
    ----------
    replies : generator
        The server's messages; closing it cancels the call.
    """

    def __init__(self, replies: Generator[ReadResultsResponse, None, None]) -> None:
        self._replies = replies

    def __next__(self) -> Columns:
        reply = next(self._replies)
        return {column.name: _read(column, reply.rows) for column in reply.columns}

    def __iter__(self) -> Iterator[Columns]:
        # A loop that is left drops this generator, and with it the call.
        try:
            while True:
                try:
                    columns = next(self)
                except StopIteration:
                    return
                yield columns
        finally:
            self.close()

    def all(self) -> Columns:
        """Return all rows that were not taken before, in memory at once.

        Raises
        ------
        RaphsonError
            If the call fails, a deadline included.
        """
        chunks = list(self)
        if not chunks:
            return {}
        return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}

    def close(self) -> None:
        """End the call, if it is under way. Closing again does nothing."""
        self._replies.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _read(column: Column, rows: int) -> NDArray[Any]:
    array: NDArray[Any]
    match column.WhichOneof("values"):
        case "numbers":
            array = from_message(column.numbers)
        case "integers":
            array = np.frombuffer(column.integers, _INTEGER)
        case "statuses":
            array = np.frombuffer(column.statuses, np.int8)
        case "texts":
            array = np.empty(len(column.texts.values), object)
            array[:] = column.texts.values
            array[np.array(column.texts.missing, np.int64)] = None
        case kind:
            raise IncompatibleServerError(f"the server sent a column {column.name!r} of an unknown kind ({kind})")
    if array.shape[:1] != (rows,):
        raise IncompatibleServerError(f"the server sent {array.shape} of {rows} rows of {column.name!r}")
    return array
