"""What no range says of the service's settings: the form of addresses, and which values go together."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from raphson_server.configuration import ServerConfig


def check_consistency(config: ServerConfig) -> None:
    """Refuse values that are each within their range, and make no sense.

    Raises
    ------
    ValueError
        Names the settings, their values and what was expected.
    """
    _check_listening(config)
    _check_telling(config)
    _check_jobs(config)
    if config.default_deadline_seconds > config.max_deadline_seconds:
        raise ValueError(
            f"default_deadline_seconds is {config.default_deadline_seconds:g}; expected at most the "
            f"{config.max_deadline_seconds:g} of max_deadline_seconds"
        )


def _check_listening(config: ServerConfig) -> None:
    if ":" not in config.address:
        raise ValueError(f"address is {config.address!r}; expected host:port, e.g. 127.0.0.1:50551")
    if bool(config.tls_certificate) != bool(config.tls_key):
        given, missing = ("tls_certificate", "tls_key") if config.tls_certificate else ("tls_key", "tls_certificate")
        raise ValueError(f"{given} is {getattr(config, given)!r}, but {missing} is empty; expected both or neither")
    if config.tls_client_ca and not config.tls_certificate:
        raise ValueError(
            f"tls_client_ca is {config.tls_client_ca!r}, but tls_certificate is empty; expected one, with its tls_key"
        )
    if not (config.tls_certificate or config.insecure or _is_loopback(config.address)):
        raise ValueError(
            f"address is {config.address!r}, which others can reach; expected tls_certificate and tls_key, "
            "an address of loopback such as 127.0.0.1:50551, or --insecure where the network or a proxy protects "
            "what is sent"
        )


def _check_telling(config: ServerConfig) -> None:
    if config.metrics_address and ":" not in config.metrics_address:
        raise ValueError(f"metrics_address is {config.metrics_address!r}; expected host:port, e.g. 127.0.0.1:9464")
    if config.trace_endpoint and not config.trace_endpoint.startswith(("http://", "https://")):
        raise ValueError(f"trace_endpoint is {config.trace_endpoint!r}; expected e.g. http://127.0.0.1:4317")


def _check_jobs(config: ServerConfig) -> None:
    for name in ("job_files", "jobs_on"):
        if getattr(config, name) and not config.jobs:
            raise ValueError(
                f"{name} is {getattr(config, name)!r}, but jobs is empty; expected a folder to keep them in"
            )
    if config.jobs_on and not config.jobs_on.startswith("dask://"):
        raise ValueError(f"jobs_on is {config.jobs_on!r}; expected dask://host:port")
    for root in config.job_files:
        if not (root.startswith("/") or "://" in root):
            raise ValueError(f"job_files has {root!r}; expected an absolute path, or a URL such as s3://bucket/folder")
        if "://" not in config.jobs and _is_within(config.jobs, root.removeprefix("file://")):
            message = f"jobs is {config.jobs!r}, within {root!r} of job_files: callers could overwrite it"
            raise ValueError(f"{message}; expected it elsewhere")


def _is_loopback(address: str) -> bool:
    """Tell whether an address, ``host:port``, is reached from this machine alone."""
    host = address.rpartition(":")[0].strip("[]")
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_within(path: str, folder: str) -> bool:
    """Tell whether a path is a folder or in it, links followed."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
