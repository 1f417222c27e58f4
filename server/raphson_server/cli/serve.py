"""``raphson serve``: run the service until it is told to stop."""

import json
import os
import sys
import threading
import time
from typing import Any

import click

from raphson_server.cli.stop_signals import StopSignals
from raphson_server.configuration import FORMATS, LEVELS, ServerConfig
from raphson_server.front_end import Service
from raphson_server.observability.logs import configure_logs
from raphson_server.service_manager import tell_manager

_DEFAULTS = ServerConfig()
_GLANCE_SECONDS = 0.25
_QUICK_GLANCE_SECONDS = 0.02


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
    help="How long a server that is told to stop (SIGTERM, Ctrl-C) waits for requests in flight; a second signal ends "
    "the wait.",
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
    default=_DEFAULTS.log_level,
    show_default=True,
    type=click.Choice(LEVELS, case_sensitive=False),
    help="What the log on standard error tells; from INFO on, every call.",
)
@click.option(
    "--log-format",
    default=_DEFAULTS.log_format,
    show_default=True,
    type=click.Choice(FORMATS),
    help="How: for people, or one JSON object a line.",
)
@click.option(
    "--metrics-address",
    default=_DEFAULTS.metrics_address,
    metavar="HOST:PORT",
    help="Offer metrics for Prometheus at http://HOST:PORT/metrics, to whoever reaches it. Port 0 takes a free one. "
    "Without it there are none.",
)
@click.option(
    "--trace-endpoint",
    default=_DEFAULTS.trace_endpoint,
    metavar="URL",
    help="Send traces to the OpenTelemetry collector at this URL, such as http://127.0.0.1:4317. "
    "Needs raphson[tracing].",
)
def serve(announce: int | None, exit_with_parent: bool, **choices: Any) -> None:
    """Solve for other programs, over gRPC.

    Serves raphson.v1 (SolverService, JacobianService, SystemService, JobService) with the standard health and
    reflection services. Equations are compiled and solved in worker processes; the process that answers calls never
    computes, so that it always answers. The first start on a machine compiles the engine, which takes a
    while; later starts load it.

    \b
    raphson serve
    raphson serve --address 127.0.0.1:0 --workers 4
    raphson serve --jobs /var/lib/raphson --job-files /data
    """  # noqa: D301 (click needs the backspace itself)
    parent = os.getppid() if exit_with_parent else None
    signals = StopSignals()
    try:
        config = ServerConfig(**choices)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    configure_logs(config.log_level, config.log_format, "front end")
    sys.exit(_run(config, signals, announce, parent))


def _run(config: ServerConfig, signals: StopSignals, announce: int | None, parent: int | None) -> int:
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
        tell_manager("READY=1")
        if announce is not None and not _announced(announce, address, service.metrics_address):
            over.set()

    def failed(reason: str) -> None:
        failures.append(reason)
        over.set()

    try:
        service = Service(config, ready, failed)
        address = service.start()
    except (OSError, ImportError) as error:
        click.echo(f"raphson: {error}", err=True)
        return 1
    _wait(signals, over, parent)
    _stop(signals, service)
    for reason in failures:
        click.echo(f"raphson: {reason}", err=True)
    return 1 if failures else 0


def _stop(signals: StopSignals, service: Service) -> None:
    """Let the service finish what it has begun; a second signal ends that."""
    tell_manager("STOPPING=1")
    stopping = threading.Thread(target=service.stop, name="raphson-stop")
    stopping.start()
    while stopping.is_alive():
        if signals.wait(_QUICK_GLANCE_SECONDS):
            service.cut_short()
            break
    stopping.join()


def _announced(announce: int, address: str, metrics_address: str) -> bool:
    """Tell the program that started the server where it listens; return whether it is still there."""
    said = {"address": address} | ({"metrics_address": metrics_address} if metrics_address else {})
    line = json.dumps(said) + "\n"
    try:
        with os.fdopen(announce, "w", encoding="utf-8") as stream:
            stream.write(line)
    except BrokenPipeError:
        return False
    return True


def _wait(signals: StopSignals, over: threading.Event, parent: int | None) -> None:
    """Return when a signal comes, the service is over, or the parent has ended."""
    while not over.is_set():
        if signals.wait(_GLANCE_SECONDS):
            return
        if parent is not None and os.getppid() != parent:
            return
