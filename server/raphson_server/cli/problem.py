"""What the commands are asked to work on: arguments, or a model file."""

import difflib
import math
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from raphson_server.cli.region import Bound, read_bounds, to_bound
from raphson_server.cli.values import VALUE_HELP, Value, read_assignments, to_value

Rows = list[list[str]]

_TABLES = ("start", "parameters", "bounds", "nominal", "options")
_KEYS = ("equations", "jacobian", *_TABLES)
_OPTIONS = (
    "method",
    "jacobian",
    "tolerance",
    "absolute_tolerance",
    "max_iterations",
    "max_evaluations",
    "timeout_seconds",
    "whole",
)


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
    bounds : dict
        Lower and upper bound of unknowns by name; None or infinite where there is none.
    nominal : dict
        How large unknowns are, about, by name.
    jacobian : list of list of str, or None
        The caller's own expressions.
    options : dict
        What a model file chooses: method, tolerance, …
    """

    equations: list[str]
    point: dict[str, Value] = field(default_factory=dict)
    parameters: dict[str, Value] = field(default_factory=dict)
    bounds: dict[str, Bound] = field(default_factory=dict)
    nominal: dict[str, Value] = field(default_factory=dict)
    jacobian: Rows | None = None
    options: dict[str, Any] = field(default_factory=dict)


def problem_arguments(
    point: str | None, point_help: str = "An unknown and its value"
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the arguments that the commands share.

    Parameters
    ----------
    point : str or None
        What the command calls the values of the unknowns: ``start`` or ``at``; None if it takes none.
    point_help : str
        What they are.
    """
    decorators = [
        click.argument("equations", nargs=-1),
        click.option(
            f"--{point}",
            "point",
            multiple=True,
            metavar="NAME=VALUE",
            help=f"{point_help}; once for each. {VALUE_HELP}",
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
            "jacobian = [[...]], [bounds], [nominal] and [options]. What is said on the command line goes first.",
        ),
    ]
    if point is None:
        del decorators[1]

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
    *,
    bounds: Iterable[str] = (),
    nominal: Iterable[str] = (),
    needs_point: bool = True,
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
    if needs_point and not values:
        raise click.UsageError(f"no unknowns; expected e.g. --{point_name} x=1 for each of them")
    return Problem(
        equations=texts,
        point=values,
        parameters=file.parameters | read_assignments(parameters, "parameter"),
        bounds=file.bounds | read_bounds(bounds),
        nominal=file.nominal | read_assignments(nominal, "nominal"),
        jacobian=file.jacobian,
        options=file.options,
    )


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
        point=_values(content, "start", path),
        parameters=_values(content, "parameters", path),
        bounds={name: to_bound(pair, f"{path}: bounds.{name}") for name, pair in content.get("bounds", {}).items()},
        nominal=_values(content, "nominal", path),
        jacobian=_rows(content["jacobian"], f"{path}: jacobian") if "jacobian" in content else None,
        options=options,
    )


def _values(content: Mapping[str, Any], table: str, path: Path) -> dict[str, Value]:
    return {name: to_value(value, f"{path}: {table}.{name}") for name, value in content.get(table, {}).items()}


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


def chosen_jacobian(problem: Problem, mode: str | None) -> Any:
    """Return where derivatives come from: as asked for, else the model file's own expressions, else exact."""
    chosen = mode or problem.options.get("jacobian") or ("exact" if problem.jacobian is None else "analytic")
    if chosen != "analytic":
        return chosen
    if problem.jacobian is None:
        raise click.UsageError("the mode 'analytic' needs the model file's jacobian = [[...]]")
    return problem.jacobian
