"""``raphson check``: compare a model file's own Jacobian with the exact one."""

import sys
from pathlib import Path

import click
import raphson

from raphson_server.cli.answer import DONE, NOT_CONVERGED, answering, exit_codes_help, print_json, server_options
from raphson_server.cli.connecting import connected
from raphson_server.cli.problem import read_problem


@click.command(epilog=exit_codes_help("every entry agrees", "some differ"))
@click.argument("model", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--at", "point", multiple=True, metavar="NAME=VALUE", help="Where; once for each. [default: the start]")
@click.option("--parameter", "-p", "parameters", multiple=True, metavar="NAME=VALUE", help="A parameter and its value.")
@click.option("--max-entries", type=click.IntRange(1, 10_000), default=10, show_default=True, help="Entries to name.")
@server_options
def check(
    model: Path,
    point: tuple[str, ...],
    parameters: tuple[str, ...],
    max_entries: int,
    address: str | None,
    as_json: bool,
) -> None:
    """Compare the Jacobian that a model file gives with the exact one, entry by entry.

    MODEL is a TOML file with equations = [...], jacobian = [[...]] and [start]. Entries that differ are named, worst
    first, with what central differences say of them. Agreement at one point proves nothing for another: try several.

    \b
    raphson check model.toml
    raphson check model.toml --at x=2 --at y=-1 --json
    """  # noqa: D301 - click wants the character, not its escape
    problem = read_problem((), point, parameters, model, "at")
    if problem.jacobian is None:
        raise click.UsageError(
            f"{model} has no jacobian to check; expected jacobian = [[...]], m rows of n expressions"
        )
    with answering(as_json=as_json):
        with connected(address) as client:
            found = client.check_jacobian(
                problem.equations, problem.point, problem.parameters, problem.jacobian, max_entries=max_entries
            )
        if as_json:
            print_json(check_as_json(found))
        else:
            click.echo(str(found))
        sys.exit(DONE if found.agrees else NOT_CONVERGED)


def check_as_json(found: raphson.JacobianCheck) -> dict[str, object]:
    """Write a check with stable keys."""
    return {
        "agrees": found.agrees,
        "disagreeing": found.disagreeing,
        "largest_error": found.largest_error,
        "worst": list(found.worst),
    }
