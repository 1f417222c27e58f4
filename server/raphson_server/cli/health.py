"""``raphson health``: whether a server serves, as an exit code; for containers, scripts and probes."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

SERVING, NOT_SERVING = 0, 1


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
@click.option(
    "--tls-ca",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Ask over TLS; the certificates (PEM) of who may have signed the server's.",
)
@click.option(
    "--tls-certificate",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Our own certificate (PEM), for a server that asks for one.",
)
@click.option(
    "--tls-key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Its key (PEM).",
)
@click.option(
    "--tls-server-name",
    default="",
    metavar="NAME",
    help="The name that the server's certificate has, where the address has another.",
)
def health(
    address: str,
    service: str,
    timeout: float,
    tls_ca: Path | None,
    tls_certificate: Path | None,
    tls_key: Path | None,
    tls_server_name: str,
) -> None:
    """Say whether a server serves.

    \b
    raphson health
    raphson health --address solver.example:50551 --tls-ca ca.pem
    """  # noqa: D301 (click needs the backspace itself)
    if (tls_certificate is None) != (tls_key is None):
        raise click.UsageError("--tls-certificate and --tls-key belong together")
    if tls_ca is None and (tls_certificate is not None or tls_server_name):
        raise click.UsageError("--tls-certificate, --tls-key and --tls-server-name need --tls-ca")
    # A proxy of the environment is for others: whoever asks for health means this very server.
    options = [("grpc.enable_http_proxy", 0)]
    if tls_server_name:
        options.append(("grpc.ssl_target_name_override", tls_server_name))
    if tls_ca is None:
        channel = grpc.insecure_channel(address, options)
    else:
        credentials = grpc.ssl_channel_credentials(
            tls_ca.read_bytes(),
            None if tls_key is None else tls_key.read_bytes(),
            None if tls_certificate is None else tls_certificate.read_bytes(),
        )
        channel = grpc.secure_channel(address, credentials, options)
    with channel:
        is_serving, said = _ask(channel, service, timeout)
    click.echo(f"{address}: {said}", err=not is_serving)
    sys.exit(SERVING if is_serving else NOT_SERVING)


def _ask(channel: grpc.Channel, service: str, timeout_seconds: float) -> tuple[bool, str]:
    """Return whether the server serves, and what to say of it."""
    request = health_pb2.HealthCheckRequest(service=service)
    try:
        status = health_pb2_grpc.HealthStub(channel).Check(request, timeout=timeout_seconds).status
    except grpc.RpcError as error:
        return False, _refusal(error, service)
    name = health_pb2.HealthCheckResponse.ServingStatus.Name(status)
    return status == health_pb2.HealthCheckResponse.SERVING, name.lower().replace("_", " ")


def _refusal(error: grpc.RpcError, service: str) -> str:
    assert isinstance(error, grpc.Call)
    if error.code() is grpc.StatusCode.NOT_FOUND:
        return f"there is no service {service!r}"
    return f"no answer: {error.code().name}: {error.details()}"
