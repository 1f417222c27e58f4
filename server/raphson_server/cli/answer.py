"""How the commands that ask a server end: what they print, and their exit codes."""

import contextlib
import json
import math
import sys
from collections.abc import Callable, Iterator
from typing import Any

import click
import numpy as np
import raphson

from raphson_server.cli.connecting import access_options

DONE = 0
NOT_CONVERGED = 1
INVALID = 2
NO_ANSWER = 3
INTERRUPTED = 130

_OTHER_EXIT_CODES = "2 bad usage or invalid input, 3 no answer (no server, a full one, a deadline), 130 interrupted."
EXIT_CODES_HELP = f"Exit codes: 0 done, {_OTHER_EXIT_CODES}"


def exit_codes_help(done: str, not_done: str) -> str:
    """Say what 0 and 1 mean to a command."""
    return f"Exit codes: 0 {done}, 1 {not_done}, {_OTHER_EXIT_CODES}"


def server_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say who answers and how."""
    command = access_options(command)
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON; numbers that are not finite are null."),
        click.option(
            "--address",
            metavar="HOST:PORT",
            help="A running server. Without it one is started here for this command, which takes seconds.",
        ),
    ):
        command = option(command)
    return command


@contextlib.contextmanager
def answering(*, as_json: bool, by_line: bool = False) -> Iterator[None]:
    """Turn errors into a message and an exit code; `by_line` keeps JSON to one line."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo("raphson: interrupted", err=True)
        sys.exit(INTERRUPTED)
    except raphson.RaphsonError as error:
        if as_json:
            (print_json_line if by_line else print_json)({"error": error_as_json(error)})
        else:
            click.echo(f"raphson: {error}", err=True)
        sys.exit(INVALID if isinstance(error, raphson.InvalidRequestError) else NO_ANSWER)


def error_as_json(error: raphson.RaphsonError) -> dict[str, Any]:
    """Write an error with stable keys."""
    fields = error.fields if isinstance(error, raphson.InvalidRequestError) else []
    return {
        "code": error.code.name,
        "reason": error.reason,
        "message": str(error),
        "fields": [{"field": violation.field, "description": violation.description} for violation in fields],
    }


def print_json(content: dict[str, Any]) -> None:
    """Print one object of strict JSON."""
    click.echo(json.dumps(to_json(content), indent=2, ensure_ascii=False, allow_nan=False))


def print_json_line(content: dict[str, Any]) -> None:
    """Print one object of strict JSON on one line, at once."""
    click.echo(json.dumps(to_json(content), ensure_ascii=False, allow_nan=False))


def to_json(value: Any) -> Any:
    """Turn arrays into lists, named tuples into objects, and numbers that JSON does not have into null."""
    as_dict = getattr(value, "_asdict", None)
    if as_dict is not None:
        value = as_dict()
    if isinstance(value, dict):
        return {key: to_json(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(part) for part in value]
    if isinstance(value, np.ndarray):
        return to_json(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
