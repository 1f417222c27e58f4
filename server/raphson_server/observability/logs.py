"""The log on standard error: one event a line, as JSON or for people, whoever writes it.

Modules write with `logging`, facts as ``extra``; structlog renders them, our own lines as those of libraries. The line
that every call may write goes to structlog directly, in half the time (`call_log`). The front end, which must always
answer, leaves writing to a thread; other processes write for themselves, since they may be killed at any time. What
callers send can make neither a line nor a colour of its own: control characters are escaped. Texts that may quote a
caller's equations, which the messages of exceptions do, are told only at DEBUG; below it a trace has places and types.
"""

import io
import json
import logging
import os
import sys
import traceback
from functools import partial
from types import TracebackType
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor

from raphson_server.observability.log_thread import LOG_THREAD
from raphson_server.observability.request_id import REQUEST_ID

_log = logging.getLogger("raphson_server")

_encode = json.JSONEncoder(default=str).encode

_ExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]


def configure_logs(level: str, form: str, process: str, stream: TextIO | None = None, *, waits: bool = True) -> None:
    """Have everything that this process logs written to standard error.

    Parameters
    ----------
    level : str
        DEBUG, INFO, WARNING or ERROR: what is told at all.
    form : str
        ``console`` or ``json``.
    process : str
        What this process is, for its lines.
    stream : file, optional
        Where to write instead.
    waits : bool
        Whether who logs waits until that is written; who answers calls must not.
    """
    into: Any = _StandardError() if stream is None else stream
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        _About(process),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _Exceptions(with_messages=level == "DEBUG"),
    ]
    last: list[Processor] = (
        [structlog.processors.JSONRenderer(_to_json)]
        if form == "json"
        else [_harmless, structlog.dev.ConsoleRenderer(colors=into.isatty(), sort_keys=False, pad_event_to=0)]
    )
    handler = logging.StreamHandler(into) if waits else _InThread(into)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(into),
    )


def call_logger() -> Any:
    """Return what writes the lines of calls: bound once, since that takes as long as writing one."""
    return structlog.get_logger().bind()


def logs_calls() -> bool:
    """Return whether calls are told of at all."""
    return _log.isEnabledFor(logging.INFO)


def shows_texts() -> bool:
    """Return whether texts of callers may be told."""
    return _log.isEnabledFor(logging.DEBUG)


class _InThread(logging.Handler):
    """Renders a line at once, while what it is about is at hand, and leaves writing it to the thread for lines."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        LOG_THREAD.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Have a line written."""
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 (as the library's own handlers do)
            self.handleError(record)
        else:
            LOG_THREAD.put(partial(self._stream.write, line + "\n"))


class _StandardError(io.TextIOBase):
    """Standard error without a buffer: what could not be written does not come later, and nothing is locked meanwhile.

    A thread that waits within ``sys.stderr`` holds a lock that the interpreter wants when it ends.
    """

    def __init__(self) -> None:
        self._descriptor = sys.stderr.fileno()
        self._encoding = sys.stderr.encoding

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return os.isatty(self._descriptor)

    def write(self, text: str, /) -> int:
        """Write all of a text, or raise OSError."""
        rest = text.encode(self._encoding, "backslashreplace")
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        return len(text)


class _About:
    """Adds which process writes, and for which request."""

    def __init__(self, process: str) -> None:
        self._process = process

    def __call__(self, logger: Any, name: str, event: EventDict) -> EventDict:  # noqa: ARG002 (structlog's signature)
        event["process"] = self._process
        request_id = REQUEST_ID.get()
        if request_id:
            event.setdefault("request_id", request_id)
        return event


class _Exceptions:
    """Writes the trace of an exception, and of those that it came from, innermost last."""

    def __init__(self, *, with_messages: bool) -> None:
        self._with_messages = with_messages

    def __call__(self, logger: Any, name: str, event: EventDict) -> EventDict:  # noqa: ARG002 (structlog's signature)
        info = event.pop("exc_info", None)
        if info:
            error = info if isinstance(info, BaseException) else cast("_ExcInfo", info)[1]
            if error is not None:
                event["exception"] = trace_of(error, with_messages=self._with_messages)
        return event


def trace_of(error: BaseException, *, with_messages: bool) -> str:
    """Write where an exception was raised, and what it is; what it says only if that is wanted."""
    lines: list[str] = []
    chain: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in chain:
        chain.append(at)
        at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)
    for each in reversed(chain):
        frames = traceback.extract_tb(each.__traceback__)
        lines += [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
        said = f": {escaped(str(each))}" if with_messages else ""
        lines.append(f"{type(each).__qualname__}{said}")
    return "\n".join(lines)


def _to_json(event: Any, **_: Any) -> str:
    """Write an event; a new encoder for each, as `json.dumps` makes it, would take longer."""
    return _encode(event)


def escaped(text: str) -> str:
    """Write a text so that it takes one line and changes nothing about it."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _harmless(logger: Any, name: str, event: EventDict) -> EventDict:  # noqa: ARG001 (structlog's signature)
    """Escape what a terminal would obey; a trace has line ends of ours alone."""
    for key, value in event.items():
        if isinstance(value, str) and key != "exception":
            event[key] = escaped(value)
    return event
