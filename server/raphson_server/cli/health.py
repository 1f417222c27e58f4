"""``raphson health``: whether a server serves, as an exit code; for containers, scripts and probes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click
import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from raphson_server.cli.tls_options import TLS_OPTIONS

if TYPE_CHECKING:
    from pathlib import Path

SERVING, NOT_SERVING = 0, 1


def _tls_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for flag, particulars in reversed([*TLS_OPTIONS.items()]):
        command = click.option(flag, **particulars)(command)
    return command


@click.command(epilog="Exit codes: 0 it serves, 1 it does not, or does not answer, 2 bad usage.")
@click.option(
    "--address",
    default="127.0.0.1:50551",
    show_default=True,
    metavar="HOST:PORT",
    envvar="RAPHSON_ADDRESS",
    show_envvar=True,
    help="Whom to ask.",
)
@click.option(
    "--service",
    default="",
    metavar="NAME",
    help="Ask for one service, such as raphson.v1.JobService, instead of the whole server.",
)
@click.option("--timeout", type=click.FloatRange(0, min_open=True), default=5.0, show_default=True, metavar="SECONDS")
@_tls_options
@click.option(
    "--server-name",
    default="",
    metavar="NAME",
    envvar="RAPHSON_SERVER_NAME",
    show_envvar=True,
    help="The name in the server's certificate, where the address is another.",
)
def health(
    address: str,
    service: str,
    timeout: float,
    tls: bool,
    ca: Path | None,
    certificate: Path | None,
    key: Path | None,
    server_name: str,
) -> None:
    """Say whether a server serves.

    \b
    raphson health
    raphson health --address solver.example:50551 --ca ca.pem
    """  # noqa: D301 (click needs the backspace itself)
    if (certificate is None) != (key is None):
        raise click.UsageError("--certificate and --key belong together")
    # A proxy of the environment is for others: whoever asks for health means this very server.
    options: list[tuple[str, int | str]] = [("grpc.enable_http_proxy", 0)]
    if not (tls or ca):
        channel = grpc.insecure_channel(address, options)
    else:
        if server_name:
            options.append(("grpc.ssl_target_name_override", server_name))
        credentials = grpc.ssl_channel_credentials(
            None if ca is None else ca.read_bytes(),
            None if key is None else key.read_bytes(),
            None if certificate is None else certificate.read_bytes(),
        )
        channel = grpc.secure_channel(address, credentials, options)
    with channel:
        is_serving, said = _ask(channel, service, timeout)
    click.echo(f"{address}: {said}", err=not is_serving)
    sys.exit(SERVING if is_serving else NOT_SERVING)


def _ask(channel: grpc.Channel, service: str, timeout_seconds: float) -> tuple[bool, str]:
    """Return whether the server serves, and what to say of it."""
    request = health_pb2.HealthCheckRequest(service=service)
    stub: Any = health_pb2_grpc.HealthStub(channel)  # its stubs for type checkers know no methods
    try:
        status = stub.Check(request, timeout=timeout_seconds).status
    except grpc.RpcError as error:
        return False, _refusal(error, service)
    name = health_pb2.HealthCheckResponse.ServingStatus.Name(status)
    return status == health_pb2.HealthCheckResponse.SERVING, name.lower().replace("_", " ")


def _refusal(error: grpc.RpcError, service: str) -> str:
    assert isinstance(error, grpc.Call)
    if error.code() is grpc.StatusCode.NOT_FOUND:
        return f"there is no service {service!r}"
    return f"no answer: {error.code().name}: {error.details()}"
