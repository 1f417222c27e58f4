"""The gRPC channel: limits, keepalive and retries, all said out loud."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import grpc

if TYPE_CHECKING:
    from raphson.access import Access

# What servers send by default, and the fields around the largest array.
MESSAGE_BYTES = 64 * 1024 * 1024 + 64 * 1024
KEEPALIVE_MILLISECONDS = 60_000
KEEPALIVE_TIMEOUT_MILLISECONDS = 20_000
SERVICES = ("raphson.v1.SolverService", "raphson.v1.JacobianService", "raphson.v1.SystemService")
# What reads, or does nothing the second time: a job is made with an id of its request (`Queueing`). To resume or delete
# one again, after a call whose answer was lost, may be refused.
REPEATABLE_OF_JOBS = ("CreateJob", "GetJob", "ListJobs", "WatchJob", "CancelJob", "ReadResults")

# Solving and compiling are pure, so a call that found no server, or lost its worker, may be sent again. Where a name
# stands for several servers, calls go to those in turn whose health says that they serve.
SERVICE_CONFIG = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "healthCheckConfig": {"serviceName": ""},
    "methodConfig": [
        {
            "name": [
                *({"service": service} for service in SERVICES),
                *({"service": "raphson.v1.JobService", "method": method} for method in REPEATABLE_OF_JOBS),
            ],
            "retryPolicy": {
                "maxAttempts": 4,
                "initialBackoff": "0.05s",
                "maxBackoff": "1s",
                "backoffMultiplier": 3,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
}


def open_channel(address: str, access: Access) -> grpc.Channel:
    """Open a channel that blocks; it connects with the first call.

    Parameters
    ----------
    address : str
        ``host:port``, or any other target that gRPC knows.
    access : Access
        Whether by TLS.
    """
    options = channel_options(is_local=access.is_local)
    if access.credentials is None:
        return grpc.insecure_channel(address, options)
    return grpc.secure_channel(address, access.credentials, options)


def open_awaited_channel(address: str, access: Access) -> grpc.aio.Channel:
    """Open a channel of the event loop that runs; else as `open_channel`."""
    options = channel_options(is_local=access.is_local)
    if access.credentials is None:
        return grpc.aio.insecure_channel(address, options)
    return grpc.aio.secure_channel(address, access.credentials, options)


def channel_options(*, is_local: bool) -> list[tuple[str, str | int]]:
    """Return the options of a channel."""
    return [
        ("grpc.max_send_message_length", MESSAGE_BYTES),
        ("grpc.max_receive_message_length", MESSAGE_BYTES),
        ("grpc.keepalive_time_ms", KEEPALIVE_MILLISECONDS),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MILLISECONDS),
        ("grpc.service_config", json.dumps(SERVICE_CONFIG)),
        # What is larger than this cannot be sent a second time.
        ("grpc.per_rpc_retry_buffer_size", MESSAGE_BYTES),
        ("grpc.enable_http_proxy", 0 if is_local else 1),
    ]
