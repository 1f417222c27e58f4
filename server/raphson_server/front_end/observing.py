"""Wraps handlers, so that each call has an id, and is told of in the log, in metrics and in traces when it has ended.

A call pays for what is asked for alone: without metrics, traces and a log of calls it costs an id.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from google.rpc import code_pb2
from google.rpc.error_details_pb2 import ErrorInfo

from raphson_server.front_end.caller import CALLER
from raphson_server.front_end.registration import wrapped
from raphson_server.observability.call import ObservedCall, set_current_call
from raphson_server.observability.logs import shows_texts
from raphson_server.observability.request_id import KEY, REQUEST_ID, new_request_id, sent_request_id
from raphson_server.observability.statuses import name_of_status

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    import grpc
    from google.rpc.status_pb2 import Status

    from raphson_server.front_end.ending import Context
    from raphson_server.observability.call_log import CallLog
    from raphson_server.observability.metrics import Metrics
    from raphson_server.observability.spans import Spans

    Behavior = Callable[[Any, Context], Awaitable[Any]]

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
        return {name: wrapped(handler, self.method(f"{service}/{name}").wrap) for name, handler in handlers.items()}

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

    def wrap(self, behavior: Behavior) -> Behavior:
        """Wrap what answers a call."""
        if not self._is_told:
            return self._named(behavior)

        async def handle(body: Any, context: Context) -> Any:
            call = self._begin(context)
            code = code_pb2.UNKNOWN
            try:
                reply = await behavior(body, context)
                code = code_pb2.OK
            except asyncio.CancelledError:
                code = code_pb2.CANCELLED
                raise
            finally:
                self._end(call, context, code)
            return reply

        return handle

    def _named(self, behavior: Behavior) -> Behavior:
        """Wrap what is told to nobody: its calls have an id, by which errors are known."""

        async def handle(body: Any, context: Context) -> Any:
            self._give_id(context)
            return await behavior(body, context)

        return handle

    def _give_id(self, context: Context) -> str:
        sent = sent_request_id(context.invocation_metadata() or ())
        request_id = sent or new_request_id()
        REQUEST_ID.set(request_id)
        if sent or self._lines is not None:
            # It costs more than all else here: only where it is expected, or finds a line. Errors always have it.
            context.set_trailing_metadata(((KEY, request_id),))
        return request_id

    def _begin(self, context: Context) -> ObservedCall:
        request_id = self._give_id(context)
        call = ObservedCall(request_id, time.monotonic(), self._metrics, self._spans, caller=CALLER.get().name)
        if self._spans is not None:
            call.span = self._spans.begin(self._name, context.invocation_metadata() or (), request_id)
        set_current_call(call)
        return call

    def _end(self, call: ObservedCall, context: Context, code: int) -> None:
        if call.failure is not None:
            code = call.failure.code
        if code == code_pb2.CANCELLED and _is_late(context):
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

    def _facts(self, call: ObservedCall, context: Context, code: str, reason: str, seconds: float) -> dict[str, object]:
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


def _is_late(context: Context) -> bool:
    """Return whether a call has passed its deadline."""
    remaining: float | None = context.time_remaining()
    return remaining is not None and remaining <= 0.0


def _reason(status: Status) -> str:
    """Read an error's reason."""
    info = ErrorInfo()
    for detail in status.details:
        if detail.Unpack(info):
            break
    return str(info.reason)
