"""A bar or a line that says how far a long call has come, by tqdm: ``pip install 'raphson[progress]'``."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from raphson.errors import InvalidRequestError


@contextmanager
def progress_bar(total: int, unit: str, *, wanted: bool | None) -> Iterator[Callable[[int], object]]:
    """Show a bar on standard error; the function that is given says by how many units it grows.

    Parameters
    ----------
    total : int
        Units at the end.
    unit : str
        What they are called, in the plural.
    wanted : bool or None
        None: if tqdm is installed and standard error is a terminal.

    Raises
    ------
    InvalidRequestError
        If a bar is wanted, and tqdm is not installed.
    """
    is_installed = importlib.util.find_spec("tqdm") is not None
    if wanted and not is_installed:
        raise InvalidRequestError.at("progress", "a bar needs tqdm: pip install 'raphson[progress]'; or expected False")
    if wanted is None:
        wanted = is_installed and sys.stderr is not None and sys.stderr.isatty()
    if not wanted:
        yield lambda _: None
        return
    from tqdm import tqdm  # noqa: PLC0415 - an extra, loaded when it is used

    with tqdm(total=total, unit=f" {unit}", unit_scale=True, dynamic_ncols=True) as bar:
        yield bar.update


@contextmanager
def progress_line() -> Iterator[Callable[[object], object]]:
    """Show a line on standard error; the function that is given replaces it by what something prints as.

    Raises
    ------
    InvalidRequestError
        If tqdm is not installed.
    """
    if importlib.util.find_spec("tqdm") is None:
        expected = "a function, or False"
        raise InvalidRequestError.at(
            "progress", f"a line needs tqdm: pip install 'raphson[progress]'; or expected {expected}"
        )
    from tqdm import tqdm  # noqa: PLC0415 - an extra, loaded when it is used

    with tqdm(bar_format="{desc}", dynamic_ncols=True) as line:
        yield lambda content: line.set_description_str(str(content))
