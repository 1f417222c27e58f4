"""How far rows have come, on standard error: a bar by tqdm on a terminal, else a line every few seconds."""

from __future__ import annotations

import importlib.util
import sys
import time
from types import TracebackType
from typing import Any, Self

import click

_LINE_SECONDS = 5.0


class RowProgress:
    """Shows rows done, their rate and the time that is left, within a ``with``.

    Parameters
    ----------
    wanted : bool or None
        None: only on a terminal.
    """

    def __init__(self, *, wanted: bool | None) -> None:
        is_terminal = sys.stderr.isatty()
        self._is_wanted = is_terminal if wanted is None else wanted
        self._has_bar = self._is_wanted and is_terminal and importlib.util.find_spec("tqdm") is not None
        self._bar: Any = None
        self._began = self._shown = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def update(self, done: int, total: int | None, now: int) -> None:
        """Show how far it has come.

        Parameters
        ----------
        done : int
            Rows, of this run and those before.
        total : int or None
            None where nobody knows yet.
        now : int
            Rows of this run alone.
        """
        if self._has_bar:
            self._update_bar(done, total)
        elif self._is_wanted and time.monotonic() - self._shown >= _LINE_SECONDS:
            self._shown = time.monotonic()
            click.echo(progress_line(done, total, now, self._shown - self._began), err=True)

    def _update_bar(self, done: int, total: int | None) -> None:
        if self._bar is None:
            from tqdm import tqdm  # noqa: PLC0415 - an extra, loaded when it is used

            self._bar = tqdm(total=total, initial=done, unit=" rows", unit_scale=True, dynamic_ncols=True)
        if self._bar.total != total:
            self._bar.total = total
        self._bar.update(done - self._bar.n)


def progress_line(done: int, total: int | None, now: int, seconds: float) -> str:
    """Write ``1,200 of 9,000 rows (13 %), 600 rows/s, 0:13 left``, as far as it is known."""
    rate = now / seconds if seconds > 0 else 0.0
    if total is None:
        return f"{done:,} rows, {write_rate(rate)}"
    share = f" ({100 * done // total} %)" if total else ""
    left = f", {write_seconds((total - done) / rate)} left" if rate else ""
    return f"{done:,} of {total:,} rows{share}, {write_rate(rate)}{left}"


def write_rate(rate: float) -> str:
    """Write rows a second with three digits: ``1.27 M rows/s``."""
    for size, unit in ((1e6, " M"), (1e3, " k")):
        if rate >= 0.9995 * size:
            return f"{rate / size:.3g}{unit} rows/s"
    return f"{rate:.3g} rows/s"


def write_seconds(seconds: float) -> str:
    """Write ``0:07``, ``12:30`` or ``3:00:00``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
