"""Bounds and nominal sizes on the command line and in a model file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import click

from raphson_server.cli.values import Value, read_value, to_value

Bound = tuple[Value | None, Value | None]

BOUNDS_HELP = "LOWER:UPPER are numbers or arrays like VALUE; without one of them there is no bound on that side."


def bounds_option(purpose: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add ``--bounds``; the purpose begins its help."""
    return click.option(
        "--bounds", multiple=True, metavar="NAME=LOWER:UPPER", help=f"{purpose}; once for each. {BOUNDS_HELP}"
    )


def read_bounds(texts: Iterable[str]) -> dict[str, Bound]:
    """Read ``x=0:10``, ``x=:10``, ``x=0:`` or, for arrays, ``u=0,0:1,2``.

    Raises
    ------
    click.UsageError
        If one is none of these, or a name comes twice.
    """
    bounds: dict[str, Bound] = {}
    for text in texts:
        name, _, sides = text.partition("=")
        name = name.strip()
        lower, colon, upper = sides.partition(":")
        if not name or not colon:
            raise click.UsageError(f"--bounds {text}: expected NAME=LOWER:UPPER, e.g. x=0:10, x=:10 or x=0:")
        if name in bounds:
            raise click.UsageError(f"--bounds {name} is given twice; expected each name once")
        bounds[name] = _side(lower, name), _side(upper, name)
    return bounds


def to_bound(value: object, place: str) -> Bound:
    """Read a pair of a model file: ``x = [0, 10]``, ``x = [0, inf]``, ``u = [[0, 0], [1, 2]]``."""
    if not isinstance(value, list) or len(value) != 2:
        raise click.UsageError(f"{place} is {value!r}; expected [lower, upper], inf or -inf where there is no bound")
    return to_value(value[0], f"{place}[0]"), to_value(value[1], f"{place}[1]")


def _side(text: str, name: str) -> Value | None:
    return read_value(text, f"--bounds {name}") if text.strip() else None
