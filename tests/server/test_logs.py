"""The log: one event a line, whoever wrote it, whatever is in it."""

from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Callable, Iterator

import pytest
import structlog
from raphson_server.observability import call_log
from raphson_server.observability.call_log import CallLog
from raphson_server.observability.logs import call_logger, configure_logs
from raphson_server.observability.request_id import REQUEST_ID

EVIL = "x\n2026-01-01T00:00:00Z [error] forged\x1b[31m\u2028\x85\r"
Configure = Callable[[str, str], io.StringIO]


@pytest.fixture
def configure() -> Iterator[Configure]:
    """Return what directs the log to a stream, until the test ends."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def to_stream(level: str, form: str) -> io.StringIO:
        stream = io.StringIO()
        configure_logs(level, form, "worker", stream)
        return stream

    yield to_stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize("form", ["json", "console"])
def test_nothing_that_is_logged_makes_a_line_or_a_colour(configure: Configure, form: str) -> None:
    stream = configure("INFO", form)
    logging.getLogger("somebody.else").warning("told %s", EVIL, extra={"fact": EVIL, "members": {EVIL: [EVIL]}})
    lines = CallLog(call_logger())
    lines.write({"method": EVIL, "members": {EVIL: 1}})
    lines.close()
    text = stream.getvalue()
    assert text.count("\n") == len(text.splitlines()) == 2
    assert text.replace("\n", "").isprintable()


def test_every_line_says_who_and_for_which_request(configure: Configure) -> None:
    stream = configure("INFO", "json")
    REQUEST_ID.set("abc")
    logging.getLogger("raphson_server").warning("worker ended", extra={"exit_code": -9})
    logging.getLogger("raphson_server").debug("too much")
    REQUEST_ID.set("")
    (line,) = map(json.loads, stream.getvalue().splitlines())
    del line["timestamp"]
    assert line == {
        "event": "worker ended", "level": "warning", "exit_code": -9, "process": "worker", "request_id": "abc"
    }  # fmt: skip


def test_a_log_that_nobody_reads_holds_up_no_call(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_log, "_MOST_LINES", 3)
    stream = configure("INFO", "json")
    is_read, is_writing = threading.Event(), threading.Event()

    class Unread:
        def info(self, event: str, **facts: object) -> None:
            is_writing.set()
            is_read.wait(10)
            call_logger().info(event, **facts)

    lines = CallLog(Unread())
    lines.write({"number": -1})
    assert is_writing.wait(5)
    for number in range(10):
        lines.write({"number": number})
    is_read.set()
    lines.close()
    told = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["number"] for line in told if line["event"] == "call"] == [-1, 0, 1, 2]
    assert [line["dropped"] for line in told if "dropped" in line] == [7]


def fail() -> None:
    try:
        float("secret*x**2 = 1")
    except ValueError as error:
        raise KeyError("secret") from error


@pytest.mark.parametrize(("level", "is_told"), [("INFO", False), ("DEBUG", True)])
def test_what_exceptions_say_is_told_at_debug_alone(configure: Configure, level: str, is_told: bool) -> None:
    stream = configure(level, "json")
    try:
        fail()
    except KeyError:
        logging.getLogger("raphson_server").exception("request failed")
    trace = json.loads(stream.getvalue())["exception"].splitlines()
    assert ("secret" in stream.getvalue()) is is_told
    assert trace[0].endswith("in fail")
    assert [line.partition(":")[0] for line in trace if "test_" not in line] == ["ValueError", "KeyError"]
