"""``raphson jobs``: the jobs of a server, from the command line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
import raphson

from raphson_server.cli.answer import DONE, NOT_CONVERGED, answering, exit_codes_help, print_json, print_json_line
from raphson_server.cli.connecting import access_options, connected
from raphson_server.cli.row_progress import RowProgress
from raphson_server.cli.table import aligned

_EXIT_CODES = exit_codes_help("done", "the job failed or was cancelled (watch)")


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that all of these commands have."""
    command = access_options(command)
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        click.option(
            "--address",
            required=True,
            metavar="HOST:PORT",
            envvar="RAPHSON_ADDRESS",
            show_envvar=True,
            help="A running server that keeps jobs: raphson serve --jobs FOLDER --job-files FOLDER.",
        ),
    ):
        command = option(command)
    return command


@click.group()
def jobs() -> None:
    """Look after the jobs of a server; `raphson batch --address` makes them.

    \b
    raphson jobs list --address HOST:PORT
    raphson jobs watch jobs/… --address HOST:PORT
    """  # noqa: D301 - click wants the character, not its escape


@jobs.command("list", epilog=_EXIT_CODES)
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Jobs at most, the newest first.")
@_options
def list_(limit: int, address: str, as_json: bool) -> None:
    """List the jobs, the newest first."""
    with _client(address, as_json=as_json) as client:
        found = [job for job, _ in zip(client.jobs(), range(limit), strict=False)]
    if as_json:
        print_json({"jobs": [job_as_json(job) for job in found]})
    elif not found:
        click.echo("no jobs")
    else:
        rows = [[job.name, job.state.name.lower(), str(job.progress), job.output_url] for job in found]
        click.echo("\n".join(aligned([["job", "state", "progress", "output"], *rows], left=4)))


@jobs.command(epilog=_EXIT_CODES)
@click.argument("name")
@_options
def show(name: str, address: str, as_json: bool) -> None:
    """Show a job as it is now."""
    with _client(address, as_json=as_json) as client:
        _print(client.job(name), as_json=as_json)


@jobs.command(epilog=_EXIT_CODES)
@click.argument("name")
@_options
def watch(name: str, address: str, as_json: bool) -> None:
    """Show how far a job comes until it is done. Ctrl-C leaves the job alone."""
    with _client(address, as_json=as_json, by_line=True) as client:
        job = client.job(name)
        if as_json:
            for state in job.watch():
                print_json_line(job_as_json(state))
        else:
            watch_rows(job, wanted=True)
            _print(job, as_json=False)
    sys.exit(DONE if job.state is raphson.JobState.SUCCEEDED else NOT_CONVERGED)


@jobs.command(epilog=_EXIT_CODES)
@click.argument("name")
@_options
def cancel(name: str, address: str, as_json: bool) -> None:
    """Ask a job to stop; what is done is kept."""
    with _client(address, as_json=as_json) as client:
        _print(client.job(name).cancel(), as_json=as_json)


@jobs.command(epilog=_EXIT_CODES)
@click.argument("name")
@_options
def resume(name: str, address: str, as_json: bool) -> None:
    """Queue a job again that failed or was cancelled, to do what is not done."""
    with _client(address, as_json=as_json) as client:
        _print(client.job(name).resume(), as_json=as_json)


@jobs.command(epilog=_EXIT_CODES)
@click.argument("name")
@_options
def delete(name: str, address: str, as_json: bool) -> None:
    """Forget a job that does not run, and remove what was kept for it; a finished output stays."""
    with _client(address, as_json=as_json) as client:
        job = client.job(name)
        job.delete()
    if as_json:
        print_json({"deleted": job.name})
    else:
        click.echo(f"{job.name} is deleted")


def watch_rows(job: raphson.Job, *, wanted: bool | None) -> None:
    """Show on standard error how far a job comes, until it is done."""
    with RowProgress(wanted=wanted) as bar:
        before = job.progress.rows_done
        for state in job.watch():
            progress = state.progress
            bar.update(progress.rows_done, progress.rows_total, progress.rows_done - before)


def job_as_json(job: raphson.Job) -> dict[str, Any]:
    """Write a job with stable keys."""
    progress = job.progress
    return {
        "name": job.name,
        "state": job.state.name,
        "cancel_requested": job.cancel_requested,
        "error": None if job.error is None else {"reason": job.error.reason, "message": job.error.message},
        "input": job.input_url,
        "output": job.output_url,
        "rows_total": progress.rows_total,
        "rows_done": progress.rows_done,
        "status_counts": {status.name.lower(): count for status, count in progress.counts.items()},
        "rows_per_second": progress.rows_per_second,
        "seconds_left": progress.seconds_left,
    } | {
        name: None if time is None else time.isoformat()
        for name, time in (("created", job.created), ("started", job.started), ("ended", job.ended))
    }


def _print(job: raphson.Job, *, as_json: bool) -> None:
    if as_json:
        print_json(job_as_json(job))
    else:
        click.echo(str(job))


@contextmanager
def _client(address: str, *, as_json: bool, by_line: bool = False) -> Iterator[raphson.Client]:
    with answering(as_json=as_json, by_line=by_line), connected(address) as client:
        yield client
