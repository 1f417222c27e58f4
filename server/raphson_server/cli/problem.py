"""What ``raphson solve`` and ``raphson jacobian`` are asked to work on: arguments, or a model file."""

import difflib
import json
import math
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

Value = float | NDArray[np.float64]
Rows = list[list[str]]

VALUE_HELP = (
    "VALUE is a number (2.5), an array (1,2,3), a number repeated into a shape (1x10 for ten ones, 0x3x4 for "
    "3 by 4 zeros), or JSON ([[1,2],[3,4]])."
)
_TABLES = ("start", "parameters", "options")
_KEYS = ("equations", "jacobian", *_TABLES)
_OPTIONS = ("method", "jacobian", "tolerance", "absolute_tolerance", "max_iterations", "timeout_seconds")


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Equations with the values that go with them.

    Attributes
    ----------
    equations : list of str
    point : dict
        Value of each unknown by name: the start, or where to differentiate.
    parameters : dict
        Value of each parameter by name.
    jacobian : list of list of str, or None
        The caller's own expressions.
    options : dict
        What a model file chooses: method, tolerance, …
    """

    equations: list[str]
    point: dict[str, Value] = field(default_factory=dict)
    parameters: dict[str, Value] = field(default_factory=dict)
    jacobian: Rows | None = None
    options: dict[str, Any] = field(default_factory=dict)


def problem_arguments(point: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the arguments that both commands share.

    Parameters
    ----------
    point : str
        What the command calls the values of the unknowns: ``start`` or ``at``.
    """
    decorators = (
        click.argument("equations", nargs=-1),
        click.option(
            f"--{point}",
            "point",
            multiple=True,
            metavar="NAME=VALUE",
            help=f"An unknown and its value; once for each. {VALUE_HELP}",
        ),
        click.option(
            "--parameter",
            "-p",
            "parameters",
            multiple=True,
            metavar="NAME=VALUE",
            help="A parameter and its value; once for each.",
        ),
        click.option(
            "--model",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="A TOML file with equations = [...], [start], [parameters], and where wanted "
            "jacobian = [[...]] and [options]. What is said on the command line goes first.",
        ),
    )

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


def read_problem(
    equations: Iterable[str],
    point: Iterable[str],
    parameters: Iterable[str],
    model: Path | None,
    point_name: str,
) -> Problem:
    """Put the arguments and the model file together.

    Raises
    ------
    click.UsageError
        If they do not make a problem; says which argument or key, and what was expected.
    """
    given = list(equations)
    file = read_model(model) if model is not None else Problem(equations=[])
    if given and file.equations:
        raise click.UsageError(f"equations are given both as arguments and in {model}; expected one of them")
    texts = given or file.equations
    if not texts:
        raise click.UsageError("no equations; expected e.g. 'x**2 = 2', or --model FILE")
    values = file.point | read_assignments(point, point_name)
    if not values:
        raise click.UsageError(f"no unknowns; expected e.g. --{point_name} x=1 for each of them")
    return Problem(
        equations=texts,
        point=values,
        parameters=file.parameters | read_assignments(parameters, "parameter"),
        jacobian=file.jacobian,
        options=file.options,
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


def read_model(path: Path) -> Problem:
    """Read a model file.

    Raises
    ------
    click.UsageError
        If it is no TOML, or a key is unknown or holds what it should not.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{path} is not TOML: {error}") from None
    _check_keys(content, _KEYS, str(path))
    for table in _TABLES:
        if not isinstance(content.get(table, {}), Mapping):
            raise click.UsageError(f"{path}: {table} is {content[table]!r}; expected a table, [{table}]")
    options = dict(content.get("options", {}))
    _check_keys(options, _OPTIONS, f"{path}: [options]")
    return Problem(
        equations=_texts(content.get("equations", []), f"{path}: equations"),
        point={name: to_value(value, f"{path}: start.{name}") for name, value in content.get("start", {}).items()},
        parameters={
            name: to_value(value, f"{path}: parameters.{name}") for name, value in content.get("parameters", {}).items()
        },
        jacobian=_rows(content["jacobian"], f"{path}: jacobian") if "jacobian" in content else None,
        options=options,
    )


def _check_keys(content: Mapping[str, Any], known: tuple[str, ...], place: str) -> None:
    for key in content:
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise click.UsageError(f"{place}: unknown key {key!r}; expected {', '.join(known)}{hint}")


def _texts(value: object, place: str) -> list[str]:
    texts = [value] if isinstance(value, str) else value
    if isinstance(texts, list) and all(isinstance(text, str) for text in texts):
        return texts
    raise click.UsageError(f"{place} is {value!r}; expected a list of strings")


def _rows(value: object, place: str) -> Rows:
    if isinstance(value, list) and all(isinstance(row, list) for row in value):
        return [[_entry(entry, f"{place}[{i}][{j}]") for j, entry in enumerate(row)] for i, row in enumerate(value)]
    raise click.UsageError(f"{place} is {value!r}; expected rows of expressions, [['2*x', '1'], …]")


def _entry(value: object, place: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return repr(float(value))
    raise click.UsageError(f"{place} is {value!r}; expected an expression")
