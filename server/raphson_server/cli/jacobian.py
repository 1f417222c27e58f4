"""``raphson jacobian``: differentiate from the command line."""

from pathlib import Path
from typing import Any

import click
import raphson

from raphson_server.cli.answer import EXIT_CODES_HELP, answering, print_json, server_options
from raphson_server.cli.problem import problem_arguments, read_problem
from raphson_server.cli.table import aligned

_MODES = [mode.name.lower() for mode in raphson.JacobianMode]
# A wider matrix is printed as a list of the entries that may differ from zero.
_MOST_COLUMNS = 10


@click.command(epilog=EXIT_CODES_HELP)
@problem_arguments("at")
@click.option(
    "--method",
    type=click.Choice(_MODES),
    default="exact",
    show_default=True,
    help="Where derivatives come from; analytic: the model file's jacobian.",
)
@click.option("--determinant", "with_determinant", is_flag=True, help="Print the determinant too.")
@server_options
def jacobian(
    equations: tuple[str, ...],
    point: tuple[str, ...],
    parameters: tuple[str, ...],
    model: Path | None,
    method: str,
    with_determinant: bool,
    address: str | None,
    as_json: bool,
) -> None:
    """Print the Jacobian at a point: a row for each equation, a column for each unknown.

    A matrix of more than 10 columns is printed as a list of its entries. The point is given by --at, or by
    [start] of a model file.

    \b
    raphson jacobian 'x**2 + y' 'x*y' --at x=1 --at y=2
    raphson jacobian 'exp(a*x)' --at x=0 -p a=3 --method central --json
    """  # noqa: D301 - click wants the character, not its escape
    problem = read_problem(equations, point, parameters, model, "at")
    if method == "analytic" and problem.jacobian is None:
        raise click.UsageError("--method analytic needs the model file's jacobian = [[...]]")
    with answering(as_json=as_json), raphson.connect(address) as client:
        system = client.compile(
            problem.equations,
            problem.point,
            problem.parameters,
            jacobian=problem.jacobian if problem.jacobian is not None else "exact",
        )
        asked: Any = (system, problem.point, problem.parameters, method)
        matrix = client.jacobian(*asked)
        determinant = client.determinant(*asked) if with_determinant else None
    if as_json:
        print_json(jacobian_as_json(system, matrix, determinant))
        return
    click.echo("\n".join(table(system, matrix) if system.n <= _MOST_COLUMNS else entries(system, matrix)))
    if determinant is not None:
        click.echo(
            f"determinant {determinant.value:.12g} (sign {determinant.sign:g}, log|det| {determinant.log_abs:.12g})"
        )


def jacobian_as_json(
    system: raphson.CompiledSystem, matrix: Any, determinant: raphson.Determinant | None
) -> dict[str, Any]:
    """Write a Jacobian with stable keys."""
    written = None
    if determinant is not None:
        written = {"sign": determinant.sign, "log_abs": determinant.log_abs, "value": determinant.value}
    return {
        "equations": list(system.equation_names),
        "unknowns": list(system.unknown_names),
        "jacobian": matrix,
        "determinant": written,
        "system_id": system.id,
    }


def table(system: raphson.CompiledSystem, matrix: Any) -> list[str]:
    """Write a matrix with the names of its rows and columns."""
    cells = [["", *system.unknown_names]]
    cells += [
        [name, *(f"{entry:.8g}" for entry in row)] for name, row in zip(system.equation_names, matrix, strict=True)
    ]
    return aligned(cells)


def entries(system: raphson.CompiledSystem, matrix: Any) -> list[str]:
    """Write the entries that may differ from zero, one a line."""
    names = system.unknown_names
    cells = [
        (system.equation_names[row], names[column], f"{matrix[row, column]:.12g}")
        for row, column in zip(*(indices.tolist() for indices in system.sparsity), strict=True)
    ]
    widths = [max((len(cell[place]) for cell in cells), default=0) for place in range(2)]
    return [f"{row.ljust(widths[0])}  {column.ljust(widths[1])}  {entry}" for row, column, entry in cells]
