"""Wraps handlers, so that each call has an id, and is told of in the log, in metrics and in traces when it has ended.

A call pays for what is asked for alone: without metrics, traces and a log of calls it costs an id.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import grpc
from google.rpc import code_pb2
from google.rpc.error_details_pb2 import ErrorInfo

from raphson_server.front_end.caller import CALLER
from raphson_server.front_end.registration import wrapped
from raphson_server.observability.call import ObservedCall, set_current_call
from raphson_server.observability.logs import shows_texts
from raphson_server.observability.request_id import KEY, REQUEST_ID, new_request_id, sent_request_id
from raphson_server.observability.statuses import name_of_status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from google.rpc.status_pb2 import Status

    from raphson_server.observability.call_log import CallLog
    from raphson_server.observability.metrics import Metrics
    from raphson_server.observability.spans import Spans

    Behavior = Callable[[Any, grpc.ServicerContext], Any]

_CODES = {number: name for name, number in code_pb2.Code.items()}


class Observer:
    """What is to be told of calls.

    Parameters
    ----------
    metrics : Metrics, optional
        Where they are counted.
    spans : Spans, optional
        What writes their traces.
    lines : CallLog, optional
        What writes their lines.
    """

    def __init__(
        self, metrics: Metrics | None = None, spans: Spans | None = None, lines: CallLog | None = None
    ) -> None:
        self._metrics = metrics
        self._spans = spans
        self._lines = lines
        self._methods: dict[str, ObservedMethod] = {}

    def observed(
        self, service: str, handlers: Mapping[str, grpc.RpcMethodHandler[Any, Any]]
    ) -> dict[str, grpc.RpcMethodHandler[Any, Any]]:
        """Return the handlers of one service, each of whose calls is told of."""
        return {name: wrapped(handler, self._wrap(f"{service}/{name}", handler)) for name, handler in handlers.items()}

    def _wrap(self, name: str, handler: grpc.RpcMethodHandler[Any, Any]) -> Callable[[Behavior], Behavior]:
        method = self.method(name)
        return method.stream if handler.response_streaming else method.unary

    def method(self, name: str) -> ObservedMethod:
        """Return a method by its full name, ``service/name``."""
        method = self._methods.get(name)
        if method is None:
            method = self._methods[name] = ObservedMethod(name, self._metrics, self._spans, self._lines)
        return method


class ObservedMethod:
    """The calls of one method, those that are turned away before its handler has them included."""

    def __init__(self, name: str, metrics: Metrics | None, spans: Spans | None, lines: CallLog | None) -> None:
        self._name = name
        self._lines = lines
        self._metrics = metrics
        self._spans = spans
        self._is_told = metrics is not None or spans is not None or lines is not None
        self._counts = None if metrics is None else metrics.of_method(name)

    def unary(self, behavior: Behavior) -> Behavior:
        """Wrap what returns one reply."""
        if not self._is_told:
            return self._named(behavior)

        def handle(body: Any, context: grpc.ServicerContext) -> Any:
            call = self._begin(context)
            code = code_pb2.UNKNOWN
            try:
                reply = behavior(body, context)
                code = code_pb2.OK
            finally:
                self._end(call, context, code)
            return reply

        return handle

    def stream(self, behavior: Behavior) -> Behavior:
        """Wrap what returns a stream; gRPC takes all of it in one thread."""
        if not self._is_told:
            return self._named_stream(behavior)

        def handle(body: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            call = self._begin(context)
            code = code_pb2.UNKNOWN
            try:
                yield from behavior(body, context)
                code = code_pb2.OK
            except GeneratorExit:
                # gRPC drops the stream of a call that has ended.
                code = code_pb2.CANCELLED
                raise
            finally:
                self._end(call, context, code)

        return handle

    def _named(self, behavior: Behavior) -> Behavior:
        """Wrap what is told to nobody: its calls have an id, by which errors are known."""

        def handle(body: Any, context: grpc.ServicerContext) -> Any:
            self._give_id(context)
            try:
                return behavior(body, context)
            finally:
                REQUEST_ID.set("")

        return handle

    def _named_stream(self, behavior: Behavior) -> Behavior:
        def handle(body: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            self._give_id(context)
            try:
                yield from behavior(body, context)
            finally:
                REQUEST_ID.set("")

        return handle

    def _give_id(self, context: grpc.ServicerContext) -> str:
        sent = sent_request_id(context.invocation_metadata())
        request_id = sent or new_request_id()
        REQUEST_ID.set(request_id)
        if sent or self._lines is not None:
            # It costs more than all else here: only where it is expected, or finds a line. Errors always have it.
            context.set_trailing_metadata(((KEY, request_id),))
        return request_id

    def _begin(self, context: grpc.ServicerContext) -> ObservedCall:
        request_id = self._give_id(context)
        call = ObservedCall(request_id, time.monotonic(), self._metrics, self._spans, caller=CALLER.get().name)
        if self._spans is not None:
            call.span = self._spans.begin(self._name, context.invocation_metadata(), request_id)
        set_current_call(call)
        return call

    def _end(self, call: ObservedCall, context: grpc.ServicerContext, code: int) -> None:
        if call.failure is not None:
            code = call.failure.code
        elif not context.is_active():
            # Whatever was answered, nobody has it.
            code = code_pb2.CANCELLED
        if code == code_pb2.CANCELLED and (context.time_remaining() or 1.0) <= 0.0:
            code = code_pb2.DEADLINE_EXCEEDED
        seconds = time.monotonic() - call.began
        name = _CODES[code]
        reason = "" if call.failure is None else _reason(call.failure)
        if self._counts is not None:
            self._counts.count(name, reason, seconds)
        if call.span is not None:
            assert self._spans is not None
            self._spans.end(call.span, code, name, reason, call.caller or context.peer())
        if self._lines is not None:
            self._lines.write(self._facts(call, context, name, reason, seconds))
        set_current_call(None)
        REQUEST_ID.set("")

    def _facts(
        self, call: ObservedCall, context: grpc.ServicerContext, code: str, reason: str, seconds: float
    ) -> dict[str, object]:
        """Return what the log tells of a call; texts of callers only at DEBUG."""
        facts: dict[str, object] = {
            "method": self._name,
            "code": code,
            "seconds": round(seconds, 6),
            "caller": call.caller or context.peer(),
            "request_id": call.request_id,
        }
        if reason:
            facts["reason"] = reason
        if call.members:
            facts["members"] = {name_of_status(status): count for status, count in sorted(call.members.items())}
        if call.cpu_seconds:
            facts["cpu_seconds"] = round(call.cpu_seconds, 6)
        account = call.account
        if account is not None:
            if account.status:
                facts |= {"status": name_of_status(account.status), "iterations": account.iterations}
            if account.solving:
                facts["n"] = account.n
            if account.compiled:
                facts["compile_seconds"] = round(account.compile_seconds, 6)
        if call.span is not None:
            facts["trace_id"] = f"{call.span.get_span_context().trace_id:032x}"
        if call.failure is not None and shows_texts():
            facts["error"] = call.failure.message
        return facts


def _reason(status: Status) -> str:
    """Read an error's reason."""
    info = ErrorInfo()
    for detail in status.details:
        if detail.Unpack(info):
            break
    return str(info.reason)
