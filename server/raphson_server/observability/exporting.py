"""Where traces go: to a collector, by OTLP over gRPC."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider


def provider_to(endpoint: str) -> TracerProvider:
    """Return a provider whose spans go to a collector, in batches, on a thread of its own.

    Everything else is set by OpenTelemetry's own environment variables, such as ``OTEL_SERVICE_NAME`` and
    ``OTEL_TRACES_SAMPLER``.

    Parameters
    ----------
    endpoint : str
        URL, such as ``http://127.0.0.1:4317``; ``https`` for TLS.

    Raises
    ------
    ImportError
        If the extra is not installed; the message says how to.
    """
    try:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 (an extra)
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError as error:
        message = "traces need packages that are not installed; pip install 'raphson[tracing]'"
        raise ImportError(message) from error
    name = os.environ.get("OTEL_SERVICE_NAME", "raphson")
    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    exporter = OTLPSpanExporter(endpoint=endpoint, insecure=endpoint.startswith("http://"))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider
