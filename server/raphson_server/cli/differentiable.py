"""``raphson differentiable``: test whether f is differentiable at a point."""

import sys
from pathlib import Path

import click
import numpy as np
import raphson

from raphson_server.cli.answer import DONE, NOT_CONVERGED, answering, exit_codes_help, print_json, server_options
from raphson_server.cli.connecting import connected
from raphson_server.cli.problem import problem_arguments, read_problem
from raphson_server.cli.table import aligned
from raphson_server.cli.values import read_value


@click.command(epilog=exit_codes_help("differentiable there", "not differentiable there"))
@problem_arguments("at")
@click.option(
    "--value",
    metavar="NUMBERS",
    help="f at the point, a number for each equation, where the formula itself has no value there.",
)
@click.option("--directions", type=click.IntRange(1, 100_000), default=64, show_default=True, help="Directions to try.")
@server_options
def differentiable(
    equations: tuple[str, ...],
    point: tuple[str, ...],
    parameters: tuple[str, ...],
    model: Path | None,
    value: str | None,
    directions: int,
    address: str | None,
    as_json: bool,
) -> None:
    """Test whether f is differentiable at a point, which takes more than partial derivatives.

    f is, if one linear map J fits it in all directions: |f(x + h) - f(x) - J h| / |h| goes to 0 with h. That
    remainder is measured along shrinking h in many directions. The point is given by --at, or by [start] of a model
    file.

    \b
    raphson differentiable 'exp(x)*y' --at x=1 --at y=2
    raphson differentiable 'x*y/(x**2 + y**2)' --at x=0 --at y=0 --value 0
    raphson differentiable 'abs(x)' --at x=0 --json
    """  # noqa: D301 - click wants the character, not its escape
    problem = read_problem(equations, point, parameters, model, "at")
    given = None if value is None else np.atleast_1d(np.asarray(read_value(value, "--value")))
    with answering(as_json=as_json):
        with connected(address) as client:
            found = client.differentiability(
                problem.equations, problem.point, problem.parameters, value=given, directions=directions
            )
        if as_json:
            print_json(differentiability_as_json(found))
        else:
            click.echo("\n".join(_lines(found)))
        sys.exit(DONE if found.differentiable else NOT_CONVERGED)


def differentiability_as_json(found: raphson.Differentiability) -> dict[str, object]:
    """Write a verdict with stable keys."""
    return {
        "differentiable": found.differentiable,
        "affine": found.affine,
        "order": found.order,
        "partial_derivatives_exist": found.partial_derivatives_exist,
        "steps": found.steps,
        "remainders": found.remainders,
        "worst_direction": found.worst_direction,
        "message": found.message,
    }


def _lines(found: raphson.Differentiability) -> list[str]:
    cells = [["step", "remainder"]]
    cells += [
        [f"{step:.3g}", f"{remainder:.3g}"] for step, remainder in zip(found.steps, found.remainders, strict=True)
    ]
    return [found.message, *aligned(cells, left=0)]
