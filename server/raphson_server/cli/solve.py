"""``raphson solve``: find a root from the command line."""

import sys
from pathlib import Path
from typing import Any

import click
import raphson

from raphson_server.cli.answer import (
    DONE,
    EXIT_CODES_HELP,
    NOT_CONVERGED,
    answering,
    print_json,
    server_options,
)
from raphson_server.cli.problem import Problem, problem_arguments, read_problem

_METHODS = [method.name.lower().replace("_", "-") for method in raphson.Method]
_MODES = [mode.name.lower() for mode in raphson.JacobianMode]


@click.command(epilog=EXIT_CODES_HELP)
@problem_arguments("start")
@click.option("--method", type=click.Choice(_METHODS), help="How to iterate. [default: auto]")
@click.option(
    "--jacobian",
    "mode",
    type=click.Choice(_MODES),
    help="Where derivatives come from; analytic: the model file's jacobian. [default: exact, or analytic "
    "where the model file has a jacobian]",
)
@click.option("--tolerance", type=float, help="Relative residual that counts as solved. [default: 1e-12]")
@click.option("--absolute-tolerance", type=float, help="Residual that counts as solved. [default: 1e-30]")
@click.option("--max-iterations", type=int, help="Newton steps at most. [default: 1000]")
@click.option("--timeout", "timeout_seconds", type=float, metavar="SECONDS", help="Time to iterate at most.")
@click.option("--return-jacobian", is_flag=True, help="Return the Jacobian at the root too.")
@server_options
def solve(
    equations: tuple[str, ...],
    point: tuple[str, ...],
    parameters: tuple[str, ...],
    model: Path | None,
    mode: str | None,
    return_jacobian: bool,
    address: str | None,
    as_json: bool,
    **choices: Any,
) -> None:
    """Find x with f(x) = 0, from a start.

    EQUATIONS are as many as there are unknowns; quote each. One that begins with a minus sign goes after --.

    \b
    raphson solve 'x**2 + y**2 = r**2' 'exp(x) + y = 1' --start x=1 --start y=-1.7 --parameter r=2
    raphson solve 'u[i]**2 = i + a for i in range(3)' --start u=1x3 -p a=1 --json
    raphson solve --model model.toml --tolerance 1e-10
    """  # noqa: D301 - click wants the character, not its escape
    problem = read_problem(equations, point, parameters, model, "start")
    options = problem.options | {name: value for name, value in choices.items() if value is not None}
    options["jacobian"] = _jacobian(problem, mode)
    with answering(as_json=as_json):
        with raphson.connect(address) as client:
            solution = client.solve(
                problem.equations,
                problem.point,
                problem.parameters,
                return_jacobian=return_jacobian,
                **options,
            )
        if as_json:
            print_json(solution_as_json(solution))
        else:
            click.echo(repr(solution))
            if solution.jacobian is not None:
                click.echo(f"  Jacobian\n{solution.jacobian}")
        sys.exit(DONE if solution.converged else NOT_CONVERGED)


def solution_as_json(solution: raphson.Solution) -> dict[str, Any]:
    """Write a solution with stable keys."""
    return {
        "converged": solution.converged,
        "status": solution.status.name.lower(),
        "message": solution.message,
        "remedy": solution.remedy,
        "solution": {name: solution[name] for name in solution},
        "residual": solution.residual,
        "scaled_residual": solution.scaled_residual,
        "residual_norm": solution.residual_norm,
        "iterations": solution.iterations,
        "evaluations": solution.evaluations,
        "jacobian_evaluations": solution.jacobian_evaluations,
        "elapsed_seconds": solution.elapsed_seconds,
        "method": solution.method.name.lower(),
        "jacobian": solution.jacobian,
        "system_id": solution.system_id,
    }


def _jacobian(problem: Problem, mode: str | None) -> Any:
    chosen = mode or problem.options.get("jacobian") or ("exact" if problem.jacobian is None else "analytic")
    if chosen != "analytic":
        return chosen
    if problem.jacobian is None:
        raise click.UsageError("the mode 'analytic' needs the model file's jacobian = [[...]]")
    return problem.jacobian
