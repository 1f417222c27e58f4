"""``raphson follow``: follow a root while one parameter changes."""

import sys
from pathlib import Path
from typing import Any

import click
import raphson

from raphson_server.cli.answer import DONE, NOT_CONVERGED, answering, exit_codes_help, print_json_line, server_options
from raphson_server.cli.connecting import connected
from raphson_server.cli.picture import drawing, plot_option
from raphson_server.cli.problem import chosen_jacobian, problem_arguments, read_problem
from raphson_server.cli.solving_options import solving_options
from raphson_server.cli.table import GrowingTable

_EXIT_CODES = exit_codes_help("followed, as far as the last line says", "no root was found at the start")


@click.command(epilog=_EXIT_CODES)
@problem_arguments("start", "Near a root: an unknown and its value")
@click.option("--along", required=True, metavar="NAME", help="The parameter that changes: r, or an element, W[1,2].")
@click.option("--from", "lower", type=float, required=True, help="The lowest value that it may take.")
@click.option("--to", "upper", type=float, required=True, help="The highest value that it may take.")
@click.option("--downwards", is_flag=True, help="Let it fall at first; else it grows.")
@click.option("--max-points", type=int, help="Points at most. [default: 1000]")
@solving_options("Time for the whole branch. [default: 60]")
@plot_option("the unknowns over the parameter")
@server_options
def follow(
    equations: tuple[str, ...],
    point: tuple[str, ...],
    parameters: tuple[str, ...],
    model: Path | None,
    along: str,
    lower: float,
    upper: float,
    downwards: bool,
    mode: str | None,
    picture: Path | None,
    address: str | None,
    as_json: bool,
    **choices: Any,
) -> None:
    """Follow a root while one parameter changes, round folds, and print each point.

    The branch begins at the parameter's given value. With --json every line is an object, {"point": …}; the last is
    {"end": …}.

    \b
    raphson follow 'x**2 = r' --start x=1 -p r=1 --along r --from -1 --to 4 --downwards
    raphson follow 'x**3 - x = r' --start x=-1.5 -p r=-1.875 --along r --from -2 --to 2 --plot branch.png
    """  # noqa: D301 - click wants the character, not its escape
    problem = read_problem(equations, point, parameters, model, "start")
    options = problem.options | {name: value for name, value in choices.items() if value is not None}
    options["jacobian"] = chosen_jacobian(problem, mode)
    with answering(as_json=as_json, by_line=True):
        with connected(address) as client:
            branch = client.follow(
                problem.equations,
                problem.point,
                problem.parameters,
                parameter=along,
                lower=lower,
                upper=upper,
                downwards=downwards,
                **options,
            )
            points = _print_all(branch, along, as_json=as_json)
        if picture is not None and points:
            with drawing(picture):
                raphson.plot.branch(points, picture, parameter=along)
        sys.exit(DONE if points else NOT_CONVERGED)


def _print_all(branch: raphson.Branch, along: str, *, as_json: bool) -> list[raphson.BranchPoint]:
    """Print the points as they come, and why the branch ended; return them."""
    table, points = None, []
    for point in branch:
        points.append(point)
        if as_json:
            print_json_line({"point": point_as_json(point)})
            continue
        if table is None:
            table = GrowingTable([along], point.unknown_names, ["kind"])
        kind = point.kind.name.lower().replace("_", " ")
        table.add([f"{point.parameter:.12g}"], point.x.tolist(), [kind])
    if branch.end is not None:
        if as_json:
            print_json_line({"end": end_as_json(branch.end)})
        else:
            click.echo(str(branch.end))
    return points


def point_as_json(point: raphson.BranchPoint) -> dict[str, Any]:
    """Write a point with stable keys."""
    return {
        "kind": point.kind.name.lower(),
        "parameter": point.parameter,
        "solution": {name: point[name] for name in point},
        "arclength": point.arclength,
    }


def end_as_json(end: raphson.BranchEnd) -> dict[str, Any]:
    """Write how a branch ended with stable keys."""
    return {
        "reason": end.reason,
        "points": end.points,
        "turning_points": end.turning_points,
        "system_id": end.system_id,
    }
