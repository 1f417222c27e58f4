"""``raphson explain``: say what is wrong with a system."""

from pathlib import Path
from typing import Any

import click
import raphson

from raphson_server.cli.answer import EXIT_CODES_HELP, answering, print_json, server_options
from raphson_server.cli.connecting import connected
from raphson_server.cli.evidence import explanation_as_json
from raphson_server.cli.problem import Problem, problem_arguments, read_problem
from raphson_server.cli.region import bounds_option


@click.command(epilog=EXIT_CODES_HELP)
@problem_arguments("start", "Where to look: an unknown and its value; without any, the pattern alone is explained")
@bounds_option("Where an unknown must stay")
@click.option(
    "--unknown",
    "unknowns",
    multiple=True,
    metavar="NAME[=SHAPE]",
    help="An unknown where there is no --start, with the shape of an array: u=10, A=3x4. [default: every name in "
    "the equations that is no parameter, each a number]",
)
@click.option("--pattern", is_flag=True, help="Explain the pattern alone, although the model file has a [start].")
@server_options
def explain(
    equations: tuple[str, ...],
    point: tuple[str, ...],
    parameters: tuple[str, ...],
    model: Path | None,
    bounds: tuple[str, ...],
    unknowns: tuple[str, ...],
    pattern: bool,
    address: str | None,
    as_json: bool,
) -> None:
    """Say what is wrong with a system, by the names of its equations and unknowns.

    By its pattern alone: which equations contain too few unknowns, and which unknowns too few equations. With a
    point also: where NaN comes from, what the Jacobian's rank is, which equations say the same. That no line
    complains does not prove that there is a root.

    \b
    raphson explain 'x + y = 3' 'x - y = 1' 'x = 2*y'
    raphson explain 'x + y = 3' '2*x + 2*y = 5' --start x=1 --start y=1
    raphson explain 'sum(u[i] for i in range(3)) = a' --unknown u=3 -p a=1
    raphson explain --model model.toml --json
    """  # noqa: D301 - click wants the character, not its escape
    problem = read_problem(equations, point, parameters, model, "start", bounds=bounds, needs_point=False)
    asked = _asked(problem, unknowns, pattern=pattern)
    with answering(as_json=as_json), connected(address) as client:
        found = client.explain(problem.equations, parameters=problem.parameters, bounds=problem.bounds or None, **asked)
    if as_json:
        print_json(explanation_as_json(found))
    else:
        click.echo("\n".join([*(f"- {line}" for line in found.lines), _ranks(found)]))


def _asked(problem: Problem, unknowns: tuple[str, ...], *, pattern: bool) -> dict[str, Any]:
    """Return the point, or the unknowns' names and shapes."""
    if unknowns and problem.point:
        raise click.UsageError("--unknown declares what has no --start; expected one of them")
    if problem.point and not pattern:
        return {"at": problem.point}
    if problem.point:
        return {"variables": {name: getattr(value, "shape", ()) for name, value in problem.point.items()}}
    if unknowns:
        return {"variables": dict(_declared(text) for text in unknowns)}
    # Loads the language, which takes a second, and only where nothing was declared.
    from raphson_server.cli.unknown_names import names_in  # noqa: PLC0415

    return {"variables": names_in(problem.equations, problem.parameters)}


def _declared(text: str) -> tuple[str, tuple[int, ...]]:
    name, sign, shape = text.partition("=")
    try:
        return name.strip(), tuple(map(int, shape.split("x"))) if sign else ()
    except ValueError:
        raise click.UsageError(f"--unknown {text}: expected NAME or NAME=SHAPE, e.g. u=10 or A=3x4") from None


def _ranks(found: raphson.Explanation) -> str:
    words = [f"structural rank {found.structural_rank}"]
    if found.rank is not None:
        words.append(f"rank {found.rank}")
    if found.condition is not None:
        words.append(f"condition about {found.condition:.2g}")
    return "; ".join(words)
