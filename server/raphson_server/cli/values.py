"""Numbers and arrays as the command line and model files write them."""

import json
from collections.abc import Iterable

import click
import numpy as np
from numpy.typing import NDArray

Value = float | NDArray[np.float64]

VALUE_HELP = (
    "VALUE is a number (2.5), an array (1,2,3), a number repeated into a shape (1x10 for ten ones, 0x3x4 for "
    "3 by 4 zeros), or JSON ([[1,2],[3,4]])."
)


def read_assignments(texts: Iterable[str], option: str) -> dict[str, Value]:
    """Read ``NAME=VALUE`` arguments."""
    values: dict[str, Value] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        name = name.strip()
        if not sign or not name:
            raise click.UsageError(f"--{option} {text}: expected NAME=VALUE, e.g. x=1.5")
        if name in values:
            raise click.UsageError(f"--{option} {name} is given twice; expected each name once")
        values[name] = read_value(value, f"--{option} {name}")
    return values


def read_value(text: str, place: str) -> Value:
    """Read a number, ``1,2,3``, ``1x10`` or JSON."""
    text = text.strip()
    try:
        if text.startswith("["):
            return to_value(json.loads(text), place)
        if "," in text:
            return np.array([float(part) for part in text.rstrip(",").split(",")])
        number, *extents = text.split("x")
        return np.full(tuple(map(int, extents)), float(number)) if extents else float(number)
    except ValueError:
        raise click.UsageError(f"{place}={text}: not a value. {VALUE_HELP}") from None


def to_value(value: object, place: str) -> Value:
    """Read a value of JSON or TOML: a number, or nested lists of them."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, list):
        try:
            return np.array(value, dtype=np.float64)
        except (TypeError, ValueError):
            pass  # said below
    raise click.UsageError(f"{place} is {value!r}; expected a number or a full array of numbers")
