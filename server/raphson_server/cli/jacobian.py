"""``raphson jacobian``: differentiate from the command line."""

from pathlib import Path
from typing import Any

import click
import numpy as np
import raphson
from numpy.typing import NDArray

from raphson_server.cli.answer import EXIT_CODES_HELP, answering, print_json, server_options
from raphson_server.cli.connecting import connected
from raphson_server.cli.problem import problem_arguments, read_problem
from raphson_server.cli.region import bounds_option
from raphson_server.cli.values import read_value
from raphson_server.cli.views import Views, lines, views_as_json

_MODES = [mode.name.lower() for mode in raphson.JacobianMode]
_DIFFERENCES = ("forward", "central")
_NUMBERS = "NUMBERS"


@click.command(epilog=EXIT_CODES_HELP)
@problem_arguments("at")
@click.option(
    "--method",
    "--mode",
    type=click.Choice(_MODES),
    default="exact",
    show_default=True,
    help="Where derivatives come from; analytic: the model file's jacobian.",
)
@bounds_option("Where differences stay, at every evaluation of f")
@click.option("--sparse", is_flag=True, help="Print the entries that may differ from zero, one a line.")
@click.option("--jvp", metavar=_NUMBERS, help="v, a number for each unknown: print J·v, without forming J.")
@click.option("--vjp", metavar=_NUMBERS, help="w, a number for each equation: print wᵀ·J, without forming J.")
@click.option("--determinant", "with_determinant", is_flag=True, help="Print the determinant too.")
@click.option("--spectrum", "with_spectrum", is_flag=True, help="Print singular values, condition number and rank too.")
@click.option(
    "--covariance",
    metavar=_NUMBERS,
    help="Standard deviations of the unknowns, or JSON of their covariance: print those of f, to first order, too.",
)
@click.option("--error", "with_error", is_flag=True, help="Print an error estimate of every entry by differences too.")
@server_options
def jacobian(
    equations: tuple[str, ...],
    point: tuple[str, ...],
    parameters: tuple[str, ...],
    model: Path | None,
    method: str,
    bounds: tuple[str, ...],
    sparse: bool,
    jvp: str | None,
    vjp: str | None,
    with_determinant: bool,
    with_spectrum: bool,
    covariance: str | None,
    with_error: bool,
    address: str | None,
    as_json: bool,
) -> None:
    """Print the Jacobian at a point: a row for each equation, a column for each unknown.

    A matrix of more than 10 columns is printed as a list of its entries. With --jvp or --vjp the matrix is not
    formed, unless --sparse or --error ask for it. The point is given by --at, or by [start] of a model file.

    \b
    raphson jacobian 'x**2 + y' 'x*y' --at x=1 --at y=2
    raphson jacobian 'exp(a*x)' --at x=0 -p a=3 --mode central --error
    raphson jacobian 'exp(a*x)*sin(x)' --at x=0.5 -p a=3 --mode complex_step --json
    raphson jacobian 'r*cos(t)' 'r*sin(t)' --at r=2 --at t=1 --determinant --spectrum
    raphson jacobian 'u[i]**2 - u[i-1] for i in range(1, 5)' --at u=1x5 --jvp 1,0,0,0,0 --vjp 1x4
    raphson jacobian 'x*y' --at x=3 --at y=4 --covariance 0.1,0.2
    """  # noqa: D301 - click wants the character, not its escape
    problem = read_problem(equations, point, parameters, model, "at", bounds=bounds)
    if method == "analytic" and problem.jacobian is None:
        raise click.UsageError("--method analytic needs the model file's jacobian = [[...]]")
    if with_error and method not in _DIFFERENCES:
        raise click.UsageError("--error is for differences; expected --mode forward or --mode central beside it")
    v, w, sigma = (_numbers(text, name) for text, name in ((jvp, "jvp"), (vjp, "vjp"), (covariance, "covariance")))
    found = Views()
    with answering(as_json=as_json), connected(address) as client:
        system = client.compile(
            problem.equations,
            problem.point,
            problem.parameters,
            jacobian=problem.jacobian if problem.jacobian is not None else "exact",
        )
        asked: Any = (system, problem.point, problem.parameters, method)
        near: Any = {"bounds": problem.bounds or None}
        if with_error:
            found.estimate = client.jacobian_with_error(*asked, **near)
        if sparse:
            found.sparse = client.jacobian(*asked, sparse=True, **near)
        elif v is w is None and not with_error:
            found.matrix = client.jacobian(*asked, **near)
        if v is not None:
            found.jvp = client.jvp(*asked, v=v, **near)
        if w is not None:
            found.vjp = client.vjp(*asked, v=w, **near)
        if with_determinant:
            found.determinant = client.determinant(*asked, **near)
        if with_spectrum:
            found.spectrum = client.spectrum(*asked, **near)
        if sigma is not None:
            found.propagated = client.propagate_covariance(*asked, covariance=sigma, **near)
    if as_json:
        print_json(views_as_json(system, found))
    else:
        click.echo("\n".join(lines(system, found)))


def _numbers(text: str | None, option: str) -> NDArray[np.float64] | None:
    return None if text is None else np.atleast_1d(np.asarray(read_value(text, f"--{option}")))
