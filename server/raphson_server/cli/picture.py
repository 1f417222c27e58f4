"""Pictures that a command is asked to write."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click


def plot_option(shown: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add ``--plot``."""
    return click.option(
        "--plot",
        "picture",
        type=click.Path(dir_okay=False, writable=True, path_type=Path),
        callback=_checked,
        help=f"Draw {shown} into this file, a .png, .svg or .pdf; needs matplotlib.",
    )


@contextmanager
def drawing(picture: Path) -> Iterator[None]:
    """Turn what goes wrong with a picture into a message and exit code 2."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise click.UsageError(f"--plot {picture}: {error}") from None


def _checked(context: click.Context, option: click.Parameter, picture: Path | None) -> Path | None:
    """Refuse before any work what could not be drawn after it."""
    if picture is None:
        return None
    if find_spec("matplotlib") is None:
        raise click.BadParameter("needs matplotlib: pip install 'raphson[plot]'", context, option)
    if picture.suffix.lower() not in {".png", ".svg", ".pdf"}:
        raise click.BadParameter(f"{picture} does not end in .png, .svg or .pdf", context, option)
    return picture
