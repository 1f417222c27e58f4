"""``raphson batch``: a table of parameters in, a table of roots out."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click
from click.core import ParameterSource

from raphson_server.cli.answer import INTERRUPTED, INVALID, NO_ANSWER, answering, print_json
from raphson_server.cli.connecting import access_options
from raphson_server.cli.job_of_model import describe_job
from raphson_server.cli.problem import read_problem
from raphson_server.cli.row_progress import RowProgress, write_rate, write_seconds
from raphson_server.cli.solving_options import METHODS
from raphson_server.jobs.description import LARGEST_CHUNK_ROWS, TableFormat
from raphson_server.jobs.errors import JobError, JobErrorCode
from raphson_server.jobs.record import JobState

if TYPE_CHECKING:
    from raphson_server.jobs.executor import Executor
    from raphson_server.jobs.record import JobRecord

_FORMATS = click.Choice([str(each) for each in TableFormat])
# What a person can put right: the model, the table, the names.
_INVALID = {
    JobErrorCode.INVALID_DEFINITION,
    JobErrorCode.INVALID_COLUMNS,
    JobErrorCode.INPUT_UNREADABLE,
    JobErrorCode.INPUT_MALFORMED,
    JobErrorCode.INPUT_CHANGED,
    JobErrorCode.OUTPUT_EXISTS,
    JobErrorCode.OUTPUT_UNWRITABLE,
    JobErrorCode.PACKAGE_MISSING,
}
_EXIT_CODES = (
    "Exit codes: 0 done, whatever the rows' statuses, 2 bad usage or invalid input, 3 stopped by a fault (a full disk, "
    "lost workers), 130 interrupted. After any of them the same command goes on behind the rows that are done."
)


@click.command(epilog=_EXIT_CODES)
@click.argument("model", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("table", metavar="INPUT")
@click.option("--output", "-o", required=True, metavar="OUTPUT", help="Where the roots go: a path, or a URL.")
@click.option("--start", "point", multiple=True, metavar="NAME=VALUE", help="Where rows begin that no column tells.")
@click.option(
    "--parameter", "-p", "parameters", multiple=True, metavar="NAME=VALUE", help="A parameter that all rows share."
)
@click.option(
    "--carry",
    multiple=True,
    metavar="COLUMN",
    help="A column of the input to copy to the output; once for each. '*': all that are neither parameters nor starts.",
)
@click.option("--method", type=click.Choice(METHODS), help="How to iterate. [default: auto]")
@click.option("--tolerance", type=float, help="Relative residual that counts as solved. [default: 1e-12]")
@click.option("--absolute-tolerance", type=float, help="Residual that counts as solved. [default: 1e-30]")
@click.option("--max-iterations", type=int, help="Newton steps of a row at most. [default: 2000]")
@click.option("--warm-start", is_flag=True, help="Begin at the root of a row before, for tables that are sorted.")
@click.option(
    "--format",
    "output_format",
    type=_FORMATS,
    help="Of the output. [default: by its extension: .parquet, .arrow, .csv]",
)
@click.option("--input-format", type=_FORMATS, help="Of the input. [default: by its extension]")
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=lambda: len(os.sched_getaffinity(0)),
    help="Processes. [default: cores]",
)
@click.option(
    "--chunk-rows",
    type=click.IntRange(1, LARGEST_CHUNK_ROWS),
    help="Rows that are solved and kept together; fewer where rows take long. [default: by their size, at most 65536]",
)
@click.option("--overwrite", is_flag=True, help="Replace an output that is there, once all is done.")
@click.option(
    "--store",
    metavar="FILE|URL",
    help="Where is kept what is done: an SQLite file, or postgresql://… [default: in OUTPUT.raphson-job/]",
)
@click.option(
    "--on",
    metavar="dask://HOST:PORT",
    help="Solve on the workers of this Dask scheduler, rather than in processes of this machine.",
)
@click.option(
    "--address",
    metavar="HOST:PORT",
    help="Have a running server do it, which keeps jobs; paths are those of its machine, which may go on without this "
    "command. [default: this command does it]",
)
@click.option(
    "--progress/--no-progress",
    default=None,
    help="Say on standard error how far it has come. [default: on a terminal]",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@access_options
def batch(
    model: Path,
    table: str,
    output: str,
    point: tuple[str, ...],
    parameters: tuple[str, ...],
    store: str | None,
    workers: int,
    on: str | None,
    address: str | None,
    progress: bool | None,
    as_json: bool,
    **choices: Any,
) -> None:
    """Solve a system for every row of a table, durably: Parquet, Arrow or CSV in and out.

    MODEL is a TOML file with equations = [...], [start], and where wanted [parameters] and [options]. Columns of INPUT
    belong to the parameter, or the unknown's start, of their name; an array's column has lists, or there is a column
    h[0], h[1], … for each number. What has no column is as in the model, the same in all rows. OUTPUT has a row for
    each of INPUT, in order: the unknowns, status, residual_norm and iterations.

    \b
    raphson batch model.toml params.parquet -o roots.parquet
    raphson batch model.toml params.csv -o roots.csv --carry id --carry r
    raphson batch model.toml params.parquet -o roots.parquet --carry '*' --start x=2 -p r=1.5
    raphson batch model.toml /data/params.parquet -o /data/roots.parquet --address HOST:PORT
    raphson batch model.toml params.parquet -o roots.parquet --on dask://HOST:8786
    raphson batch model.toml s3://data/params.parquet -o roots.arrow --workers 8 --store jobs.sqlite

    What is done is kept, some thousand rows at a time: stopped by Ctrl-C, killed, or out of room on the disk, the same
    command goes on from there, and every row comes exactly once. Until the last is done there is no OUTPUT.
    """  # noqa: D301 - click wants the character, not its escape
    _refuse_mixed(on, address)
    began = time.monotonic()
    shown = _Shown()
    try:
        problem = read_problem((), point, parameters, model, "start")
        executor = None if address is not None else _executor(on, workers)
        description = describe_job(problem, str(model), table, output, choices)
        with RowProgress(wanted=progress) as bar:

            def show(done: int, total: int | None, now: int) -> None:
                shown.done, shown.total, shown.now = done, total, now
                bar.update(done, total, now)

            if address is None:
                assert executor is not None
                # Packages of an extra, and the solver, which takes a second.
                from raphson_server.cli.embedded_job import run_embedded  # noqa: PLC0415

                record = run_embedded(description, store, executor, show)
            else:
                from raphson_server.cli.remote_job import run_remote  # noqa: PLC0415

                with answering(as_json=as_json):
                    record = run_remote(description, address, show)
    except KeyboardInterrupt:
        of = "" if shown.total is None else f" of {shown.total:,}"
        click.echo(f"raphson: stopped; {shown.done:,}{of} rows are done and kept: the same command goes on", err=True)
        sys.exit(INTERRUPTED)
    except JobError as error:
        _fail(error.code, error.message, as_json=as_json)
    if record.state is JobState.CANCELLED:
        click.echo(f"raphson: {record.name} was cancelled; the same command goes on", err=True)
        sys.exit(NO_ANSWER)
    if record.error_code:
        _fail(JobErrorCode(record.error_code), record.error_message, as_json=as_json)
    _summarize(record, output, shown.now, time.monotonic() - began, as_json=as_json)


def _refuse_mixed(on: str | None, address: str | None) -> None:
    """Refuse what contradicts itself."""
    if on is not None and not on.startswith("dask://"):
        raise click.UsageError(f"--on {on}: expected dask://host:port")
    context = click.get_current_context()
    for name in ("on", "store", "workers"):
        is_given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if is_given and address is not None:
            raise click.UsageError(f"--{name} is the server's choice; expected it without --address")
        if is_given and name == "workers" and on is not None:
            raise click.UsageError("--workers is the cluster's choice; expected it without --on")


def _executor(on: str | None, workers: int) -> Executor:
    if on is None:
        from raphson_server.jobs.local import LocalExecutor  # noqa: PLC0415

        executor = LocalExecutor(workers)
        # While this process reads the model and looks at the table.
        executor.warm_up()
        return executor
    from raphson_server.jobs.on_dask import DaskExecutor  # noqa: PLC0415 - an extra

    return DaskExecutor(on)


class _Shown:
    """How far it has come."""

    done = 0
    total: int | None = None
    now = 0


def _fail(code: JobErrorCode, message: str, *, as_json: bool) -> NoReturn:
    if as_json:
        print_json({"error": {"code": code, "message": message}})
    else:
        click.echo(f"raphson: {message}", err=True)
    sys.exit(INVALID if code in _INVALID else NO_ANSWER)


def _summarize(record: JobRecord, output: str, now: int, seconds: float, *, as_json: bool) -> None:
    """Say what was done."""
    if as_json:
        print_json(
            {
                "output": output,
                "state": record.state,
                "rows": record.rows_done,
                "rows_now": now,
                "status_counts": record.status_counts,
                "elapsed_seconds": seconds,
            }
        )
        return
    before = "" if now == record.rows_done else f" ({record.rows_done - now:,} of them before)"
    click.echo(f"{output}: {record.rows_done:,} rows{before} in {write_seconds(seconds)}, {write_rate(now / seconds)}")
    width = max(map(len, record.status_counts), default=0)
    for name, count in sorted(record.status_counts.items(), key=lambda item: -item[1]):
        click.echo(f"  {name.ljust(width)}  {count:>15,}  {100 * count / record.rows_done:6.2f} %")
