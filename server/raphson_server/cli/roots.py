"""``raphson roots``: look for every root in a box."""

import sys
from pathlib import Path
from typing import Any

import click
import numpy as np
import raphson

from raphson_server.cli.answer import DONE, NOT_CONVERGED, answering, exit_codes_help, print_json_line, server_options
from raphson_server.cli.connecting import connected
from raphson_server.cli.evidence import certificate_as_json
from raphson_server.cli.problem import chosen_jacobian, problem_arguments, read_problem
from raphson_server.cli.region import bounds_option
from raphson_server.cli.solving_options import solving_options
from raphson_server.cli.table import GrowingTable

_EXIT_CODES = exit_codes_help(
    "a root was found, or, with --prove, the roots are proven to be all",
    "no root was found, or the proof did not come to an end",
)


@click.command(epilog=_EXIT_CODES)
@problem_arguments(None)
@bounds_option("Where to look for an unknown, both sides finite; arrays tell its shape, u=0x3:10x3")
@click.option("--prove", is_flag=True, help="Prove that no root is missing, by an interval search; 4 unknowns at most.")
@click.option("--max-starts", type=int, help="Starts to try at most. [default: 200]")
@click.option("--max-roots", type=int, help="Roots to find at most. [default: no limit]")
@click.option("--max-boxes", type=int, help="Boxes that the proof may examine. [default: 50000]")
@solving_options("Time for the whole search. [default: 60]", "200 from each start")
@server_options
def roots(
    equations: tuple[str, ...],
    parameters: tuple[str, ...],
    model: Path | None,
    bounds: tuple[str, ...],
    mode: str | None,
    prove: bool,
    address: str | None,
    as_json: bool,
    **choices: Any,
) -> None:
    """Look for every root in a box, and print each when it is found.

    Without --prove roots may be missing. With --json every line is an object, {"root": …}; the last is
    {"summary": …}.

    \b
    raphson roots 'x**2 = 2' --bounds x=-10:10
    raphson roots 'sin(x) = x/10' --bounds x=-10:10 --prove
    raphson roots 'x**2 + y**2 = 4' 'x*y = 1' --bounds x=-3:3 --bounds y=-3:3 --prove --json
    """  # noqa: D301 - click wants the character, not its escape
    problem = read_problem(equations, (), parameters, model, "bounds", bounds=bounds, needs_point=False)
    if not problem.bounds:
        raise click.UsageError("no box; expected e.g. --bounds x=0:10 for each unknown")
    options = problem.options | {name: value for name, value in choices.items() if value is not None}
    options["jacobian"] = chosen_jacobian(problem, mode)
    with answering(as_json=as_json, by_line=True):
        with connected(address) as client:
            search = client.find_all(problem.equations, problem.bounds, problem.parameters, prove=prove, **options)
            found = _print_all(search, as_json=as_json)
        summary = search.summary
        complete = summary is not None and summary.complete
        sys.exit(DONE if (complete if prove else found) else NOT_CONVERGED)


def _print_all(search: raphson.RootSearch, *, as_json: bool) -> int:
    """Print the roots as they come, and how the search ended; return how many there were."""
    table, number = None, 0
    for number, root in enumerate(search, 1):
        if as_json:
            print_json_line({"root": root_as_json(root)})
            continue
        if table is None:
            table = GrowingTable(["#"], root.unknown_names, ["largest |f|", "certificate"])
        norm = np.max(np.abs(root.residual), initial=0.0)
        table.add([f"{number:>3}"], root.x.tolist(), [f"{norm:.2g}", str(root.certificate)])
    if search.summary is not None:
        if as_json:
            print_json_line({"summary": summary_as_json(search.summary)})
        else:
            click.echo(str(search.summary))
    return number


def root_as_json(root: raphson.FoundRoot) -> dict[str, Any]:
    """Write a root with stable keys."""
    return {
        "solution": {name: root[name] for name in root},
        "residual": root.residual,
        "certificate": certificate_as_json(root.certificate),
    }


def summary_as_json(summary: raphson.FindAllSummary) -> dict[str, Any]:
    """Write how a search ended with stable keys."""
    return {
        "roots": summary.roots,
        "starts": summary.starts,
        "complete": summary.complete,
        "reason": summary.reason,
        "undecided_lower": summary.undecided_lower,
        "undecided_upper": summary.undecided_upper,
        "system_id": summary.system_id,
    }
