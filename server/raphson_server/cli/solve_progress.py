"""How far a solve has come, on standard error: one line by tqdm on a terminal, else a line every few seconds."""

from __future__ import annotations

import importlib.util
import sys
from types import TracebackType
from typing import Any, Self

import click
import raphson

# A solve that is done by then says nothing of its way, unless it is asked to.
_FIRST_SECONDS = 1.0
_LINE_SECONDS = 5.0


class SolveProgressLine:
    """Shows iterations, the residual and the time spent, within a ``with``.

    Parameters
    ----------
    wanted : bool or None
        None: only on a terminal, and only of solves that take more than a second.

    Attributes
    ----------
    is_wanted : bool
        Whether anything may be shown.
    """

    def __init__(self, *, wanted: bool | None) -> None:
        is_terminal = sys.stderr.isatty()
        self.is_wanted = is_terminal if wanted is None else wanted
        self._replaces = is_terminal and importlib.util.find_spec("tqdm") is not None
        self._due = 0.0 if wanted else _FIRST_SECONDS
        self._line: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._line is not None:
            self._line.close()

    def update(self, progress: raphson.SolveProgress) -> None:
        """Show how far it has come."""
        if progress.elapsed_seconds < self._due:
            return
        if not self._replaces:
            self._due = progress.elapsed_seconds + _LINE_SECONDS
            click.echo(str(progress), err=True)
            return
        if self._line is None:
            from tqdm import tqdm  # noqa: PLC0415 - an extra, loaded when it is used

            self._line = tqdm(bar_format="{desc}", dynamic_ncols=True)
        self._line.set_description_str(str(progress))
