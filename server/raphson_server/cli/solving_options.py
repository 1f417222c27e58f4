"""How to solve: the options that all commands share that do."""

from collections.abc import Callable
from typing import Any

import click
import raphson

METHODS = [method.name.lower().replace("_", "-") for method in raphson.Method]
# A complex step differentiates at points, not while solving.
MODES = [mode.name.lower() for mode in raphson.JacobianMode if mode is not raphson.JacobianMode.COMPLEX_STEP]


def solving_options(
    timeout_help: str, most_iterations: str = "2000"
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the options; `timeout_help` says what is limited in time, `most_iterations` the default of a solve."""
    decorators = (
        click.option("--method", type=click.Choice(METHODS), help="How to iterate. [default: auto]"),
        click.option(
            "--jacobian",
            "mode",
            type=click.Choice(MODES),
            help="Where derivatives come from; analytic: the model file's jacobian. [default: exact, or analytic "
            "where the model file has a jacobian]",
        ),
        click.option("--tolerance", type=float, help="Relative residual that counts as solved. [default: 1e-12]"),
        click.option("--absolute-tolerance", type=float, help="Residual that counts as solved. [default: 1e-30]"),
        click.option("--max-iterations", type=int, help=f"Newton steps at most. [default: {most_iterations}]"),
        click.option("--max-evaluations", type=int, help="Evaluations of f at most. [default: no limit]"),
        click.option(
            "--whole",
            is_flag=True,
            default=None,
            help="Solve the system as a whole, not block by block where its pattern allows.",
        ),
        click.option("--timeout", "timeout_seconds", type=float, metavar="SECONDS", help=timeout_help),
    )

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate
