"""Traces: what a call went through, as spans of OpenTelemetry.

Workers know nothing of traces. When they did what comes with their replies (`account`), and the spans are written here,
when the reply has come. Imported only where traces are asked for, since the packages are an extra.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from raphson_server.observability.statuses import name_of_status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.trace import Span, Tracer, TracerProvider
    from opentelemetry.util.types import AttributeValue

    from raphson_server.account import Account

_TRACEPARENT, _TRACESTATE = "traceparent", "tracestate"
# Codes that are the server's fault, by the conventions for RPC spans of servers.
_FAULTS = frozenset({"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"})


class Spans:
    """Writes the spans of calls.

    Parameters
    ----------
    provider : TracerProvider
        Where they go; shut down by whoever made it.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer: Tracer = provider.get_tracer("raphson_server")
        self._propagator = TraceContextTextMapPropagator()

    def begin(self, method: str, metadata: Iterable[tuple[str, str | bytes]], request_id: str) -> Span:
        """Begin the span of a call, within its caller's trace if it has one."""
        carrier = {
            key: value for key, value in metadata if key in {_TRACEPARENT, _TRACESTATE} and isinstance(value, str)
        }
        service, _, name = method.rpartition("/")
        return self._tracer.start_span(
            method,
            context=self._propagator.extract(carrier),
            kind=SpanKind.SERVER,
            attributes={
                "rpc.system": "grpc",
                "rpc.service": service,
                "rpc.method": name,
                "raphson.request_id": request_id,
            },
        )

    def write_work(self, within: Span, asked: float, bound: float, worker: int, account: Account) -> None:
        """Write what a request went through: the queue, and a worker."""
        self._write("queue", within, asked, bound, {})
        work = self._write("worker", within, account.received, account.answered, {"process.pid": worker})
        if account.compiled:
            attributes: dict[str, AttributeValue] = {"raphson.systems": account.compiled}
            self._write("compile", work, account.compiling, account.compiling + account.compile_seconds, attributes)
        if account.solving:
            attributes = {"raphson.n": account.n, "raphson.iterations": account.iterations}
            if account.status:
                attributes["raphson.status"] = name_of_status(account.status)
            for status, count in account.members_by_status().items():
                attributes[f"raphson.members.{name_of_status(status)}"] = count
            self._write("solve", work, account.solving, account.solving + account.solve_seconds, attributes)

    def end(self, span: Span, code: int, name: str, reason: str, caller: str) -> None:
        """End the span of a call."""
        span.set_attribute("rpc.grpc.status_code", code)
        span.set_attribute("network.peer.address", caller)
        if code:
            span.set_attribute("error.type", reason or name)
            if name in _FAULTS:
                span.set_status(Status(StatusCode.ERROR, name))
        span.end()

    def _write(
        self, name: str, within: Span, began: float, ended: float, attributes: dict[str, AttributeValue]
    ) -> Span:
        """Write a span of the past; times are of ``time.monotonic``."""
        # Spans are written in another clock, which may be set meanwhile.
        epoch = time.time_ns() - time.monotonic_ns()
        span = self._tracer.start_span(
            name,
            context=set_span_in_context(within),
            start_time=epoch + round(began * 1e9),
            attributes=attributes,
        )
        span.end(epoch + round(ended * 1e9))
        return span
