"""The client's part in traces: where the caller has a span, each call is one within it, and the server's within that.

Nothing is imported for it, and nothing done, unless the program has imported OpenTelemetry and is within a span.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Self

import grpc

if TYPE_CHECKING:
    from types import TracebackType

    from opentelemetry.trace import Span

    from raphson.access import Metadata

_API = "opentelemetry.trace"


class CallSpan:
    """The span of one call; as a context manager it ends with the block.

    Parameters
    ----------
    name : str
        The method's full name.
    metadata : tuple of (str, str or bytes), or None
        What is sent with every call.

    Attributes
    ----------
    metadata : tuple of (str, str or bytes)
        That, and what the server learns of the trace.
    """

    def __init__(self, name: str, metadata: Metadata | None) -> None:
        from opentelemetry.trace import SpanKind, get_tracer, set_span_in_context  # noqa: PLC0415 (an extra)
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

        service, _, method = name.rpartition("/")
        self._span: Span = get_tracer("raphson").start_span(
            name,
            kind=SpanKind.CLIENT,
            attributes={"rpc.system": "grpc", "rpc.service": service, "rpc.method": method},
        )
        carrier: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(carrier, set_span_in_context(self._span))
        self.metadata: Metadata = (*(metadata or ()), *carrier.items())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, grpc.RpcError):
            self._end(error.code())
        else:
            self._end(grpc.StatusCode.OK if error is None else grpc.StatusCode.CANCELLED)

    def end_with(self, call: Any) -> None:
        """End when a call does whose replies are a stream, in either of gRPC's interfaces."""
        call.add_done_callback(self._ended)

    def _ended(self, call: Any) -> None:
        if not isinstance(call, grpc.aio.Call):
            self._end(call.code())
        else:
            # Its code has to be awaited; the server's span has it.
            self._end(grpc.StatusCode.CANCELLED if call.cancelled() else None)

    def _end(self, code: grpc.StatusCode | None) -> None:
        from opentelemetry.trace import StatusCode  # noqa: PLC0415 (an extra)

        if code is not None:
            self._span.set_attribute("rpc.grpc.status_code", code.value[0])
            if code is not grpc.StatusCode.OK:
                self._span.set_attribute("error.type", code.name)
                self._span.set_status(StatusCode.ERROR, code.name)
        self._span.end()


def begin_span(method: Any, metadata: Metadata | None) -> CallSpan | None:
    """Return a span for a call of a stub's method if it is made within another span; else None."""
    api = sys.modules.get(_API)
    if api is None or not api.get_current_span().get_span_context().is_valid:
        return None
    # Only there does a stub's method have its name; without, the span is called after the package.
    path = getattr(method, "_method", b"/raphson.v1/")
    return CallSpan((path.decode() if isinstance(path, bytes) else path).removeprefix("/"), metadata)
