"""Which line of the caller's code is being traced."""

from __future__ import annotations

import linecache
import sys
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING

import numpy as np

from raphson.errors import TraceError

if TYPE_CHECKING:
    from types import FrameType

OUR_FOLDERS = (str(Path(__file__).parent), str(Path(np.__file__).parent))


def untraceable(what: str, instead: str) -> TraceError:
    """Build the error for something that cannot be traced, naming the caller's line.

    Parameters
    ----------
    what : str
        What was met.
    instead : str
        What to write in its place.
    """
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the documented way to look at callers without building a traceback
    while frame is not None and is_ours(frame):
        frame = frame.f_back
    return describe(what, instead, frame, frame.f_lineno if frame else 0)


def untraceable_error(error: Exception, what: str, instead: str) -> TraceError:
    """Build the same for an exception that NumPy or SciPy has raised."""
    found, line = None, 0
    for frame, number in walk_tb(error.__traceback__):
        if not is_ours(frame):
            found, line = frame, number
    return describe(what, instead, found, line)


def is_ours(frame: FrameType) -> bool:
    """Tell frames of the tracer, of NumPy and of SciPy from the caller's."""
    filename = frame.f_code.co_filename
    return filename.startswith(OUR_FOLDERS) or frame.f_globals.get("__name__", "").split(".")[0] == "scipy"


def describe(what: str, instead: str, frame: FrameType | None, line: int) -> TraceError:
    """Put the message together, with the caller's line if it is known."""
    if frame is None:
        return TraceError(f"{what}\n{instead}")
    filename = frame.f_code.co_filename
    source = linecache.getline(filename, line, frame.f_globals).strip()
    quoted = f"\n    {source}" if source else ""
    return TraceError(f"{what}, at {filename}:{line}{quoted}\n{instead}", filename=filename, line=line)
