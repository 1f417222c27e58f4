"""``raphson serve``: run the service until it is told to stop."""

import json
import os
import sys
import threading
import time
from typing import Any

import click

from raphson_server.cli.configured import ConfiguredCommand, configuration, written
from raphson_server.cli.stop_signals import StopSignals
from raphson_server.configuration import ServerConfig
from raphson_server.front_end import Service
from raphson_server.observability.logs import configure_logs
from raphson_server.service_manager import tell_manager
from raphson_server.watched_files import UnusableFileError

_GLANCE_SECONDS = 0.25
_QUICK_GLANCE_SECONDS = 0.02


@click.command(cls=ConfiguredCommand)
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
@click.pass_context
def serve(
    ctx: click.Context, /, *, announce: int | None, exit_with_parent: bool, show_config: bool, **choices: Any
) -> None:
    """Solve for other programs, over gRPC.

    Serves raphson.v1 (SolverService, JacobianService, SystemService, JobService) with the standard health and
    reflection services. Equations are compiled and solved in worker processes; the process that answers calls never
    computes, so that it always answers. The first start on a machine compiles the engine, which takes a
    while; later starts load it.

    \b
    raphson serve
    raphson serve --address 127.0.0.1:0 --workers 4
    raphson serve --config raphson.toml
    raphson serve --address 0.0.0.0:50551 --tls-certificate tls.crt --tls-key tls.key --tokens tokens.toml
    raphson serve --jobs /var/lib/raphson --job-files /data
    raphson serve --systems models.py
    """  # noqa: D301 (click needs the backspace itself)
    config = configuration(choices)
    if show_config:
        click.echo(written(ctx, config))
        return
    parent = os.getppid() if exit_with_parent else None
    signals = StopSignals()
    configure_logs(config.log_level, config.log_format, "front end", waits=False)
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
    except (OSError, ImportError, UnusableFileError) as error:
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
