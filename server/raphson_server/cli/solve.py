"""``raphson solve``: find a root from the command line."""

import sys
from pathlib import Path
from typing import Any

import click
import raphson

from raphson_server.cli.answer import DONE, NOT_CONVERGED, answering, exit_codes_help, print_json, server_options
from raphson_server.cli.connecting import connected
from raphson_server.cli.evidence import sensitivity_lines, solution_as_json, trace_lines
from raphson_server.cli.picture import drawing, plot_option
from raphson_server.cli.problem import chosen_jacobian, problem_arguments, read_problem
from raphson_server.cli.region import bounds_option
from raphson_server.cli.solve_progress import SolveProgressLine
from raphson_server.cli.solving_options import solving_options

_EXIT_CODES = exit_codes_help(
    "converged, or, with more equations than unknowns, at a least-squares point", "not converged"
)


@click.command(epilog=_EXIT_CODES)
@problem_arguments("start")
@bounds_option("Where an unknown stays, at every evaluation of f")
@click.option(
    "--nominal", multiple=True, metavar="NAME=SIZE", help="How large an unknown is, about. [default: as at the start]"
)
@solving_options("Time to iterate at most; the best point so far is returned.")
@click.option(
    "--linear-solver",
    type=click.Choice([member.name.lower() for member in raphson.LinearSolver]),
    help="How linear systems with the Jacobian are solved: dense, by sparse factors (direct), or by GMRES (krylov). "
    "[default: auto, by size and pattern]",
)
@click.option("--return-jacobian", is_flag=True, help="Return the Jacobian at the root too.")
@click.option("--trace", is_flag=True, help="Print every step.")
@click.option("--certify", is_flag=True, help="Prove that exactly one root is there, in rigorous arithmetic.")
@click.option("--sensitivity", is_flag=True, help="Print how the root moves with the parameters.")
@click.option("--explain/--no-explain", default=True, show_default=True, help="After a failure, say what is wrong.")
@plot_option("the residual of every step")
@click.option(
    "--progress/--no-progress",
    default=None,
    help="Say on standard error how far it has come. [default: on a terminal, of what takes more than a second]",
)
@server_options
def solve(
    equations: tuple[str, ...],
    point: tuple[str, ...],
    parameters: tuple[str, ...],
    model: Path | None,
    bounds: tuple[str, ...],
    nominal: tuple[str, ...],
    mode: str | None,
    return_jacobian: bool,
    trace: bool,
    certify: bool,
    sensitivity: bool,
    explain: bool,
    picture: Path | None,
    progress: bool | None,
    address: str | None,
    as_json: bool,
    **choices: Any,
) -> None:
    """Find x with f(x) = 0, from a start.

    EQUATIONS: quote each. One that begins with a minus sign goes after --. As many as there are unknowns have
    roots; with more, the point where the sum of squares is least is looked for; with fewer, a root near the start.

    \b
    raphson solve 'x**2 + y**2 = r**2' 'exp(x) + y = 1' --start x=1 --start y=-1.7 --parameter r=2
    raphson solve 'u[i]**2 = i + a for i in range(3)' --start u=1x3 -p a=1 --json
    raphson solve --model model.toml --tolerance 1e-10
    raphson solve 'x**2 = 2' --start x=1 --bounds x=0: --certify
    raphson solve 'log(x) + x = p' --start x=1 --bounds x=0:10 -p p=2 --sensitivity --trace --plot steps.png
    """  # noqa: D301 - click wants the character, not its escape
    problem = read_problem(equations, point, parameters, model, "start", bounds=bounds, nominal=nominal)
    options = problem.options | {name: value for name, value in choices.items() if value is not None}
    options["jacobian"] = chosen_jacobian(problem, mode)
    with answering(as_json=as_json):
        with connected(address) as client, SolveProgressLine(wanted=progress) as line:
            solution = client.solve(
                problem.equations,
                problem.point,
                problem.parameters,
                bounds=problem.bounds or None,
                nominal=problem.nominal or None,
                return_jacobian=return_jacobian,
                trace=trace or picture is not None,
                certify=certify,
                sensitivity=sensitivity,
                explain=explain,
                progress=line.update if line.is_wanted else False,
                **options,
            )
        if as_json:
            print_json(solution_as_json(solution))
        else:
            click.echo("\n".join(_text(solution, with_trace=trace)))
        if picture is not None:
            with drawing(picture):
                solution.plot_convergence(picture)
        solved = solution.converged or solution.status is raphson.Status.LEAST_SQUARES
        sys.exit(DONE if solved else NOT_CONVERGED)


def _text(solution: raphson.Solution, *, with_trace: bool) -> list[str]:
    lines = [repr(solution)]
    if solution.jacobian is not None:
        lines.append(f"  Jacobian\n{solution.jacobian}")
    for title, part in (
        ("Sensitivity", sensitivity_lines(solution)),
        ("Trace", trace_lines(solution.trace) if with_trace else []),
    ):
        if part:
            lines += [f"  {title}", *(f"    {line}" for line in part)]
    return lines
