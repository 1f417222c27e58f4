"""``raphson serve``: run the service until it is told to stop."""

import json
import logging
import os
import signal
import sys
import threading
import time
from typing import Any

import click

from raphson_server.configuration import ServerConfig
from raphson_server.front_end import Service

_DEFAULTS = ServerConfig()
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_GLANCE_SECONDS = 0.25


@click.command()
@click.option(
    "--address",
    default=_DEFAULTS.address,
    show_default=True,
    metavar="HOST:PORT",
    help="Where to listen. Port 0 takes a free one, which the start-up line tells. "
    "There is no encryption yet: bind to other than loopback only in a trusted network.",
)
@click.option(
    "--workers",
    default=_DEFAULTS.workers,
    show_default="one a core",
    metavar="N",
    help="Worker processes that compute at the same time. One more is kept warm, to take the place "
    "of a worker that is lost.",
)
@click.option(
    "--max-in-flight",
    default=_DEFAULTS.max_in_flight,
    show_default=True,
    metavar="N",
    help="Requests admitted at a time, running and waiting. Further ones are turned away at once "
    "with RESOURCE_EXHAUSTED, and told when to come again.",
)
@click.option(
    "--max-message-bytes",
    default=_DEFAULTS.max_message_bytes,
    show_default=True,
    metavar="BYTES",
    help="Largest request and largest reply.",
)
@click.option(
    "--worker-memory-bytes",
    default=_DEFAULTS.worker_memory_bytes,
    show_default=True,
    metavar="BYTES",
    help="Address space that one worker may take; 0 sets no limit.",
)
@click.option(
    "--worker-systems",
    default=_DEFAULTS.worker_systems,
    show_default=True,
    metavar="N",
    help="Compiled systems that each worker keeps.",
)
@click.option(
    "--definitions",
    default=_DEFAULTS.definitions,
    show_default=True,
    metavar="N",
    help="Definitions kept by id, so that a request can name a system instead of repeating its text.",
)
@click.option(
    "--definition-bytes",
    default=_DEFAULTS.definition_bytes,
    show_default=True,
    metavar="BYTES",
    help="Bytes that those definitions may take together.",
)
@click.option(
    "--drain-seconds",
    default=_DEFAULTS.drain_seconds,
    show_default=True,
    metavar="SECONDS",
    help="How long a server that is told to stop (SIGTERM, Ctrl-C) waits for requests in flight.",
)
@click.option(
    "--cancel-grace-seconds",
    default=_DEFAULTS.cancel_grace_seconds,
    show_default=True,
    metavar="SECONDS",
    help="How long a worker may go on after its call was cancelled or passed its "
    "deadline, before it is killed and replaced.",
)
@click.option(
    "--systems",
    multiple=True,
    metavar="FILE|MODULE",
    help="Serve the functions that this Python file (….py), or module, registers: plain functions that Numba compiles, "
    "see docs/functions.md. May be given several times; nothing else is ever imported. Each worker compiles them "
    "when it starts, about a second a function; one that does not compile, or raises, stops the start.",
)
@click.option(
    "--callbacks",
    default=_DEFAULTS.callbacks,
    show_default=True,
    metavar="N",
    help="Calls at a time that solve a function which the caller evaluates (SolveCallback).",
)
@click.option(
    "--callback-bytes",
    default=_DEFAULTS.callback_bytes,
    show_default=True,
    metavar="BYTES",
    help="What each of them may keep while the caller evaluates: 32 bytes for each of the m×n derivatives.",
)
@click.option(
    "--answer-patience-seconds",
    default=_DEFAULTS.answer_patience_seconds,
    show_default=True,
    metavar="SECONDS",
    help="How long each of them waits for the caller's answer.",
)
@click.option(
    "--worker-niceness",
    default=_DEFAULTS.worker_niceness,
    show_default=True,
    metavar="N",
    help="Scheduling niceness of the workers; above 0 the front end always gets a core.",
)
@click.option(
    "--jobs",
    metavar="FOLDER|URL",
    default="",
    envvar="RAPHSON_JOBS",
    show_envvar=True,
    help="Keep and run jobs (JobService). What is known of them is in an SQLite file in this folder, or in the "
    "PostgreSQL database of this URL, which several servers may share. Needs raphson[jobs].",
)
@click.option(
    "--job-files",
    multiple=True,
    metavar="FOLDER|URL",
    help="Beneath which callers' jobs may read and write; once for each folder, or URL such as s3://bucket/folder. "
    "Without any, every job is refused.",
)
@click.option(
    "--jobs-on",
    default="",
    metavar="dask://HOST:PORT",
    help="Run jobs on the workers of this Dask scheduler, rather than in processes of this machine.",
)
@click.option(
    "--job-processes",
    default=_DEFAULTS.job_processes,
    show_default="one a core",
    metavar="N",
    help="Processes of this machine that compute for jobs.",
)
@click.option(
    "--job-niceness",
    default=_DEFAULTS.job_niceness,
    show_default=True,
    metavar="N",
    help="Their scheduling niceness; above that of the workers, so that calls come first.",
)
@click.option(
    "--job-lease-seconds",
    default=_DEFAULTS.job_lease_seconds,
    show_default=True,
    metavar="SECONDS",
    help="After how long without a word of another machine its job is taken over.",
)
@click.option(
    "--announce",
    type=int,
    metavar="FD",
    help='For programs that start the server: write {"address": "host:port"} as one line to this '
    "inherited file descriptor once the server is ready, and close it.",
)
@click.option(
    "--exit-with-parent",
    is_flag=True,
    help="For programs that start the server: stop when the process that started it ends.",
)
@click.option(
    "--log-level",
    default="WARNING",
    show_default=True,
    type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"], case_sensitive=False),
    help="What the log on standard error tells.",
)
def serve(announce: int | None, exit_with_parent: bool, log_level: str, **choices: Any) -> None:
    """Solve for other programs, over gRPC.

    Serves raphson.v1 (SolverService, JacobianService, SystemService, JobService) with the standard health and
    reflection services. Equations are compiled and solved in worker processes; the process that answers calls never
    computes, so that it always answers. The first start on a machine compiles the engine, which takes a
    while; later starts load it.

    \b
    raphson serve
    raphson serve --address 127.0.0.1:0 --workers 4
    raphson serve --jobs /var/lib/raphson --job-files /data
    raphson serve --systems models.py
    """  # noqa: D301 (click needs the backspace itself)
    logging.basicConfig(level=log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    parent = os.getppid() if exit_with_parent else None
    # Blocked before any thread starts, so that every thread inherits it and only `sigtimedwait` takes them.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    try:
        config = ServerConfig(**choices)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    sys.exit(_run(config, announce, parent))


def _run(config: ServerConfig, announce: int | None, parent: int | None) -> int:
    """Serve until a signal, the parent's end or a failure; return the exit code."""
    started = time.monotonic()
    over = threading.Event()
    failures: list[str] = []
    address = config.address

    def ready(compiled_engine: bool) -> None:
        engine = "compiled, and cached for the next start" if compiled_engine else "loaded from its cache"
        click.echo(
            f"raphson listens on {address}: {config.workers} workers ready "
            f"in {time.monotonic() - started:.1f} s, engine {engine}"
        )
        if announce is not None and not _announced(announce, address):
            over.set()

    def failed(reason: str) -> None:
        failures.append(reason)
        over.set()

    service = Service(config, ready, failed)
    try:
        address = service.start()
    except OSError as error:
        click.echo(f"raphson: {error}", err=True)
        return 1
    _wait(over, parent)
    service.stop()
    for reason in failures:
        click.echo(f"raphson: {reason}", err=True)
    return 1 if failures else 0


def _announced(announce: int, address: str) -> bool:
    """Tell the program that started the server where it listens; return whether it is still there."""
    line = json.dumps({"address": address}) + "\n"
    try:
        with os.fdopen(announce, "w", encoding="utf-8") as stream:
            stream.write(line)
    except BrokenPipeError:
        return False
    return True


def _wait(over: threading.Event, parent: int | None) -> None:
    """Return when a signal comes, the service is over, or the parent has ended."""
    while not over.is_set():
        if signal.sigtimedwait(_STOP_SIGNALS, _GLANCE_SECONDS) is not None:
            return
        if parent is not None and os.getppid() != parent:
            return
